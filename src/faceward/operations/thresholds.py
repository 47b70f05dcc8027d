"""What the operating points of an evaluation make a score mean, and whether that lets scores count more (rule S1)."""

from __future__ import annotations

import numpy as np

from faceward.core.errors import UsageError
from faceward.policy.evaluation import Evaluation
from faceward.policy.stated_rates import measured
from faceward.vision.calibration import Calibration

# The lower end of a rate's interval may be zero, which has no logarithm.
_LEAST = 1e-15
# Thresholds are read from tables by interpolation; the last digits of that do not lower anything.
_SAME = 1e-9


def of_evaluation(evaluation: Evaluation) -> Calibration:
    """Return the calibration that an evaluation's operating points make.

    Raises:
        UsageError: It states fewer than two rates, between which nothing can be read.
    """
    points = measured(evaluation.points)
    if len(points) < 2:
        raise UsageError(
            f"the evaluation on {evaluation.data.name!r} states {len(points)} rates above zero, and a calibration "
            "needs two; evaluate on more people"
        )
    rows = [
        (p.fmr.estimate, max(p.fmr.low, _LEAST), max(p.fmr.high, p.fmr.estimate), p.threshold, p.fnmr.estimate)
        for p in points
    ]
    seen = [point.fmr.estimate for point in points if not point.extrapolated]
    return Calibration(
        data=evaluation.data.name,
        mated=evaluation.mated,
        nonmated=evaluation.nonmated,
        default_fmr=points[0].fmr.estimate,
        table=np.array(rows),
        measured_to=None if len(seen) == len(points) else min(seen, default=points[0].fmr.estimate),
    )


def lowered(before: Calibration | None, after: Calibration | None, loosest: float = 1.0) -> bool:
    """Tell whether scores come to count more: at some rate, the threshold that is used for it falls (rule S1).

    Every rate counts up to the loosest that the purpose accepts, and not only that of today, since thresholds follow
    the size of the gallery. What counts is the threshold that is used, which above a table's highest rate is that of
    its highest, and not the one that the table states. All of them are linear in the logarithm of the rate between the
    rates of both tables, so that no rate between those falls where none of these does. Where a table is too short
    nothing is accepted; a longer one must then not lie below the shorter one's end.

    Args:
        before: The calibration as it is; None where there is none, so that nothing is accepted.
        after: As it would be. With none nobody is found; that two people decide on it keeps one from taking
            calibrations away, to put others in their place.
        loosest: The loosest FMR that the purpose accepts of a comparison.
    """
    if before is None or after is None:
        return before is not after
    stated = {loosest, *(float(rate) for one in (before, after) for rate in one.table[:, 0])}
    # Where the lowest rate of the new table lies above the loosest, all are refused; its end decides then.
    rates = sorted(rate for rate in stated if after.strictest <= rate <= loosest) or [after.strictest]
    return any(effective(after, rate) < effective(before, rate) - _SAME for rate in rates)


def effective(calibration: Calibration, fmr: float) -> float:
    """Return the threshold that is used for a rate; where none is, since the table is too short, that of its end."""
    return calibration.at_fmr(max(min(fmr, calibration.loosest), calibration.strictest)).threshold
