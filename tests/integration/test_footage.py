"""Redacting footage from file to file: what is hidden, what stays, what is left out, and what odd files do to it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from faceward.core.errors import BadInput, EnvironmentFailure, UsageError
from faceward.core.faces import Box
from faceward.core.footage_results import FootageResult
from faceward.standalone import pipeline
from faceward.video import footage_looking, footage_samples, footage_second
from faceward.video.footage import Order, redact_footage
from faceward.video.footage_looking import rgb
from faceward.video.footage_reading import open_footage
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort, Pipeline

# Centre, width and height of the faces as shares of the pictures, for `clips`.
COLLINS, HOPPER = (0.441, 0.230, 0.173, 0.234), (0.519, 0.390, 0.356, 0.341)


@pytest.fixture(scope="module")
def model() -> Pipeline:
    return pipeline()


@pytest.fixture(scope="module")
def short(clips: Any, hopper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two seconds of Grace Hopper with sound, as a telephone would write them."""
    path: Path = tmp_path_factory.mktemp("short") / "in.mp4"
    one = clips.Pass("Grace", hopper, 0, 2, 90, ((0.3, 0.5), (0.6, 0.5)), face=HOPPER)
    told = {"title": "secret title", "location": "+48.1000+011.5000/", "com.apple.quicktime.make": "Phone"}
    clips.compose(path, clips.Scene((320, 240), 12.5, 2, "gradient", (one,), sound=True, offset=0.5, metadata=told))
    return path


