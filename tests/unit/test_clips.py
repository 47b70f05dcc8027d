"""What the other tests of footage stand on: composed clips show what their truth says."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from faceward.standalone import pipeline
from faceward.vision.images import Picture


@pytest.fixture
def people(clips: ModuleType) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = clips.sfhq(6)
    return found


def _read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_the_truth_of_a_clip_is_what_a_detector_finds_in_the_file(
    clips: ModuleType, people: dict[str, Any], tmp_path: Path
) -> None:
    (anna, pictures), (bert, others) = list(people.items())[:2]
    scene = clips.Scene(
        seconds=2.5,
        rate=4,
        passes=(
            clips.Pass(anna, pictures, start=0.5, end=2.5, height=(60, 90), path=((0.2, 0.4), (0.5, 0.4))),
            clips.Pass(bert, others, start=1.0, end=2.5, height=70, path=((0.8, 0.5),), gain=(0.8, 1.2)),
        ),
        light=0.1,
    )
    truth = clips.compose(tmp_path / "clip.mp4", scene)
    frames = _read(tmp_path / "clip.mp4")

    assert len(frames) == len(truth.frames) == 10
    assert truth.people() == {anna, bert}
    assert [len(truth.visible(number)) for number in range(10)] == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2]
    detector = pipeline()
    for pixels, shown in zip(frames, truth.frames, strict=True):
        found = detector.detect(Picture(pixels, 1.0, b"", "frame"))
        assert len(found) == len(shown)
        assert all(max(face.box.overlap(each.box) for face in found) > 0.5 for each in shown)


def test_what_is_hidden_or_outside_the_view_is_not_called_visible(clips: ModuleType, people: dict[str, Any]) -> None:
    (anna, pictures), (bert, others) = list(people.items())[:2]
    scene = clips.Scene(
        seconds=2,
        rate=5,
        passes=(
            clips.Pass(anna, pictures, end=2, height=50, path=((0.5, 0.4),)),
            clips.Pass(bert, others, end=1, height=100, path=((0.5, 0.4),)),
            clips.Pass("outside", others, end=2, height=60, path=((-0.04, 0.5),)),
        ),
        occluders=(clips.Occluder(1.4, 2, path=((0.5, 0.5),)),),
    )
    truth = clips.truth_of(scene)
    assert truth.visible(0) == {bert}
    assert truth.visible(6) == {anna}
    assert truth.visible(8) == frozenset()
    assert truth.people() == {anna, bert}
    assert truth.frames == tuple(shown for _, shown in clips.frames(scene))
    assert truth.at(1.2) == truth.frames[6]


def test_one_seed_gives_one_clip_and_another_seed_another(clips: ModuleType, people: dict[str, Any]) -> None:
    name, pictures = next(iter(people.items()))

    def drawn(**changes: Any) -> np.ndarray:
        each = clips.Pass(name, (pictures[0], pictures[0]), end=1, change="blend", blur=1.0, path=((0, 0.5), (1, 0.5)))
        return np.stack(
            [pixels for pixels, _ in clips.frames(clips.Scene(seconds=1, rate=4, passes=(each,), **changes))]
        )

    assert np.array_equal(drawn(), drawn())
    assert not np.array_equal(drawn(), drawn(seed=2))
    for background in clips.BACKGROUNDS:
        assert drawn(background=background).shape == (4, 480, 640, 3)


def test_a_file_has_the_sound_times_and_metadata_that_are_asked_for(clips: ModuleType, tmp_path: Path) -> None:
    scene = clips.Scene(
        seconds=2,
        rate=12.5,
        size=(160, 96),
        sound=True,
        offset=5.0,
        metadata={"title": "yard", "location": "+48.1000+011.5000/"},
    )
    clips.compose(tmp_path / "clip.mp4", scene)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert container.metadata["title"] == "yard"
        assert container.metadata["location"] == "+48.1000+011.5000/"
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    assert times[0] == pytest.approx(5.0, abs=0.01)
    assert times[1] - times[0] == pytest.approx(0.08, abs=0.001)
    assert len(times) == 25


def test_groups_of_people_share_nobody(clips: ModuleType) -> None:
    many, few, more = clips.draw(7, (20, 1), (5, 4), (30, 2))
    assert [len(many), len(few), len(more)] == [20, 5, 30]
    assert len({*many, *few, *more}) == 55
    assert all(len(paths) >= 4 for paths in few.values())
    assert clips.draw(7, (20, 1), (5, 4), (30, 2)) == (many, few, more)
    with pytest.raises(ValueError, match="are left"):
        clips.draw(7, (10**6, 1))
