"""What overwrites memory that nobody holds any more (rule W1)."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from faceward.video import forgetting
from faceward.video.forgetting import DELAY, Scrubber, overwrite_small_blocks
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


def test_W1_networks_are_run_on_a_blank_of_every_shape_that_they_were_run_on(kit: ModuleType) -> None:
    networks = kit.FakeNetworks()
    scrubber = Scrubber(networks)
    scrubber.looked((640, 480), 10.0)
    scrubber.looked((192, 192), 10.1)
    scrubber.embedded(1, 10.2)
    assert scrubber.due == 10.0 + DELAY
    scrubber.scrub()
    assert sorted(networks.blanks) == ["1 faces", "192x192", "640x480"]
    assert scrubber.due is None
    scrubber.scrub()
    assert len(networks.blanks) == 3


def test_W1_what_the_next_run_of_the_same_shape_overwrote_is_not_overwritten_twice(kit: ModuleType) -> None:
    networks = kit.FakeNetworks()
    scrubber = Scrubber(networks)
    scrubber.looked((640, 480), 10.0)
    scrubber.looked((192, 192), 10.0)
    scrubber.looked((640, 480), 10.4)
    scrubber.scrub(10.0 + DELAY)
    assert networks.blanks == ["192x192"]
    assert scrubber.due == 10.4 + DELAY
    scrubber.scrub(10.4 + DELAY)
    assert networks.blanks == ["192x192", "640x480"]
    assert scrubber.due is None


def test_W1_where_one_face_was_sought_from_coarse_to_fine_every_shape_of_that_is_overwritten(kit: ModuleType) -> None:
    networks = kit.FakeNetworks()
    efforts: list[Effort] = []
    detect = networks.detect

    def noted(picture: Picture, effort: Effort = Effort.ALL) -> object:
        efforts.append(effort)
        return detect(picture, effort)

    networks.detect = noted
    scrubber = Scrubber(networks)
    scrubber.sought((50, 70), 10.0)
    assert scrubber.due == 10.0 + DELAY
    scrubber.scrub()
    assert (networks.blanks, efforts) == (["50x70"], [Effort.PRINCIPAL])
    assert scrubber.due is None


def test_W1_the_delay_leaves_time_within_the_second() -> None:
    assert DELAY <= 0.5


def test_W1_working_memory_is_overwritten_in_the_thread_that_used_it(kit: ModuleType) -> None:
    scrubber = Scrubber(kit.FakeNetworks())
    thread = threading.Thread(target=lambda: scrubber.looked((640, 480), 1.0))
    thread.start()
    thread.join()
    with pytest.raises(AssertionError, match="belongs to the thread"):
        scrubber.scrub()


def test_W1_small_blocks_of_numpys_cache_are_overwritten() -> None:
    places = []
    for size in (129, 200, 255):
        row = np.full(size, 7.5, dtype=np.float32)
        places.append((row.ctypes.data, row.nbytes))
        del row
    overwrite_small_blocks()
    for place, size in places:
        assert (np.float32(7.5).tobytes() * 4) not in ctypes.string_at(place, size)


_FILL = """
import ctypes, sys
from faceward.video.forgetting import overwrite_what_is_freed
if sys.argv[1] == "yes":
    assert overwrite_what_is_freed()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
held = [libc.malloc(4000) for _ in range(8)]
for block in held:
    ctypes.memset(block, 0x5C, 4000)
libc.free(held[3])
print(ctypes.string_at(held[3], 4000).count(b"\\x5c" * 64))
"""


@pytest.mark.skipif(forgetting._glibc() is None, reason="only glibc can fill what is freed")
@pytest.mark.parametrize(("asked", "left"), [("yes", False), ("no", True)])
def test_W1_what_is_given_back_is_filled_where_that_was_asked_for(asked: str, left: bool) -> None:
    # In a process of its own, since nobody can take it back.
    done = subprocess.run([sys.executable, "-c", _FILL, asked], capture_output=True, text=True, check=True, timeout=60)
    assert (int(done.stdout) > 0) is left


def test_a_c_library_that_cannot_fill_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "_glibc", lambda: None)
    assert not forgetting.overwrite_what_is_freed()
    overwrite_small_blocks()
