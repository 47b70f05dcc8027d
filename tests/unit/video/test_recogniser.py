"""What is made of a frame: who is compared, what is kept of it, and what is shown."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal
from faceward.core.faces import Box
from faceward.video import comparing
from faceward.video.recogniser import Looked, Recogniser
from faceward.video.views import View


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


class Watched:
    """One camera that is looked at frame by frame."""

    def __init__(self, kit: ModuleType, *people: Any, rate: float = 5.0, **held: Any) -> None:
        self.kit, self.networks, self.held = kit, kit.FakeNetworks(list(people)), kit.FakeHeld(**held)
        self.recogniser = Recogniser(self.networks)
        self.view = View(rate, 0.5, self.held.terms.dwell, self.held.terms.most_comparisons)

    def stands_still(self) -> None:
        """Let a minute have passed in which nothing moved: the preview is sharp save for the faces that are found."""
        self.view.moved((640, 480), (), -100.0)

    def look(self, seconds: float = 0.0, motion: tuple[Box, ...] = ()) -> Looked:
        return self.recogniser.look(self.kit.frame(seconds=seconds, motion=motion), self.view, self.held)

    def settle(self) -> Looked:
        return self.recogniser.settle(self.view, self.held)

    @property
    def forgotten(self) -> bool:
        """Whether all features that the networks gave out are overwritten."""
        return not any(row.any() for row in self.networks.given)


def test_a_stay_is_compared_by_two_looks_and_again_after_a_while_though_it_gets_no_better(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    looked = [watched.look(n / 5) for n in range(4)]
    assert (watched.held.compared_with, watched.held.samples) == ([3], [2])
    assert [one.fresh for one in looked] == [0, 1, 0, 0]
    looked = [watched.look(n / 5) for n in range(4, 15)]
    assert (watched.held.compared_with, watched.held.samples) == ([3, 3, 3], [2, 2, 2])
    assert not any(one.fresh for one in looked)
    assert looked[-1].alive == 1
    assert watched.forgotten
    watched.networks.people.clear()
    gone = [watched.look(3 + n / 5) for n in range(10)]
    assert sum(one.ended.unknown for one in gone) == 1
    assert gone[-1].alive == 0


def test_where_looks_are_far_apart_nothing_waits_for_the_next(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3), rate=2.0)
    assert watched.look(0.0).fresh == 1
    assert (watched.held.samples, len(watched.view.waiting)) == ([1], 0)
    assert watched.forgotten


def test_whoever_is_seen_but_once_is_compared_by_that_and_shown_as_seen_then(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(200, 200), 1), kit.Person(kit.face_box(280, 200), 2, 0.3))
    assert watched.look(3.0).sightings == ()
    watched.networks.people.clear()
    looked = watched.look(3.2)
    [sighting] = looked.sightings
    assert (watched.held.samples, looked.fresh) == ([1], 1)
    assert sighting.captured == kit.frame(seconds=3.0).captured
    whole, box = shown(sighting)
    assert (whole[box] == kit.canvas()[200:260, 200:260]).all()
    # The one beside, though only half believed a face, is painted over.
    assert (whole[box[0], box[1].stop + 20 :] == 128).any()
    assert watched.forgotten


def test_W2_whoever_was_beside_where_was_looked_is_hidden_in_what_waited(kit: ModuleType) -> None:
    person = kit.Person(kit.face_box(200, 200), 1)
    watched = Watched(kit, person)
    watched.look(0.0)
    # Nobody was seen there then; the detector is asked once more before the picture is kept.
    watched.networks.people[:] = [kit.Person(kit.face_box(270, 200), 2)]
    watched.networks.detections.clear()
    [sighting] = watched.settle().sightings
    assert watched.networks.detections == [(240, 240)]
    whole, box = shown(sighting)
    assert (whole[box[0], -10:] == 128).all()


def test_W1_what_waits_is_compared_and_overwritten_where_no_frame_comes(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 1), kit.Person(kit.face_box(400, 100), 2))
    watched.look(0.0)
    parts = [held.part for held in watched.view.waiting._held.values()]
    assert len(parts) == 2
    assert all(part.any() for part in parts)
    assert not watched.forgotten
    looked = watched.settle()
    assert sorted(watched.held.compared_with) == [1, 2]
    assert (looked.fresh, looked.frames, looked.alive, len(looked.sightings)) == (2, 0, 2, 1)
    assert watched.forgotten
    assert not any(part.any() for part in parts)
    # The one who matched is not compared again.
    watched.held.compared_with.clear()
    for n in range(1, 20):
        watched.look(n / 5)
    assert set(watched.held.compared_with) == {2}


def test_W1_nothing_that_waits_is_left_where_comparing_it_fails(kit: ModuleType) -> None:
    refused = PolicyRefusal("W7", "stopped.", "Restart.")
    watched = Watched(kit, *(kit.Person(kit.face_box(80 + 150 * n, 200), n) for n in range(3)))
    watched.held.fails["compare"] = [refused]
    watched.look(0.0)
    parts = [held.part for held in watched.view.waiting._held.values()]
    looked = watched.look(0.2)
    assert looked.error is refused
    assert watched.forgotten
    assert not any(part.any() for part in parts)
    assert len(watched.view.waiting) == 0


def test_W9_what_waited_is_no_part_of_the_next_track_of_whoever_stays(kit: ModuleType) -> None:
    terms = kit.TERMS.__class__(0.9, 1e-5, 1e-3, 1, 1.0, 1, 1, "test")
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3), terms=terms)
    ended = [watched.look(n / 5).ended for n in range(6)]
    # At the limit the first track has ended, compared; the second begins with a sample of its own.
    assert sum(one.unknown for one in ended) == 1
    assert watched.held.samples == [2]
    assert [round(held.captured.timestamp() % 60, 1) for held in watched.view.waiting._held.values()] == [1.0]


def test_whoever_comes_nearer_is_compared_again_at_most_three_times(kit: ModuleType) -> None:
    person = kit.Person(kit.face_box(300, 200, 40), 3)
    watched = Watched(kit, person)
    for n in range(30):
        side = 36 * 1.04**n
        person.box = Box(320 - side / 2, 240 - side / 2, 320 + side / 2, 240 + side / 2)
        watched.look(n / 5)
    assert watched.held.compared_with == [3, 3, 3]


def shown(sighting: Any) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Return the picture of a sighting, and where the face is in it."""
    with Image.open(io.BytesIO(sighting.crop)) as cut:
        shares = np.array(sighting.box) * [cut.width, cut.height, cut.width, cut.height]
        x0, y0, x1, y1 = (round(share) for share in shares)
        return np.asarray(cut), (slice(y0, y1), slice(x0, x1))


