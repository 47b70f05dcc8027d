"""Opening one source: what it gives, how it ends, and what is said of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.video import sources
from faceward.video.opened import Broken, Decoded, Options
from faceward.video.source_files import check, is_live
from faceward.video.sources import open_source


@pytest.fixture(scope="module")
def video(load_beside: Callable[[str, str], ModuleType]) -> Any:
    return load_beside("faceward_test_video_kit", "video_kit.py")


def everything(path: Path, skippable: Callable[[float], bool] = lambda stamp: False) -> tuple[list[Any], str]:
    opened = open_source(str(path), Options())
    try:
        return list(opened.frames(skippable)), opened.note()
    finally:
        opened.close()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.gif", "a.ts", "file with : and %41 é.mp4"])
def test_files_of_many_kinds_are_read_to_their_end(video: Any, tmp_path: Path, name: str) -> None:
    codec = {".gif": "gif", ".avi": "mpeg4"}.get(Path(name).suffix, "libx264")
    path = video.film(tmp_path / name, 12, codec=codec, options={} if codec != "libx264" else None)
    items, note = everything(path)
    assert len(items) == 12
    assert note == ""
    stamps = [item.stamp for item in items]
    assert np.diff(stamps) == pytest.approx([0.1] * 11, abs=0.011)


def test_frames_come_in_the_order_of_their_times_and_unwanted_ones_are_skipped_without_harm(
    video: Any, tmp_path: Path
) -> None:
    options = {"preset": "medium", "bf": "3", "g": "25", "b-adapt": "0"}
    path = video.film(tmp_path / "b.mp4", 50, rate=25, options=options)
    whole, _ = everything(path)
    some, _ = everything(path, lambda stamp: round(stamp * 25) % 5 != 0)
    assert [item.stamp for item in whole] == sorted(item.stamp for item in whole)
    assert len(some) < 35, "frames that nothing depends on were not decoded"
    kept = {item.stamp: item.frame.to_ndarray() for item in some}
    for item in whole[::5]:
        assert np.array_equal(kept[item.stamp], item.frame.to_ndarray())


def test_W1_no_frame_is_held_by_whoever_gives_it(video: Any, tmp_path: Path) -> None:
    opened = open_source(str(video.film(tmp_path / "a.mp4", 5)), Options())
    for item in opened.frames(lambda stamp: False):
        assert isinstance(item, Decoded)
        holders = sys.getrefcount(item.frame)
        # The item's own and the argument's.
        assert holders == 2
    opened.close()


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_file_that_was_cut_ends_with_a_note(video: Any, tmp_path: Path, share: float) -> None:
    path = video.film(tmp_path / "a.mkv", 100)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    items, note = everything(path)
    assert 0 < len(items) < 95
    assert "of 10.0 seconds; the file seems to be cut" in note


def test_a_film_that_was_cut_before_its_index_is_one_line(video: Any, tmp_path: Path) -> None:
    path = video.film(tmp_path / "a.mp4", 30)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(BadInput, match="damaged, cut or of an unknown format"):
        open_source(str(path), Options())


def damaged_film(video: Any, path: Path, first: int, last: int) -> Path:
    """Write a film whose packets between two numbers are noise."""
    whole = video.film(path.with_suffix(".whole.mkv"), 40)
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.size == 0:
                continue
            made = av.Packet(os.urandom(packet.size)) if first <= number < last else packet
            made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
            made.stream = out
            target.mux(made)
    return path


def test_noise_in_the_middle_is_told_and_survived(video: Any, tmp_path: Path) -> None:
    items, note = everything(damaged_film(video, tmp_path / "a.mkv", 10, 20))
    assert sum(isinstance(item, Broken) for item in items) >= 5
    assert sum(isinstance(item, Decoded) for item in items) >= 20
    assert isinstance(items[-1], Decoded)
    assert note == "parts of it could not be decoded; the file seems to be damaged"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_bytes_a_file_holds_the_process_lives(video: Any, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = video.film(tmp_path / "a.mkv", 20)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    for place in rng.integers(40, len(data), 400):
        data[place] = rng.integers(256)
    path.write_bytes(data.tobytes())
    with suppress(BadInput, EnvironmentFailure):
        everything(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "not a video"), (b"hello " * 500, "not a video"), (os.urandom(5000), "not a video")],
)
def test_what_is_no_video_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        open_source(str(path), Options())


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(BadInput, match="holds no video"):
        open_source(str(path), Options())


def test_a_picture_of_absurd_size_is_refused(video: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = video.film(tmp_path / "a.mp4", 3)
    monkeypatch.setattr(sources, "MOST_PIXELS", 320 * 240 - 1)
    items, note = everything(path)
    assert all(isinstance(item, Broken) for item in items)
    assert note == "it held no picture that could be decoded"


@pytest.mark.parametrize("source", ["gone.mp4", "gone/x.mkv", "bad\0name.mp4"])
def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, source: str) -> None:
    with pytest.raises((BadInput, EnvironmentFailure), match="check the"):
        check(str(tmp_path / source))


def test_devices_folders_and_other_schemes_are_no_files(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.mp4"
    os.mkfifo(fifo)
    for source in (str(fifo), "/dev/zero"):
        with pytest.raises(BadInput, match="not a regular file"):
            check(source)
    with pytest.raises(BadInput, match="scheme ftp:// is not read"):
        check("ftp://host/film.mp4")


def test_a_usb_camera_that_is_not_plugged_in_is_one_line() -> None:
    check("/dev/video987")
    with pytest.raises(EnvironmentFailure, match=r"/dev/video987: is not there; .* plug the camera in"):
        open_source("/dev/video987", Options())


def test_a_file_cannot_make_the_decoder_read_another(video: Any, tmp_path: Path) -> None:
    video.film(tmp_path / "other.ts", 5)
    inside = tmp_path / "list.mp4"
    inside.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(BadInput):
        open_source(str(inside), Options())


@pytest.mark.parametrize(
    "name", ["list.m3u8", "list.mp4", "d2.mp4", "list.ffconcat", "list.sdp", "list.mpd", "list.txt"]
)
@pytest.mark.parametrize("kind", ["hls", "hls beside", "ffconcat", "concat", "sdp"])
def test_P5_whatever_its_name_a_file_never_shows_another_one(video: Any, tmp_path: Path, name: str, kind: str) -> None:
    secret = tmp_path / "secret.ts"
    if not secret.exists():
        video.film(secret, 5)
    piece = "secret.ts" if kind == "hls beside" else f"file://{secret}"
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
    texts = {
        "ffconcat": "ffconcat version 1.0\nfile secret.ts\n",
        "concat": f"concat:{secret}",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 239.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    }
    (tmp_path / name).write_text(texts.get(kind, f"{head}{piece}\n#EXT-X-ENDLIST\n"))
    with pytest.raises(BadInput, match="not a video"):
        everything(tmp_path / name)


def test_a_pipe_that_takes_a_file_s_place_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    monkeypatch.setattr(sources, "check", lambda source: None)
    with pytest.raises(BadInput, match="not a video"):
        everything(tmp_path / "a.mp4")


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_no_message_holds_a_password(video: Any, scheme: str) -> None:
    source = f"{scheme}://ann:s3cret@127.0.0.1:{video.free_port()}/live?token=t0ken"
    assert is_live(source)
    with pytest.raises(EnvironmentFailure, match="nothing answers there") as caught:
        open_source(source, Options(open_seconds=2))
    shown = "".join(map(str, [caught.value, caught.value.__cause__, caught.value.__context__ or ""]))
    assert "s3cret" not in str(caught.value)
    assert "t0ken" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, shown
