"""False-match rates below those that were measured: the tail of non-mated scores beyond the data, and its limits.

Scores above a high threshold u follow a generalised Pareto distribution, whatever the distribution of all scores, as u
rises (Pickands, 1975); with the share z of scores above u, FMR(t) = z (1 + s (t - u) / b)^(-1/s) (peaks over threshold;
Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4). Scale b and shape s are fitted by
probability-weighted moments (Hosking and Wallis, 1987), which need no search for an optimum and serve for a thousand
rounds of the bootstrap over subjects: comparisons share people, so that errors of the fit as for independent ones would
be too small. The bootstrap over pairs overstates the variance of rare errors up to three times (Owen, 2007), and the
thresholds here are those of the interval's upper end: in simulations, those of a rate about four times lower at half
the lowest measured rate and ten to twenty times lower a decade below it.

What cannot be had in this way is what the data do not hold. Twins among strangers, and photographs of one person under
two names, score like mated comparisons: a bump beyond the tail, of a height that no tail foretells. A few such
comparisons make most of the errors at the lowest rates. So the highest scores are held against the fit, and where more
of them are there than it leads to expect, nothing is extrapolated until somebody has looked at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson

from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.core.rates import EXTRAPOLATED, Rate
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.resampling import Numbers
from faceward.evaluate.scores import Scores, Values
from faceward.evaluate.steps import is_measured, lowest_round, threshold_for
from faceward.vision.calibration import TRUST

# Where the tail begins, as a factor of the lowest measured FMR: three places, since a fit is to be trusted only if it
# does not hang on the place (Coles, 2001, section 4.3.4).
_STARTS = (30, 100, 300)
_FEWEST, _MOST = 100, 5000
# A tail is no more than this share of the scores.
_LARGEST_SHARE = 0.05
# With a shape of one half and more the variance is infinite and the moments are useless.
_HEAVIEST = 0.5
# How improbable it must be that so many scores lie so high. Seven numbers are tested.
_IMPROBABLE = 0.002
_TOP = (1, 2, 3, 5, 10, 30, 100)


@dataclass(frozen=True, slots=True)
class Fit:
    """A generalised Pareto tail, for the data (round 0) and for each round of the bootstrap.

    Attributes:
        start: Where the tail begins, a score.
        share: Share of scores above it, shape (1 + rounds,).
        scale: Scale b, in units of the score, likewise.
        shape: Shape s, likewise; below 0 the tail has an end.
    """

    start: float
    share: Numbers
    scale: Numbers
    shape: Numbers

    def fmr(self, threshold: float) -> Numbers:
        """Return the FMR at a threshold from `start` up, for the data and for each round, shape (1 + rounds,)."""
        excess = (threshold - self.start) / self.scale
        # A shape of nearly 0 is that of the exponential distribution, the limit of the others.
        flat = np.abs(self.shape) < 1e-6
        shape = np.where(flat, 1.0, self.shape)
        base = np.maximum(1 + shape * excess, 0)
        with np.errstate(divide="ignore"):
            curved = np.where(base > 0, base ** (-1 / shape), 0.0)
        return np.asarray(self.share * np.where(flat, np.exp(-excess), curved))

    def interval(self, threshold: float) -> tuple[float, float]:
        """Return the ends of the FMR's 95 % interval at a threshold."""
        low, high = np.nanquantile(self.fmr(threshold)[1:], (0.025, 0.975))
        return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Tail:
    """False-match rates beyond the data.

    Attributes:
        lowest: The lowest FMR that was measured.
        trusted_to: The lowest FMR that may be stated: a tenth of `lowest`, or `lowest` where the tail does not pass.
        reasons: Why not, in words; empty where it passes.
        suspects: Non-mated comparisons, as indices into `Scores.nonmated`, whose scores are too high for the tail, the
            highest first: label errors, twins, or one picture under two names.
        trials: Number of non-mated comparisons.
        fits: The tail from each place, the highest first. The last two give rates; the first has too few scores for it.
        begin: The threshold of `lowest`.
        end: The highest score that can be.
    """

    lowest: float
    trusted_to: float
    reasons: tuple[str, ...]
    suspects: tuple[int, ...]
    trials: int
    fits: tuple[Fit, ...]
    begin: float
    end: float

    def threshold(self, fmr: float) -> float:
        """Return the lowest threshold at which the upper end of the extrapolated FMR's interval is at most `fmr`.

        The upper end is the higher one of two fits.

        Raises:
            UsageError: The rate was measured, or is not above 0.
            PolicyRefusal: It is lower than the tail can be trusted (rule V1).
        """
        if not 0 < fmr < self.lowest * (1 - 1e-9):
            raise UsageError(f"an FMR of {fmr:g} is not to be extrapolated; below {self.lowest:g} nothing was measured")
        found = self.reach(fmr) if fmr >= self.trusted_to * (1 - 1e-9) else None
        if found is None:
            why = f": {'; '.join(self.reasons)}" if self.reasons else ""
            raise PolicyRefusal(
                "V1",
                f"an FMR of {fmr:.1e} is beyond what the scores support ({self.trusted_to:.1e}){why}.",
                "Accept a higher rate, or evaluate on more people.",
            )
        return found

    def rate(self, threshold: float) -> Rate:
        """Return the extrapolated FMR at a threshold from `begin` up, with the interval that covers those of two fits.

        What is stated is the interval's upper end: `estimate` and `high` are the same. In between lie rates that no
        comparison speaks for, and the fits' own value may be many decades lower.

        Raises:
            UsageError: The threshold lies where rates were measured, or there is no fit.
        """
        if threshold < self.begin or not self.fits:
            raise UsageError(f"the FMR at {threshold:g} is not to be extrapolated")
        ends = [fit.interval(threshold) for fit in self.fits[-2:]]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        return Rate(high, low, high, round(high * self.trials), self.trials, EXTRAPOLATED)

    def rows(self, rates: Sequence[float]) -> tuple[tuple[float, float, float, float], ...]:
        """Return FMR, its interval's ends and threshold for the rates that can be extrapolated, FMR falling.

        The FMR of a row is the upper end of its interval, and its threshold is that of `threshold`.
        """
        rows = []
        wanted = {one for one in rates if self.trusted_to * (1 - 1e-9) <= one < self.lowest * (1 - 1e-9)}
        for fmr in sorted(wanted, reverse=True):
            threshold = self.reach(fmr)
            if threshold is None:
                break
            rows.append((fmr, min(self.rate(threshold).low, fmr), fmr, threshold))
        return tuple(rows)

    def reach(self, fmr: float) -> float | None:
        """Return the threshold whose upper end is `fmr`, trusted or not, or None where no score is high enough."""
        low, high = self.begin, self.end
        if self._upper(high) > fmr:
            return None
        while high - low > 1e-7:
            middle = (low + high) / 2
            low, high = (low, middle) if self._upper(middle) <= fmr else (middle, high)
        return high

    def _upper(self, threshold: float) -> float:
        return max(fit.interval(threshold)[1] for fit in self.fits[-2:])


