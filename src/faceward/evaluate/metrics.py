"""Error rates of comparisons by ISO/IEC 19795-1; a score at or above the threshold matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import UsageError
from faceward.core.rates import EXTRAPOLATED, Rate
from faceward.evaluate.intervals import SubjectBootstrap, rate
from faceward.evaluate.scores import Scores, Values, exact_thresholds
from faceward.evaluate.steps import Numbers, fmr_of, fnmr_of, is_measured, rising_mated, rising_nonmated, threshold_for
from faceward.policy.evaluation import Point


@dataclass(frozen=True, slots=True)
class Curve:
    """FMR against FNMR at rising thresholds: a DET, or with `tmr` a ROC.

    Attributes:
        thresholds: Rising, shape (k,), float32 values that occur as scores.
        fmr: FMR at each, falling, shape (k,).
        fnmr: FNMR at each, rising, shape (k,).
    """

    thresholds: Values
    fmr: Numbers
    fnmr: Numbers

    @property
    def tmr(self) -> Numbers:
        """True-match rate, 1 - FNMR, shape (k,)."""
        return np.asarray(1 - self.fnmr)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How scores are distributed.

    Attributes:
        edges: Edges of the bins, rising, shape (bins + 1,); the last bin holds its upper edge too.
        mated: Density of mated scores per unit of score, shape (bins,); its integral over the edges is 1.
        nonmated: Density of non-mated scores, likewise.
    """

    edges: Numbers
    mated: Numbers
    nonmated: Numbers


def fmr_at(scores: Scores, thresholds: npt.ArrayLike) -> Numbers:
    """Return the false-match rate at each threshold.

    Args:
        scores: The comparisons.
        thresholds: Shape (k,), in any order.

    Returns:
        Share of non-mated scores at or above each threshold, shape (k,), 0 to 1.

    Raises:
        BadInput: There are no non-mated comparisons.
        UsageError: A threshold is not a number.
    """
    return fmr_of(rising_nonmated(scores), exact_thresholds(thresholds))


def fnmr_at(scores: Scores, thresholds: npt.ArrayLike) -> Numbers:
    """Return the false-non-match rate at each threshold.

    Args:
        scores: The comparisons.
        thresholds: Shape (k,), in any order.

    Returns:
        Share of mated scores below each threshold, shape (k,), 0 to 1.

    Raises:
        BadInput: There are no mated comparisons.
        UsageError: A threshold is not a number.
    """
    return fnmr_of(rising_mated(scores), exact_thresholds(thresholds))


def threshold_at_fmr(scores: Scores, fmr: float) -> float:
    """Return the lowest threshold at which the FMR is at most `fmr`.

    It lies one float32 step above the highest score that must not match, hence above all scores equal to that. With
    `fmr` below 1 / n it is just above the highest non-mated score: the data then say nothing of `fmr` itself, and
    `points` leaves it out.

    Args:
        scores: The comparisons.
        fmr: 0 to 1.

    Returns:
        The threshold, a float32 value; at an FMR of 1 the lowest non-mated score.

    Raises:
        BadInput: There are no non-mated comparisons.
        UsageError: `fmr` is not between 0 and 1.
    """
    return threshold_for(rising_nonmated(scores), fmr)


def det(scores: Scores, count: int = 200) -> Curve:
    """Return the detection error trade-off, evenly spaced in the logarithm of the FMR, from one false match to all.

    Args:
        scores: The comparisons.
        count: Points at most; fewer where scores tie or are few.

    Raises:
        BadInput: There are no mated or no non-mated comparisons.
    """
    trials = len(scores.nonmated)
    return _curve(scores, np.geomspace(1, max(trials, 1), count))


def roc(scores: Scores, count: int = 200) -> Curve:
    """Return the receiver operating characteristic, evenly spaced in the FMR, from one false match to all.

    Args:
        scores: The comparisons.
        count: Points at most; fewer where scores tie or are few.

    Raises:
        BadInput: There are no mated or no non-mated comparisons.
    """
    trials = len(scores.nonmated)
    return _curve(scores, np.linspace(1, max(trials, 1), count))


def auc(scores: Scores) -> float:
    """Return the area under the ROC over all thresholds, 0 to 1.

    It is the chance that a mated score exceeds a non-mated one, equal scores counting half (Bamber, 1975).

    Raises:
        BadInput: There are no mated or no non-mated comparisons.
    """
    mated, nonmated = rising_mated(scores), rising_nonmated(scores)
    below = np.searchsorted(nonmated, mated, side="left").astype(np.float64)
    equal = np.searchsorted(nonmated, mated, side="right") - below
    return float((below + equal / 2).mean() / len(nonmated))


def eer(scores: Scores) -> float:
    """Return the equal error rate, 0 to 1.

    Both rates are steps, so they seldom meet: the line between the two neighbouring points of the DET between which
    FMR - FNMR changes its sign is cut with FMR = FNMR (linear interpolation in both rates).

    Raises:
        BadInput: There are no mated or no non-mated comparisons.
    """
    mated, nonmated = rising_mated(scores), rising_nonmated(scores)
    steps = np.sort(np.concatenate([mated, nonmated]))

    def rates(index: int) -> tuple[float, float]:
        if index == len(steps):
            return 0.0, 1.0
        at = steps[index : index + 1]
        return float(fmr_of(nonmated, at)[0]), float(fnmr_of(mated, at)[0])

    # FMR - FNMR falls with the threshold: the last step at which it is not negative is found by halving.
    low, high = 0, len(steps)
    while high - low > 1:
        middle = (low + high) // 2
        fmr, fnmr = rates(middle)
        low, high = (middle, high) if fmr >= fnmr else (low, middle)
    fmr, fnmr = rates(low)
    next_fmr, next_fnmr = rates(high)
    excess, shortfall = fmr - fnmr, next_fnmr - next_fmr
    return fmr + (next_fmr - fmr) * excess / (excess + shortfall)


