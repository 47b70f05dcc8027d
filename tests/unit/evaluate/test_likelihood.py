from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.errors import BadInput
from faceward.evaluate import likelihood, ratios
from faceward.evaluate.ratios import Ratios
from faceward.evaluate.scores import Scores

LOGS = st.lists(st.floats(-6, 6), min_size=1, max_size=40)


def gaussian(people: int, apart: float, seed: int, samples: int = 2) -> Scores:
    """Scores from N(0, 1) for strangers and N(apart, 1) for the same: log LR is apart * score - apart**2 / 2."""
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(people), samples)
    first, second = np.triu_indices(len(subject), 1)
    pairs = np.stack([first, second], axis=1)
    same = subject[first] == subject[second]
    values = generator.standard_normal(len(pairs)) + apart * same
    return Scores(values[same], values[~same], pairs[same], pairs[~same], subject)


def test_ratios_are_those_of_the_known_distributions() -> None:
    apart = 3.0
    found = likelihood.assess(gaussian(800, apart, 5))
    scores, logs = np.array(found.table).T
    true = (apart * scores - apart**2 / 2) / np.log(10)
    inner = (scores > 0.3) & (scores < 3.2)
    assert inner.sum() > 10
    assert np.abs(logs - true)[inner].max() < 0.35
    # The expected cost of perfectly known ratios, by integration.
    grid = np.linspace(-10, 14, 200_001)
    log = apart * grid - apart**2 / 2
    mated, other = (np.exp(-((grid - m) ** 2) / 2) / np.sqrt(2 * np.pi) for m in (apart, 0))
    ideal = float(np.sum(mated * np.logaddexp(0, -log) + other * np.logaddexp(0, log)) * (grid[1] - grid[0]))
    ideal /= 2 * np.log(2)
    assert found.cllr == pytest.approx(ideal, abs=0.04)
    assert found.cllr >= found.cllr_min - 1e-9


def test_the_table_rises_and_has_a_few_dozen_knots() -> None:
    table = likelihood.table(gaussian(200, 3.0, 1))
    assert 24 <= len(table) <= 60
    scores, logs = np.array(table).T
    assert (np.diff(scores) > 0).all()
    assert (np.diff(logs) > 0).all()
    assert logs[0] < 0 < logs[-1]


def test_no_ratio_goes_beyond_what_the_people_support() -> None:
    """Scores that tell everybody apart: the ratio is bounded by the number of people, not by the distance of scores."""
    few, many = (likelihood.assess(gaussian(people, 50.0, 2)) for people in (40, 400))
    assert few.table[-1][1] <= np.log10(40 * 39 / 2)
    assert few.bounds[1] < many.bounds[1] <= np.log10(400 * 399 / 2)
    assert few.bounds[0] > many.bounds[0] >= -np.log10(401)
    assert many.cllr < few.cllr < 0.1


def test_scores_that_say_nothing_cost_one_bit() -> None:
    found = likelihood.assess(gaussian(300, 0.0, 3))
    assert found.cllr == pytest.approx(1, abs=0.02)
    assert all(abs(log) < 0.3 for _, log in found.table)


def test_the_cost_is_not_that_of_the_comparisons_that_the_ratios_were_made_of() -> None:
    scores = gaussian(60, 0.0, 4)
    # Pooled and tried on the same comparisons, scores that say nothing seem to say something.
    place = np.argsort(np.concatenate([scores.mated, scores.nonmated]), kind="stable")
    kinds = np.concatenate([np.ones(len(scores.mated)), np.zeros(len(scores.nonmated))])[place]
    itself = Ratios(np.linspace(-1, 1, len(kinds)), kinds, 1 - kinds)
    assert ratios.cllr_min(itself) < 0.97
    assert likelihood.assess(scores).cllr > 0.98


@pytest.mark.parametrize(
    ("mated", "nonmated", "cost"),
    [
        ([0.0], [0.0], 1.0),
        ([0.0, 0.0], [0.0], 1.0),
        ([9.0], [-9.0], 0.0),
        # log2(1 + 1/4) and log2(1 + 1/4): an LR of 4 for the mated and 1/4 for the other.
        ([np.log10(4)], [-np.log10(4)], np.log2(1.25)),
        # The wrong way round: log2(1 + 4).
        ([-np.log10(4)], [np.log10(4)], np.log2(5)),
    ],
)
def test_cllr_of_closed_form(mated: list[float], nonmated: list[float], cost: float) -> None:
    assert ratios.cllr(Ratios.of(mated, nonmated)) == pytest.approx(cost, abs=1e-6)


