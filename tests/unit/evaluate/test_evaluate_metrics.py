from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.intervals import SubjectBootstrap, rate, rule_of_three
from faceward.evaluate.metrics import (
    auc,
    det,
    eer,
    fmr_at,
    fnmr_at,
    histogram,
    points,
    roc,
    threshold_at_fmr,
)
from faceward.evaluate.scores import Scores


def _scores(mated: list[float], nonmated: list[float], lost: tuple[int, int] = (0, 0)) -> Scores:
    """Mated and non-mated scores of two samples of one subject and one of another."""
    pairs = [[[0, 1]] * len(mated), [[1, 2]] * len(nonmated)]
    return Scores(mated, nonmated, *pairs, [0, 0, 1], *lost)  # type: ignore[arg-type]


def _many(digits: int | None = None) -> Scores:
    """3,000 subjects; with `digits`, rounded so that scores tie."""
    generator = np.random.default_rng(11)
    mated, nonmated = generator.normal(1.5, size=3000), generator.normal(size=20_000)
    if digits is not None:
        mated, nonmated = mated.round(digits), nonmated.round(digits)
    first = generator.integers(0, 6000, 20_000)
    second = (first + 2 + 2 * generator.integers(0, 2999, 20_000)) % 6000
    return Scores(
        mated, nonmated, np.arange(6000).reshape(-1, 2), np.stack([first, second], axis=1), np.arange(6000) // 2
    )


SMALL = _scores([0.4, 0.6, 0.8, 0.9], [0.1, 0.2, 0.3, 0.5, 0.6])


def test_rates_count_scores_at_the_threshold_as_matches() -> None:
    assert fmr_at(SMALL, [0.6, 0.61, 0.1, 0.0]).tolist() == [0.2, 0.0, 1.0, 1.0]
    assert fnmr_at(SMALL, [0.6, 0.61, 0.95]).tolist() == [0.25, 0.5, 1.0]


def test_a_threshold_between_two_single_precision_numbers_is_not_rounded_down() -> None:
    score = np.float32(0.1)
    # In double precision 0.1 lies below the score that a float32 makes of it.
    assert fmr_at(_scores([], [0.1]), [0.1])[0] == 1
    above = float(score) + 1e-12
    assert np.float32(above) == score
    assert fmr_at(_scores([], [0.1]), [above])[0] == 0


@pytest.mark.parametrize(
    ("fmr", "expected"),
    # Five scores: an FMR of 0.4 lets 0.6 and 0.5 match, 0.39 only 0.6.
    [(0.4, 0.3), (0.39, 0.5), (0.2, 0.5), (0.19, 0.6), (0.0, 0.6), (0.99, 0.1)],
)
def test_the_threshold_is_the_lowest_that_keeps_the_rate(fmr: float, expected: float) -> None:
    threshold = threshold_at_fmr(SMALL, fmr)
    assert threshold == np.nextafter(np.float32(expected), np.float32(9))
    assert fmr_at(SMALL, [threshold])[0] <= fmr < fmr_at(SMALL, [np.float32(expected)])[0]


def test_all_may_match_at_a_rate_of_one() -> None:
    assert threshold_at_fmr(SMALL, 1.0) == np.float32(0.1)


def test_ties_lie_on_the_safe_side() -> None:
    tied = _scores([], [0.1, 0.5, 0.5, 0.5])
    assert fmr_at(tied, [threshold_at_fmr(tied, 0.5)])[0] == 0


def test_a_share_that_floating_point_misses_is_still_reached() -> None:
    # 0.29 * 100 is 28.999... in floating point.
    assert fmr_at(_scores([], list(range(100))), [threshold_at_fmr(_scores([], list(range(100))), 0.29)])[0] == 0.29


