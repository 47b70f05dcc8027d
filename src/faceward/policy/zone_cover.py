"""How much of a picture zones cover, and whether one lies within another (rules W10 and P2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from faceward.policy.zones import LOOK, OPT_OUT, Point, Zone

LEAST_OPT_OUT = 0.02
"""Share of the picture that has to be blacked out where faces would be looked for: less is no way around a camera."""

_CELLS = 100
_ROUNDING = 1e-9


@lru_cache(maxsize=256)
def opted_out(zones: tuple[Zone, ...]) -> float:
    """Return which share of the picture is blacked out and would be looked at without that, 0 to 1.

    It is counted on a grid of a hundred by a hundred, by the middle of each cell.

    Args:
        zones: The zones of a camera; without one to look at, faces are looked for everywhere.
    """
    out = [zone.points for zone in zones if zone.kind == OPT_OUT]
    look = [zone.points for zone in zones if zone.kind == LOOK]
    if not out:
        return 0.0
    middles = [(number + 0.5) / _CELLS for number in range(_CELLS)]
    counted = sum(
        any(_inside((x, y), one) for one in out) and (not look or any(_inside((x, y), one) for one in look))
        for x in middles
        for y in middles
    )
    return counted / _CELLS**2


def within(inner: Zone, outers: Iterable[Zone]) -> bool:
    """Tell whether a zone surely lies within one of others: it is the same, or all of it is within a convex one."""
    return any(inner.points == outer.points or _holds(outer.points, inner.points) for outer in outers)


def _holds(outer: Sequence[Point], points: Sequence[Point]) -> bool:
    sides = list(pairwise([*outer, outer[0]]))
    turns = [_turn(*side, corner) for side in sides for corner in outer]
    # Of a polygon whose corners all lie on one side of each of its lines the lines alone say what is inside.
    sign = 1 if max(turns) > _ROUNDING else -1
    if any(sign * turn < -_ROUNDING for turn in turns):
        return False
    return all(sign * _turn(*side, point) >= -_ROUNDING for side in sides for point in points)


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _inside(point: Point, polygon: Sequence[Point]) -> bool:
    x, y = point
    crossed = 0
    for (ax, ay), (bx, by) in pairwise([*polygon, polygon[0]]):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            crossed += 1
    return crossed % 2 == 1
