"""Error rates as steps over sorted scores: what the curves and the operating points share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.scores import Scores, Values

Numbers = npt.NDArray[np.float64]

MEASURED_ERRORS = 10
"""Errors that are expected at least where a rate is called measured; with fewer it is extrapolated, or not stated."""
ROUND_RATES = tuple(a * 10.0**-e for e in range(1, 9) for a in (5, 2, 1))[1:]
"""Rates from 0.2 down to 1e-8, three a decade."""
# A rate written as ten over the number of trials may come out a hair too low.
_HAIR = 1e-9


def is_measured(rate: float, trials: int) -> bool:
    """Return whether so many trials measure a rate: whether at least ten errors are expected at it."""
    return rate * trials >= MEASURED_ERRORS * (1 - _HAIR)


def lowest_round(trials: int) -> float:
    """Return the lowest of `ROUND_RATES` that so many trials measure; where they measure none, ten over their number.

    Tails begin there, whatever rates somebody asks for: an evaluation and a calibration on the same scores then state
    the same thresholds.
    """
    found = [rate for rate in ROUND_RATES if is_measured(rate, trials)]
    return found[-1] if found else min(1.0, MEASURED_ERRORS / trials)


def least_measured(trials: int) -> str:
    """Say the lowest rate that so many trials measure."""
    return f"{MEASURED_ERRORS / trials:.1e}" if trials > MEASURED_ERRORS else "1"


def rising_mated(scores: Scores) -> Values:
    """Return the mated scores, rising.

    Raises:
        BadInput: There are none.
    """
    if not len(scores.mated):
        raise BadInput("the data hold no mated comparison; a subject with two acquired samples is needed")
    return np.sort(scores.mated)


def rising_nonmated(scores: Scores) -> Values:
    """Return the non-mated scores, rising.

    Raises:
        BadInput: There are none.
    """
    if not len(scores.nonmated):
        raise BadInput("the data hold no non-mated comparison; acquired samples of two subjects are needed")
    return np.sort(scores.nonmated)


def fmr_of(rising: Values, thresholds: Values) -> Numbers:
    """Return the share of sorted non-mated scores at or above each threshold."""
    return (len(rising) - np.searchsorted(rising, thresholds)) / len(rising)


def fnmr_of(rising: Values, thresholds: Values) -> Numbers:
    """Return the share of sorted mated scores below each threshold."""
    return np.asarray(np.searchsorted(rising, thresholds) / len(rising))


def threshold_for(rising: Values, share: float) -> float:
    """Return the lowest threshold that at most this share of scores reaches.

    Args:
        rising: The scores, sorted, shape (n,), n at least 1.
        share: 0 to 1.

    Returns:
        The threshold, a float32 value; at a share of 1 the lowest score.

    Raises:
        UsageError: `share` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"an error rate lies between 0 and 1, not {share}")
    trials = len(rising)
    allowed = min(int(share * trials) + 1, trials)
    while allowed / trials > share:
        allowed -= 1
    if allowed == trials:
        return float(rising[0])
    return float(np.nextafter(rising[trials - allowed - 1], np.float32(np.inf)))
