"""Who stands in a gate's zone: the best picture is compared, nobody is looked at longer than the limit (W9)."""

from __future__ import annotations

import pytest

from faceward.core.faces import Box
from faceward.core.sources import Upload
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


class Watched:
    """A stay that is looked at frame by frame; pictures are named by when they were taken."""

    def __init__(self) -> None:
        parameters = load_standard("border").parameters
        terms = Terms(parameters.video.dwell.total_seconds(), parameters.probe_floors, parameters.enrolment_floors)
        self.stay = Stay(terms)

    def look(self, tenth: int, quality: dict[str, float], *boxes: Box) -> bool:
        """Look at a frame, a tenth of a second each; return whether what there is goes to be compared."""
        seconds = tenth / 10
        if self.stay.see(boxes, seconds) == "better" and self.stay.measured(quality):
            self.stay.keep(Upload(str(tenth), b""), quality)
        return self.stay.over(seconds)

    @property
    def kept(self) -> str | None:
        return None if self.stay.kept is None else self.stay.kept.name


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_good_picture_ends_the_wait_after_a_few_looks(watched: Watched) -> None:
    assert not watched.look(1000, GOOD, NEAR, FAR)
    assert watched.kept is None
    assert not watched.look(1002, GOOD, NEAR)
    assert not watched.look(1004, GOOD, NEAR)
    assert watched.kept == "1000"
    assert watched.look(1007, GOOD, NEAR)


def test_W9_a_poor_picture_is_waited_with_until_the_limit_and_no_longer(watched: Watched) -> None:
    for tenth in range(1000, 1100):
        assert not watched.look(tenth, POOR, NEAR)
    assert watched.look(1100, POOR, NEAR)
    assert watched.kept == "1000"


def test_W9_the_limit_holds_for_who_is_never_alone(watched: Watched) -> None:
    assert not any(watched.look(tenth, GOOD, NEAR, BESIDE) for tenth in range(1000, 1100))
    assert watched.look(1100, GOOD, NEAR, BESIDE)
    assert watched.kept is None


def test_only_what_is_better_and_reaches_the_floors_is_taken(watched: Watched) -> None:
    stay = watched.stay
    watched.look(10, USELESS, NEAR)
    watched.look(20, POOR, NEAR)
    assert stay.kept is None
    watched.look(24, POOR, NEAR)
    assert watched.kept == "20"
    watched.look(26, GOOD, NEAR)
    watched.look(30, POOR, NEAR)
    assert watched.kept == "26"
    watched.look(34, POOR, NEAR)
    assert watched.kept == "26"


def test_who_left_is_forgotten_and_the_next_is_looked_at_anew(watched: Watched) -> None:
    watched.look(10, GOOD, NEAR)
    watched.look(14, GOOD, NEAR)
    assert not watched.look(15, GOOD)
    assert watched.kept == "10"
    watched.look(29, GOOD)
    assert watched.kept is None
    assert not watched.stay.over(50.0)
    assert not watched.look(600, GOOD, NEAR)
    assert not watched.look(605, GOOD, NEAR)


def test_who_is_joined_after_they_were_measured_is_not_compared(watched: Watched) -> None:
    for tenth in (1000, 1002, 1004):
        assert not watched.look(tenth, GOOD, NEAR)
    assert watched.kept == "1000"
    # What was a good picture of one is none once two stand there, whenever it is asked for.
    for tenth in range(1006, 1040, 2):
        assert not watched.look(tenth, GOOD, NEAR, BESIDE)
        assert watched.kept is None
    assert watched.stay.crowded


def test_a_picture_of_just_before_somebody_steps_beside_counts_for_nothing(watched: Watched) -> None:
    watched.look(1000, USELESS, NEAR)
    watched.look(1004, USELESS, NEAR)
    assert not watched.look(1006, GOOD, NEAR)
    assert not watched.look(1008, GOOD, NEAR, BESIDE)
    # Nor does it once they are alone again.
    assert not watched.look(1010, USELESS, NEAR)
    assert not watched.look(1012, USELESS, NEAR)
    assert watched.kept is None


def test_who_is_left_alone_is_measured_anew_a_moment_later(watched: Watched) -> None:
    for tenth in (1000, 1002, 1004, 1006):
        assert not watched.look(tenth, GOOD, NEAR, BESIDE)
    # The other may have turned away for a frame.
    assert not watched.look(1008, GOOD, NEAR)
    assert not watched.look(1010, GOOD, NEAR)
    assert not watched.look(1012, GOOD, NEAR)
    assert watched.kept is None
    assert watched.look(1014, GOOD, NEAR)
    assert watched.kept == "1010"


def test_two_of_whom_each_second_frame_shows_one_are_not_compared(watched: Watched) -> None:
    for tenth in range(1000, 1090, 4):
        assert not watched.look(tenth, GOOD, NEAR, BESIDE)
        assert not watched.look(tenth + 2, GOOD, NEAR)
        assert watched.kept is None


def test_nobody_is_waited_for_without_end_by_a_clock_that_goes_back(watched: Watched) -> None:
    watched.look(1000, GOOD, NEAR)
    watched.look(1004, GOOD, NEAR)
    watched.look(500, GOOD, NEAR)
    assert watched.kept is None
