"""How good likelihood ratios are: their cost, what the data support of them, and how often they mislead.

The two propositions of a comparison are that both samples are of one person (mated), and that they are of two people of
the population that the non-mated comparisons are drawn from. LR is the probability of the score under the first over
that under the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

Numbers = npt.NDArray[np.float64]

# Steps of log10 LR in which bounds are looked for.
_STEP = 0.005
# Where an LR is infinite, or nought, its logarithm is taken as this: beyond it nothing is ever supported.
_INFINITE = 12.0


@dataclass(frozen=True, slots=True)
class Ratios:
    """Likelihood ratios of comparisons whose truth is known.

    Attributes:
        log10: Their logarithms, rising, each once, shape (k,).
        mated: How many mated comparisons have each, shape (k,).
        nonmated: How many non-mated ones.
    """

    log10: Numbers
    mated: Numbers
    nonmated: Numbers

    @classmethod
    def of(cls, mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> Ratios:
        """Gather the logarithms (base 10) of the LRs of mated and of non-mated comparisons, each at least one."""
        both = [np.clip(np.asarray(side, dtype=np.float64), -_INFINITE, _INFINITE) for side in (mated, nonmated)]
        values, place = np.unique(np.concatenate(both), return_inverse=True)
        counts = [np.bincount(part, minlength=len(values)) for part in np.split(place, [len(both[0])])]
        return cls(values, counts[0].astype(np.float64), counts[1].astype(np.float64))


@dataclass(frozen=True, slots=True)
class Tippett:
    """Tippett curves: what share of comparisons has at least an LR.

    Attributes:
        log10: Logarithms of LRs, rising, shape (n,).
        mated: Share of mated comparisons with at least that LR, falling.
        nonmated: Share of non-mated ones; at a log10 LR of 0, the share that misleads.
    """

    log10: Numbers
    mated: Numbers
    nonmated: Numbers


def ece(ratios: Ratios, prior_odds: float = 1.0) -> float:
    """Return the empirical cross-entropy in bits at prior odds of being mated (Ramos and Gonzalez-Rodriguez, 2013)."""
    prior = prior_odds / (1 + prior_odds)
    odds = ratios.log10 * np.log(10) + np.log(prior_odds)
    against, favour = np.logaddexp(0, -odds) / np.log(2), np.logaddexp(0, odds) / np.log(2)
    mated = float(ratios.mated @ against / ratios.mated.sum())
    return prior * mated + (1 - prior) * float(ratios.nonmated @ favour / ratios.nonmated.sum())


def cllr(ratios: Ratios) -> float:
    """Return the cost of log-likelihood ratios in bits (Brummer and du Preez, 2006).

    0 for ratios that always tell the truth with certainty, 1 for those that say nothing (LR 1), more for those that do
    harm.
    """
    return ece(ratios)


def cllr_min(ratios: Ratios) -> float:
    """Return the cost that would remain after the best monotone recalibration on these very data, at most `cllr`.

    It is what the order of the ratios is worth; the rest of `cllr` is due to their size (Brummer and du Preez, 2006).
    """
    share, weight = _shares(ratios.mated, ratios.nonmated)
    best = np.clip(isotonic_regression(share, weights=weight).x, 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mated = np.where(ratios.mated > 0, ratios.mated * -np.log2(best), 0.0).sum() / ratios.mated.sum()
        other = np.where(ratios.nonmated > 0, ratios.nonmated * -np.log2(1 - best), 0.0).sum() / ratios.nonmated.sum()
    return float(mated + other) / 2


def elub(ratios: Ratios, mated_unit: float = 1.0, nonmated_unit: float = 1.0) -> tuple[float, float]:
    """Return the lowest and highest log10 LR that the data support: the empirical lower and upper bounds.

    Whoever decides by an LR against a threshold t of cost and prior errs at a cost of FNMR(t) + t FMR(t); whoever
    ignores it, at min(1, t). An LR is supported as far as the first is no worse than the second with one more
    comparison on either side that misleads (Vergeer, van Es, de Jongh, Alberink and Stoel, Science and Justice 56,
    2016, 482-491).
    Comparisons of the same people mislead together: then the one more is a unit of them.

    Args:
        ratios: Of comparisons that took no part in making the LRs.
        mated_unit: Mated comparisons that mislead together: their number over that of subjects.
        nonmated_unit: Non-mated ones: their number over that of pairs of subjects.

    Returns:
        Two logarithms, the first at most 0, the second at least 0.
    """
    below = ratios.mated.cumsum()
    above = ratios.nonmated.sum() - ratios.nonmated.cumsum()
    lowest, highest = min(0.0, float(ratios.log10[0])), max(0.0, float(ratios.log10[-1]))

    def supported(logs: Numbers) -> npt.NDArray[np.bool_]:
        place = np.searchsorted(ratios.log10, logs, side="right") - 1
        missed = np.where(place < 0, 0.0, below[place])
        matched = np.where(place < 0, ratios.nonmated.sum(), above[place])
        miss = (missed + mated_unit) / (below[-1] + mated_unit)
        match = (matched + nonmated_unit) / (ratios.nonmated.sum() + nonmated_unit)
        odds = 10.0**logs
        return np.asarray(miss + odds * match <= np.minimum(1, odds))

    rising = np.arange(_STEP, highest + _STEP / 2, _STEP)
    falling = -np.arange(_STEP, -lowest + _STEP / 2, _STEP)
    return _last(falling, supported(falling)), _last(rising, supported(rising))


def tippett(ratios: Ratios, points: int = 200) -> Tippett:
    """Return Tippett curves over the range of the ratios, at `points` evenly spaced logarithms and 0."""
    spread = np.linspace(ratios.log10[0], ratios.log10[-1], points)
    at = np.union1d(spread, [0.0])
    place = np.searchsorted(ratios.log10, at, side="left")
    shares = []
    for counts in (ratios.mated, ratios.nonmated):
        reached = np.append(counts[::-1].cumsum()[::-1], 0.0)
        shares.append(reached[place] / counts.sum())
    return Tippett(at, shares[0], shares[1])


def pool(mated: Numbers, nonmated: Numbers) -> Numbers:
    """Return the log10 LR of each of a row of cells by pooling adjacent violators.

    It is the monotone function of the cells that costs least on these counts, whatever their distributions (Ayer et
    al., 1955; Zadrozny and Elkan, 2002). Both kinds weigh the same in sum.

    Args:
        mated: Mated comparisons in each cell, cells of rising score, shape (k,); every cell holds a comparison.
        nonmated: Non-mated ones.

    Returns:
        Shape (k,), never falling, infinite where all to one side are of one kind.
    """
    share, weight = _shares(mated, nonmated)
    best = np.clip(isotonic_regression(share, weights=weight).x, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(best) - np.log10(1 - best))


def _shares(mated: Numbers, nonmated: Numbers) -> tuple[Numbers, Numbers]:
    """Return the share of mated comparisons in each cell and the cell's weight, both kinds weighing the same."""
    first, second = mated / mated.sum(), nonmated / nonmated.sum()
    weight = first + second
    return first / weight, weight


def _last(logs: Numbers, supported: npt.NDArray[np.bool_]) -> float:
    """Return the last of the logarithms before the first that is not supported, or 0."""
    count = len(logs) if supported.all() else int(np.argmin(supported))
    return float(logs[count - 1]) if count else 0.0
