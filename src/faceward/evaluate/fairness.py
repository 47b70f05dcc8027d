"""How evenly errors fall on groups of people, by the labels of the data set (rules V2, V3, P4; ISO/IEC 19795-10).

Rates are those within a group: false matches of two of its people, since an impostor is seldom of another sex or age.
All groups are compared at one threshold. There is none per group: it would take a guess at each person's group at the
door, and treat people by it. What can be had instead is the threshold at which the worst group meets the rate, and what
that costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from faceward.core.errors import BadInput
from faceward.core.rates import Rate
from faceward.evaluate import differentials
from faceward.evaluate.groups import Codes, Tally, describe, tally_mated, tally_nonmated
from faceward.evaluate.intervals import BOOTSTRAP, ROUNDS, SEED
from faceward.evaluate.resampling import Numbers, Weights, subject_weights
from faceward.evaluate.scores import Scores
from faceward.evaluate.steps import threshold_for
from faceward.policy.evaluation import Differential, Fairness, Group

NOT_STATED = "not stated"
"""Value of samples that the data set leaves unlabelled: counted as a group of their own, compared with none."""

Attributes = Mapping[str, Sequence[str | None]]


def assess(
    scores: Scores, attributes: Attributes, threshold: float, rounds: int = ROUNDS, seed: int = SEED
) -> tuple[Fairness, ...]:
    """Return errors by group for each attribute, and for each two attributes together.

    Args:
        scores: The comparisons.
        attributes: For each attribute a value for each sample, in the order of `scores.subject_of`; None where the data
            set does not say. From `faceward.evaluate.labels`.
        threshold: Where the groups are compared.
        rounds: Rounds of the bootstrap over subjects.
        seed: Its seed.

    Raises:
        BadInput: There are no labels, or not one for each sample.
        UsageError: There are no subjects.
    """
    if not attributes:
        raise BadInput("the data carry no labels; give the data set's own as a CSV file")
    for name, values in attributes.items():
        if len(values) != len(scores.subject_of):
            raise BadInput(f"{len(values)} labels of {name} do not go with {len(scores.subject_of)} samples")
    weights = subject_weights(scores.subjects, rounds, seed)
    sets = [(name,) for name in attributes] + list(combinations(attributes, 2))
    return tuple(_assess(scores, {name: attributes[name] for name in names}, threshold, weights) for names in sets)


def _assess(scores: Scores, attributes: Attributes, threshold: float, weights: Weights) -> Fairness:
    names, codes, stated = _groups(attributes)
    false_matches = tally_nonmated(scores, codes, len(names), threshold, weights)
    false_nonmatches = tally_mated(scores, codes, len(names), threshold, weights)
    groups = [
        describe(name, scores.subject_of[codes == number], false_matches, false_nonmatches, number)
        for number, name in enumerate(names)
    ]
    rated = [number for number in stated if groups[number].fmr]
    missed = [number for number in stated if groups[number].fnmr]
    found = (
        _differential("fmr", groups, rated, false_matches),
        _differential("fnmr", groups, missed, false_nonmatches),
    )
    worst = _worst_threshold(scores, codes, rated, threshold)
    return Fairness(
        attributes=tuple(attributes),
        threshold=threshold,
        groups=tuple(groups),
        differentials=tuple(one for one in found if one),
        worst_threshold=worst,
        worst_fnmr=float((scores.mated < worst).mean()) if worst is not None and len(scores.mated) else None,
    )


def _groups(attributes: Attributes) -> tuple[list[str], Codes, list[int]]:
    """Return the groups' names, the group of each sample, and which groups are wholly labelled."""
    rows = list(zip(*attributes.values(), strict=True))
    values = sorted(set(rows), key=lambda row: (None in row, [value or "" for value in row]))
    number = {row: k for k, row in enumerate(values)}
    names = [
        ", ".join(f"{name}={value or NOT_STATED}" for name, value in zip(attributes, row, strict=True))
        for row in values
    ]
    codes = np.array([number[row] for row in rows], dtype=np.int32)
    return names, codes, [k for row, k in number.items() if None not in row]


def _differential(measure: str, groups: Sequence[Group], compared: Sequence[int], tally: Tally) -> Differential | None:
    """Return how unevenly an error falls on the groups that have a rate, or None where fewer than two have.

    A group without an error counts with the rate at which seeing none is as likely as not, ln 2 / n for n independent
    units, in the estimate and in every draw: a ratio to zero says nothing, and with the upper end of their intervals
    small groups would look alike.

    The highest of several rates is never below their mean, so that groups without any difference have a ratio above 1
    too. Intervals are therefore of the ratio of the group that was the worst to the mean, or to the group that was the
    best, whichever group is the worst in a draw; they may reach below 1. And `chance` says how high a ratio draws of
    equal groups reach: draws of each group over its own rate, so that only their noise is left.
    """
    if len(compared) < 2:
        return None
    rates, draws = tally.without_zeros(compared)
    top, bottom = int(rates.argmax()), int(rates.argmin())
    low, high = _ends(draws[:, top] / np.exp(np.log(draws).mean(axis=1)))
    estimate = float(differentials.worst_to_geometric_mean(rates))
    errors, trials = int(tally.errors[compared[top]]), int(tally.trials[compared[top]])
    return Differential(
        measure=measure,
        worst=groups[compared[top]].name,
        ratio=Rate(estimate, min(low, estimate), max(high, estimate), errors, trials, BOOTSTRAP),
        gini=float(differentials.gini(rates)),
        inequity=float(differentials.inequity(rates)),
        gini_interval=_ends(differentials.gini(draws)),
        inequity_interval=_ends(draws[:, top] / draws[:, bottom]),
        chance=float(np.quantile(differentials.worst_to_geometric_mean(draws / rates), 0.95)),
    )


def _ends(draws: Numbers) -> tuple[float, float]:
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def _worst_threshold(scores: Scores, codes: Codes, rated: Sequence[int], threshold: float) -> float | None:
    """Return the lowest threshold from `threshold` up at which no group with a rate exceeds the FMR over all people.

    None where fewer than two groups have a rate: of one there is no worst.
    """
    errors = int((scores.nonmated >= threshold).sum())
    if len(rated) < 2 or not errors:
        return None
    first, second = (codes[scores.nonmated_pairs[:, side]] for side in (0, 1))
    limits = (
        threshold_for(np.sort(scores.nonmated[(first == group) & (second == group)]), errors / len(scores.nonmated))
        for group in rated
    )
    return max(threshold, *limits)
