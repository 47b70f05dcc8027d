"""What rates an evaluation states: how far they reach, and what is missed at them (rule V1)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from faceward.core.canonical import JSONValue, canonical_json, sha256_hex
from faceward.policy.evaluation import Evaluation, Point

# Rates are powers of ten that were computed; the last digit must not decide.
_HAIR = 1e-9


def measured(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return the operating points that state a rate: where no error was seen and none was extrapolated, none is."""
    return tuple(point for point in points if point.fmr.estimate > 0)


def reach(evaluation: Evaluation) -> float:
    """Return the lowest FMR that an evaluation states; 1 where it states none."""
    return extent(evaluation)[0]


def extent(evaluation: Evaluation) -> tuple[float, float]:
    """Return the lowest and the highest FMR that an evaluation states; 1 and 0 where it states none."""
    rates = [point.fmr.estimate for point in measured(evaluation.points)]
    return min(rates, default=1.0), max(rates, default=0.0)


def supports(evaluation: Evaluation, fmr: float) -> bool:
    """Tell whether an FMR lies between those that an evaluation states.

    Above the highest nothing was measured either: its threshold would stand for a rate that nobody saw.
    """
    least, most = extent(evaluation)
    return len(measured(evaluation.points)) > 1 and least <= fmr * (1 + _HAIR) and fmr <= most * (1 + _HAIR)


def substance(evaluation: Evaluation) -> str:
    """Return a digest of what was measured on which data, whatever else is said of it: 64 hexadecimal digits.

    The same measurement under another date is no new evidence.
    """
    rows: list[JSONValue] = [[one.threshold, one.fmr.estimate, one.fnmr.estimate] for one in evaluation.points]
    return sha256_hex(canonical_json([evaluation.pack, evaluation.data.digest, rows]))


def fnmr_at(points: Iterable[Point], fmr: float) -> float:
    """Return the FNMR at an FMR, linear in the logarithm of the FMR between points; 1 below what was measured.

    Args:
        points: Operating points, FMR falling.
        fmr: The FMR, above 0.
    """
    stated = measured(points)
    if not stated or fmr < stated[-1].fmr.estimate * (1 - _HAIR):
        return 1.0
    before = stated[0]
    for point in stated:
        if point.fmr.estimate <= fmr:
            if point is before:
                return point.fnmr.estimate
            whole = math.log(before.fmr.estimate / point.fmr.estimate)
            part = math.log(before.fmr.estimate / fmr) / whole
            return before.fnmr.estimate + part * (point.fnmr.estimate - before.fnmr.estimate)
        before = point
    return before.fnmr.estimate
