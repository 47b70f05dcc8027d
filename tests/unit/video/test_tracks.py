"""Which samples of a track are compared, and when a track ends (rule W9)."""

from __future__ import annotations

import gc
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.video.tracking import Tracker
from faceward.video.tracks import AGAIN, AS_GOOD, BETTER, Ended, Tracks, cheaply_reaches, reaches, worth
from faceward.video.views import View

GOOD = {
    "inter_eye_distance": 50.0, "sharpness": 0.5, "under_exposure": 1.0, "over_exposure": 1.0, "pose_yaw": 5.0,
    "pose_pitch": -5.0, "pose_roll": 0.0, "face_cropping": 1.0,
}  # fmt: skip


def test_a_track_is_compared_at_once_and_again_when_a_sample_is_clearly_better() -> None:
    tracks = Tracks(60, 3)
    tracks.go_on([1], 0.0)
    assert tracks.wants(1, 0.0)
    assert tracks.note(1, 0.4, 0.0, matched=False)
    assert not tracks.wants(1, 0.4 * BETTER - 0.001)
    assert tracks.wants(1, 0.4 * BETTER)
    assert not tracks.note(1, 0.4 * BETTER, 0.0, matched=False)
    assert not tracks.wants(1, 0.4 * BETTER**2 - 0.001)
    assert tracks.wants(1, 0.4 * BETTER**2)


def test_a_track_is_compared_again_after_a_while_with_a_sample_that_is_about_as_good() -> None:
    tracks = Tracks(60, 3)
    for moment, value, wanted in (
        (0.0, 0.4, True),
        (AGAIN - 0.1, 0.4, False),
        (AGAIN, 0.4 * AS_GOOD - 0.001, False),
        (AGAIN + 0.2, 0.4 * AS_GOOD, True),
        # Counted from the last one on.
        (2 * AGAIN + 0.1, 0.4, False),
        (2 * AGAIN + 0.3, 0.4, True),
        (9.0, 0.4, False),
    ):
        tracks.go_on([1], moment)
        assert tracks.wants(1, value) is wanted, moment
        if wanted:
            tracks.note(1, value, moment, matched=False)


def test_a_track_is_compared_at_most_as_often_as_the_threshold_rests_on() -> None:
    tracks = Tracks(60, 3)
    tracks.go_on([1], 0.0)
    value, compared = 0.001, 0
    while value < 1:
        if tracks.wants(1, value):
            tracks.note(1, value, 0.0, matched=False)
            compared += 1
        value *= 1.3
    assert compared == 3


def test_who_matched_is_not_compared_again() -> None:
    tracks = Tracks(60, 3)
    tracks.go_on([1], 0.0)
    tracks.note(1, 0.1, 0.0, matched=True)
    assert not tracks.wants(1, 1.0)
    assert tracks.go_on([], 1.0) == Ended(1, 0)


def test_nobody_without_a_track_is_compared() -> None:
    assert not Tracks(60, 3).wants(1, 1.0)


def test_W9_a_track_ends_at_the_dwell_limit_and_who_stays_is_another() -> None:
    tracks = Tracks(10, 1)
    assert tracks.go_on([1], 0.0) == Ended()
    tracks.note(1, 0.9, 0.0, matched=False)
    assert tracks.go_on([1], 9.9) == Ended()
    assert not tracks.wants(1, 1.0)
    assert tracks.go_on([1], 10.0) == Ended(1, 1)
    # Nothing is left of the first one: not that it was compared, nor how well it was seen.
    assert tracks.wants(1, 0.001)
    assert len(tracks) == 1


def test_W9_a_clock_that_goes_back_keeps_no_track_alive() -> None:
    tracks = Tracks(10, 3)
    tracks.go_on([1], 100.0)
    assert tracks.go_on([1], 50.0) == Ended(1, 0)


def test_what_ended_is_counted_once() -> None:
    tracks = Tracks(60, 3)
    tracks.go_on([1, 2, 3], 0.0)
    tracks.note(1, 0.5, 0.0, matched=False)
    tracks.note(2, 0.5, 0.0, matched=True)
    assert tracks.go_on([3], 1.0) == Ended(2, 1)
    assert tracks.end() == Ended(1, 0)
    assert tracks.end() == Ended()
    assert Ended(2, 1) + Ended(1, 0) == Ended(3, 1)


