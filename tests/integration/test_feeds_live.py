"""Cameras on a network that answer, stall, vanish, come back different, or send garbage; served on loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.video.backoff import Patience
from faceward.video.feeds import Feeds, FeedSpec

QUICK = Patience(first=0.1, most=0.5, stall=2.0, steady=10.0)
JPEGS = "multipart/x-mixed-replace; boundary=frame"


@pytest.fixture(scope="module")
def video(load_beside: Callable[[str, str], ModuleType]) -> Any:
    return load_beside("faceward_test_video_kit", "video_kit.py")


@pytest.fixture(scope="module")
def films(video: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    video.require_rtsp()
    folder = tmp_path_factory.mktemp("films")
    return {
        "small": video.film(folder / "small.mkv", 300, rate=15),
        "large": video.film(folder / "large.mkv", 300, rate=15, size=(640, 480)),
    }


@pytest.fixture
def rtsp(video: Any) -> Iterator[Callable[..., Any]]:
    started: list[Any] = []

    def start(*arguments: Any) -> Any:
        started.append(video.Rtsp(*arguments))
        return started[-1]

    yield start
    for server in started:
        server.vanish()


@pytest.fixture
def web(video: Any) -> Iterator[Callable[..., Any]]:
    started: list[Any] = []

    def start(*arguments: Any) -> Any:
        started.append(video.Web(*arguments))
        return started[-1]

    yield start
    for server in started:
        server.close()


def jpegs(video: Any, size: tuple[int, int] = (320, 240)) -> Iterator[bytes]:
    return (video.jpeg(video.scene(number, size)) for number in count())


def test_an_rtsp_camera_that_stalls_and_vanishes_and_comes_back_at_another_resolution(
    video: Any, films: dict[str, Path], rtsp: Callable[..., Any]
) -> None:
    camera = rtsp(films["small"])
    with Feeds([FeedSpec("door", camera.address, rate=5)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_frames(6)
        passed = [(later.captured - earlier.captured).total_seconds() for earlier, later in pairwise(seen.frames)]
        # A film of fifteen frames a second, of which five are looked at: by its own clock, whatever the network does.
        assert all(abs(seconds * 15 - round(seconds * 15)) < 0.2 for seconds in passed[1:]), passed
        camera.stall()
        seen.until_state("stalled")
        camera.vanish()
        seen.until_state("lost")
        assert "nothing answers there" in seen.news[-1].message
        rtsp(films["large"], camera.port)
        seen.until_state("resized").until_frames(3)
        counts = feeds.counts()["door"]
    assert seen.states()[:3] == ["connected", "stalled", "lost"]
    assert seen.states()[-2:] == ["connected", "resized"]
    assert seen.shapes[0] == (240, 320, 3)
    assert seen.shapes[-1] == (480, 640, 3)
    assert counts.reconnects == 1
    assert seen.news[-1].message == "the picture is 640x480 now and was 320x240"


def test_an_rtsp_camera_s_password_is_used_and_never_told(
    video: Any, films: dict[str, Path], rtsp: Callable[..., Any]
) -> None:
    port = rtsp(films["small"], 0, "ann:s3cret").port
    specs = [FeedSpec(word, f"rtsp://ann:{word}@127.0.0.1:{port}/stream") for word in ("s3cret", "wr0ng")]
    with Feeds(specs, patience=QUICK) as feeds:
        seen = video.Seen(feeds).until(lambda now: len(now.news) >= 2 and len(now.frames) >= 1)
    told = {news.camera: (news.state, news.message) for news in seen.news}
    assert told["s3cret"][0] == "connected"
    assert told["wr0ng"][0] == "lost"
    assert "asks for another name or password" in told["wr0ng"][1]
    assert not any(word in message for _, message in told.values() for word in ("s3cret", "wr0ng", "ann"))


def test_a_camera_of_jpegs_over_http_has_our_clock_and_is_opened_again(video: Any, web: Callable[..., Any]) -> None:
    off = threading.Event()
    port = web(video.mjpeg(lambda: jpegs(video), 0.05, off), JPEGS).port
    with Feeds([FeedSpec("door", f"http://u:pw@127.0.0.1:{port}/v?key=k3y", rate=10)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_frames(6)
        off.set()
        seen.until_state("lost")
        off.clear()
        seen.until_state("connected", 2).until_frames(2)
    assert all(later.captured > earlier.captured for earlier, later in pairwise(seen.frames[:6]))
    assert (seen.frames[5].captured - seen.frames[0].captured).total_seconds() >= 5 * 0.05
    assert not any(word in news.message for news in seen.news for word in ("pw", "k3y"))


def test_a_camera_of_jpegs_that_changes_its_resolution_in_the_middle(video: Any, web: Callable[..., Any]) -> None:
    def changing() -> Iterator[bytes]:
        for number in count():
            yield video.jpeg(video.scene(number, (320, 240) if number < 25 else (480, 360)))

    camera = web(video.mjpeg(changing, 0.05), JPEGS)
    with Feeds([FeedSpec("door", camera.address, rate=10)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_state("resized").until_frames(2)
    assert seen.states()[0] == "connected"
    assert {seen.shapes[0], seen.shapes[-1]} == {(240, 320, 3), (360, 480, 3)}


def test_garbage_is_told_and_survived(video: Any, web: Callable[..., Any]) -> None:
    def spoilt() -> Iterator[bytes]:
        for number, picture in enumerate(jpegs(video)):
            # A JPEG's beginning, so that it is taken for one.
            yield picture[:2] + os.urandom(2000) + picture[-2:] if 20 <= number < 45 else picture

    camera = web(video.mjpeg(spoilt, 0.03), JPEGS)
    with Feeds([FeedSpec("door", camera.address, rate=30)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_state("garbage").until_frames(5)
        assert feeds.decoders()
    assert seen.states()[:2] == ["connected", "garbage"]
    assert "cannot be decoded" in seen.news[1].message


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up_and_asked_again(
    video: Any, web: Callable[..., Any]
) -> None:
    silent = threading.Event()
    camera = web(lambda _: silent.wait(30), "video/mp2t")
    with Feeds([FeedSpec("door", camera.address)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_state("lost").until(lambda _: camera.connections >= 2)
    silent.set()
    assert "no answer within 2 s" in seen.news[0].message
    assert seen.states() == ["lost"], "what stays as it is is told once"


def test_a_camera_that_is_off_does_not_disturb_its_neighbour(video: Any, web: Callable[..., Any]) -> None:
    on = web(video.mjpeg(lambda: jpegs(video), 0.05), JPEGS)
    off = f"http://127.0.0.1:{video.free_port()}/video"
    with Feeds([FeedSpec("on", on.address, rate=10), FeedSpec("off", off)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_frames(10)
        assert len(feeds.decoders()) == 1
    assert {frame.camera for frame in seen.frames} == {"on"}
    assert seen.states("off") == ["lost"]


def test_pieces_of_a_film_are_played_at_its_own_pace(video: Any, tmp_path: Path, web: Callable[..., Any]) -> None:
    video.film(tmp_path / "film.m3u8", 40, options={"preset": "ultrafast", "g": "10"})
    playlist = (tmp_path / "film.m3u8").read_text(encoding="ascii")
    # As a live one, which does not end.
    (tmp_path / "film.m3u8").write_text(playlist.replace("#EXT-X-ENDLIST\n", ""), encoding="ascii")
    camera = web(None, "", 0, tmp_path)
    with Feeds([FeedSpec("door", f"{camera.address}/film.m3u8", rate=10)], patience=QUICK) as feeds:
        seen = video.Seen(feeds).until_frames(8)
    # All of a piece came in one moment.
    steps = [(later.captured - earlier.captured).total_seconds() for earlier, later in pairwise(seen.frames)]
    assert steps == pytest.approx([0.1] * len(steps), abs=0.01)
    assert seen.frames[-1].received - seen.frames[0].received >= 0.1 * len(steps) - 0.02