@pytest.mark.parametrize("digits", [None, 1])
def test_det_points_are_those_of_scikit_learn(digits: int | None) -> None:
    scores = _many(digits)
    labels = np.repeat([1, 0], [len(scores.mated), len(scores.nonmated)])
    values = np.concatenate([scores.mated, scores.nonmated])
    fpr, fnr, thresholds = det_curve(labels, values)
    theirs = {float(threshold): (x, y) for threshold, x, y in zip(thresholds, fpr, fnr, strict=True)}
    curve = det(scores)
    # Theirs begins where the FMR first falls below 1 and ends where a false match remains.
    common = [place for place, threshold in enumerate(curve.thresholds) if float(threshold) in theirs]
    assert len(common) >= len(curve.thresholds) - 1
    for place in common:
        assert (curve.fmr[place], curve.fnmr[place]) == pytest.approx(theirs[float(curve.thresholds[place])], abs=1e-12)
    assert curve.fmr[0] == 1


@pytest.mark.parametrize("digits", [None, 1])
def test_roc_points_and_area_are_those_of_scikit_learn(digits: int | None) -> None:
    scores = _many(digits)
    labels = np.repeat([1, 0], [len(scores.mated), len(scores.nonmated)])
    values = np.concatenate([scores.mated, scores.nonmated])
    fpr, tpr, thresholds = roc_curve(labels, values, drop_intermediate=False)
    curve = roc(scores, 50)
    for place, threshold in enumerate(curve.thresholds):
        theirs = int(np.flatnonzero(thresholds == threshold)[0])
        assert (curve.fmr[place], curve.tmr[place]) == pytest.approx((fpr[theirs], tpr[theirs]), abs=1e-12)
    assert np.diff(curve.fmr).max() < 0
    assert auc(scores) == pytest.approx(roc_auc_score(labels, values), abs=1e-12)
    assert eer(scores) == pytest.approx(brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1), abs=1e-9)


def test_det_is_even_in_the_logarithm_of_the_fmr() -> None:
    curve = det(_many(), 41)
    assert curve.fmr[-1] == 1 / 20_000
    steps = np.diff(np.log10(curve.fmr[curve.fmr > 1e-3]))
    assert steps == pytest.approx(np.full(len(steps), -math.log10(20_000) / 40), abs=0.02)


def test_equal_error_rate_of_separate_and_of_swapped_scores() -> None:
    assert eer(_scores([0.8, 0.9], [0.1, 0.2])) == 0
    assert eer(_scores([0.1, 0.2], [0.8, 0.9])) == 1
    assert eer(_scores([0.5], [0.5])) == 0.5
    # At 0.6 the FMR is 1/5 and the FNMR 1/4, at 0.5 they are 2/5 and 1/4: cut 3/4 of the way.
    assert eer(SMALL) == pytest.approx(0.25)


def test_area_counts_equal_scores_half() -> None:
    assert auc(_scores([0.5, 0.9], [0.5, 0.1])) == (0.5 + 1 + 1 + 1) / 4


def test_histogram_densities_share_edges_and_hold_every_score() -> None:
    scores = _many()
    found = histogram(scores, 40)
    width = np.diff(found.edges)
    assert (found.mated * width).sum() == pytest.approx(1)
    assert (found.nonmated * width).sum() == pytest.approx(1)
    expected, _ = np.histogram(scores.nonmated.astype(np.float64), found.edges, density=True)
    assert found.nonmated == pytest.approx(expected)
    one = histogram(_scores([0.5], [0.5]), 4)
    assert len(one.edges) == 5
    assert (one.mated * np.diff(one.edges)).sum() == pytest.approx(1)


