"""Slots in shared memory: the newest frame wins, what is released is overwritten, what is found is checked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box
from faceward.video import ring as ring_module
from faceward.video.ring import FREE, HELD, READY, SLOTS, WRITING, Ring

PIXELS = 64 * 48


@pytest.fixture
def ring() -> Iterator[Ring]:
    made = Ring.make(PIXELS)
    yield made
    made.close()


def write(ring: Ring, level: int, *, width: int = 64, wait: bool = False) -> int | None:
    number = ring.next_number()
    slot = ring.begin(number, wait=wait)
    if slot is not None:
        ring.commit(slot, np.full((48, width, 3), level, np.uint8), 1.5, 2.5, (Box(1, 2, 3, 4),))
    return slot


def test_what_is_written_is_read_without_a_copy_and_cannot_be_changed(ring: Ring) -> None:
    write(ring, 7)
    (taken,) = ring.take(every=False)
    assert (taken.number, taken.captured, taken.received, taken.motion) == (1, 1.5, 2.5, (Box(1, 2, 3, 4),))
    assert taken.pixels.shape == (48, 64, 3)
    assert (taken.pixels == 7).all()
    assert np.shares_memory(taken.pixels, ring._bytes)
    with pytest.raises(ValueError, match="read-only"):
        taken.pixels[0] = 1
    assert ring.take(every=False) == []


def test_W1_a_released_slot_is_overwritten_at_once(ring: Ring) -> None:
    write(ring, 255)
    (taken,) = ring.take(every=False)
    ring.release(taken.slot, taken.number)
    assert not taken.pixels.any()
    assert not ring._bytes[ring_module._HEADER_BYTES :].any()


def test_a_slow_reader_gets_the_newest_and_the_others_are_counted_and_overwritten(ring: Ring) -> None:
    for level in range(1, 8):
        write(ring, level)
    assert ring.counts()["dropped"] == 7 - SLOTS
    (taken,) = ring.take(every=False)
    assert (taken.number, int(taken.pixels[0, 0, 0])) == (7, 7)
    assert ring.counts()["dropped"] == 6
    assert np.unique(ring._bytes[ring_module._HEADER_BYTES :]).tolist() == [0, 7]


def test_where_nothing_may_be_dropped_all_are_read_in_their_order(ring: Ring) -> None:
    assert [write(ring, level, wait=True) is None for level in range(1, 5)] == [False, False, False, True]
    taken = ring.take(every=True)
    assert [int(one.pixels[0, 0, 0]) for one in taken] == [1, 2, 3]
    assert write(ring, 5, wait=True) is None
    ring.release(taken[1].slot, taken[1].number)
    assert write(ring, 5, wait=True) == taken[1].slot
    assert (taken[0].pixels == 1).all()
    assert (taken[2].pixels == 3).all()
    assert ring.counts()["dropped"] == 0


def test_what_the_reader_holds_is_never_written_over(ring: Ring) -> None:
    held = []
    for level in range(1, SLOTS + 1):
        write(ring, level)
        held += ring.take(every=False)
    assert write(ring, 99) is None
    assert [int(one.pixels.max()) for one in held] == [1, 2, 3]


def test_W1_a_smaller_frame_leaves_nothing_of_a_larger_one_in_its_slot(ring: Ring) -> None:
    for _ in range(SLOTS):
        write(ring, 200)
    for _ in range(SLOTS):
        write(ring, 5, width=8)
    assert 200 not in ring._bytes[ring_module._HEADER_BYTES :]


def test_W1_a_frame_that_nobody_takes_is_overwritten_after_a_while(ring: Ring) -> None:
    write(ring, 9)
    now = time.monotonic()
    ring.expire(now, 60.0)
    assert 9 in ring._bytes
    ring.expire(now + 2, 1.0)
    assert 9 not in ring._bytes[ring_module._HEADER_BYTES :]
    assert ring.counts()["dropped"] == 1
    assert ring.take(every=True) == []


def test_W1_clearing_overwrites_what_a_dead_decoder_was_writing_and_keeps_what_is_looked_at(ring: Ring) -> None:
    write(ring, 3)
    (held,) = ring.take(every=True)
    write(ring, 4)
    slot = ring.begin(99)
    assert slot is not None
    # It died in the middle: some pixels are there, their extent is not.
    ring._bytes[ring._start(slot) : ring._start(slot) + 1000] = 5
    ring.clear(held=False)
    assert (held.pixels == 3).all()
    assert np.unique(ring._bytes[ring_module._HEADER_BYTES :]).tolist() == [0, 3]
    ring.clear(held=True)
    assert not ring._bytes[ring_module._HEADER_BYTES :].any()
    assert [write(ring, 1, wait=True) is not None for _ in range(SLOTS)] == [True] * SLOTS


def test_releasing_twice_or_what_is_not_held_does_nothing(ring: Ring) -> None:
    write(ring, 3)
    for slot in (0, 1, 2, 3, -1):
        ring.release(slot, 1)
    (taken,) = ring.take(every=True)
    ring.release(taken.slot, taken.number)
    write(ring, 4)
    ring.release(taken.slot, taken.number)
    assert len(ring.take(every=True)) == 1


def test_W1_releasing_twice_does_not_free_a_slot_that_holds_another_frame_by_now(ring: Ring) -> None:
    write(ring, 3)
    (first,) = ring.take(every=True)
    ring.release(first.slot, first.number)
    write(ring, 4)
    (second,) = ring.take(every=True)
    assert second.slot == first.slot
    ring.release(first.slot, first.number)
    assert (second.pixels == 4).all()
    assert ring._slots["state"][second.slot] == HELD
    ring.release(second.slot, second.number)
    assert not second.pixels.any()


@pytest.mark.parametrize("state", [FREE, WRITING, READY, 77])
def test_W1_what_is_held_is_known_to_the_reader_whatever_a_decoder_writes_there(ring: Ring, state: int) -> None:
    write(ring, 3)
    (taken,) = ring.take(every=True)
    ring._slots["state"][taken.slot] = state
    ring._slots["number"][taken.slot] = 99
    assert ring.take(every=True) == []
    ring.clear(held=False)
    assert (taken.pixels == 3).all()
    ring.release(taken.slot, taken.number)
    assert not taken.pixels.any()
    assert ring._slots["state"][taken.slot] == FREE


def test_W1_a_slot_whose_filling_fails_is_overwritten_and_given_back(ring: Ring) -> None:
    for _ in range(2 * SLOTS):
        slot = ring.begin(ring.next_number(), wait=True)
        assert slot is not None
        with pytest.raises((ValueError, TypeError)):
            ring.commit(slot, np.full((48, 64, 3), 9, np.uint8), "never", 0.0, ())  # type: ignore[arg-type]
        assert not ring._bytes[ring_module._HEADER_BYTES :].any()
    assert ring.take(every=True) == []
    assert write(ring, 1, wait=True) is not None


def test_counts_that_a_decoder_overwrote_go_on(ring: Ring) -> None:
    ring._header["counts"][ring_module.COUNTS.index("dropped")] = 2**64 - 1
    ring.count("dropped")
    assert ring.counts()["dropped"] >= 0


@pytest.mark.parametrize("size", [(2**32 - 1, 2**32 - 1), (100, 48), (0, 5), (2**31, 2)])
def test_a_header_that_lies_about_a_size_gives_no_frame(ring: Ring, size: tuple[int, int]) -> None:
    write(ring, 3)
    for name, value in zip(("width", "height"), size, strict=True):
        ring._slots[name][0] = value
    assert ring.take(every=True) == []
    assert ring._slots["state"][0] == READY


def test_a_size_that_changes_after_it_was_checked_stays_inside_the_slot(ring: Ring) -> None:
    write(ring, 3)
    ring._slots["state"][0] = HELD
    ring._slots["width"][0] = 2**32 - 1
    ring._slots["boxes"][0] = 2**32 - 1
    taken = ring._taken(0)
    assert taken.pixels.shape == (1, 1, 3)
    assert len(taken.motion) == ring_module.MOST_BOXES
    ring.clear(held=True)


def test_many_boxes_are_cut_to_what_the_header_holds(ring: Ring) -> None:
    slot = ring.begin(1)
    assert slot is not None
    ring.commit(slot, np.zeros((8, 8, 3), np.uint8), 0, 0, tuple(Box(n, n, n, n) for n in range(99)))
    assert len(ring.take(every=True)[0].motion) == ring_module.MOST_BOXES


def test_numbers_and_counts_go_on_when_the_decoder_is_started_again(ring: Ring) -> None:
    write(ring, 1)
    ring.count("decoded", 5)
    ring.clear(held=True)
    assert ring.next_number() == 2
    assert ring.counts() == {"decoded": 5, "looked_at": 0, "gated": 0, "dropped": 0, "reconnects": 0}


def test_neither_side_can_take_the_memory_away(ring: Ring) -> None:
    for size in (0, 2**26):
        with pytest.raises(PermissionError):
            os.ftruncate(ring.fd, size)


def test_the_memory_has_no_name_that_could_be_left_behind(ring: Ring) -> None:
    assert str(Path(f"/proc/self/fd/{ring.fd}").readlink()) == "/memfd:faceward-frames (deleted)"


def test_another_process_that_holds_the_lock_keeps_nobody_for_long_and_its_death_opens_it(ring: Ring) -> None:
    write(ring, 1)
    holder = f"import fcntl, sys\nfcntl.lockf({ring.fd}, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", holder], pass_fds=[ring.fd], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert ring.take(every=True) == []
        process.kill()
        process.wait()
        assert len(ring.take(every=True)) == 1


def test_a_machine_without_memory_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(EnvironmentFailure, match="watch fewer cameras"):
        Ring.make(PIXELS)
