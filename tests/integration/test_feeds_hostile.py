"""What a decoder that was taken over writes, and a machine that has no room for another one: a watch goes on."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box
from faceward.video import decoder_process
from faceward.video.backoff import Patience
from faceward.video.decoder_process import DecoderProcess
from faceward.video.feed_checks import believable
from faceward.video.feeds import FeedNews, Feeds, FeedSpec, Frame
from faceward.video.orders import news_line
from faceward.video.ring import FREE, READY, Taken

QUICK = Patience(first=0.05, most=0.2, stall=1.0, steady=10.0)
DAY = 86_400.0


class Idle(DecoderProcess):
    """A decoder that does nothing of itself; what it 'says' the test writes into its ring."""

    def __init__(self, order: Any, rings: Any) -> None:
        real = subprocess.Popen
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(
                decoder_process.subprocess, "Popen", lambda *_, **options: real(["sleep", "600"], **options)
            )
            super().__init__(order, rings)

    def close(self) -> None:
        self._process.kill()
        super().close()


@pytest.fixture(scope="module")
def video(load_beside: Any) -> ModuleType:
    made: ModuleType = load_beside("faceward_test_video_kit", "video_kit.py")
    return made


@pytest.fixture
def feeds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Feeds]:
    """Return feeds of one camera, whose decoder says nothing of itself."""
    monkeypatch.setattr("faceward.video.feeds.DecoderProcess", Idle)
    with Feeds([FeedSpec("door", "rtsp://127.0.0.1:9/x")], patience=QUICK) as made:
        yield made


def hand_over(feeds: Feeds, **changes: Any) -> None:
    ring = feeds._feeds["door"].ring
    values = {"captured": time.time(), "received": time.monotonic(), "motion": (Box(1, 2, 30, 40),), **changes}
    slot = ring.begin(ring.next_number())
    assert slot is not None
    ring.commit(slot, np.full((48, 64, 3), 7, np.uint8), values["captured"], values["received"], values["motion"])


def states(found: list[Frame | FeedNews]) -> list[str]:
    return [item.state for item in found if isinstance(item, FeedNews)]


@pytest.mark.parametrize("captured", [math.nan, math.inf, -math.inf, 1e18, -1e18, 0.0])
def test_a_time_that_is_none_ends_no_watch_and_its_frame_is_dropped_and_told_once(
    feeds: Feeds, captured: float
) -> None:
    (before,) = feeds.decoders()
    hand_over(feeds, captured=captured)
    found = feeds.poll(0.0)
    assert states(found) == ["garbage", "lost"]
    assert not any(isinstance(item, Frame) for item in found)
    ring = feeds._feeds["door"].ring
    assert not ring._bytes[4096:].any()
    assert (ring._slots["state"] == FREE).all()
    # It is started anew, and what goes on as before is not told again.
    while not feeds.decoders():
        assert feeds.poll(0.05) == []
    assert feeds.decoders() != (before,)
    for _ in range(5):
        hand_over(feeds, captured=captured)
        assert feeds.poll(0.0) == []
    hand_over(feeds)
    (good,) = feeds.poll(0.0)
    assert isinstance(good, Frame)
    feeds.release(good)
    hand_over(feeds, captured=captured)
    assert states(feeds.poll(0.0)) == ["garbage", "lost"]


NOW, TICKS = 1.8e9, 5000.0


@pytest.mark.parametrize(
    ("changes", "live", "film"),
    [
        ({}, True, True),
        ({"captured": NOW + DAY - 1}, True, True),
        ({"captured": NOW - DAY + 1}, True, True),
        ({"captured": NOW + DAY + 1}, False, True),
        ({"captured": NOW - 400 * DAY}, False, False),
        ({"received": math.nan}, False, False),
        ({"received": -math.inf}, False, False),
        ({"received": TICKS + 2 * DAY}, False, False),
        ({"motion": (Box(0, 0, 64, 48), Box(0, 0, math.nan, 1))}, False, False),
        ({"motion": (Box(-math.inf, 0, math.inf, 1),)}, False, False),
        ({"motion": (Box(0, 0, 1e30, 1),)}, False, False),
        ({"motion": (Box(0, -9, 4, 4),)}, False, False),
        ({"motion": (Box(9, 0, 4, 4),)}, False, False),
    ],
)
def test_what_a_frame_may_say_of_itself(changes: dict[str, Any], live: bool, film: bool) -> None:
    values = {"captured": NOW, "received": TICKS, "motion": (), **changes}
    taken = Taken(0, 1, pixels=np.zeros((48, 64, 3), np.uint8), **values)
    assert believable(taken, NOW, TICKS, live=True) is live
    assert believable(taken, NOW, TICKS, live=False) is film


def test_a_decoder_that_never_stops_writing_does_not_keep_its_reader(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = feeds._groups[0].process
    assert process is not None
    line = news_line("door", "stalled", "again", time.time())
    reads = [0]

    def endless(fd: int, size: int) -> bytes:
        reads[0] += 1
        assert reads[0] < 100, "it reads on and on"
        return (line * (size // len(line) + 1))[:size] if fd == process.news else b""

    monkeypatch.setattr(decoder_process.os, "read", endless)
    assert 0 < len(process.read()) <= decoder_process.MOST_READ // len(line) + 1
    assert reads == [1]


def test_a_decoder_that_cannot_be_started_again_is_lost_told_once_and_tried_until_it_can(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Exception] = []

    def refuse(*_: object) -> None:
        problem = EnvironmentFailure("no process") if len(tries) % 2 else OSError(24, "Too many open files")
        tries.append(problem)
        raise problem

    os.kill(feeds.decoders()[0], signal.SIGKILL)
    found: list[Frame | FeedNews] = []
    monkeypatch.setattr("faceward.video.feeds.DecoderProcess", refuse)
    while len(tries) < 4:
        found += feeds.poll(0.05)
    first, second = found
    assert states(found) == ["lost", "lost"]
    assert isinstance(first, FeedNews)
    assert isinstance(second, FeedNews)
    assert "SIGKILL" in first.message
    assert second.message == "its decoder is not started again yet: the machine refuses (Too many open files)"
    monkeypatch.setattr("faceward.video.feeds.DecoderProcess", Idle)
    while not feeds.decoders():
        assert feeds.poll(0.05) == []
    hand_over(feeds)
    assert isinstance(feeds.poll(0.0)[0], Frame)


@pytest.mark.parametrize("after", [0, 1])
def test_a_machine_without_descriptors_is_told_in_one_line_and_none_is_left_open(
    monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, calls = os.pipe, [0]

    def pipe() -> tuple[int, int]:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(24, "Too many open files")
        return real()

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(decoder_process.os, "pipe", pipe)
    with pytest.raises(EnvironmentFailure, match="Too many open files"):
        Feeds([FeedSpec("door", "rtsp://127.0.0.1:9/x")])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_W1_frames_that_a_slow_reader_does_not_take_are_overwritten_by_the_decoder(video: Any, tmp_path: Path) -> None:
    film = video.film(tmp_path / "short.mp4", 8)
    with Feeds([FeedSpec("door", str(film), rate=10)]) as feeds:
        ring = feeds._feeds["door"].ring
        end = time.monotonic() + 20
        # Nobody reads, from its first frame to its end.
        while not (ring._slots["state"] == READY).any():
            assert time.monotonic() < end
            time.sleep(0.01)
        while ring._bytes[4096:].any() or (ring._slots["state"] != FREE).any():
            assert time.monotonic() < end, "frames that nobody took stay in memory"
            time.sleep(0.05)
        assert feeds.counts()["door"].dropped > 0
        assert not any(isinstance(item, Frame) for item in feeds.poll(0.0))
