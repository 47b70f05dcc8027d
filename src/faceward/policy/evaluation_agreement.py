"""Whether an evaluation agrees with itself: rates with the errors that were counted, and with how many were (V1)."""

from __future__ import annotations

from collections.abc import Callable

from faceward.core.errors import FacewardError
from faceward.core.rates import Rate
from faceward.policy.evaluation import Evaluation, Point

DECADE = 10.0
"""How far below the lowest measured FMR an extrapolated one may lie, as a factor; a manifest's may lie no further."""

# A rate that was rounded for printing may differ from the quotient by less than half an error.
_HALF = 0.5
_HAIR = 1e-9


def agree(evaluation: Evaluation, fail: Callable[[str], FacewardError]) -> None:
    """Check that each operating point can have been counted from the comparisons that the evaluation states.

    Args:
        evaluation: The evaluation, its points in order.
        fail: Makes the error to raise.

    Raises:
        FacewardError: A rate is not its errors through its trials, trials are not the comparisons that were scored, a
            rate is lower than one error in all of them, or an extrapolated one lies more than a decade below.
    """
    seen = [one.fmr.estimate for one in evaluation.points if one.fmr.estimate > 0 and not one.extrapolated]
    lowest = min(seen, default=None)
    for point in evaluation.points:
        where = f"the point at {point.threshold:g}"
        _counted(point.fnmr, evaluation.mated, f"{where}: FNMR, mated", fail)
        if not point.extrapolated:
            _measured(point, evaluation.nonmated, where, fail)
        elif lowest is None or not lowest / DECADE * (1 - _HAIR) <= point.fmr.estimate < lowest:
            raise fail(f"{where}: an extrapolated FMR lies at most one decade below the lowest that was measured")


def _measured(point: Point, nonmated: int, where: str, fail: Callable[[str], FacewardError]) -> None:
    _counted(point.fmr, nonmated, f"{where}: FMR, non-mated", fail)
    if 0 < point.fmr.estimate < (1 - _HAIR) / nonmated:
        raise fail(f"{where}: an FMR of {point.fmr.estimate:.1e} is less than one of {nonmated:,} comparisons")
    # Lost comparisons count in these, so they have trials of their own, and no fewer.
    for rate, fewest in ((point.gfar, point.fmr.trials), (point.gfrr, point.fnmr.trials)):
        if rate.trials < fewest:
            raise fail(f"{where}: a generalised rate has {rate.trials:,} trials, fewer than were compared")
        _quotient(rate, f"{where}: generalised rate,", fail)


def _counted(rate: Rate, comparisons: int, what: str, fail: Callable[[str], FacewardError]) -> None:
    if rate.trials != comparisons:
        raise fail(f"{what}: {rate.trials:,} trials are not the {comparisons:,} comparisons that were scored")
    _quotient(rate, what, fail)


def _quotient(rate: Rate, what: str, fail: Callable[[str], FacewardError]) -> None:
    if not rate.trials or abs(rate.estimate * rate.trials - rate.errors) > _HALF + _HAIR * rate.trials:
        raise fail(f"{what}: {rate.errors:,} of {rate.trials:,} are not a rate of {rate.estimate:g}")