def write(path: Path, frames: Sequence[np.ndarray], codec: str = "libx264", **how: Any) -> Path:
    """Write frames; `how` says pixel format, options, rotation and times in milliseconds."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=how.get("rate", 10), options=how.get("options", {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = how.get("form", "yuv420p")
        if "rotation" in how:
            stream.set_display_rotation(how["rotation"])
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            kind = "rgba" if pixels.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), kind).reformat(format=stream.pix_fmt)
            frame.pts = how["times"][number] if "times" in how else 100 * number
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def packets(path: Path) -> list[tuple[bytes, float]]:
    """Return the sound, packet by packet, with its times."""
    with av.open(str(path)) as container:
        found = [one for one in container.demux(audio=0) if one.dts is not None]
        return [(bytes(one), float(one.pts * one.time_base)) for one in found]


@pytest.fixture
def redact(model: Pipeline, tmp_path: Path) -> Callable[..., FootageResult]:
    def run(source: Path, name: str = "out.mp4", **options: Any) -> FootageResult:
        return redact_footage(Order(source, tmp_path / name, **options), model)

    return run


def faces(model: Pipeline, pixels: np.ndarray, threshold: float = 0.5) -> tuple[Box, ...]:
    found = model.detect(Picture(pixels, 1.0, b"", "frame"), Effort.ALL, threshold)
    return tuple(face.box for face in found)


# What is hidden


def test_W2_no_face_of_the_footage_is_in_what_is_written(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path, model: Pipeline
) -> None:
    result = redact(short, mode="fill")
    assert (result.frames, result.size, result.hidden, result.error) == (25, (320, 240), 1, None)
    for before, after in zip(read(short), read(tmp_path / "out.mp4"), strict=True):
        [box] = faces(model, before)
        inside = after[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)].astype(int)
        assert (np.abs(inside - 128).max(axis=2) < 24).mean() > 0.97
        # Nothing else was touched but by the encoder.
        assert np.abs(after[:, :30].astype(int) - before[:, :30]).mean() < 3


@pytest.mark.data
@pytest.mark.parametrize("name", ["face-demographics-walking", "head-pose-face-detection-female-and-male"])
def test_W2_no_frame_of_people_in_public_leaks(
    redact: Callable[..., FootageResult], clips: Any, tmp_path: Path, model: Pipeline, name: str
) -> None:
    [gif] = [path for path in clips.gifs() if path.stem == name]
    result = redact(gif, mode="fill")
    assert result.error is None
    for before, after in zip(read(gif)[::3], read(tmp_path / "out.mp4")[::3], strict=True):
        for box in faces(model, before, 0.4):
            inside = after[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)].astype(int)
            assert (np.abs(inside - 128).max(axis=2) < 24).mean() > 0.7


def test_W2_a_face_behind_a_post_is_covered_before_during_and_after(
    redact: Callable[..., FootageResult], clips: Any, hopper: Path, tmp_path: Path
) -> None:
    walk = clips.Pass("Grace", hopper, 0, 4, 60, ((-0.1, 0.5), (1.1, 0.5)), face=HOPPER)
    post = clips.Occluder(0, 4, (0.12, 1.0), ((0.5, 0.5),))
    truth = clips.compose(tmp_path / "in.mp4", clips.Scene((320, 240), 12.5, 4, "gradient", (walk,), (post,)))
    redact(tmp_path / "in.mp4", mode="fill")
    for shown, after in zip(truth.frames, read(tmp_path / "out.mp4"), strict=True):
        for one in shown:
            if one.visible:
                x0, y0, x1, y1 = (max(0, round(v)) for v in (one.box.x0, one.box.y0, one.box.x1, one.box.y1))
                inside = after[y0:y1, x0:x1].astype(int)
                assert (np.abs(inside - 128).max(axis=2) < 24).mean() > 0.6


def test_W2_a_look_at_a_part_finds_there_what_a_look_at_all_does(
    clips: Any, hopper: Path, collins: Path, tmp_path: Path, model: Pipeline
) -> None:
    passes = (
        clips.Pass("Grace", hopper, 0, 1, 60, ((0.20, 0.4), (0.21, 0.4)), face=HOPPER),
        clips.Pass("Eileen", collins, 0, 1, 60, ((0.42, 0.4), (0.43, 0.4)), face=COLLINS),
        clips.Pass("Grace too", hopper, 0, 1, 60, ((0.8, 0.5), (0.81, 0.5)), face=HOPPER),
    )
    clips.compose(tmp_path / "in.mp4", clips.Scene((640, 480), 10, 1, "gradient", passes))
    with open_footage(tmp_path / "in.mp4") as footage:
        moment = next(footage.moments())
        looker = footage_looking.Looker(model, footage.size)
        whole = looker.look(moment, thorough=False)
        assert len(whole.faces) == 3
        faces = whole.faces[np.argsort(whole.faces[:, 0])]
        for asked, found in ((faces[:1], faces[:1]), (faces[:2], faces[:2]), (faces[2:], faces[2:])):
            part = looker.look_within(moment, asked)
            assert part.within is not None
            # Of her who stands half in what the detector is shown, half a face is not taken for a whole one.
            assert len(part.faces) == len(found)
            near = part.faces[np.argsort(part.faces[:, 0])]
            assert np.abs(near[:, :4] - found[:, :4]).max() < 6
            # Whoever is not looked for is not missed, nor looked for again.
            assert not len(looker.unsettled(whole, part))
        # Where that would be most of the picture, it is looked at as a whole.
        everybody = looker.look_within(moment, faces)
        assert everybody.within is None
        assert np.array_equal(everybody.faces, whole.faces)


def test_a_cut_is_found_and_a_flash_is_none(tmp_path: Path) -> None:
    from faceward.video.footage_cuts import CutFinder

    rng = np.random.default_rng(1)
    one, two = (np.kron(rng.integers(20, 235, (6, 8, 3), dtype=np.uint8), np.ones((20, 20, 1), np.uint8)) for _ in "ab")
    flash = np.clip(one.astype(int) // 4 + 190 * rng.integers(0, 2, (120, 160, 1)), 0, 255).astype(np.uint8)
    clip = write(tmp_path / "in.mkv", [one] * 6 + [flash] + [one] * 6 + [two] * 8, options={"crf": "10"})
    finder = CutFinder()
    with open_footage(clip) as footage:
        for moment in footage.moments():
            finder.step(moment)
    assert finder.cuts() == [pytest.approx(1.3)]


# Sound, times, and what is left out


def test_the_sound_is_copied_and_stays_with_the_picture(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    redact(short)
    before, after = packets(short), packets(tmp_path / "out.mp4")
    assert [data for data, _ in before] == [data for data, _ in after]
    pictures = times(short), times(tmp_path / "out.mp4")
    apart = [sound[0][1] - picture[0] for sound, picture in zip((before, after), pictures, strict=True)]
    assert apart[0] == pytest.approx(apart[1], abs=0.002)
    assert pictures[1][0] == 0
    assert np.diff(pictures[0]) == pytest.approx(np.diff(pictures[1]), abs=0.001)


def test_nothing_is_written_but_picture_and_sound(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(short)) as given, av.open(str(source), "w") as made:
        made.metadata.update({"title": "secret title", "location": "+48.1000+011.5000/"})
        streams = {one.index: made.add_stream_from_template(one) for one in given.streams}
        made.add_attachment("notes.txt", "text/plain", b"secret attachment")
        made.set_chapters(
            [{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "x"}}]
        )
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    for name in ("out.mp4", "out.mkv", "out.mov"):
        result = redact(source, name)
        data = (tmp_path / name).read_bytes()
        for trace in (b"secret", b"48.1", b"creation_time", b"x264", b"Lavf62", b"notes.txt"):
            assert trace not in data, (name, trace)
        assert any("location" in line.lower() and "title" in line for line in result.left_out)
        assert {"1 attached file", "1 chapter"} <= set(result.left_out)


def test_sound_that_a_format_does_not_take_is_encoded_anew(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    assert any("encoded anew" in line for line in redact(short, "out.webm").left_out)
    with av.open(str(tmp_path / "out.webm")) as container:
        assert [one.codec_context.name for one in container.streams] == ["vp9", "opus"]
        loud = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    assert 1.8 * 48000 < len(loud) < 2.4 * 48000
    assert np.abs(loud).max() > 0.1
    assert any("does not hold" in line for line in redact(short, "out.gif").left_out)
    assert len(read(tmp_path / "out.gif")) == 25


def test_uneven_times_are_kept(redact: Callable[..., FootageResult], short: Path, tmp_path: Path) -> None:
    given = [0, 30, 170, 200, 480, 900, 910, 1500]
    clip = write(tmp_path / "in.mkv", read(short)[:8], times=given)
    redact(clip)
    assert times(tmp_path / "out.mp4") == pytest.approx([time / 1000 for time in given], abs=0.001)


# Odd files


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_what_a_telephone_held_sideways_filmed_is_upright(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path, degrees: int
) -> None:
    upright = read(short)[:6]
    turned = [np.rot90(pixels, -(degrees // 90)) for pixels in upright]
    clip = write(tmp_path / "in.mp4", turned, rotation=degrees)
    result = redact(clip)
    first = read(tmp_path / "out.mp4")[0]
    apart = {turn: np.abs(np.rot90(first, turn)[:, :30].astype(int) - upright[0][:, :30]).mean() for turn in (0, 2)}
    assert result.size == (320, 240)
    assert result.hidden
    assert apart[0] < 4 < apart[2]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0


ODD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ten bits": ("in.mkv", "libx264", {"form": "yuv420p10le"}),
    "full range": ("in.avi", "mjpeg", {"form": "yuvj420p"}),
    "interlaced": ("in.ts", "libx264", {"options": {"x264-params": "tff=1"}}),
    "lossless": ("in.mkv", "ffv1", {"form": "bgr0"}),
}


@pytest.mark.parametrize("kind", ODD)
def test_other_kinds_of_pixels_are_brought_to_one(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path, kind: str
) -> None:
    name, codec, how = ODD[kind]
    before = read(short)[:10]
    result = redact(write(tmp_path / name, before, codec, **how))
    assert (result.frames, result.hidden, result.error) == (10, 1, None)
    after = read(tmp_path / "out.mp4")
    assert np.abs(after[5][:, :30].astype(int) - before[5][:, :30]).mean() < 5
    assert times(tmp_path / "out.mp4")[-1] == pytest.approx(0.9, abs=0.011)


def test_odd_sides_are_made_even(redact: Callable[..., FootageResult], short: Path, tmp_path: Path) -> None:
    before = [pixels[:239, :319] for pixels in read(short)[:5]]
    result = redact(write(tmp_path / "in.mkv", before, form="yuv444p"))
    assert result.size == (320, 240)
    after = read(tmp_path / "out.mp4")[2].astype(int)
    assert np.abs(after[:-4:2, -2] - after[:-4:2, -1]).mean() < 4


def test_what_is_transparent_is_laid_on_white(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    frames = [np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]) for pixels in read(short)[:4]]
    for pixels in frames:
        pixels[:, 240:, 3] = 0
    redact(write(tmp_path / "in.mov", frames, "qtrle", form="argb"))
    assert read(tmp_path / "out.mp4")[1][:, 250:].mean() > 250


def test_footage_that_changes_its_size_keeps_the_first(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    frames = read(short)[:6]
    parts = [write(tmp_path / "a.ts", frames), write(tmp_path / "b.ts", [f[:180, :240] for f in frames])]
    (tmp_path / "in.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    result = redact(tmp_path / "in.ts")
    assert (result.frames, result.size) == (12, (320, 240))
    assert {frame.shape for frame in read(tmp_path / "out.mp4")} == {(240, 320, 3)}


def test_a_still_GIF_is_footage_of_one_frame(redact: Callable[..., FootageResult], short: Path, tmp_path: Path) -> None:
    clip = write(tmp_path / "in.gif", read(short)[:1], "gif", form="rgb8")
    assert redact(clip).frames == 1
    assert redact(clip, "out.gif").frames == 1


def test_footage_that_was_cut_off_is_redacted_as_far_as_it_goes(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    long = write(tmp_path / "long.mkv", read(short) * 3, options={"g": "5"})
    data = long.read_bytes()
    (tmp_path / "in.mkv").write_bytes(data[: len(data) // 2])
    result = redact(tmp_path / "in.mkv")
    assert "can be decoded" in str(result.error)
    assert 20 < result.frames == len(read(tmp_path / "out.mp4")) < 60


def test_damaged_footage_is_told_as_such(redact: Callable[..., FootageResult], short: Path, tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "whole.ts", read(short), options={"g": "5"}).read_bytes())
    for place in range(len(data) // 3, 2 * len(data) // 3, 3):
        data[place] ^= 0x55
    (tmp_path / "in.ts").write_bytes(data)
    result = redact(tmp_path / "in.ts")
    assert "decoded" in str(result.error)
    assert len(read(tmp_path / "out.mp4")) == result.frames > 5


@pytest.mark.parametrize("kind", ["text", "empty", "missing", "folder", "pipe", "playlist", "headless", "sound"])
def test_what_is_no_footage_is_refused_in_a_line(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "in.mp4"
    if kind == "text":
        path.write_text("no footage at all\n" * 100, encoding="utf-8")
    elif kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "playlist":
        # FFmpeg would open what a playlist names: other files, or addresses.
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{short}\n#EXT-X-ENDLIST\n", encoding="utf-8")
    elif kind == "headless":
        path.write_bytes(short.read_bytes()[:20000])
    elif kind == "sound":
        with av.open(str(short)) as given, av.open(str(path), "w") as made:
            stream = made.add_stream_from_template(given.streams.audio[0])
            for packet in given.demux(audio=0):
                if packet.dts is not None:
                    packet.stream = stream
                    made.mux(packet)
    with pytest.raises(BadInput) as caught:
        redact(path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.glob(".redacting*")) == []
    assert not (tmp_path / "out.mp4").exists()


def test_wrong_calls_are_told_before_any_work(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="mode"):
        redact(short, mode="swirl")
    with pytest.raises(UsageError, match=r"cannot be written as '\.png'"):
        redact(short, "out.png")
    with pytest.raises(UsageError, match="reports are written"):
        redact(short, report=tmp_path / "report.txt")
    copy = tmp_path / "out.mp4"
    copy.write_bytes(short.read_bytes())
    with pytest.raises(UsageError, match="is the original"):
        redact(copy)
    assert copy.read_bytes() == short.read_bytes()


# Whole or not at all


def test_an_interruption_leaves_nothing(model: Pipeline, short: Path, tmp_path: Path) -> None:
    class Stopped(KeyboardInterrupt):
        pass

    def stop(done: int, total: int) -> None:
        # Well into the second pass.
        if done > 0.8 * total:
            assert list(tmp_path.glob(".redacting*"))
            raise Stopped

    before = tmp_path / "out.mp4"
    before.write_bytes(b"what was there")
    with pytest.raises(Stopped):
        redact_footage(Order(short, before), model, progress=stop)
    assert before.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("place", ["a look", "a look between", "a cover", "an encoder"])
def test_what_fails_in_a_thread_ends_everything_and_leaves_nothing(
    model: Pipeline, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Failure(Exception):
        pass

    if place == "a look between":
        # Every stretch is looked at to its last frame.
        monkeypatch.setattr(footage_looking.Looker, "unsettled", lambda _, first, __: first.faces)
    owner, name = {
        "a look": (footage_looking.Looker, "look"),
        "a look between": (footage_looking.Looker, "look"),
        "a cover": (footage_second.Cover, "frame"),
        "an encoder": (footage_second.Writer, "show"),
    }[place]
    original, calls = getattr(owner, name), 0

    def fails(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise Failure
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, fails)
    threads = threading.active_count()
    with pytest.raises(Failure):
        redact_footage(Order(short, tmp_path / "out.mp4"), model)
    # What was not yet begun is not done any more.
    assert calls < 20
    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, signal, sys
from pathlib import Path
from faceward.core.errors import EnvironmentFailure
from faceward.video.footage import Order, default_pipeline, redact_footage
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
try:
    redact_footage(Order(Path(sys.argv[1]), Path(sys.argv[2])), default_pipeline())
except EnvironmentFailure as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_full_disk_leaves_nothing_and_says_so(short: Path, tmp_path: Path, name: str) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.SIGXFSZ
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(short), str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    [line] = run.stdout.splitlines()
    assert "cannot be written" in line
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_leaves_nothing(
    redact: Callable[..., FootageResult], short: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        redact(short, "file/out.mp4")


def test_footage_that_is_changed_meanwhile_is_not_written(model: Pipeline, short: Path, tmp_path: Path) -> None:
    copy = tmp_path / "in.mp4"
    copy.write_bytes(short.read_bytes())

    def change(done: int, _total: int) -> None:
        if done == 20:
            copy.write_bytes(short.read_bytes() + b"\0")

    with pytest.raises(BadInput, match="was changed"):
        redact_footage(Order(copy, tmp_path / "out.mp4"), model, progress=change)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_no_more_frames_are_held_than_a_handful(
    model: Pipeline, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour needs no more memory than a minute: frames are let go as they are done with."""
    held: list[int] = []
    alive = 0

    class Counted(np.ndarray):
        pass

    original = footage_second.Cover.frame

    def frame(self: Any, moment: Any) -> Any:
        nonlocal alive
        made = original(self, moment)
        alive = sum(1 for one in _alive(moment) if one is not None)
        held.append(alive)
        return made

    import weakref

    seen: list[Any] = []

    def _alive(moment: Any) -> list[Any]:
        packed = Counted((1,))
        moment.frame.opaque = packed
        seen.append(weakref.ref(packed))
        del packed
        return [one() for one in seen]

    monkeypatch.setattr(footage_second.Cover, "frame", frame)
    long = write(tmp_path / "long.mkv", read(short) * 4)
    redact_footage(Order(long, tmp_path / "out.mp4"), model)
    assert len(held) == 100
    # The decoder holds some, one a thread.
    assert max(held[20:]) <= 4 + 2 * (os.cpu_count() or 1)


