"""Who stands in a gate's zone: the best picture is compared, nobody is looked at longer than the limit (W9)."""

from __future__ import annotations

import pytest

from faceward.core.faces import Box
from faceward.policy.standard import load_standard
from faceward.video.gate_stay import Stay, Terms

NEAR, FAR, BESIDE = Box(100, 100, 180, 200), Box(300, 100, 330, 140), Box(300, 100, 370, 190)
GOOD = {
    "inter_eye_distance": 50.0,
    "sharpness": 0.6,
    "illumination_uniformity": 0.8,
    "under_exposure": 1.0,
    "over_exposure": 1.0,
    "pose_yaw": 0.0,
    "pose_pitch": 0.0,
    "pose_roll": 0.0,
    "face_cropping": 1.0,
}
POOR = {**GOOD, "inter_eye_distance": 20.0}
USELESS = {**GOOD, "inter_eye_distance": 8.0}


@pytest.fixture
def stay() -> Stay:
    parameters = load_standard("border").parameters
    return Stay(Terms(parameters.video.dwell.total_seconds(), parameters.probe_floors, parameters.enrolment_floors))


def test_a_good_picture_ends_the_wait_after_a_few_looks(stay: Stay) -> None:
    assert stay.see([NEAR, FAR], 100.0) == "better"
    assert stay.measured(GOOD)
    assert not stay.over(100.0)
    assert stay.see([NEAR], 100.4) == "better"
    assert not stay.measured(GOOD)
    assert not stay.over(100.4)
    assert stay.over(100.6)


def test_W9_a_poor_picture_is_waited_with_until_the_limit_and_no_longer(stay: Stay) -> None:
    for tenth in range(100):
        stay.see([NEAR], 100 + tenth / 10)
        stay.measured(POOR)
        assert not stay.over(100 + tenth / 10)
    assert stay.over(110.0)
    assert stay.usable


def test_only_what_is_better_and_reaches_the_floors_is_taken(stay: Stay) -> None:
    stay.see([NEAR], 1.0)
    assert not stay.measured(USELESS)
    assert not stay.usable
    assert stay.measured(POOR)
    assert stay.measured(GOOD)
    assert not stay.measured(POOR)


def test_who_left_is_forgotten_and_the_next_is_looked_at_anew(stay: Stay) -> None:
    stay.see([NEAR], 1.0)
    stay.measured(GOOD)
    assert stay.see([], 2.0) == "wait"
    assert stay.usable
    stay.see([], 2.5)
    assert not stay.usable
    assert not stay.over(50.0)
    stay.see([NEAR], 60.0)
    assert not stay.over(60.5)


def test_people_side_by_side_are_not_compared(stay: Stay) -> None:
    assert stay.see([NEAR, BESIDE], 1.0) == "several"
    assert stay.crowded
    assert not stay.usable
    stay.see([NEAR, BESIDE], 5.0)
    assert not stay.over(5.5)


def test_nobody_is_waited_for_without_end_by_a_clock_that_goes_back(stay: Stay) -> None:
    stay.see([NEAR], 100.0)
    stay.measured(GOOD)
    stay.see([NEAR], 50.0)
    assert not stay.usable