def histogram(scores: Scores, bins: int = 100) -> Histogram:
    """Return the densities of mated and non-mated scores on common edges, evenly spaced from the lowest to the highest.

    Args:
        scores: The comparisons.
        bins: Number of bins, at least 1.

    Raises:
        BadInput: There are no mated or no non-mated comparisons.
    """
    mated, nonmated = rising_mated(scores), rising_nonmated(scores)
    ends = min(mated[0], nonmated[0]), max(mated[-1], nonmated[-1])
    edges = np.histogram_bin_edges(np.asarray(ends, dtype=np.float64), bins)
    counts = [np.diff(np.searchsorted(values, edges[:-1]), append=len(values)) for values in (mated, nonmated)]
    first, second = (np.asarray(count / (count.sum() * np.diff(edges))) for count in counts)
    return Histogram(edges, first, second)


def points(
    scores: Scores, rates: Sequence[float], bootstrap: SubjectBootstrap, attempts: int, failed: int
) -> tuple[Point, ...]:
    """Return an operating point for each FMR that the data support.

    A rate at which fewer than ten false matches are expected is left out (`steps.is_measured`): no figure that the data
    cannot support. The threshold is that of `threshold_at_fmr`.

    GFRR and GFAR count the comparisons that failures to acquire made impossible: lost mated comparisons as false
    rejections, lost non-mated ones as no acceptance (ISO/IEC 19795-1, generalised rates; counted over the protocol's
    comparisons instead of multiplied from FTA and FMR, which is the same where failures fall evenly). Their intervals
    join that of the FMR or FNMR with that of the FTA, each end with each end, which is wide rather than narrow.

    Args:
        scores: The comparisons.
        rates: FMRs, each above 0 and at most 1, in any order.
        bootstrap: Over the same scores.
        attempts: Samples that were to be acquired, at least 1.
        failed: Failures to acquire among them.

    Returns:
        The points, FMR falling and threshold rising.

    Raises:
        BadInput: There are no mated or no non-mated comparisons.
        UsageError: A rate is not above 0 and at most 1, or attempts and failures contradict each other.
    """
    nonmated = rising_nonmated(scores)
    rising_mated(scores)
    if any(not 0 < wanted <= 1 for wanted in rates):
        raise UsageError("an FMR to report lies above 0 and is at most 1")
    acquired = rate(failed, attempts)
    lost = scores.mated_lost + scores.nonmated_lost
    if lost and not failed:
        raise UsageError(f"{lost} comparisons were lost, yet no failure to acquire was counted")
    supported = [wanted for wanted in sorted(set(rates), reverse=True) if is_measured(wanted, len(nonmated))]
    if not supported:
        return ()
    thresholds = sorted({threshold_for(nonmated, wanted) for wanted in supported})
    found = zip(thresholds, bootstrap.fmr(thresholds), bootstrap.fnmr(thresholds), strict=True)
    return tuple(
        Point(
            threshold,
            fmr,
            fnmr,
            gfar=generalised(fmr, scores.nonmated_lost, acquired, rejected=False),
            gfrr=generalised(fnmr, scores.mated_lost, acquired, rejected=True),
        )
        for threshold, fmr, fnmr in found
    )


def generalised(seen: Rate, lost: int, failures: Rate, *, rejected: bool) -> Rate:
    """Count lost comparisons in: all as errors where `rejected`, else none.

    Args:
        seen: The rate of the comparisons that were made.
        lost: Comparisons that failures to acquire made impossible.
        failures: The rate of those failures.
        rejected: Whether a lost comparison is an error.
    """
    trials = seen.trials + lost
    share = lost / trials
    if lost:
        least, most = (min(1.0, share * end / failures.estimate) for end in (failures.low, failures.high))
    else:
        # Either of two samples may fail.
        least, most = 0.0, 1 - (1 - failures.high) ** 2
    if rejected:
        low, high = least + (1 - least) * seen.low, most + (1 - most) * seen.high
    else:
        low, high = (1 - most) * seen.low, (1 - least) * seen.high
    errors = seen.errors + (lost if rejected else 0)
    if seen.method == EXTRAPOLATED:
        # No error was counted that a share could be taken of: what can be stated is the upper end.
        return Rate(high, low, high, errors, trials, EXTRAPOLATED)
    return Rate(errors / trials, low, high, errors, trials, seen.method)


def _curve(scores: Scores, matches: Numbers) -> Curve:
    """Return the points at which about so many non-mated comparisons match."""
    mated, nonmated = rising_mated(scores), rising_nonmated(scores)
    ranks = np.clip(np.round(matches).astype(np.int64), 1, len(nonmated))
    thresholds = np.unique(nonmated[len(nonmated) - ranks])
    return Curve(thresholds, fmr_of(nonmated, thresholds), fnmr_of(mated, thresholds))
