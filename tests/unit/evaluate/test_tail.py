from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import betainc
from scipy.stats import genpareto

from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.core.rates import EXTRAPOLATED
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.scores import Scores
from faceward.evaluate.tail import Fit, Tail, extend

ROUNDS = 200


def directions(people: int, size: int, seed: int) -> Scores:
    """Compare everybody, faces being directions drawn evenly from a sphere: the law of their cosine is known."""
    faces = np.random.default_rng(seed).standard_normal((people, size))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    first, second = np.triu_indices(people, 1)
    scores = (faces @ faces.T)[first, second]
    return Scores([], scores, [], np.stack([first, second], axis=1), np.arange(people))


def true_fmr(threshold: float, size: int) -> float:
    return float(0.5 * betainc((size - 1) / 2, 0.5, 1 - threshold**2))


def tail_of(scores: Scores) -> Tail:
    return extend(scores, SubjectBootstrap(scores, ROUNDS))


@pytest.mark.parametrize("size", [16, 64])
def test_extrapolated_thresholds_keep_the_rate_that_they_state(size: int) -> None:
    for seed in range(5):
        tail = tail_of(directions(500, size, seed))
        assert not tail.reasons
        assert tail.trusted_to == pytest.approx(tail.lowest / 10)
        for factor in (2, 5, 10):
            fmr = tail.lowest / factor
            threshold = tail.threshold(fmr)
            assert true_fmr(threshold, size) <= fmr
            # The price of safety is bounded: it lies below the highest score of a hundred times the comparisons.
            assert size == 16 or true_fmr(threshold, size) >= fmr / 1000
            rate = tail.rate(threshold)
            assert rate.low <= rate.estimate <= rate.high == pytest.approx(fmr, rel=1e-2)
            assert rate.method == EXTRAPOLATED


def test_the_fit_is_the_distribution_that_the_scores_were_drawn_from() -> None:
    """Exceedances drawn from a generalised Pareto distribution itself, everyone compared once: no dependence."""
    drawn = genpareto.rvs(-0.2, scale=0.05, size=40_000, random_state=7)
    pairs = np.arange(80_000).reshape(-1, 2)
    scores = Scores([], 0.3 + drawn, [], pairs, np.arange(80_000))
    tail = extend(scores, SubjectBootstrap(scores, 50), 10 / 40_000)
    for fit in tail.fits[-2:]:
        low, high = np.quantile(fit.shape[1:], (0.025, 0.975))
        assert low < -0.2 < high
        # The excess over a higher start is of the same shape, its scale follows (Coles, 2001, theorem 4.1).
        assert fit.scale[0] == pytest.approx(0.05 - 0.2 * (fit.start - 0.3), rel=0.15)
        exact = genpareto.sf(np.linspace(0.1, 0.2, 5), -0.2, scale=0.05)
        mine = [fit.fmr(0.3 + excess)[0] for excess in np.linspace(0.1, 0.2, 5)]
        assert mine[0] == pytest.approx(exact[0], rel=0.3)


def test_an_exponential_tail_is_the_limit_of_the_others() -> None:
    def fit(shape: float) -> Fit:
        return Fit(0.5, np.array([0.01]), np.array([0.1]), np.array([shape]))

    for threshold in (0.5, 0.6, 0.9):
        assert fit(0.0).fmr(threshold)[0] == pytest.approx(0.01 * np.exp(-(threshold - 0.5) / 0.1))
        assert fit(1e-5).fmr(threshold)[0] == pytest.approx(fit(0.0).fmr(threshold)[0], rel=1e-3)
    assert fit(-0.5).fmr(0.75)[0] == 0


def test_label_errors_stop_the_extrapolation_and_are_named() -> None:
    clean = directions(500, 64, 1)
    values = clean.nonmated.copy()
    wrong = [17, 4711, 99_999]
    values[wrong] = [0.91, 0.93, 0.95]
    tail = tail_of(Scores([], values, [], clean.nonmated_pairs, clean.subject_of))
    assert tail.trusted_to == tail.lowest
    assert any("label errors" in reason for reason in tail.reasons)
    assert tail.suspects[:3] == (99_999, 4711, 17)
    assert len(tail.suspects) <= 5
    assert tail.rows([tail.lowest / 2]) == ()
    with pytest.raises(PolicyRefusal, match="label errors") as caught:
        tail.threshold(tail.lowest / 2)
    assert caught.value.rule == "V1"


def test_nothing_is_said_beyond_a_decade() -> None:
    tail = tail_of(directions(300, 64, 0))
    with pytest.raises(PolicyRefusal, match="beyond what the scores support"):
        tail.threshold(tail.lowest / 11)
    assert [row[0] for row in tail.rows([tail.lowest / k for k in (1, 2, 10, 11)])] == pytest.approx(
        [tail.lowest / 2, tail.lowest / 10]
    )


@pytest.mark.parametrize("fmr", [0.0, -1e-9, 0.5])
def test_what_was_measured_is_not_extrapolated(fmr: float) -> None:
    tail = tail_of(directions(300, 64, 0))
    with pytest.raises(UsageError, match="not to be extrapolated"):
        tail.threshold(fmr)
    with pytest.raises(UsageError):
        tail.rate(tail.begin - 0.01)


def test_lower_rates_have_higher_thresholds() -> None:
    tail = tail_of(directions(400, 32, 3))
    rows = tail.rows([tail.lowest / k for k in (2, 3, 5, 8, 10)])
    assert len(rows) == 5
    assert tail.begin < rows[0][3]
    assert (np.diff([row[3] for row in rows]) > 0).all()
    assert all(low <= fmr == high for fmr, low, high, _ in rows)


@pytest.mark.parametrize(
    "values",
    [
        lambda generator: generator.choice([0.1, 0.2, 0.3], 45_000),
        lambda generator: np.full(45_000, 0.5),
        lambda generator: generator.standard_normal(45_000)[:20],
    ],
)
def test_scores_without_a_tail_are_not_extrapolated(values: Callable[[np.random.Generator], np.ndarray]) -> None:
    made = values(np.random.default_rng(0))
    first, second = np.triu_indices(301, 1)
    pairs = np.stack([first, second], axis=1)[: len(made)]
    tail = tail_of(Scores([], made, [], pairs, np.arange(301)))
    assert tail.trusted_to == tail.lowest
    assert "too few distinct high scores" in tail.reasons[0]


def test_a_heavy_tail_is_not_trusted() -> None:
    made = genpareto.rvs(0.9, scale=0.001, size=44_850, random_state=1)
    first, second = np.triu_indices(300, 1)
    tail = tail_of(Scores([], made, [], np.stack([first, second], axis=1), np.arange(300)))
    assert tail.reasons
    assert tail.trusted_to == tail.lowest


def test_what_cannot_be_extrapolated_from_is_refused() -> None:
    none = Scores([], [], [], [], [0, 1])
    with pytest.raises(BadInput, match="no non-mated comparison"):
        extend(none, SubjectBootstrap(none, 10))
    scores = directions(50, 8, 0)
    with pytest.raises(UsageError, match="ten errors"):
        extend(scores, SubjectBootstrap(scores, 10), 1e-4)
