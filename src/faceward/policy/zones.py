"""Zones of a camera's picture: where is looked at, and what is blacked out before anything else sees it (rule W10)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, UsageError
from faceward.policy.strict import Table

Point = tuple[float, float]
"""Shares of the picture's width and height, from the upper left corner, 0 to 1."""

Kind = Literal["look", "opt-out"]
LOOK: Kind = "look"
OPT_OUT: Kind = "opt-out"
FEWEST_POINTS, MOST_POINTS, MOST_ZONES = 3, 32, 16

# Points are compared as whole numbers, so that whether lines cross does not hang on rounding.
_STEPS = 1_000_000
# A thousandth of the picture: less is no zone that a person could have drawn.
_LEAST_AREA = 2 * _STEPS * _STEPS // 1000
_NUMBER = re.compile(r"[0-9]{0,2}(?:\.[0-9]{1,9})?")
_Whole = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a camera's picture.

    Attributes:
        kind: `look`: faces are looked for inside such zones alone, where there are any. `opt-out`: blacked out before
            detection (rule W10).
        points: The corners of a polygon in their order, 3 to 32; shares of width and height, 0 to 1.
    """

    kind: Kind
    points: tuple[Point, ...]

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {"kind": self.kind, "points": [[x, y] for x, y in self.points]}

    def text(self) -> str:
        """Return the points as they are typed: `x,y x,y x,y`."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)

    @classmethod
    def from_json(cls, value: object) -> Zone:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored zone", IntegrityError)
        table.only(("kind", "points"))
        kind, points = table.text("kind"), table.value("points")
        if kind not in (LOOK, OPT_OUT) or not isinstance(points, list):
            raise table.error("it is no zone")
        try:
            return zone(OPT_OUT if kind == OPT_OUT else LOOK, [(float(x), float(y)) for x, y in points])
        except (TypeError, ValueError, UsageError) as error:
            raise table.error(str(error)) from None


def parse_zone(text: str, kind: Kind) -> Zone:
    """Read a zone as it is typed.

    Args:
        text: Three to 32 points such as `0,0.5 1,0.5 1,1 0,1`: shares of width and height.
        kind: What the zone is for.

    Raises:
        UsageError: It is no such list, or encloses no simple area.
    """
    points = []
    for part in text.split()[: MOST_POINTS + 1]:
        x, comma, y = part.partition(",")
        if not comma or not _is_number(x) or not _is_number(y):
            raise UsageError(
                f"{part[:40]!r} is no point of a zone; write x,y as shares of width and height, such as 0.25,0.5"
            )
        points.append((float(x), float(y)))
    return zone(kind, points)


def zone(kind: Kind, points: Sequence[Point]) -> Zone:
    """Return a zone, checked.

    Raises:
        UsageError: It has too few or too many points, one lies outside the picture, its lines cross or touch, or it
            encloses next to nothing.
    """
    if not FEWEST_POINTS <= len(points) <= MOST_POINTS:
        raise UsageError(f"a zone has {FEWEST_POINTS} to {MOST_POINTS} points, and {len(points)} were given")
    # Written as "not within" so that not-a-number is refused.
    if not all(0 <= share <= 1 for point in points for share in point):
        raise UsageError("a point of a zone lies outside the picture; give shares of width and height from 0 to 1")
    whole = [(round(x * _STEPS), round(y * _STEPS)) for x, y in points]
    if _crosses(whole):
        raise UsageError(
            "the lines of a zone cross or touch; give its corners in the order in which one walks round it"
        )
    if _doubled_area(whole) < _LEAST_AREA:
        raise UsageError("a zone encloses less than a thousandth of the picture; give corners further apart")
    return Zone(kind, tuple((x / _STEPS, y / _STEPS) for x, y in whole))


def _is_number(text: str) -> bool:
    return bool(text) and text != "." and _NUMBER.fullmatch(text) is not None


def _crosses(points: list[_Whole]) -> bool:
    """Tell whether a polygon's sides meet anywhere but at the corners that two neighbours share."""
    sides = list(pairwise([*points, points[0]]))
    if len(set(points)) < len(points):
        return True
    last = len(sides) - 1
    for (number, one), (later, other) in combinations(enumerate(sides), 2):
        if later - number == 1:
            meets = _on(other[1], one) or _on(one[0], other)
        elif (number, later) == (0, last):
            meets = _on(other[0], one) or _on(one[1], other)
        else:
            meets = _meet(one, other)
        if meets:
            return True
    return False


def _meet(one: tuple[_Whole, _Whole], other: tuple[_Whole, _Whole]) -> bool:
    (a, b), (c, d) = one, other
    if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
        return True
    return _on(c, one) or _on(d, one) or _on(a, other) or _on(b, other)


def _on(point: _Whole, side: tuple[_Whole, _Whole]) -> bool:
    """Tell whether a point lies on a side, its ends included."""
    (ax, ay), (bx, by) = side
    if _turn(side[0], side[1], point):
        return False
    return min(ax, bx) <= point[0] <= max(ax, bx) and min(ay, by) <= point[1] <= max(ay, by)


def _turn(a: _Whole, b: _Whole, c: _Whole) -> int:
    """Return the sign of the turn from `a` over `b` to `c`: 1, -1, or 0 on a straight line."""
    value = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (value > 0) - (value < 0)


def _doubled_area(points: list[_Whole]) -> int:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*points, points[0]])))