# The report


def test_the_report_says_where_to_look(redact: Callable[..., FootageResult], short: Path, tmp_path: Path) -> None:
    result = redact(short, report=tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == result.to_json()
    redact(short, report=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Where to look" in page
    assert "<img" not in page


# Keeping people visible


@pytest.fixture(scope="module")
def pair(clips: Any, hopper: Path, collins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return Grace Hopper and Eileen Collins beside each other, moving a little."""
    grace = clips.Pass("Grace", hopper, 0, 2, 150, ((0.27, 0.45), (0.30, 0.47)), face=HOPPER, turn=1)
    eileen = clips.Pass("Eileen", collins, 0, 2, 150, ((0.72, 0.45), (0.70, 0.47)), face=COLLINS, turn=1)
    path: Path = tmp_path_factory.mktemp("pair") / "pair.mp4"
    clips.compose(path, clips.Scene((640, 400), 12.5, 2, "gradient", (grace, eileen), noise=1))
    return path


def test_W2_only_who_is_named_stays_visible_in_footage(world: Any, pair: Path, hopper: Path, tmp_path: Path) -> None:
    from faceward.operations.keeping import Keeping

    system = world.open(fake=False)
    release = world.release("Grace Hopper")
    assert system.enrol([hopper], subject="Grace Hopper", purpose="door", releases=release).count("enrolled") == 1
    order = Order(pair, tmp_path / "out.mp4", "fill")
    result = redact_footage(order, system.pipeline, system=system, keeping=Keeping(("Grace Hopper",)))
    assert (result.kept, result.frames) == (("Grace Hopper",), 25)
    assert result.look_at[0].kind == "kept"
    first = read(tmp_path / "out.mp4")[12]
    model = system.pipeline
    before = sorted(faces(model, read(pair)[12]), key=lambda box: box.x0)
    grey = [
        (np.abs(first[round(b.y0) : round(b.y1), round(b.x0) : round(b.x1)].astype(int) - 128).max(axis=2) < 24).mean()
        for b in before
    ]
    assert len(grey) == 2
    assert grey[0] < 0.2
    assert grey[1] > 0.95
    *_, begun, ended = system.log_lines()
    assert (begun.operation, begun.phase, ended.phase, begun.index) == ("redact", "begin", "end", result.entry)
    details = begun.opened["details"]
    assert details["purpose"] == "door"
    assert details["galleries"] == ["door"]
    assert len(str(details["footage_sha256"])) == 64
    assert dict(ended.opened["subject/0"])["outcome"] == "kept visible"
    # A frame whose faces were compared is a probe and never becomes a reference (rule E4).
    assert system.verify_log().unfinished == ()


def test_E4_frames_that_were_compared_are_remembered_as_probes(
    world: Any, pair: Path, hopper: Path, tmp_path: Path
) -> None:
    from faceward.operations.keeping import Keeping

    system = world.open(fake=False)
    system.enrol([hopper], subject="Grace Hopper", purpose="door", releases=world.release("Grace Hopper"))
    order = Order(pair, tmp_path / "out.mp4")
    redact_footage(order, system.pipeline, system=system, keeping=Keeping(("Grace Hopper",)))
    with open_footage(pair) as footage:
        frames = [rgb(moment.frame) for moment in footage.moments()]
    known = [system._deployment.was_probe(Picture(pixels, 1.0, b"", "frame")) for pixels in frames]
    assert 2 <= sum(known) <= 6


def test_P1_nobody_is_kept_visible_in_footage_for_a_purpose_that_they_were_not_enrolled_for(
    world: Any, pair: Path, hopper: Path, tmp_path: Path
) -> None:
    from faceward.core.errors import PolicyRefusal
    from faceward.operations.keeping import Keeping

    system = world.open(fake=False)
    order = Order(pair, tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="no reference"):
        redact_footage(order, system.pipeline, system=system, keeping=Keeping(("Grace Hopper",)))
    system.enrol([hopper], subject="Grace Hopper", purpose="door", releases=world.release("Grace Hopper"))
    with pytest.raises(PolicyRefusal, match="rule P1"):
        redact_footage(order, system.pipeline, system=system, keeping=Keeping(("Grace Hopper",), "lockers"))
    *_, last = system.log_lines()
    assert (last.operation, last.phase) == ("redact", "denied")
    assert not (tmp_path / "out.mp4").exists()
    with pytest.raises(UsageError, match="needs a deployment"):
        redact_footage(order, system.pipeline, keeping=Keeping(("Grace Hopper",)))


def test_W7_a_stop_bites_before_anybody_is_recognised_in_footage(
    world: Any, pair: Path, hopper: Path, tmp_path: Path
) -> None:
    from faceward.core.errors import PolicyRefusal
    from faceward.operations.keeping import Keeping

    system = world.open(fake=False)
    system.enrol([hopper], subject="Grace Hopper", purpose="door", releases=world.release("Grace Hopper"))

    def stop(done: int, total: int) -> None:
        if done == 20:
            system._deployment.custody.stop()

    order = Order(pair, tmp_path / "out.mp4")
    keeping = Keeping(("Grace Hopper",))
    with pytest.raises(PolicyRefusal, match="W7"):
        redact_footage(order, system.pipeline, system=system, keeping=keeping, progress=stop)
    assert not (tmp_path / "out.mp4").exists()


@pytest.fixture
def kept(world: Any, hopper: Path, pair: Path, tmp_path: Path) -> Callable[..., FootageResult]:
    """Return what redacts the pair so that Grace Hopper stays visible."""
    from faceward.operations.keeping import Keeping

    system = world.open(fake=False)
    system.enrol([hopper], subject="Grace Hopper", purpose="door", releases=world.release("Grace Hopper"))
    order, keeping = Order(pair, tmp_path / "out" / "out.mp4"), Keeping(("Grace Hopper",))

    def run(**options: Any) -> FootageResult:
        return redact_footage(order, system.pipeline, system=system, keeping=keeping, **options)

    return run


def test_L2_keys_are_lent_for_comparing_alone_however_long_footage_is(
    world: Any, kept: Callable[..., FootageResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceward.operations.keeping import Recogniser

    [system] = world.systems
    lent, lease = system._deployment.keys.grants._granted, system._deployment.standard.parameters.custody.lease
    while_comparing: list[int] = []
    otherwise: list[int] = []

    def pass_by(*_: Any) -> None:
        otherwise.append(len(lent))
        world.clock.advance(lease)

    compare, cut = Recogniser.compare, footage_samples.rgb

    def comparing(*arguments: Any) -> Any:
        found = compare(*arguments)
        while_comparing.append(len(lent))
        return found

    def cutting(frame: Any) -> Any:
        pass_by()
        return cut(frame)

    monkeypatch.setattr(Recogniser, "compare", comparing)
    monkeypatch.setattr(footage_samples, "rgb", cutting)
    result = kept(progress=pass_by)
    assert result.kept == ("Grace Hopper",)
    assert set(while_comparing) == {1}
    # Each frame of both passes takes longer than the lease.
    assert len(otherwise) > 2 * result.frames
    assert set(otherwise) == {0}
    *_, begun, ended = system.log_lines()
    assert (begun.phase, ended.phase, begun.index) == ("begin", "end", result.entry)
    assert dict(ended.opened["subject/0"])["outcome"] == "kept visible"


@pytest.mark.parametrize("when", ["comparing", "writing", "finishing"])
def test_W7_a_stop_bites_while_footage_is_compared_and_written(
    world: Any, kept: Callable[..., FootageResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    from faceward.core.errors import PolicyRefusal
    from faceward.gallery.search import Gallery
    from faceward.operations.keeping import Recogniser
    from faceward.video import footage

    [system] = world.systems
    compare, verify, compared, written = Recogniser.compare, Gallery.verify, [], []

    def comparing(*arguments: Any) -> Any:
        if when == "comparing":
            system._deployment.custody.stop()
        return compare(*arguments)

    def verifying(*arguments: Any, **options: Any) -> Any:
        compared.append(1)
        return verify(*arguments, **options)

    def advance(done: int, total: int) -> None:
        written.append(done)
        if when != "comparing" and done == (total if when == "finishing" else round(0.6 * total)):
            system._deployment.custody.stop()

    monkeypatch.setattr(Recogniser, "compare", comparing)
    monkeypatch.setattr(Gallery, "verify", verifying)
    # Asked at each frame, or only when all is written.
    monkeypatch.setattr(footage, "_ASKED_EVERY", 0.0 if when == "writing" else 1e9)
    with pytest.raises(PolicyRefusal, match="W7"):
        kept(progress=advance)
    assert (compared == []) == (when == "comparing")
    assert max(written) == {"comparing": 25, "writing": 30, "finishing": 50}[when]
    assert [*tmp_path.glob("out/*")] == []
    *_, begun, ended = system.log_lines()
    assert (begun.phase, ended.phase) == ("begin", "end")
    assert ended.opened["details"]["failed"] == "PolicyRefusal"
    assert system._deployment.keys.grants._granted == {}


def test_L1_what_fails_while_footage_is_written_is_recorded(
    world: Any, kept: Callable[..., FootageResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(footage_second.Writer, "show", fails)
    with pytest.raises(EnvironmentFailure, match="No space left"):
        kept()
    *_, begun, ended = world.systems[0].log_lines()
    assert (begun.operation, begun.phase, ended.phase) == ("redact", "begin", "end")
    assert ended.opened["details"]["failed"] == "EnvironmentFailure"
    assert "outcome" not in dict(ended.opened["subject/0"])


def test_V1_footage_with_more_faces_than_the_rate_supports_is_refused_before_a_key_is_lent(
    world: Any, kept: Callable[..., FootageResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceward.core.errors import PolicyRefusal
    from faceward.video import footage

    [system] = world.systems
    released: list[Any] = []
    monkeypatch.setattr(system._deployment.presenter, "release", released.append)
    # As of an hour of a busy street.
    monkeypatch.setattr(footage, "comparisons", lambda samples: 5000.0)
    with pytest.raises(PolicyRefusal, match=r"rule V1.*shorter parts"):
        kept()
    assert released == []
    assert not (tmp_path / "out").exists()
    *_, ended = system.log_lines()
    assert (ended.phase, ended.opened["details"]["failed"]) == ("end", "PolicyRefusal")