def extend(scores: Scores, bootstrap: SubjectBootstrap, lowest: float | None = None, end: float = 1.0) -> Tail:
    """Fit the tail of non-mated scores, and decide how far it may be trusted.

    At most one decade below `lowest`, and only if

    1. there are scores enough: at least 100 beyond the place where the tail begins, and no more than 5 % of all;
    2. the shape's intervals from all places overlap, and none is one half or more;
    3. not more of the highest scores lie where they lie than the fit with its uncertainty leads to expect (at 1 %);
    4. the threshold is a score that can be.

    Args:
        scores: The comparisons.
        bootstrap: Over the same scores.
        lowest: The lowest FMR that was measured, with at least ten errors; by default the lowest round one
            (`steps.lowest_round`).
        end: The highest score that can be: 1 for a cosine.

    Raises:
        BadInput: There are no non-mated comparisons.
        UsageError: Fewer than ten errors are expected at `lowest`.
    """
    trials = len(scores.nonmated)
    if not trials:
        raise BadInput("the data hold no non-mated comparison; two subjects are needed")
    lowest = lowest_round(trials) if lowest is None else lowest
    if not is_measured(lowest, trials):
        raise UsageError(f"an FMR of {lowest:g} is not measured by {trials:,} comparisons: ten errors are wanted")
    rising = np.sort(scores.nonmated)
    begin = threshold_for(rising, min(1.0, lowest))
    sizes = sorted({min(round(lowest * trials * factor), _MOST) for factor in _STARTS})
    sizes = [size for size in sizes if _FEWEST <= size <= _LARGEST_SHARE * trials]
    fits = tuple(fit for fit in (_fit(rising, size, bootstrap) for size in sizes) if fit)
    if not fits:
        reason = f"{trials:,} non-mated comparisons have too few distinct high scores for a tail"
        return Tail(lowest, lowest, (reason,), (), trials, (), begin, end)
    suspects = _suspects(scores.nonmated, rising, fits)
    tail = Tail(lowest, lowest / TRUST, (), suspects, trials, fits, begin, end)
    reasons = [*_unstable(fits), *_too_many(suspects)]
    if not reasons and tail.reach(tail.trusted_to) is None:
        reasons.append(f"no score below {end:g} is high enough")
    if reasons:
        return Tail(lowest, lowest, tuple(reasons), suspects, trials, fits, begin, end)
    return tail