def test_W9_two_cameras_share_nothing_that_changes() -> None:
    """Whatever can be reached from one camera's view and from another's is code, or never changes."""
    views = [View(5.0, 0.5, 60.0, 3) for _ in range(2)]
    for number, view in enumerate(views):
        view.tracks.go_on([number], 1.0)
        view.regions((640, 480), (), 1.0)
    assert _shared(*views) == []
    views[1].tracks = views[0].tracks
    assert "Tracks" in _shared(*views)


def _shared(one: Any, other: Any) -> list[str]:
    mine, others = _reached(one), _reached(other)
    return [type(held).__name__ for place, held in mine.items() if place in others]


def _reached(thing: Any) -> dict[int, Any]:
    """Return everything of this project and the tracker's, and every collection, that a thing holds."""
    found: dict[int, Any] = {}
    ahead = [thing]
    while ahead:
        one = ahead.pop()
        for held in gc.get_referents(one):
            if isinstance(held, type | FunctionType) or id(held) in found or _is_code(held):
                continue
            if isinstance(held, dict | list | set) or type(held).__module__.split(".")[0] in {"faceward", "trackers"}:
                found[id(held)] = held
                ahead.append(held)
    return found


def _is_code(held: Any) -> bool:
    return isinstance(held, dict) and "__name__" in held


def test_W9_what_one_camera_saw_changes_nothing_for_another() -> None:
    from faceward.core.faces import Box

    one, other = Tracker(5, 0.5), Tracker(5, 0.5)
    for look in range(5):
        one.follow([Box(look, 0, look + 40, 50)], [0.9], 1 + look / 5)
    assert other.follow([Box(0, 0, 40, 50)], [0.9], 1.0) == (0,)
    assert one.alive == other.alive == {0}


def test_what_was_not_measured_bounds_the_worth_from_above() -> None:
    cheap = {name: GOOD[name] for name in ("inter_eye_distance", "pose_yaw", "pose_pitch", "face_cropping")}
    assert worth(cheap) >= worth(GOOD) > 0


components = st.fixed_dictionaries(
    {
        "inter_eye_distance": st.floats(0, 500),
        "sharpness": st.floats(0, 1),
        "under_exposure": st.floats(0, 1),
        "over_exposure": st.floats(0, 1),
        "pose_yaw": st.floats(-180, 180),
        "pose_pitch": st.floats(-90, 90),
        "face_cropping": st.floats(0, 1),
    }
)


@given(components)
def test_worth_is_a_share_and_never_above_what_landmarks_tell(measured: dict[str, float]) -> None:
    cheap = {name: measured[name] for name in ("inter_eye_distance", "pose_yaw", "pose_pitch", "face_cropping")}
    assert 0 <= worth(measured) <= worth(cheap) <= 1


@pytest.mark.parametrize(
    ("name", "worse"), [("inter_eye_distance", 30.0), ("pose_yaw", 40.0), ("sharpness", 0.2), ("face_cropping", 0.5)]
)
def test_each_component_counts(name: str, worse: float) -> None:
    assert worth({**GOOD, name: worse}) < worth(GOOD)


def test_floors_bind_by_magnitude_and_what_is_no_number_is_below() -> None:
    floors = {"pose_yaw": (None, 45.0), "sharpness": (0.1, None)}
    assert reaches({"pose_yaw": -45.0, "sharpness": 0.1}, floors)
    assert not reaches({"pose_yaw": -45.1, "sharpness": 0.1}, floors)
    assert not reaches({"pose_yaw": 0.0, "sharpness": float("nan")}, floors)
    assert not reaches({"pose_yaw": 0.0}, floors)
    # Without pixels one can only tell what landmarks tell.
    assert cheaply_reaches({"pose_yaw": 0.0}, floors)
    assert not cheaply_reaches({"pose_yaw": 60.0}, floors)
