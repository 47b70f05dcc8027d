"""Errors of groups of people, and how large a group must be before anything is said of it (rule V2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.rates import Rate
from faceward.core.words import plural
from faceward.evaluate.intervals import resampled
from faceward.evaluate.resampling import Numbers, Weights, pair_sums, single_sums
from faceward.evaluate.scores import Indices, Scores
from faceward.policy.evaluation import Group

Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

MIN_SUBJECTS = 30
"""Subjects below which nothing is said of a group.

What befalls one person in ten is missed altogether among n people with probability 0.9^n, which falls below 5 % at 29:
the rule of three, 3 / 30 = 10 %.
"""

MAX_EXCESS = 2.0
"""A group must be large enough to be said, had it no error, to err less than twice as often as everybody.

By the rule of three the upper end is 3 / n for n independent trials, so that n must exceed 1.5 / rate over all.
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """One kind of error, within groups.

    Attributes:
        errors: Comparisons of each group that erred, shape (groups,).
        trials: Its comparisons.
        units: Independent units among them: subjects with a mated comparison, or pairs of subjects.
        draws: Its rate in each round of the bootstrap, shape (rounds, groups); NaN where a round drew no comparison.
        overall: The rate over all people, in the group or not; None where there was no comparison.
    """

    errors: Counts
    trials: Counts
    units: Counts
    draws: Numbers
    overall: float | None

    def needed(self) -> int | None:
        """Return the units that a claim needs, or None where no error was seen at all: there is nothing to compare."""
        return math.ceil(3 / (MAX_EXCESS * self.overall)) if self.overall else None

    def rate(self, group: int) -> Rate:
        """Return a group's rate with its interval."""
        errors, trials, units = (int(value[group]) for value in (self.errors, self.trials, self.units))
        return resampled(errors, trials, self.draws[:, group], units)

    def floor(self, group: int) -> float:
        """Return the rate at which seeing no error among a group's units is as likely as not: the median estimate."""
        return -math.expm1(math.log(0.5) / int(self.units[group]))

    def without_zeros(self, groups: Sequence[int]) -> tuple[Numbers, Numbers]:
        """Return rates, shape (groups,), and draws, shape (rounds, groups), with zeros as the median estimate."""
        chosen = list(groups)
        floors = np.array([self.floor(group) for group in chosen])
        rates = self.errors[chosen] / self.trials[chosen]
        draws = self.draws[:, chosen]
        whole = draws[~np.isnan(draws).any(axis=1)]
        return np.maximum(rates, floors), np.maximum(whole, floors)


