from __future__ import annotations

import pytest

from faceward.core.errors import QualityTooLow
from faceward.policy.quality import Floor, check_floors, require_floors

SHARP = Floor("sharpness", 0.2, None, "hold the camera still or use a larger picture")
YAW = Floor("pose_yaw", None, 35.0, "face the camera")


def test_E2_sample_on_the_floor_is_accepted() -> None:
    for yaw in (35.0, -35.0, 0.0):
        assert check_floors({"sharpness": 0.2, "pose_yaw": yaw, "other": -1.0}, (SHARP, YAW)) == ()


def test_E2_shortfall_says_what_and_what_to_do() -> None:
    first, second = check_floors({"sharpness": 0.12, "pose_yaw": -50.0}, (SHARP, YAW))
    assert first.message == "sharpness 0.120 is below the floor 0.200: hold the camera still or use a larger picture"
    assert second.message == "pose yaw -50.0° is beyond the limit 35.0°: face the camera"
    assert (second.component, second.measured, second.limit) == ("pose_yaw", -50.0, 35.0)


def test_E2_distance_is_told_in_pixels() -> None:
    (shortfall,) = check_floors({"inter_eye_distance": 9.0}, (Floor("inter_eye_distance", 32.0, None, "come closer"),))
    assert "9.0 pixels is below the floor 32.0 pixels" in shortfall.message


@pytest.mark.parametrize("components", [{}, {"sharpness": float("nan"), "pose_yaw": float("nan")}])
def test_E2_unmeasured_component_does_not_pass(components: dict[str, float]) -> None:
    assert [s.component for s in check_floors(components, (SHARP, YAW))] == ["sharpness", "pose_yaw"]


def test_E2_poor_sample_is_rejected_with_every_shortfall_in_one_line() -> None:
    require_floors({"sharpness": 1.0, "pose_yaw": 0.0}, (SHARP, YAW), "a.jpg")
    with pytest.raises(QualityTooLow, match=r"a\.jpg: sharpness .*; pose yaw was not measured") as caught:
        require_floors({"sharpness": 0.0}, (SHARP, YAW), "a.jpg")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4