def test_below_the_floors_nobody_is_compared(kit: ModuleType) -> None:
    terms = kit.TERMS.__class__(0.9, 1e-5, 1e-3, 3, 60.0, 1, 1, "test", floors={"inter_eye_distance": (40, None)})
    watched = Watched(kit, kit.Person(kit.face_box(100, 100, 60), 1), terms=terms)
    assert watched.look().sightings == ()
    assert watched.held.compared_with == []
    assert watched.networks.given == []


def test_half_believed_faces_are_hidden_and_not_compared(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 1, 0.3))
    watched.stands_still()
    looked = watched.look()
    assert (looked.fresh, watched.held.compared_with) == (0, [])
    assert looked.preview is not None
    shown = np.asarray(Image.open(io.BytesIO(looked.preview)).convert("RGB")).astype(int)
    share = shown.shape[1] / 640
    middle = shown[round(130 * share), round(130 * share)]
    assert np.abs(middle - 128).max() <= 24  # grey, as JPEG keeps it


def test_a_match_becomes_a_sighting_whose_crop_shows_it(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(200, 200), 1), kit.Person(kit.face_box(500, 100), 2))
    watched.look(3.0)
    [sighting] = watched.look(3.2).sightings
    assert (sighting.camera, sighting.captured) == ("door", kit.frame(seconds=3.2).captured)
    assert [hit.reference_id for hit in sighting.hits] == ["ref-1"]
    assert sighting.quality["inter_eye_distance"] > 12
    whole, box = shown(sighting)
    assert (whole[box] == kit.canvas()[200:260, 200:260]).all()
    # Who matched is not compared again, and raises nothing more.
    assert watched.look(3.4).sightings == ()
    assert sorted(watched.held.compared_with) == [1, 2]


def test_W2_the_crop_of_a_match_hides_faces_that_lie_outside_of_where_was_looked(kit: ModuleType) -> None:
    person, bystander = kit.Person(kit.face_box(60, 60), 3), kit.Person(kit.face_box(125, 60), 2, 0.4)
    watched = Watched(kit, person, rate=2.0)
    watched.look(0.0)
    # By now only where something moves is looked at; the match is found there.
    person.number, person.box = 1, kit.face_box(60, 60, 80)
    watched.networks.people.append(bystander)
    watched.view.tracks.end()
    watched.networks.detections.clear()
    [sighting] = watched.look(0.2, motion=(Box(60, 60, 120, 120),)).sightings
    assert watched.networks.detections[0] != (640, 480)
    assert watched.networks.detections[-1] == (640, 480)
    with Image.open(io.BytesIO(sighting.crop)) as cut:
        width, height = cut.size
        left = sighting.box[2] * width
        shown = np.asarray(cut)
        face = bystander.box
        origin = person.box.x0 - sighting.box[0] * width, person.box.y0 - sighting.box[1] * height
        middle = shown[int((face.y0 + face.y1) / 2 - origin[1]), min(width - 1, int(left + 15))]
        assert middle.tolist() == [128, 128, 128]


