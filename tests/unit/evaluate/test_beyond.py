"""Rates that were extrapolated: stated by their upper end, and the same for an evaluation and a calibration."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from faceward.core.rate_words import measured
from faceward.core.rates import EXTRAPOLATED
from faceward.evaluate.beyond import Beyond, beyond
from faceward.evaluate.calibrate import fit
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.metrics import points
from faceward.evaluate.scores import Scores
from faceward.evaluate.steps import is_measured
from faceward.policy.evaluation import Point

RATES = (1e-2, 1e-3, 1e-4, 5e-5, 1e-5, 5e-6)


@pytest.fixture(scope="module")
def scores() -> Scores:
    """Compare 250 people with two samples each, faces being noisy directions."""
    generator = np.random.default_rng(1)
    subject = np.repeat(np.arange(250, dtype=np.int32), 2)
    made = generator.standard_normal((250, 48))[subject] + 0.6 * generator.standard_normal((500, 48))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    first, second = np.triu_indices(500, 1)
    pairs, same = np.stack([first, second], axis=1), subject[first] == subject[second]
    values = (made @ made.T)[first, second]
    return Scores(values[same], values[~same], pairs[same], pairs[~same], subject)


def stated(scores: Scores, rates: tuple[float, ...], failed: int = 0) -> tuple[tuple[Point, ...], Beyond]:
    bootstrap = SubjectBootstrap(scores, 100)
    found = points(scores, rates, bootstrap, 500 + failed, failed)
    return found, beyond(scores, bootstrap, rates, (500 + failed, failed), found)


def test_V1_the_rate_of_an_extrapolated_point_is_the_upper_end(scores: Scores) -> None:
    found, more = stated(scores, RATES)
    assert [point.fmr.errors for point in found] == [1245, 124, 12]
    assert [point.fmr.estimate for point in more.points] == [5e-5, 1e-5]
    for point in more.points:
        assert point.extrapolated
        assert point.fmr.method == point.gfar.method == EXTRAPOLATED
        assert point.fmr.low <= point.fmr.estimate == point.fmr.high
        assert point.gfar.low <= point.gfar.estimate == point.gfar.high == pytest.approx(point.fmr.high)
        assert point.fmr.errors == int((scores.nonmated >= np.float32(point.threshold)).sum())
        assert point.gfrr.method != EXTRAPOLATED
    assert measured(more.points[1].fmr).replace("\u00a0", " ") == "at most 1 in 100,000"
    every = [*found, *more.points]
    assert all(a.threshold < b.threshold and a.fmr.estimate > b.fmr.estimate for a, b in pairwise(every))
    # Of the rate a decade and more below there is no figure, and a sentence says so.
    assert len(more.unsupported) == 1
    assert "an FMR of 5e-06" in more.unsupported[0]


def test_V1_lost_comparisons_lower_the_stated_rate_of_acceptance_at_most_by_what_is_sure(scores: Scores) -> None:
    lossy = replace(scores, nonmated_lost=2000)
    _, more = stated(lossy, RATES, failed=4)
    for point in more.points:
        assert point.fmr.high * 0.9 < point.gfar.estimate == point.gfar.high < point.fmr.high


def test_V1_an_evaluation_and_a_calibration_state_the_same_thresholds(scores: Scores) -> None:
    found, more = stated(scores, RATES)
    table = {row[0]: row for row in fit(scores, SubjectBootstrap(scores, 100), extrapolate=True).rows}
    for rate, point in zip(RATES, (*found, *more.points), strict=False):
        row = next(row for known, row in table.items() if math.isclose(known, rate))
        assert 0 <= row[3] - point.threshold <= 1.1e-5
        if point.extrapolated:
            assert row[1] == pytest.approx(point.fmr.low, rel=1e-6, abs=1e-15)


def test_V1_nothing_is_stated_more_than_a_decade_below_the_lowest_measured_point(scores: Scores) -> None:
    found, more = stated(scores, (1e-2, 1e-5))
    assert (len(found), more.points) == (1, ())
    assert "more than a decade below 1.0e-02" in more.unsupported[0]
    found, more = stated(scores, (1e-5,))
    assert (found, more.points) == ((), ())
    assert "no rate that they measure was asked for" in more.unsupported[0]


def test_V1_scores_that_tie_state_no_rate_out_of_order(scores: Scores) -> None:
    coarse = np.round(scores.nonmated, 3)
    top = np.sort(coarse)[-14]
    tied = np.where((coarse >= top - 0.02) & (coarse < top), top - np.float32(0.02), coarse).astype(np.float32)
    found, more = stated(replace(scores, nonmated=tied), RATES)
    every = [*found, *more.points]
    assert all(a.threshold < b.threshold and a.fmr.estimate > b.fmr.estimate for a, b in pairwise(every))
    assert len(every) + len(more.unsupported) >= len(RATES) - 1


@pytest.mark.parametrize(
    ("rate", "trials", "expected"),
    [(1e-4, 100_000, True), (1.5e-4, 66_667, True), (0.1, 100, True), (0.3, 33, False), (1e-6, 12_450_000, True)]
    + [(10 / trials, trials, True) for trials in (7, 49, 66_666, 135_972, 3_000_001)]
    + [(9.99 / trials, trials, False) for trials in (49, 66_666, 135_972)],
)
def test_V1_a_rate_is_measured_where_ten_errors_are_expected(rate: float, trials: int, expected: bool) -> None:
    assert is_measured(rate, trials) is expected
