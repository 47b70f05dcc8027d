from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from faceward.core.errors import BadInput, UsageError
from faceward.core.rates import Rate
from faceward.evaluate import intervals
from faceward.evaluate.intervals import SubjectBootstrap, draws_below, rate, resampled, rule_of_three, wilson
from faceward.evaluate.resampling import pair_sums, subject_weights
from faceward.evaluate.scores import Scores


def _scores(subject_of: list[int], seed: int = 0, spread: float = 0.3) -> Scores:
    """All pairs of samples; a subject's scores have something in common."""
    generator = np.random.default_rng(seed)
    subjects = np.array(subject_of, dtype=np.int32)
    common = generator.normal(scale=spread, size=max(subject_of) + 1)[subjects]
    first, second = np.triu_indices(len(subjects), 1)
    values = generator.normal(size=len(first)) + common[first] + common[second]
    same = subjects[first] == subjects[second]
    pairs = np.stack([first, second], axis=1)
    return Scores((values + 3)[same], values[~same], pairs[same], pairs[~same], subjects)


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    # Newcombe (1998), table I, method 3: the score interval without continuity correction.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(errors: int, trials: int, low: float, high: float) -> None:
    found = wilson(errors, trials)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert (found.estimate, found.errors, found.trials) == (errors / trials, errors, trials)
    mirrored = wilson(trials - errors, trials)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-12)


def test_wilsons_interval_narrows_with_less_confidence() -> None:
    assert wilson(81, 263, 0.99).low < wilson(81, 263).low < wilson(81, 263, 0.5).low < 81 / 263


def test_no_error_in_three_hundred_is_one_per_cent() -> None:
    assert rule_of_three(300) == pytest.approx(0.01, rel=0.01)
    assert rule_of_three(300) <= 3 / 300
    # At the limit, seeing no error has a probability of exactly 5 %.
    assert (1 - rule_of_three(17)) ** 17 == pytest.approx(0.05)
    assert rule_of_three(1) == pytest.approx(0.95)


def test_no_error_in_five_hundred_does_not_read_as_zero() -> None:
    found = rate(0, 500)
    assert (found.estimate, found.low, found.method) == (0.0, 0.0, "rule of three")
    assert found.high == pytest.approx(0.006, rel=0.01)
    every = rate(500, 500)
    assert (every.low, every.high) == (pytest.approx(1 - found.high), 1.0)
    assert rate(1, 500) == wilson(1, 500)