def test_W1_features_are_overwritten_whether_they_matched_or_not_and_when_comparing_fails(kit: ModuleType) -> None:
    people = [kit.Person(kit.face_box(80 + 150 * n, 200), n + 1) for n in range(3)]
    watched = Watched(kit, *people, rate=2.0)
    watched.look()
    assert len(watched.networks.given) == 3
    refused = Watched(kit, *people, rate=2.0, fails={"compare": [PolicyRefusal("W7", "stopped.", "Restart.")]})
    assert isinstance(refused.look().error, PolicyRefusal)
    assert len(refused.networks.given) == 1
    assert watched.forgotten
    assert refused.forgotten


def test_W1_working_memory_is_noted_with_its_shapes(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    watched.look(0.0)
    watched.look(0.2, motion=(Box(100, 100, 160, 160),))
    scrubber = watched.recogniser.scrubber
    assert scrubber.due is not None
    scrubber.scrub()
    assert sorted(watched.networks.blanks) == sorted({f"{w}x{h}" for w, h in watched.networks.detections} | {"1 faces"})


def test_the_whole_frame_is_searched_at_first_and_every_two_seconds(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    wholes = [watched.look(n / 5, motion=(Box(100, 100, 160, 160),)).whole for n in range(21)]
    assert [n for n, entire in enumerate(wholes) if entire] == [0, 10, 20]
    assert min(watched.networks.detections) < (640, 480)


def test_a_frame_of_another_size_is_searched_as_a_whole(kit: ModuleType) -> None:
    watched = Watched(kit)
    watched.look(0.0)
    frame = kit.frame(seconds=0.2, motion=(Box(10, 10, 20, 20),), size=(320, 240))
    assert watched.recogniser.look(frame, watched.view, watched.held).whole


def test_W2_a_preview_comes_at_most_once_a_second_and_only_of_a_frame_that_was_searched(kit: ModuleType) -> None:
    watched = Watched(kit)
    shown = [watched.look(n / 5).preview is not None for n in range(16)]
    assert [n for n, one in enumerate(shown) if one] == [0, 5, 10, 15]
    busy = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    looked = [busy.look(n / 5, motion=(Box(100, 100, 160, 160),)) for n in range(9)]
    assert all(one.whole for one in looked if one.preview is not None)
    assert sum(one.preview is not None for one in looked) == 1


def test_W2_a_face_that_was_missed_in_a_frame_is_hidden_where_it_is_expected(kit: ModuleType) -> None:
    person = kit.Person(kit.face_box(100, 100), 3)
    watched = Watched(kit, person)
    watched.stands_still()
    for n in range(10):
        watched.look(n / 5)
    watched.networks.people.clear()
    looked = watched.look(2.0)
    assert looked.preview is not None
    shown = np.asarray(Image.open(io.BytesIO(looked.preview)).convert("RGB")).astype(int)
    share = shown.shape[1] / 640
    assert np.abs(shown[round(130 * share), round(130 * share)] - 128).max() <= 24


def test_W2_nothing_is_shown_where_the_detector_failed(kit: ModuleType) -> None:
    watched = Watched(kit)
    watched.networks.error = IntegrityError("the model failed; verify the pack")
    with pytest.raises(IntegrityError):
        watched.look()


def test_W9_whoever_stays_beyond_the_limit_is_compared_anew(kit: ModuleType) -> None:
    terms = kit.TERMS.__class__(0.9, 1e-5, 1e-3, 1, 2.0, 1, 1, "test")
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3), terms=terms)
    ended = [watched.look(n / 5).ended for n in range(25)]
    assert watched.held.compared_with == [3, 3, 3]
    assert (sum(one.tracks for one in ended), sum(one.unknown for one in ended)) == (2, 2)


def test_a_face_that_a_regions_edge_cuts_is_hidden_and_belongs_to_no_track(kit: ModuleType) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(100, 100), 3))
    watched.look(0.0)
    watched.networks.people.append(kit.Person(Box(230, 100, 290, 160), 2))
    looked = watched.look(0.2, motion=(Box(90, 90, 150, 150),))
    assert not looked.whole
    assert looked.alive == 1


def test_a_match_is_not_lost_with_a_face_beside_it_that_cannot_be_compared(kit: ModuleType) -> None:
    people = [kit.Person(kit.face_box(80 + 200 * n, 200), n) for n in (1, 2)]
    failing = EnvironmentFailure("the log cannot be written; free some space")
    for rate in (2.0, 5.0):
        watched = Watched(kit, *people, rate=rate, fails={"compare": [None, failing]})
        looked = watched.look() if rate == 2.0 else [watched.look(), watched.look(0.2)][1]
        assert looked.error is failing
        assert [hit.reference_id for one in looked.sightings for hit in one.hits] == ["ref-1"]
        assert watched.forgotten


def test_a_match_whose_picture_fails_is_compared_again(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(kit, kit.Person(kit.face_box(200, 200), 1))
    watched.look()
    with monkeypatch.context() as broken:
        broken.setattr(comparing, "crop", _fails)
        looked = watched.look(0.2)
    assert (looked.sightings, str(looked.error)) == ((), "no memory")
    assert watched.forgotten
    watched.look(0.4)
    assert len(watched.look(0.6).sightings) == 1


def _fails(*_: object) -> Any:
    raise EnvironmentFailure("no memory")
