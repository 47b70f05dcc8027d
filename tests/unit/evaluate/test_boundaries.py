"""Scores that lie exactly on a threshold, and ends of intervals: where an error of one step hides."""

from __future__ import annotations

import numpy as np

from faceward.evaluate.accuracy import between
from faceward.evaluate.groups import tally_nonmated
from faceward.evaluate.resampling import subject_weights
from faceward.evaluate.scores import Scores
from faceward.evaluate.tail import Fit


def test_a_pair_on_the_threshold_is_a_match_when_accuracy_is_taken() -> None:
    train = np.array([0.5, 0.25], np.float32), np.array([True, False])
    test = np.array([0.5, 0.5, 0.25], np.float32), np.array([True, True, False])
    found = between(train, test)
    assert found.thresholds == (0.5,)
    assert found.mean == 1.0


def test_a_stranger_of_the_group_on_the_threshold_is_a_false_match() -> None:
    pairs = np.array([[0, 1], [0, 2], [1, 2]], np.int32)
    scores = Scores(
        mated=np.array([0.9], np.float32),
        nonmated=np.array([0.5, 0.25, 0.75], np.float32),
        mated_pairs=np.array([[0, 3]], np.int32),
        nonmated_pairs=pairs,
        subject_of=np.array([0, 1, 2, 0], np.int32),
    )
    weights = subject_weights(3, 5, 1)
    tally = tally_nonmated(scores, np.zeros(4, np.int8), 1, 0.5, weights)
    assert tally.errors.tolist() == [2]
    assert tally.trials.tolist() == [3]


def test_the_ends_of_the_tails_interval_leave_one_round_in_forty_on_either_side() -> None:
    share = np.concatenate([[0.5], np.linspace(0, 1, 401)])
    fit = Fit(0.7, share, np.ones(402), np.zeros(402))
    low, high = fit.interval(0.7)
    np.testing.assert_allclose((low, high), (0.025, 0.975), atol=1e-9)
