from __future__ import annotations

import errno
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box, Face
from faceward.operations.keeping_matches import Compared, Match
from faceward.standalone import pipeline
from faceward.video import footage_samples
from faceward.video.footage_keeping import Verdict
from faceward.video.footage_samples import Samples, compare
from faceward.vision.align import ARCFACE_112
from faceward.vision.images import Picture
from faceward.vision.pipeline import Pipeline

SIZE = (1000, 700)


@pytest.fixture(scope="module")
def model() -> Pipeline:
    return pipeline()


@pytest.fixture(scope="module")
def frame() -> Picture:
    pixels = np.random.default_rng(7).integers(0, 256, (SIZE[1] // 4, SIZE[0] // 4, 3), dtype=np.uint8)
    return Picture(np.ascontiguousarray(pixels.repeat(4, axis=0).repeat(4, axis=1)), 1.0, b"", "frame at 1.000 s")


def face(centre: tuple[float, float], height: float, roll: float = 0.0) -> Face:
    turn = math.radians(roll)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    landmarks = ((ARCFACE_112 - 56) * (height / 100)) @ matrix.T + np.array(centre)
    x, y = centre
    box = Box(x - 0.37 * height, y - 0.5 * height, x + 0.37 * height, y + 0.5 * height)
    return Face(box, landmarks.astype(np.float32), 0.9)


FACES = [
    face((500.3, 350.7), 60),
    face((411.9, 222.1), 23.4, roll=40),
    face((600.2, 400.4), 210, roll=-70),
    face((500.0, 350.0), 640, roll=13),
    face((8.1, 12.2), 90),
    face((990.6, 690.3), 150, roll=200),
    # Landmarks that coincide align nothing.
    Face(Box(300, 300, 340, 350), np.full((5, 2), 320.0, dtype=np.float32), 0.5),
]


def store(model: Pipeline, folder: Path) -> Samples:
    return Samples(model.pack.manifest.embedder, folder)


@pytest.mark.parametrize("number", range(len(FACES)))
def test_what_is_cut_out_gives_what_the_whole_frame_does(
    model: Pipeline, frame: Picture, tmp_path: Path, number: int
) -> None:
    one = FACES[number]
    with store(model, tmp_path) as samples:
        samples.put(3, frame, one, (b"a",))
        [cut] = samples
    assert (cut.segment, cut.known_by, cut.picture.name) == (3, (b"a",), frame.name)
    assert cut.picture.pixels.size < frame.pixels.size or number == 3
    [whole], [part] = model.samples(frame, [one]), model.samples(cut.picture, [cut.face])
    assert np.array_equal(whole.features, part.features)
    assert dict(whole.quality.components) == dict(part.quality.components)


@pytest.mark.parametrize("room", [1, 10**9])
def test_W1_what_waits_to_be_compared_can_be_read_nowhere(
    model: Pipeline, frame: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(footage_samples, "_IN_MEMORY", room)
    with store(model, tmp_path / "not" / "there" / "yet") as samples:
        for number, one in enumerate(FACES[:4]):
            samples.put(number, frame, one, ())
        found = [sample.picture.pixels.copy() for sample in samples]
        # Beside the file that has no name nothing is written.
        assert list(tmp_path.iterdir()) == []
        file = samples._file
        assert file._rolled == (room == 1)
        file.seek(0)
        sealed = file.read()
    assert len(sealed) == sum(pixels.size + 16 for pixels in found)
    for pixels in found:
        assert pixels.tobytes()[:64] not in sealed
    # Nothing opens it again.
    assert list(samples) == []
    assert samples._key == b""


def test_a_full_disk_is_told(model: Pipeline, frame: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with store(model, tmp_path) as samples:
        monkeypatch.setattr(samples._file, "write", full)
        with pytest.raises(EnvironmentFailure, match="No space left"):
            samples.put(0, frame, FACES[0], ())


class Comparing:
    """Compares samples by their name alone; remembers the pixels that it was shown."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def compare(self, picture: Picture, faces: list[Face], samples: float, known_by: tuple[bytes, ...]) -> Compared:
        assert (len(faces), samples, known_by) == (1, 2.5, (b"known",))
        assert picture.pixels.any()
        self.seen.append(picture.pixels)
        if picture.name == "fails":
            raise RuntimeError
        if picture.name == "blurred":
            return Compared((), ())
        matches = (Match(0, "Ada", 0.9, True), Match(0, "Bob", 0.8, False)) if picture.name == "Ada" else ()
        return Compared(matches, (0,))


def _filled(model: Pipeline, frame: Picture, folder: Path, names: list[str]) -> Samples:
    samples = store(model, folder)
    for number, name in enumerate(names):
        samples.put(number, Picture(frame.pixels, 1.0, b"", name), FACES[0], (b"known",))
    return samples


def test_W1_samples_are_compared_and_overwritten(model: Pipeline, frame: Picture, tmp_path: Path) -> None:
    names = ["Ada", "Eve", "blurred"] * 5
    comparing: Any = Comparing()
    with _filled(model, frame, tmp_path, names) as samples:
        verdicts = compare(samples, comparing, 2.5)
    told = {"Ada": Verdict("Ada", 0.9, clear=True), "Eve": Verdict(None)}
    assert verdicts == {number: told[name] for number, name in enumerate(names) if name in told}
    assert len(comparing.seen) == len(names)
    assert not any(pixels.any() for pixels in comparing.seen)


def test_W1_samples_are_overwritten_also_where_comparing_fails(model: Pipeline, frame: Picture, tmp_path: Path) -> None:
    comparing: Any = Comparing()
    with _filled(model, frame, tmp_path, ["Eve"] * 3 + ["fails"] + ["Eve"] * 20) as samples:
        with pytest.raises(RuntimeError):
            compare(samples, comparing, 2.5)
        assert len(comparing.seen) < 15
    assert not any(pixels.any() for pixels in comparing.seen)