def tally_nonmated(scores: Scores, codes: Codes, groups: int, threshold: float, weights: Weights) -> Tally:
    """Count false matches of two people of the same group.

    Args:
        scores: The comparisons.
        codes: The group of each sample, -1 for none, shape (samples,).
        groups: Number of groups.
        threshold: Scores at or above it are a match.
        weights: How often each subject counts in each round.
    """
    level = _common(codes, scores.nonmated_pairs)
    within = level >= 0
    false = within & (scores.nonmated >= threshold)
    subjects = _subjects(scores, scores.nonmated_pairs)
    errors = pair_sums(weights, _only(subjects, false), level[false], groups)
    trials = np.bincount(level[within], minlength=groups).astype(np.int64)
    present = np.unique(scores.nonmated_pairs)
    members = [present[codes[present] == group] for group in range(groups)]
    samples = [np.bincount(scores.subject_of[own], minlength=scores.subjects).astype(np.float64) for own in members]
    every = np.array([round((own.sum() ** 2 - (own**2).sum()) / 2) for own in samples])
    if (every == trials).all():
        # Everybody is compared with everybody: the sum over pairs has a closed form.
        totals = np.column_stack([_all_pairs(weights, own) for own in samples])
    else:
        totals = pair_sums(weights, _only(subjects, within), level[within], groups)
    people = np.array([np.count_nonzero(own) for own in samples])
    return Tally(
        np.bincount(level[false], minlength=groups).astype(np.int64),
        trials,
        np.minimum(trials, people * (people - 1) // 2).astype(np.int64),
        _shares(errors, totals),
        float((scores.nonmated >= threshold).mean()) if len(scores.nonmated) else None,
    )


def tally_mated(scores: Scores, codes: Codes, groups: int, threshold: float, weights: Weights) -> Tally:
    """Count false non-matches of the people of each group.

    Args:
        scores: The comparisons.
        codes: The group of each sample, -1 for none, shape (samples,).
        groups: Number of groups.
        threshold: Scores at or above it are a match.
        weights: How often each subject counts in each round.
    """
    level = _common(codes, scores.mated_pairs)
    within = level >= 0
    false = within & (scores.mated < threshold)
    subject = scores.subject_of[scores.mated_pairs[:, 0]]
    errors = single_sums(weights, subject[false], level[false], groups)
    totals = single_sums(weights, subject[within], level[within], groups)
    cells = np.unique(level[within].astype(np.int64) * max(1, scores.subjects) + subject[within])
    return Tally(
        np.bincount(level[false], minlength=groups).astype(np.int64),
        np.bincount(level[within], minlength=groups).astype(np.int64),
        np.bincount(cells // max(1, scores.subjects), minlength=groups).astype(np.int64),
        _shares(errors, totals),
        float((scores.mated < threshold).mean()) if len(scores.mated) else None,
    )


def describe(name: str, own: Codes, false_matches: Tally, false_nonmatches: Tally, group: int) -> Group:
    """Return a group with the rates that its size supports, and in words what the others would need.

    Args:
        name: The group.
        own: Subject of each of its samples.
        false_matches: As of `tally_nonmated`.
        false_nonmatches: As of `tally_mated`.
        group: Its number in both.
    """
    subjects = len(np.unique(own))
    if subjects < MIN_SUBJECTS:
        few = f"{plural(subjects, 'subject')} {'is' if subjects == 1 else 'are'} too few"
        note = f"{few} for a claim; at least {MIN_SUBJECTS} are needed"
        return Group(name, subjects, len(own), False, None, None, note)
    rates, notes = [], []
    for tally, error, unit in (
        (false_matches, "FMR", "pairs of subjects"),
        (false_nonmatches, "FNMR", "mated subjects"),
    ):
        lack = _lack(tally, group, error, unit)
        rates.append(None if lack else tally.rate(group))
        notes += [lack] if lack else []
    return Group(name, subjects, len(own), not notes, rates[0], rates[1], "; ".join(notes))


def _lack(tally: Tally, group: int, error: str, unit: str) -> str:
    needed, units = tally.needed(), int(tally.units[group])
    if needed is None:
        return f"no {error}: no such error was seen in any group"
    needed = max(needed, MIN_SUBJECTS)
    return "" if units >= needed else f"no {error}: {units:,} {unit}, and a claim needs {needed:,}"


def _common(codes: Codes, pairs: Indices) -> Codes:
    """Return the group that both samples of each pair belong to, or -1."""
    first = codes[pairs[:, 0]]
    return np.where(first == codes[pairs[:, 1]], first, -1).astype(np.int32)


def _subjects(scores: Scores, pairs: Indices) -> tuple[Codes, Codes]:
    return scores.subject_of[pairs[:, 0]], scores.subject_of[pairs[:, 1]]


def _only(pairs: tuple[Codes, Codes], chosen: npt.NDArray[np.bool_]) -> tuple[Codes, Codes]:
    return pairs[0][chosen], pairs[1][chosen]


def _all_pairs(weights: Weights, samples: Numbers) -> Numbers:
    """Return the weight of all pairs of samples of different subjects in each round, shape (rounds,)."""
    drawn = weights * samples
    return np.asarray((drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)) / 2)


def _shares(errors: Numbers, totals: Numbers) -> Numbers:
    shares: Numbers = np.divide(errors, totals, out=np.full(totals.shape, np.nan), where=totals > 0)
    return shares