def _fit(rising: Values, size: int, bootstrap: SubjectBootstrap) -> Fit | None:
    """Fit the tail of the `size` highest scores, or return None where they are nearly all equal."""
    start = float(rising[len(rising) - size - 1])
    steps, counts = np.unique(rising[rising > np.float32(start)], return_counts=True)
    if len(steps) < _FEWEST:
        return None
    measured = counts[::-1].cumsum()[::-1] / len(rising)
    reached = np.vstack([measured, bootstrap.fmr_draws(steps)])
    beyond = np.hstack([reached[:, 1:], np.zeros((len(reached), 1))])
    share = reached[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = (reached - beyond) / share[:, None]
        above = (reached + beyond) / (2 * share[:, None])
        excess = steps.astype(np.float64) - start
        first, second = mass @ excess, (mass * above) @ excess
        shape = 2 - first / (first - 2 * second)
        scale = 2 * first * second / (first - 2 * second)
    return Fit(start, share, scale, shape)


def _unstable(fits: Sequence[Fit]) -> list[str]:
    """Say what is wrong with the shapes."""
    ends = [np.nanquantile(fit.shape[1:], (0.025, 0.975)) for fit in fits]
    reasons = []
    if max(fit.shape[0] for fit in fits) >= _HEAVIEST:
        reasons.append("the tail is too heavy")
    if max(low for low, _ in ends) > min(high for _, high in ends):
        reasons.append("the tail's shape depends on where it begins")
    return reasons


def _suspects(values: Values, rising: Values, fits: Sequence[Fit]) -> tuple[int, ...]:
    """Return the comparisons that lie higher than the tail explains, highest first.

    Of the tests that fail, the one of most scores counts.
    """
    failed = 0
    for count in _TOP:
        height = float(rising[len(rising) - count])
        # Averaged over the rounds, the probability holds for the fit with its uncertainty.
        chances = [np.nanmean(poisson.sf(count - 1, fit.fmr(height)[1:] * len(rising))) for fit in fits[-2:]]
        if max(chances) < _IMPROBABLE:
            failed = count
    if not failed:
        return ()
    return tuple(int(index) for index in np.argsort(-values, kind="stable")[:failed])


def _too_many(suspects: tuple[int, ...]) -> list[str]:
    if not suspects:
        return []
    where = f"the {len(suspects)} highest non-mated scores are higher than the tail explains"
    return [f"{where}: look for label errors, relatives, or one picture under two names"]
