"""What holds of the metrics for any scores, ties included."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.evaluate.discard import discard_curve
from faceward.evaluate.intervals import SubjectBootstrap, rate, rule_of_three, wilson
from faceward.evaluate.metrics import auc, det, eer, fmr_at, fnmr_at, roc, threshold_at_fmr
from faceward.evaluate.scores import Scores
from faceward.evaluate.searching import Searches

# Few distinct values, so that scores tie often; and any finite ones.
values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, width=32))
thresholds = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6)
shares = st.floats(0, 1)


@st.composite
def any_scores(draw: st.DrawFn) -> Scores:
    subject_of = np.array([*draw(st.lists(st.integers(0, 4), min_size=2, max_size=9)), 0, 0, 1])
    first, second = np.triu_indices(len(subject_of), 1)
    found = np.array(draw(st.lists(values, min_size=len(first), max_size=len(first))))
    same = subject_of[first] == subject_of[second]
    pairs = np.stack([first, second], axis=1)
    return Scores(found[same], found[~same], pairs[same], pairs[~same], subject_of)


@given(any_scores(), thresholds)
def test_fmr_falls_and_fnmr_rises_with_the_threshold(scores: Scores, wanted: list[float]) -> None:
    rising = sorted(wanted)
    assert (np.diff(fmr_at(scores, rising)) <= 0).all()
    assert (np.diff(fnmr_at(scores, rising)) >= 0).all()
    by_hand = [
        sum(float(score) >= threshold for score in scores.nonmated) / len(scores.nonmated) for threshold in rising
    ]
    assert fmr_at(scores, rising).tolist() == by_hand


@given(any_scores(), shares)
def test_no_lower_threshold_keeps_the_rate(scores: Scores, share: float) -> None:
    threshold = threshold_at_fmr(scores, share)
    assert fmr_at(scores, [threshold])[0] <= share
    below = np.nextafter(np.float32(threshold), np.float32(-np.inf))
    assert share == 1 or fmr_at(scores, [below])[0] > share


@given(any_scores(), st.integers(2, 30))
def test_curves_are_monotone_and_made_of_rates(scores: Scores, count: int) -> None:
    for curve in (det(scores, count), roc(scores, count)):
        assert 1 <= len(curve.thresholds) <= count
        assert (np.diff(curve.thresholds) > 0).all()
        assert (np.diff(curve.fmr) < 0).all()
        assert (np.diff(curve.fnmr) >= 0).all()
        np.testing.assert_array_equal(curve.fmr, fmr_at(scores, curve.thresholds))
        np.testing.assert_array_equal(curve.fnmr, fnmr_at(scores, curve.thresholds))


@given(any_scores())
def test_equal_error_rate_lies_where_the_rates_cross(scores: Scores) -> None:
    found = eer(scores)
    steps = np.unique(np.concatenate([scores.mated, scores.nonmated]))
    fmr, fnmr = np.append(fmr_at(scores, steps), 0), np.append(fnmr_at(scores, steps), 1)
    last = int(np.flatnonzero(fmr >= fnmr)[-1])
    assert fmr[last + 1] - 1e-12 <= found <= fmr[last] + 1e-12
    assert fnmr[last] - 1e-12 <= found <= fnmr[last + 1] + 1e-12


@given(any_scores())
def test_negated_scores_turn_the_area_over(scores: Scores) -> None:
    negated = Scores(-scores.mated, -scores.nonmated, scores.mated_pairs, scores.nonmated_pairs, scores.subject_of)
    assert auc(scores) + auc(negated) == pytest.approx(1)
    wins = np.sign(scores.mated[:, np.newaxis].astype(np.float64) - scores.nonmated).mean()
    assert auc(scores) == pytest.approx((1 + wins) / 2)


@given(any_scores(), thresholds)
def test_intervals_hold_their_estimates_and_are_never_empty(scores: Scores, wanted: list[float]) -> None:
    bootstrap = SubjectBootstrap(scores, 20)
    for found, estimates in (
        (bootstrap.fmr(wanted), fmr_at(scores, wanted)),
        (bootstrap.fnmr(wanted), fnmr_at(scores, wanted)),
    ):
        for one, estimate in zip(found, estimates, strict=True):
            assert one.estimate == estimate
            assert 0 <= one.low <= one.estimate <= one.high <= 1
            assert one.low < one.high


@given(any_scores(), thresholds)
def test_draws_are_rates(scores: Scores, wanted: list[float]) -> None:
    bootstrap = SubjectBootstrap(scores, 20)
    rising = sorted(wanted)
    fmr, fnmr = bootstrap.fmr_draws(rising), bootstrap.fnmr_draws(rising)
    assert fmr.shape == fnmr.shape == (20, len(rising))
    for draws, sign in ((fmr, -1), (fnmr, 1)):
        drawn = draws[~np.isnan(draws).any(axis=1)]
        assert ((drawn >= 0) & (drawn <= 1)).all()
        assert (sign * np.diff(drawn, axis=1) >= 0).all()


@given(st.integers(1, 10**7), st.data())
def test_an_interval_of_independent_trials_holds_its_estimate(trials: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, trials))
    for found in (wilson(errors, trials), rate(errors, trials)):
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.low < found.high
    assert rate(0, trials).high <= min(1, 3 / trials)
    assert (1 - rule_of_three(trials)) ** trials == pytest.approx(0.05)


@given(any_scores(), values, st.data())
def test_discarding_never_adds_comparisons(scores: Scores, threshold: float, data: st.DataObject) -> None:
    samples = len(scores.subject_of)
    quality = np.array(data.draw(st.lists(values, min_size=samples, max_size=samples)))
    curve = discard_curve(scores, quality, threshold)
    assert curve.comparisons[0] == len(scores.mated)
    assert curve.fnmr[0] == fnmr_at(scores, [threshold])[0]
    assert (np.diff(curve.discarded) > 0).all()
    assert (np.diff(curve.comparisons) <= 0).all()
    for place, least in enumerate(curve.quality):
        kept = (quality[scores.mated_pairs] >= least).all(axis=1)
        assert curve.fnmr[place] == (scores.mated[kept] < np.float32(threshold)).mean()
    assert 0 <= curve.partial_area(curve.end) <= curve.end + 1e-12


@given(st.integers(1, 6), st.integers(1, 8), st.data())
def test_searches_do_not_depend_on_blocks(probes: int, references: int, data: st.DataObject) -> None:
    subjects = np.array(data.draw(st.lists(st.integers(0, 8), min_size=probes, max_size=probes)))
    cells = st.lists(st.integers(-2, 2), min_size=probes * references, max_size=probes * references)
    similarities = np.array(data.draw(cells), dtype=np.float32).reshape(probes, references)
    cut = data.draw(st.integers(0, references))
    # The reference of subject i is column i.
    own = subjects < references
    mated = np.where(own, similarities[np.arange(probes), np.minimum(subjects, references - 1)], math.nan)
    found = []
    for blocks in ([slice(0, references)], [slice(cut, references), slice(0, cut)]):
        searches = Searches(subjects, mated)
        for block in blocks:
            searches.add(similarities[:, block], np.arange(references)[block])
        found.append(searches.scores())
    whole, cut_up = found
    np.testing.assert_array_equal(whole.rank, cut_up.rank)
    np.testing.assert_array_equal(whole.best, cut_up.best)
    others = np.where(np.arange(references) == subjects[:, np.newaxis], -np.inf, similarities)
    np.testing.assert_array_equal(whole.best, others.max(axis=1))
    expected = 1 + (others >= mated[:, np.newaxis]).sum(axis=1)
    np.testing.assert_array_equal(whole.rank, np.where(own, expected, 0))
    if own.any():
        cmc = whole.cmc(references)
        assert (np.diff(cmc) >= 0).all()
        assert cmc[-1] == 1
        assert whole.fnir([-1e9], references)[0] == 0
