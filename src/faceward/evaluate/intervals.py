"""Intervals of error rates: of independent trials, and of comparisons that share subjects.

ISO/IEC 19795-1 wants the uncertainty of every rate stated. Comparisons of one person depend on each other, so that an
interval that takes each comparison for a trial is too narrow; here subjects are resampled instead.
"""

from __future__ import annotations

import math
from functools import cached_property
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from faceward.core.errors import UsageError
from faceward.core.rates import Rate
from faceward.evaluate.resampling import Integers, Numbers, Weights, distinct, pair_sums, single_sums, subject_weights
from faceward.evaluate.scores import Indices, Scores, Values, exact_thresholds

WILSON = "wilson"
BOOTSTRAP = "bootstrap over subjects"
RULE_OF_THREE = "rule of three"

ROUNDS = 1000
SEED = 20260101

# Doddington's rule of 30 (2000): with 30 errors a rate is known to within 30 % at 90 % confidence.
_ENOUGH_ERRORS = 30


def wilson(errors: int, trials: int, confidence: float = 0.95) -> Rate:
    """Return the score interval of a share of independent trials (Wilson, 1927; without continuity correction).

    Args:
        errors: Trials that erred, 0 to `trials`.
        trials: Trials, at least 1.
        confidence: Two-sided, between 0 and 1.

    Raises:
        UsageError: There are no trials, or the numbers contradict each other.
    """
    _check(errors, trials, confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = errors / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low, high = ((centre + sign * half) / (1 + z * z / trials) for sign in (-1, 1))
    # At the ends the formula gives exactly 0 and 1, floating point only nearly.
    return Rate(share, 0.0 if errors == 0 else low, 1.0 if errors == trials else high, errors, trials, WILSON)


def rule_of_three(trials: float, confidence: float = 0.95) -> float:
    """Return the highest rate at which seeing no error in so many independent trials is not yet improbable.

    It is the exact one-sided limit of Clopper and Pearson, `1 - (1 - confidence) ** (1 / trials)`; at 95 % that is the
    `3 / trials` of ISO/IEC 19795-1 (Jovanovic and Levy, 1997), and never above it: 0 errors in 300 is 1 %.

    Args:
        trials: Independent trials, above 0; an effective number need not be whole.
        confidence: One-sided, between 0 and 1.

    Raises:
        UsageError: There are no trials.
    """
    _check(0, trials, confidence)
    return -math.expm1(math.log1p(-confidence) / trials)


def rate(errors: int, trials: int, confidence: float = 0.95) -> Rate:
    """Return a share of independent trials with its interval.

    Wilson's, save where no trial erred (from 0 to the `rule_of_three`) or all did (the mirror image).

    Args:
        errors: Trials that erred, 0 to `trials`.
        trials: Trials, at least 1.
        confidence: Two-sided for Wilson's interval, one-sided for the rule of three.

    Raises:
        UsageError: There are no trials, or the numbers contradict each other.
    """
    _check(errors, trials, confidence)
    if errors == 0:
        return Rate(0.0, 0.0, rule_of_three(trials, confidence), 0, trials, RULE_OF_THREE)
    if errors == trials:
        return Rate(1.0, 1 - rule_of_three(trials, confidence), 1.0, errors, trials, RULE_OF_THREE)
    return wilson(errors, trials, confidence)


def resampled(errors: int, trials: int, draws: Numbers, units: float) -> Rate:
    """Return a rate with the 95 % percentile interval of its draws, widened where few errors were seen.

    The bootstrap knows only the errors that were seen: with none its interval is empty, with one too short. So the
    interval is never narrower than Wilson's over all comparisons, which takes them for independent; and its upper end
    never falls below the rule of three over the independent units, its lower end never rises above the mirror image.
    Seeing few errors is
    then never better news than seeing none.

    Args:
        errors: Comparisons that erred.
        trials: Comparisons, at least 1.
        draws: The rate in each round, shape (rounds,); NaN where a round drew no comparison.
        units: How many independent trials the comparisons are worth.

    Raises:
        UsageError: There are no trials.
    """
    independent = wilson(errors, trials)
    limit = rule_of_three(units)
    drawn = draws[~np.isnan(draws)]
    low, high = (float(value) for value in np.quantile(drawn, (0.025, 0.975))) if len(drawn) else (0.0, 1.0)
    if errors == 0:
        return Rate(0.0, 0.0, limit, 0, trials, RULE_OF_THREE)
    if errors == trials:
        return Rate(1.0, 1 - limit, 1.0, errors, trials, RULE_OF_THREE)
    low, high = min(low, independent.low, 1 - limit), max(high, independent.high, limit)
    return Rate(errors / trials, low, high, errors, trials, BOOTSTRAP)


class SubjectBootstrap:
    """FMR and FNMR with intervals over subjects.

    Each round draws the subjects anew and computes both rates from the comparisons of those drawn, with the numbers of
    comparisons computed anew too. Two bootstraps over the same subjects (`subject_of` of equal length and numbering),
    rounds and seed make the same draws: to resample a ratio of the rates of two groups, divide their `fmr_draws`.

    Where no error was seen, the rule of three counts independent units, not comparisons:

    - Mated comparisons: the subjects that have one. Whatever one person's comparisons have in common, persons are
      independent.
    - Non-mated comparisons: `n / d`, with n comparisons and the design effect d (Kish, 1965; Schuckers, 2010): how many
      times the variance between rounds exceeds that of independent comparisons, at the highest threshold that at least
      30 reach. This is an estimate, and a wide one: the bootstrap overstates the variance of rare errors up to three
      times (Owen, 2007), and the rarer an error, the less one person's comparisons have it in common, unless a few
      people cause most. It is never taken below what needs no estimate: comparisons without a subject in common, of
      which there are at least pairs of subjects / (highest number of partners of a subject + 1) (Vizing, 1964); half
      the subjects where everybody is compared with everybody.

    Attributes:
        rounds: Number of rounds.
    """

    def __init__(self, scores: Scores, rounds: int = ROUNDS, seed: int = SEED) -> None:
        """Draw the subjects.

        Args:
            scores: The comparisons.
            rounds: Number of rounds, at least 1.
            seed: Seed of the generator.

        Raises:
            UsageError: There are no subjects or no rounds.
        """
        self.rounds = rounds
        self._scores = scores
        self._weights = subject_weights(scores.subjects, rounds, seed)
        self._mated_subjects = scores.subject_of[scores.mated_pairs[:, 0]]

    def fmr(self, thresholds: npt.ArrayLike) -> tuple[Rate, ...]:
        """Return the FMR at each threshold, with its 95 % interval.

        Args:
            thresholds: Shape (k,), in any order.

        Raises:
            UsageError: There are no non-mated comparisons, or a threshold is not a number.
        """
        values = np.sort(self._scores.nonmated)
        errors = len(values) - np.searchsorted(values, exact_thresholds(thresholds))
        return self._rates(errors, len(values), self.fmr_draws(thresholds), self.nonmated_units)

    def fnmr(self, thresholds: npt.ArrayLike) -> tuple[Rate, ...]:
        """Return the FNMR at each threshold, with its 95 % interval.

        Args:
            thresholds: Shape (k,), in any order.

        Raises:
            UsageError: There are no mated comparisons, or a threshold is not a number.
        """
        values = np.sort(self._scores.mated)
        errors = np.searchsorted(values, exact_thresholds(thresholds))
        return self._rates(errors, len(values), self.fnmr_draws(thresholds), self.mated_units)

    def fmr_draws(self, thresholds: npt.ArrayLike) -> Numbers:
        """Return the FMR of each round, shape (rounds, k); NaN where a round drew no non-mated comparison."""
        steps, place = np.unique(exact_thresholds(thresholds), return_inverse=True)
        values = self._scores.nonmated
        matched = values >= steps[0]
        level = np.searchsorted(steps, values[matched], side="right") - 1
        at_level = pair_sums(self._weights, self._nonmated_subjects(matched), level, len(steps))
        sums = at_level[:, ::-1].cumsum(axis=1)[:, ::-1]
        return _shares(sums, self._nonmated_weights)[:, place]

    def fnmr_draws(self, thresholds: npt.ArrayLike) -> Numbers:
        """Return the FNMR of each round, shape (rounds, k); NaN where a round drew no mated comparison."""
        return draws_below(self._weights, self._mated_subjects, self._scores.mated, thresholds)

    @cached_property
    def mated_units(self) -> float:
        """Independent units of the FNMR: subjects with a mated comparison."""
        return float(len(np.unique(self._mated_subjects)))

    @cached_property
    def nonmated_units(self) -> float:
        """Independent units of the FMR: comparisons over the design effect, and not below what needs no estimate."""
        values = self._scores.nonmated
        trials = len(values)
        if not trials:
            return 0.0
        disjoint = _disjoint_pairs(*self._nonmated_subjects(np.ones(trials, dtype=np.bool_)))
        if trials < _ENOUGH_ERRORS:
            return disjoint
        threshold = np.partition(values, trials - _ENOUGH_ERRORS)[trials - _ENOUGH_ERRORS]
        draws = self.fmr_draws(threshold)
        share = float((values >= threshold).mean())
        if share == 1:
            return disjoint
        effect = float(np.nanvar(draws)) * trials / (share * (1 - share))
        return max(disjoint, trials / max(effect, 1.0))

    @cached_property
    def _nonmated_weights(self) -> Numbers:
        every = np.ones(len(self._scores.nonmated), dtype=np.bool_)
        return pair_sums(self._weights, self._nonmated_subjects(every), np.zeros(len(every), dtype=np.int64), 1)

    def _nonmated_subjects(self, chosen: npt.NDArray[np.bool_]) -> tuple[Indices, Indices]:
        first, second = (self._scores.subject_of[self._scores.nonmated_pairs[chosen, side]] for side in (0, 1))
        return first, second

    def _rates(self, errors: Integers, trials: int, draws: Numbers, units: float) -> tuple[Rate, ...]:
        columns = zip(errors.tolist(), draws.T, strict=True)
        return tuple(resampled(count, trials, column, units) for count, column in columns)


def draws_below(weights: Weights, subjects: Integers, values: Values, thresholds: npt.ArrayLike) -> Numbers:
    """Return the share of values below each threshold in each round, each value weighing as its subject.

    Args:
        weights: As of `subject_weights`, shape (rounds, subjects).
        subjects: The subject of each value, shape (n,).
        values: Shape (n,), float32.
        thresholds: Shape (k,), in any order.

    Returns:
        Shares, shape (rounds, k); NaN where a round drew no value.

    Raises:
        UsageError: A threshold is not a number.
    """
    steps, place = np.unique(exact_thresholds(thresholds), return_inverse=True)
    # One level more holds what lies below no threshold.
    level = np.searchsorted(steps, values, side="right")
    sums = single_sums(weights, subjects, level, len(steps) + 1).cumsum(axis=1)
    return _shares(sums[:, :-1], sums[:, -1:])[:, place]


def _shares(sums: Numbers, totals: Numbers) -> Numbers:
    """Divide each round's sums, shape (rounds, k), by its total, shape (rounds, 1); NaN where that is 0."""
    return np.divide(sums, totals, out=np.full_like(sums, np.nan), where=totals > 0)


def _disjoint_pairs(first: Indices, second: Indices) -> float:
    """Return how many comparisons without a subject in common there are at least (Vizing, 1964)."""
    people = int(max(first.max(), second.max())) + 1
    key = np.minimum(first, second).astype(np.int64)
    key *= people
    key += np.maximum(first, second)
    pairs, _ = distinct(key)
    partners = np.bincount(pairs // people, minlength=people) + np.bincount(pairs % people, minlength=people)
    return float(-(-len(pairs) // (int(partners.max()) + 1)))


def _check(errors: int, trials: float, confidence: float) -> None:
    if trials <= 0:
        raise UsageError("no trials: a rate needs at least one comparison")
    if not 0 <= errors <= trials:
        raise UsageError(f"{errors} errors in {trials} trials cannot be")
    if not 0 < confidence < 1:
        raise UsageError(f"a confidence lies between 0 and 1, not {confidence}")
