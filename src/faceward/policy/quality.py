"""Quality floors (rule E2): compare what was measured with what the standard demands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faceward.core.errors import QualityTooLow

_ANGLES = ("pose_yaw", "pose_pitch", "pose_roll")


@dataclass(frozen=True, slots=True)
class Floor:
    """The least quality accepted in one component.

    Attributes:
        component: Name of the component, in the style of ISO/IEC 29794-5.
        minimum: Least accepted value, or None.
        maximum: Greatest accepted magnitude (an angle counts to either side), or None.
        advice: What the person before the camera can do about it.
    """

    component: str
    minimum: float | None
    maximum: float | None
    advice: str


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A component that does not reach its floor.

    Attributes:
        component: Name of the component.
        measured: Measured value, or None where it was not measured.
        limit: The floor's minimum or maximum.
        message: One line: what is wrong and what to do.
    """

    component: str
    measured: float | None
    limit: float
    message: str


def check_floors(components: Mapping[str, float], floors: Sequence[Floor]) -> tuple[Shortfall, ...]:
    """Find the components that do not reach their floors.

    A component that was not measured, or measured as not-a-number, does not reach its floor.

    Args:
        components: Measured values by component name; pixels, degrees or 0 to 1.
        floors: The floors of a standard, `Parameters.enrolment_floors` or `Parameters.probe_floors`.

    Returns:
        The shortfalls in the order of the floors; empty where the sample is acceptable.
    """
    found = (_shortfall(floor, components.get(floor.component)) for floor in floors)
    return tuple(shortfall for shortfall in found if shortfall is not None)


def require_floors(components: Mapping[str, float], floors: Sequence[Floor], what: str) -> None:
    """Reject a sample that is below a floor. There is no override (rule E2).

    Args:
        components: Measured values by component name.
        floors: The floors of a standard.
        what: Names the sample in the message, for example its file name.

    Raises:
        QualityTooLow: At least one component is below its floor.
    """
    shortfalls = check_floors(components, floors)
    if shortfalls:
        raise QualityTooLow(f"{what}: {'; '.join(s.message for s in shortfalls)} (rule E2, no override)")


def _shortfall(floor: Floor, measured: float | None) -> Shortfall | None:
    # Written as "not within" so that not-a-number, which compares false with everything, is below the floor.
    if floor.minimum is not None and not (measured is not None and measured >= floor.minimum):
        return _describe(floor, measured, floor.minimum, "below the floor")
    if floor.maximum is not None and not (measured is not None and abs(measured) <= floor.maximum):
        return _describe(floor, measured, floor.maximum, "beyond the limit")
    return None


def _describe(floor: Floor, measured: float | None, limit: float, relation: str) -> Shortfall:
    name = floor.component.replace("_", " ")
    if measured is None:
        message = f"{name} was not measured, and its floor is {_format(floor.component, limit)}: {floor.advice}"
    else:
        value, bound = _format(floor.component, measured), _format(floor.component, limit)
        message = f"{name} {value} is {relation} {bound}: {floor.advice}"
    return Shortfall(floor.component, measured, limit, message)


def _format(component: str, value: float) -> str:
    if component in _ANGLES:
        return f"{value:.1f}°"
    if component == "inter_eye_distance":
        return f"{value:.1f} pixels"
    # Two decimals would print 0.1996 as the floor 0.20 itself.
    return f"{value:.3f}"