def test_points_leave_out_what_the_data_cannot_support() -> None:
    scores = _many()
    found = points(scores, [1e-4, 1e-2, 4.9e-4, 1e-5, 1e-2, 5e-4], SubjectBootstrap(scores, 50), 6000, 0)
    # 20,000 comparisons: at 5e-4 ten false matches are expected, at 4.9e-4 fewer.
    assert [point.fmr.errors for point in found] == [200, 10]
    assert found[0].threshold < found[1].threshold
    assert found[0].threshold == threshold_at_fmr(scores, 1e-2)
    assert found[0].fnmr.estimate == fnmr_at(scores, [found[0].threshold])[0]
    assert not any(point.extrapolated for point in found)
    assert points(scores, [1e-6], SubjectBootstrap(scores, 50), 6000, 0) == ()


def test_generalised_rates_count_lost_comparisons() -> None:
    # Of 1,000 mated and 5,000 non-mated comparisons 2 % were lost with 20 of 1,000 samples.
    mated, nonmated = list(np.linspace(0, 1, 980)), list(np.linspace(0, 1, 4900))
    scores = _scores(mated, nonmated, lost=(20, 100))
    found = points(scores, [0.1], SubjectBootstrap(scores, 50), 1000, 20)[0]
    # GFRR = FTA + (1 - FTA) * FNMR and GFAR = (1 - FTA) * FMR.
    assert found.gfrr.estimate == pytest.approx(0.02 + 0.98 * found.fnmr.estimate)
    assert found.gfar.estimate == pytest.approx(0.98 * found.fmr.estimate)
    assert (found.gfrr.trials, found.gfar.trials) == (1000, 5000)
    assert found.gfrr.errors == found.fnmr.errors + 20
    assert found.gfar.errors == found.fmr.errors
    failures = rate(20, 1000)
    assert found.gfrr.high == pytest.approx(failures.high + (1 - failures.high) * found.fnmr.high)
    assert found.gfrr.low == pytest.approx(failures.low + (1 - failures.low) * found.fnmr.low)
    assert found.gfar.high == pytest.approx((1 - failures.low) * found.fmr.high)
    assert found.gfar.low == pytest.approx((1 - failures.high) * found.fmr.low)


def test_generalised_rates_without_a_failure_allow_for_one() -> None:
    scores = _many()
    found = points(scores, [0.01], SubjectBootstrap(scores, 50), 100, 0)[0]
    assert (found.gfrr.estimate, found.gfar.estimate) == (found.fnmr.estimate, found.fmr.estimate)
    # Neither of two samples may fail.
    acquired = (1 - rule_of_three(100)) ** 2
    assert found.gfrr.high == pytest.approx(1 - acquired * (1 - found.fnmr.high))
    assert found.gfrr.low == found.fnmr.low
    assert found.gfar.low == pytest.approx(acquired * found.fmr.low)
    assert found.gfar.high == found.fmr.high


def test_points_refuse_what_cannot_be() -> None:
    bootstrap = SubjectBootstrap(SMALL, 10)
    with pytest.raises(UsageError, match="at most 1"):
        points(SMALL, [0.0], bootstrap, 3, 0)
    with pytest.raises(UsageError, match="cannot be"):
        points(SMALL, [0.6], bootstrap, 3, 4)
    with pytest.raises(UsageError, match="no failure to acquire was counted"):
        points(_scores([1.0], [0.0], lost=(1, 0)), [1.0], bootstrap, 3, 0)
    with pytest.raises(UsageError, match="between 0 and 1"):
        threshold_at_fmr(SMALL, 1.1)


@pytest.mark.parametrize("compute", [det, roc, auc, eer, histogram, lambda some: fmr_at(some, [0.5])])
def test_one_subject_has_no_false_match_rate(compute: object) -> None:
    with pytest.raises(BadInput, match="samples of two subjects are needed"):
        compute(_scores([0.5], []))  # type: ignore[operator]


@pytest.mark.parametrize("compute", [det, roc, auc, eer, histogram, lambda some: fnmr_at(some, [0.5])])
def test_single_samples_have_no_false_non_match_rate(compute: object) -> None:
    with pytest.raises(BadInput, match="a subject with two acquired samples is needed"):
        compute(_scores([], [0.5]))  # type: ignore[operator]