@pytest.mark.parametrize(("errors", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(errors: int, trials: int) -> None:
    for interval in (wilson, rate):
        with pytest.raises(UsageError):
            interval(errors, trials)


def test_a_confidence_outside_its_range_is_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        wilson(1, 5, 1.0)


def _by_hand(scores: Scores, weights: np.ndarray, threshold: float) -> tuple[list[float], list[float]]:
    """The same bootstrap, comparison by comparison, in whole numbers."""
    fmr, fnmr = [], []
    for drawn in weights.tolist():
        total = errors = 0
        for (first, second), score in zip(scores.nonmated_pairs, scores.nonmated, strict=True):
            weight = drawn[scores.subject_of[first]] * drawn[scores.subject_of[second]]
            total += weight
            errors += weight * bool(score >= threshold)
        fmr.append(errors / total if total else math.nan)
        total = errors = 0
        for (first, _), score in zip(scores.mated_pairs, scores.mated, strict=True):
            total += drawn[scores.subject_of[first]]
            errors += drawn[scores.subject_of[first]] * bool(score < threshold)
        fnmr.append(errors / total if total else math.nan)
    return fmr, fnmr


@pytest.mark.parametrize("subject_of", [[0, 0, 1, 1, 1, 2, 3, 3], [0, 1, 1], list(range(9)) * 2])
def test_every_draw_is_exactly_that_of_a_plain_loop(subject_of: list[int]) -> None:
    scores = _scores(subject_of)
    bootstrap = SubjectBootstrap(scores, 70, seed=3)
    # Out of order, one twice, one that is a score, both ends.
    thresholds = [0.5, -9.0, float(scores.nonmated[0]), 0.5, 2.5, 9.0]
    fmr, fnmr = bootstrap.fmr_draws(thresholds), bootstrap.fnmr_draws(thresholds)
    weights = subject_weights(scores.subjects, 70, 3)
    for place, threshold in enumerate(thresholds):
        by_hand = _by_hand(scores, weights, threshold)
        np.testing.assert_array_equal(fmr[:, place], by_hand[0])
        np.testing.assert_array_equal(fnmr[:, place], by_hand[1])


def test_sums_over_sparse_pairs_are_exact_at_every_level() -> None:
    generator = np.random.default_rng(1)
    weights = subject_weights(500, 130, 2)
    first, second = generator.integers(500, size=(2, 3000))
    level = generator.integers(4, size=3000)
    sums = pair_sums(weights, (first, second), level, 5)
    drawn = weights.astype(np.int64)
    for at in range(5):
        chosen = level == at
        np.testing.assert_array_equal(sums[:, at], (drawn[:, first[chosen]] * drawn[:, second[chosen]]).sum(axis=1))


def test_sums_beyond_what_single_precision_holds_are_exact() -> None:
    count = 6_000_001
    pair = (np.zeros(count, dtype=np.int32), np.ones(count, dtype=np.int32))
    weights = np.array([[1, 3], [3, 1], [2, 2]], dtype=np.uint16)
    sums = pair_sums(weights, pair, np.zeros(count, dtype=np.uint8), 1)
    assert sums[:, 0].tolist() == [3 * count, 3 * count, 4 * count]


def test_each_round_draws_as_many_subjects_as_there_are() -> None:
    weights = subject_weights(40, 300, 7)
    assert (weights.sum(axis=1) == 40).all()
    assert weights.mean(axis=0).std() < 0.1
    np.testing.assert_array_equal(weights, subject_weights(40, 300, 7))
    assert (weights != subject_weights(40, 300, 8)).any()


def test_two_groups_of_the_same_subjects_share_their_draws() -> None:
    scores = _scores(list(range(12)) * 2)
    group = scores.subject_of[scores.mated_pairs[:, 0]] < 6
    half = Scores(scores.mated[group], [], scores.mated_pairs[group], [], scores.subject_of)
    whole, part = (SubjectBootstrap(some, 50, seed=4).fnmr_draws([3.0])[:, 0] for some in (scores, half))
    drawn = subject_weights(12, 50, 4)[:, :6].sum(axis=1)
    errors = part * drawn
    rest = whole * 12 - errors
    # What the group's draws leave of the whole's are counts of the other subjects: whole numbers.
    np.testing.assert_allclose(rest, np.round(rest), atol=1e-9)
    assert (rest > -1e-9).all()


def test_a_round_without_a_comparison_says_nothing() -> None:
    scores = Scores([1.0], [], [[0, 1]], [], [0, 0, 1, 2])
    draws = SubjectBootstrap(scores, 200).fnmr_draws([2.0])
    assert np.isnan(draws).any()
    assert (draws[~np.isnan(draws)] == 1).all()


def test_rates_without_comparisons_are_refused() -> None:
    bootstrap = SubjectBootstrap(Scores([1.0], [], [[0, 1]], [], [0, 0]), 10)
    assert bootstrap.nonmated_units == 0
    with pytest.raises(UsageError, match="no trials"):
        bootstrap.fmr([0.0])
    with pytest.raises(UsageError, match="no trials"):
        SubjectBootstrap(Scores([], [1.0], [], [[0, 1]], [0, 1]), 10).fnmr([0.0])
    with pytest.raises(UsageError, match="not a number"):
        bootstrap.fnmr([math.nan])


def test_nobody_and_no_rounds_cannot_be_resampled() -> None:
    with pytest.raises(UsageError, match="no subjects"):
        SubjectBootstrap(Scores([], [], [], [], []))
    with pytest.raises(UsageError, match="at least one round"):
        SubjectBootstrap(_scores([0, 0, 1]), 0)


def test_where_none_erred_units_are_subjects_and_not_comparisons() -> None:
    # Ten subjects of six samples: 150 mated comparisons.
    scores = _scores(list(range(10)) * 6)
    found = SubjectBootstrap(scores, 50).fnmr([-9.0])[0]
    assert (found.errors, found.trials, found.method) == (0, 150, "rule of three")
    assert found.high == pytest.approx(rule_of_three(10))


def test_non_mated_units_lie_between_disjoint_pairs_and_all_comparisons() -> None:
    alike = SubjectBootstrap(_scores(list(range(80)), spread=1.5), 300).nonmated_units
    independent = SubjectBootstrap(_scores(list(range(80)), spread=0.0), 300).nonmated_units
    assert 40 <= alike < independent <= 80 * 79 / 2


def test_few_non_mated_comparisons_count_as_their_disjoint_pairs() -> None:
    # A star has no two comparisons without its centre; three separate pairs are three units.
    star = Scores([], np.zeros(5), [], [[0, i] for i in range(1, 6)], np.arange(6))
    assert SubjectBootstrap(star, 10).nonmated_units == 1
    apart = Scores([], np.zeros(3), [], [[0, 1], [2, 3], [4, 5]], np.arange(6))
    assert SubjectBootstrap(apart, 10).nonmated_units == 2


def test_scores_that_all_tie_count_as_their_disjoint_pairs() -> None:
    pairs = list(itertools.combinations(range(10), 2))
    tied = Scores([], np.zeros(45), [], pairs, np.arange(10))
    assert SubjectBootstrap(tied, 10).nonmated_units == 5
    assert SubjectBootstrap(tied, 10).fmr([0.0])[0] == Rate(1.0, 1 - rule_of_three(5), 1.0, 45, 45, "rule of three")


def test_an_interval_is_never_narrower_than_of_independent_comparisons() -> None:
    draws = np.full(100, 0.01)
    found = resampled(1, 100, draws, units=100)
    independent = wilson(1, 100)
    assert found.low <= independent.low
    assert found.high >= independent.high
    assert found.method == "bootstrap over subjects"


def test_one_error_is_no_better_news_than_none() -> None:
    none, one = (resampled(errors, 1000, np.full(100, errors / 1000), units=20) for errors in (0, 1))
    assert one.high >= none.high == pytest.approx(rule_of_three(20))
    every, all_but_one = (resampled(errors, 1000, np.full(100, errors / 1000), units=20) for errors in (1000, 999))
    assert all_but_one.low <= every.low == pytest.approx(1 - rule_of_three(20))


def test_an_interval_without_any_draw_is_everything() -> None:
    found = resampled(1, 2, np.full(5, np.nan), units=2)
    assert (found.low, found.high) == (0.0, 1.0)


def test_shares_below_follow_the_weights() -> None:
    weights = np.array([[2, 0], [1, 1], [0, 2]], dtype=np.uint16)
    draws = draws_below(weights, np.array([0, 0, 1]), np.array([1, 3, 2], dtype=np.float32), [2.5, 2.0])
    assert draws.tolist() == [[0.5, 0.5], [2 / 3, 1 / 3], [1.0, 0.0]]


def test_intervals_over_subjects_cover_the_truth_and_those_over_comparisons_do_not() -> None:
    subjects, spread, threshold = 40, 1.0, 1.5
    # A score is a standard normal number and the two subjects' shares: variance 3.
    truth = 0.5 * math.erfc(threshold / math.sqrt(1 + 2 * spread**2) / math.sqrt(2))
    covered = naive = 0
    simulations = 200
    for seed in range(simulations):
        found = SubjectBootstrap(_scores(list(range(subjects)), seed, spread), 100).fmr([threshold])[0]
        independent = rate(found.errors, found.trials)
        covered += found.low <= truth <= found.high
        naive += independent.low <= truth <= independent.high
    assert covered / simulations > 0.88
    assert naive / simulations < 0.6


def test_blocks_of_rounds_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = _scores(list(range(30)) * 2)
    before = SubjectBootstrap(scores, 100).fmr([0.5, 1.0])
    monkeypatch.setattr("faceward.evaluate.resampling._ROUNDS_AT_ONCE", 7)
    monkeypatch.setattr("faceward.evaluate.resampling._ROWS_AT_ONCE", 3)
    assert SubjectBootstrap(scores, 100).fmr([0.5, 1.0]) == before


def test_defaults_are_a_thousand_rounds_with_a_fixed_seed() -> None:
    scores = _scores([0, 0, 1, 1, 2, 2])
    assert (intervals.ROUNDS, SubjectBootstrap(scores).rounds) == (1000, 1000)
    assert SubjectBootstrap(scores).fmr([0.0]) == SubjectBootstrap(scores).fmr([0.0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mated": [math.nan]}, "not finite"),
        ({"nonmated": [math.inf]}, "not finite"),
        ({"mated": [1.0, 2.0]}, "do not go with"),
        ({"mated_pairs": [[0, 9]]}, "not among"),
        ({"mated_pairs": [[0, 2]]}, "of two subjects"),
        ({"nonmated_pairs": [[0, 1]]}, "of one subject"),
        ({"subject_of": [0, 0, -1]}, "negative"),
        ({"mated_lost": -1}, "fewer than none"),
    ],
)
def test_scores_that_contradict_themselves_are_refused(change: dict[str, object], said: str) -> None:
    good = {
        "mated": [1.0],
        "nonmated": [0.0],
        "mated_pairs": [[0, 1]],
        "nonmated_pairs": [[1, 2]],
        "subject_of": [0, 0, 1],
    }
    assert Scores(**good).subjects == 2  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=said):
        Scores(**{**good, **change})  # type: ignore[arg-type]
