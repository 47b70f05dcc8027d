from __future__ import annotations

import math

import numpy as np
import pytest

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.discard import discard_curve
from faceward.evaluate.scores import Scores

# Five samples: two of subject 0, two of subject 1, one of subject 2 that has no mated comparison.
PAIRS = [[0, 1], [2, 3]]
SCORES = Scores([0.2, 0.9], [], PAIRS, [], [0, 0, 1, 1, 2])


def test_the_worst_samples_go_first_and_take_their_comparisons_with_them() -> None:
    curve = discard_curve(SCORES, [0.1, 0.8, 0.5, 0.9, 0.3], threshold=0.5)
    assert curve.discarded.tolist() == [0.0, 0.2, 0.4]
    assert curve.fnmr.tolist() == [0.5, 0.0, 0.0]
    assert curve.comparisons.tolist() == [2, 1, 1]
    assert curve.quality.tolist() == [0.1, 0.3, 0.5]
    assert curve.end == pytest.approx(0.6)


def test_between_its_steps_the_curve_is_flat() -> None:
    curve = discard_curve(SCORES, [0.1, 0.8, 0.5, 0.9, 0.3], threshold=0.5)
    assert [curve.at(share) for share in (0.0, 0.19, 0.2, 0.5)] == [0.5, 0.5, 0.0, 0.0]
    assert curve.partial_area(0.1) == pytest.approx(0.05)
    assert curve.partial_area(0.6) == pytest.approx(0.1)


def test_samples_of_equal_quality_go_together() -> None:
    curve = discard_curve(SCORES, [0.1, 0.1, 0.5, 0.5, 0.1], threshold=0.5)
    assert curve.discarded.tolist() == [0.0, 0.6]
    assert curve.fnmr.tolist() == [0.5, 0.0]
    assert curve.end == 1.0


def test_the_score_at_the_threshold_matches() -> None:
    assert discard_curve(SCORES, np.arange(5), threshold=float(np.float32(0.2))).fnmr[0] == 0


def test_telling_quality_has_the_smaller_area() -> None:
    generator = np.random.default_rng(2)
    quality = generator.uniform(size=2000)
    pairs = np.arange(2000).reshape(-1, 2)
    mated = quality[pairs].min(axis=1) + generator.normal(scale=0.1, size=1000)
    scores = Scores(mated, [], pairs, [], np.arange(2000) // 2)
    telling = discard_curve(scores, quality, 0.2)
    silent = discard_curve(scores, generator.uniform(size=2000), 0.2)
    assert telling.fnmr[0] == silent.fnmr[0]
    assert telling.partial_area() < 0.7 * silent.partial_area()
    # A quality that says nothing leaves the FNMR where it is.
    assert silent.partial_area() / 0.2 == pytest.approx(silent.fnmr[0], rel=0.1)


def test_questions_beyond_the_curve_are_refused() -> None:
    curve = discard_curve(SCORES, [0.1, 0.8, 0.5, 0.9, 0.3], threshold=0.5)
    for share in (0.6, 0.7):
        with pytest.raises(UsageError, match="no mated comparison is left"):
            curve.at(share)
    with pytest.raises(UsageError, match=r"more than 0\.6"):
        curve.partial_area(0.61)
    with pytest.raises(UsageError, match="above 0"):
        curve.partial_area(0.0)
    with pytest.raises(UsageError, match="between 0 and 1"):
        curve.at(-0.1)


@pytest.mark.parametrize(
    ("quality", "said"),
    [([1.0, 2.0], "one number for each of the 5 samples"), ([1, 2, 3, 4, math.nan], "not a finite number")],
)
def test_quality_must_be_one_number_a_sample(quality: list[float], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        discard_curve(SCORES, quality, 0.5)


def test_without_mated_comparisons_there_is_no_curve() -> None:
    with pytest.raises(BadInput, match="no mated comparison"):
        discard_curve(Scores([], [0.1], [], [[0, 2]], SCORES.subject_of), np.arange(5), 0.5)