def test_entropy_at_even_odds_is_cllr_and_of_silent_ratios_that_of_the_prior() -> None:
    silent = Ratios.of([0.0, 0.0], [0.0])
    for odds in (0.01, 1.0, 5.0):
        prior = odds / (1 + odds)
        assert ratios.ece(silent, odds) == pytest.approx(-prior * np.log2(prior) - (1 - prior) * np.log2(1 - prior))


@given(LOGS, LOGS)
def test_recalibration_never_costs_more(mated: list[float], nonmated: list[float]) -> None:
    given_ratios = Ratios.of(mated, nonmated)
    least = ratios.cllr_min(given_ratios)
    assert -1e-9 <= least <= min(1, ratios.cllr(given_ratios)) + 1e-9


@given(LOGS, LOGS)
def test_bounds_hold_1_between_them_and_lie_within_the_ratios(mated: list[float], nonmated: list[float]) -> None:
    given_ratios = Ratios.of(mated, nonmated)
    low, high = ratios.elub(given_ratios)
    assert min(0, given_ratios.log10[0]) - 0.01 <= low <= 0 <= high <= max(0, given_ratios.log10[-1]) + 0.01
    # Whoever demands more evidence of an error is not less careful.
    wider = ratios.elub(given_ratios, 3.0, 3.0)
    assert low <= wider[0]
    assert wider[1] <= high


@pytest.mark.parametrize(
    ("mated", "nonmated", "bounds"),
    [
        # Each bound from n, n + 1 by hand; the same figures as other software of the authors' institute gives.
        ([np.inf], [-np.inf], (1.0, 1.0)),
        ([np.inf] * 3, [-np.inf] * 3, (1 / 3, 3.0)),
        ([0, 1, 2], [-2, -1], (3 / 8, 1.5)),
        ([1, 2], [-2, -1, 0], (2 / 3, 8 / 3)),
        ([-2, -1, 0], [1, 2], (1.0, 1.0)),
    ],
)
def test_bounds_of_known_examples(mated: list[float], nonmated: list[float], bounds: tuple[float, float]) -> None:
    found = ratios.elub(Ratios.of(mated, nonmated))
    # They are looked for in steps of 0.005 of the logarithm.
    assert found == pytest.approx(tuple(np.log10(bounds)), abs=0.0051)


def test_pooling_is_the_isotonic_fit_of_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    generator = np.random.default_rng(1)
    mated, nonmated = generator.integers(0, 9, 60) + 0.0, generator.integers(1, 9, 60) + 0.0
    weight = mated / mated.sum() + nonmated / nonmated.sum()
    best = IsotonicRegression().fit(np.arange(60), mated / mated.sum() / weight, weight).predict(np.arange(60))
    with np.errstate(divide="ignore"):
        expected = np.log10(best / (1 - best))
    assert ratios.pool(mated, nonmated) == pytest.approx(expected, abs=1e-9)


def test_tippett_curves_are_shares_of_comparisons() -> None:
    curves = ratios.tippett(Ratios.of([-1, 1, 2, 3], [-3, -2, 1]), 20)
    at = dict(zip(curves.log10.tolist(), zip(curves.mated, curves.nonmated, strict=True), strict=True))
    assert at[0.0] == pytest.approx((3 / 4, 1 / 3))
    assert (curves.mated[0], curves.nonmated[0]) == (1, 1)
    assert (np.diff(curves.mated) <= 0).all()
    assert (np.diff(curves.nonmated) <= 0).all()


@pytest.mark.parametrize("people", [2, 3, 29])
def test_too_few_people_have_no_ratios_and_are_told(people: int) -> None:
    scores = gaussian(people, 3.0, 0)
    assert likelihood.table(scores) == ()
    assert f"{people} subjects" in likelihood.lack(scores)
    with pytest.raises(BadInput, match=f"{people} subjects .* need 30"):
        likelihood.assess(scores)


def test_pairs_that_cannot_be_held_out_have_no_ratios() -> None:
    """Thirty people in a ring of strangers: no fold holds two neighbours with certainty."""
    subject = np.repeat(np.arange(40), 2)
    mated = np.arange(80).reshape(-1, 2)
    ring = np.stack([mated[:, 0], np.roll(mated[:, 0], 20)], axis=1)[:20]
    scores = Scores(np.ones(40), np.zeros(20), mated, ring, subject)
    assert "cannot be dealt" in likelihood.lack(scores)
    assert likelihood.table(scores) == ()
