"""Frames through a decoder's process: files, pace, zones, motion, and what is left when it ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceward.core.errors import BadInput, UsageError
from faceward.policy.zones import Zone
from faceward.video.backoff import Patience
from faceward.video.feeds import Feeds, FeedSpec, Frame

QUICK = Patience(first=0.05, most=0.2, stall=1.0, steady=10.0)
LIMIT = 20.0
SHARED = Path("/dev/shm")  # noqa: S108 - nothing is written there


@pytest.fixture(scope="module")
def video(load_beside: Callable[[str, str], ModuleType]) -> Any:
    return load_beside("faceward_test_video_kit", "video_kit.py")


@pytest.fixture(scope="module")
def moving(video: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of five seconds in which something always moves."""
    made: Path = video.film(tmp_path_factory.mktemp("films") / "moving.mp4", 50)
    return made


@pytest.fixture(scope="module")
def empty(video: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of ten seconds of an empty scene."""
    folder = tmp_path_factory.mktemp("films")
    made: Path = video.film(folder / "empty.mp4", 100, picture=lambda number: video.scene(number, moving=False))
    return made


def open_files() -> tuple[set[str], int]:
    """Return the names in the shared memory's folder, and how many files this process has open."""
    return {path.name for path in SHARED.iterdir()}, sum(1 for _ in Path("/proc/self/fd").iterdir())


def gone(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_frame_of_a_file_at_the_camera_s_rate_comes_once_and_in_order(video: Any, moving: Path) -> None:
    with Feeds([FeedSpec("door", str(moving), rate=5, paced=False)]) as feeds:
        seen = video.Seen(feeds).until_state("ended", keep=True)
        counts = feeds.counts()["door"]
    assert seen.states() == ["connected", "ended"]
    assert [frame.number for frame in seen.frames] == list(range(1, len(seen.frames) + 1))
    assert len(seen.frames) in {25, 26}
    assert (counts.decoded, counts.looked_at, counts.gated, counts.dropped) == (50, len(seen.frames), 0, 0)
    assert all(later.captured > earlier.captured for earlier, later in pairwise(seen.frames))
    passed = seen.frames[-1].captured - seen.frames[0].captured
    assert passed.total_seconds() == pytest.approx(4.8, abs=0.21)
    # What came is the picture, and the block is where the motion is said to be.
    assert np.abs(seen.pictures[0].astype(int) - video.scene(0)).mean() < 6
    for frame, picture in list(zip(seen.frames, seen.pictures, strict=True))[3:]:
        columns = np.nonzero(picture[:, :, 0] > 225)[1]
        assert any(box.x0 <= columns.min() + 3 and box.x1 >= columns.max() - 3 for box in frame.motion)


def test_an_empty_scene_is_gated_and_sent_all_the_same_while_it_is_wanted(video: Any, empty: Path) -> None:
    with Feeds([FeedSpec("door", str(empty), rate=5, paced=False)]) as feeds:
        seen = video.Seen(feeds).until_state("ended")
        counts = feeds.counts()["door"]
    assert len(seen.frames) <= 3
    assert counts.looked_at in {50, 51}
    assert counts.gated == counts.looked_at - len(seen.frames)
    with Feeds([FeedSpec("door", str(empty), rate=5, paced=False)]) as feeds:
        feeds.want("door", True)
        seen = video.Seen(feeds).until_frames(20)
        feeds.want("door", False)
        seen.until_state("ended")
        assert feeds.counts()["door"].gated > 0
    assert seen.frames[10].motion == ()


def test_W1_the_pixels_of_a_released_frame_are_zeros(moving: Path) -> None:
    with Feeds([FeedSpec("door", str(moving), paced=False)]) as feeds:
        frame = next(item for _ in range(100) for item in feeds.poll(LIMIT) if isinstance(item, Frame))
        assert frame.pixels.any()
        with pytest.raises(ValueError, match="read-only"):
            frame.pixels[0, 0] = 1
        feeds.release(frame)
        assert not frame.pixels.any()


def test_W1_closing_overwrites_what_was_still_held(moving: Path) -> None:
    feeds = Feeds([FeedSpec("door", str(moving), paced=False)])
    frame = next(item for _ in range(100) for item in feeds.poll(LIMIT) if isinstance(item, Frame))
    assert frame.pixels.any()
    feeds.close()
    assert not frame.pixels.any()
    feeds.close()


def test_W10_what_opted_out_is_black_before_the_gate_and_in_every_frame(video: Any, moving: Path) -> None:
    # The block passes along the middle; without it nothing moves.
    band = ((0.0, 0.25), (1.0, 0.25), (1.0, 0.75), (0.0, 0.75))
    spec = FeedSpec("door", str(moving), rate=10, zones=(Zone("opt-out", band),), paced=False)
    with Feeds([spec]) as feeds:
        quiet = video.Seen(feeds).until_state("ended")
        assert feeds.counts()["door"].gated >= 45
    with Feeds([spec]) as feeds:
        feeds.want("door", True)
        seen = video.Seen(feeds).until_state("ended", keep=True)
    assert len(quiet.frames) <= 5
    assert len(seen.pictures) >= 45
    for picture in seen.pictures:
        assert not picture[60:180].any()
        assert picture[:58].mean() > 30


def test_a_slow_reader_gets_the_newest_frame_and_the_rest_are_counted(video: Any, moving: Path) -> None:
    with Feeds([FeedSpec("door", str(moving), rate=10, loop=True)]) as feeds:
        seen = video.Seen(feeds).until_frames(3)
        # The reader looks away for as long as three frames more than there are slots.
        wait_until(lambda: feeds.counts()["door"].looked_at >= seen.frames[-1].number + 6)
        before = feeds.counts()["door"]
        seen.until_frames(1)
        newest, counts = seen.frames[-1], feeds.counts()["door"]
    assert newest.number >= seen.frames[-2].number + 5
    assert counts.dropped >= newest.number - seen.frames[-2].number - 1
    # One more may have been looked at and not been handed over yet.
    assert newest.number >= before.looked_at - before.gated - 1


def test_a_folder_of_pictures_and_pictures_of_other_sizes_are_a_camera(video: Any, tmp_path: Path) -> None:
    for number in range(6):
        Image.fromarray(video.scene(number, (320, 240) if number < 3 else (160, 120))).save(tmp_path / f"{number}.png")
    with Feeds([FeedSpec("door", str(tmp_path), rate=2, paced=False)]) as feeds:
        seen = video.Seen(feeds).until_state("ended")
    assert seen.states() == ["connected", "resized", "ended"]
    assert seen.shapes == [(240, 320, 3)] * 3 + [(120, 160, 3)] * 3
    assert [(b.captured - a.captured).total_seconds() for a, b in pairwise(seen.frames)] == pytest.approx([0.5] * 5)


def test_a_file_that_is_cut_ends_with_a_note_and_one_that_cannot_be_opened_with_a_line(
    video: Any, tmp_path: Path
) -> None:
    cut = video.film(tmp_path / "cut.mkv", 100)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(os.urandom(5000))
    specs = [FeedSpec(path.stem, str(path), paced=False) for path in (cut, noise)]
    with Feeds(specs) as feeds:
        seen = video.Seen(feeds).until_state("ended", 2)
    said = {news.camera: news.message for news in seen.news if news.state == "ended"}
    assert "the file seems to be cut" in said["cut"]
    assert "not a video that can be read" in said["noise"]
    assert len(seen.frames) > 10


def test_a_frozen_camera_is_told_and_that_it_moves_again(video: Any, tmp_path: Path) -> None:
    stopped = np.asarray(video.scene(0))
    path = video.film(
        tmp_path / "frozen.mkv",
        140,
        # Long enough groups, and nothing to correct: the decoder gives the very same picture.
        options={"preset": "ultrafast", "g": "500", "sc_threshold": "0"},
        picture=lambda number: stopped if 5 < number < 130 else video.scene(number),
    )
    with Feeds([FeedSpec("door", str(path), paced=False)], still=5.0) as feeds:
        seen = video.Seen(feeds).until_state("ended")
    assert seen.states() == ["connected", "frozen", "connected", "ended"]
    assert seen.news[2].message == "the picture moves again"


def test_a_file_that_begins_again_is_one_stream(video: Any, moving: Path) -> None:
    with Feeds([FeedSpec("door", str(moving), rate=10, paced=False, loop=True)]) as feeds:
        seen = video.Seen(feeds).until_frames(120)
    assert seen.states() == ["connected"]
    assert all(later.captured > earlier.captured for earlier, later in pairwise(seen.frames))


def test_five_cameras_have_two_decoders_and_each_has_its_own_frames(video: Any, moving: Path, tmp_path: Path) -> None:
    specs = [FeedSpec(f"cam{number}", str(moving), rate=2, paced=False) for number in range(4)]
    specs.append(FeedSpec("small", str(video.film(tmp_path / "s.mp4", 20, size=(160, 120))), rate=2, paced=False))
    with Feeds(specs) as feeds:
        assert len(set(feeds.decoders())) == 2
        seen = video.Seen(feeds).until_state("ended", 5)
    for spec in specs:
        shapes = {shape for frame, shape in zip(seen.frames, seen.shapes, strict=True) if frame.camera == spec.camera}
        assert shapes == {(120, 160, 3) if spec.camera == "small" else (240, 320, 3)}


def test_W1_a_decoder_that_is_killed_is_started_again_told_and_leaves_nothing(video: Any, moving: Path) -> None:
    before = open_files()
    with Feeds([FeedSpec("door", str(moving), rate=10, loop=True)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_frames(2)
        frame = next(item for _ in range(100) for item in feeds.poll(LIMIT) if isinstance(item, Frame))
        copy = frame.pixels.copy()
        (killed,) = feeds.decoders()
        os.kill(killed, signal.SIGKILL)
        seen.until_state("lost")
        assert seen.news[-1].message == "its decoder was ended by SIGKILL and is started again"
        # What the reader holds is the reader's until it lets go.
        assert np.array_equal(frame.pixels, copy)
        ring = feeds._feeds["door"].ring
        feeds.release(frame)
        assert not ring._bytes[4096:].any()
        seen.until_frames(3)
        assert feeds.decoders() != (killed,)
        assert seen.states().count("connected") == 2
        assert seen.frames[-1].number > frame.number
        again = feeds.decoders()
    assert all(gone(pid) for pid in (killed, *again))
    # Views of a frame keep its zeros in memory for as long as somebody has them.
    del ring, frame, seen
    gc.collect()
    assert open_files() == before


def test_a_decoder_that_hangs_is_started_again(video: Any, moving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceward.video.decoder_process._HANGS", 2.0)
    with Feeds([FeedSpec("door", str(moving), rate=10, loop=True)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_frames(2)
        (stopped,) = feeds.decoders()
        os.kill(stopped, signal.SIGSTOP)
        seen.until_state("lost").until_frames(2)
        assert any("did not answer" in news.message for news in seen.news)
        assert feeds.decoders() != (stopped,)


def test_W1_when_the_main_process_is_killed_its_decoders_end_and_the_frames_are_overwritten(
    moving: Path, tmp_path: Path
) -> None:
    script = tmp_path / "reader.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        from faceward.video.feeds import Feeds, FeedSpec, Frame
        if __name__ == "__main__":
            specs = [FeedSpec(name, {str(moving)!r}, loop=True) for name in ("door", "gate")]
            feeds = Feeds(specs, per_worker=1)
            got = set()
            while len(got) < 2:
                got |= {{item.camera for item in feeds.poll(5) if isinstance(item, Frame)}}
            print(*feeds.decoders(), *(feed.ring.fd for feed in feeds._feeds.values()), flush=True)
            time.sleep(600)
        """),
        encoding="utf-8",
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        *decoders, door, gate = (int(word) for word in reader.stdout.readline().split())
        # This process keeps the memory, and so sees what is left in it.
        kept = [os.open(f"/proc/{reader.pid}/fd/{fd}", os.O_RDONLY) for fd in (door, gate)]
        try:
            assert all(any(os.pread(fd, 2**24, 4096)) for fd in kept)
            reader.kill()
            reader.wait()
            wait_until(lambda: all(gone(pid) for pid in decoders))
            assert not any(any(os.pread(fd, 2**24, 4096)) for fd in kept)
        finally:
            for fd in kept:
                os.close(fd)


def remains(pid: int, wanted: list[bytes]) -> int:
    """Return how many of these strings a process has somewhere in its memory."""
    found = 0
    with Path(f"/proc/{pid}/maps").open(encoding="ascii") as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            extent, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(edge, 16) for edge in extent.split("-"))
            memory.seek(start)
            try:
                part = memory.read(end - start)
            except OSError:
                continue
            found += sum(one in part for one in wanted)
    return found


@pytest.mark.parametrize("kind", ["film", "pictures"])
def test_W1_a_decoder_keeps_nothing_of_what_it_showed(video: Any, tmp_path: Path, kind: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("the memory of a decoder is closed to everybody but root")
    marked = np.random.default_rng(5).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    shown = [marked] * 3 + [video.scene(number) for number in range(40)]
    source = tmp_path / "film.mkv"
    if kind == "film":
        lossless = {"preset": "ultrafast", "qp": "0", "g": "5"}
        video.film(source, len(shown), picture=lambda number: shown[number], options=lossless)
    else:
        source = tmp_path / "pictures"
        source.mkdir()
        for number, picture in enumerate(shown):
            Image.fromarray(picture).save(source / f"{number:03d}.png")
    with Feeds([FeedSpec("door", str(source), rate=10, paced=False)]) as feeds:
        (pid,) = feeds.decoders()
        frame = next(item for _ in range(100) for item in feeds.poll(LIMIT) if isinstance(item, Frame))
        rows = [bytes(frame.pixels[row, 100:120].reshape(-1)) for row in range(0, 240, 60)]
        assert remains(pid, rows) > 0, "it can be found while it is there"
        feeds.release(frame)
        video.Seen(feeds).until_state("ended")
        assert remains(pid, rows) == 0


def test_a_decoder_holds_no_secret_of_its_reader(moving: Path, monkeypatch: pytest.MonkeyPatch, video: Any) -> None:
    monkeypatch.setenv("FACEWARD_PASSPHRASE", "never-in-a-decoder")
    with Feeds([FeedSpec("door", str(moving), loop=True)]) as feeds:
        video.Seen(feeds).until_frames(1)
        (pid,) = feeds.decoders()
        if os.geteuid() == 0:
            assert b"never-in-a-decoder" not in Path(f"/proc/{pid}/environ").read_bytes()
            maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
            assert "onnxruntime" not in maps
            assert "cryptography" not in maps
        assert str(moving) not in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ([FeedSpec("a", "rtsp://h/x"), FeedSpec("a", "rtsp://h/y")], "the same name"),
        ([FeedSpec("a", "rtsp://h/x", rate=0)], "the rate is not between"),
        ([FeedSpec("a", "rtsp://h/x", rate=float("nan"))], "the rate is not between"),
        ([FeedSpec("a", "rtsp://h/x", max_pixels=5)], "max_pixels"),
    ],
)
def test_what_cannot_be_asked_for_starts_nothing(specs: list[FeedSpec], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Feeds(specs)


def test_a_file_that_is_not_there_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        Feeds([FeedSpec("a", str(tmp_path / "gone.mp4"))])


def test_news_of_a_camera_that_was_not_asked_for(moving: Path) -> None:
    with Feeds([FeedSpec("door", str(moving))]) as feeds, pytest.raises(UsageError, match="no feed"):
        feeds.want("gate", True)
