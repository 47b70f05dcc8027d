"""The sequential test: exactly a martingale, never wrong more often than promised, and quick to see an excess."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from faceward.core.errors import UsageError
from faceward.policy.monitoring import ALPHA, EProcess, log_evalue, lower_bound, upper_bound

RUNS = 2000


def evalue(accepted: float, faces: int, false_alerts: int) -> float:
    return math.exp(float(log_evalue(accepted, faces, false_alerts)))


@pytest.mark.parametrize("accepted", [1e-4, 1e-2, 0.3])
def test_each_step_is_a_fair_bet_at_the_accepted_rate_and_a_losing_one_below(accepted: float) -> None:
    for faces, false_alerts in ((n, m) for n in range(12) for m in range(n + 1)):
        here = evalue(accepted, faces, false_alerts)
        right, wrong = evalue(accepted, faces + 1, false_alerts), evalue(accepted, faces + 1, false_alerts + 1)
        assert accepted * wrong + (1 - accepted) * right == pytest.approx(here, rel=1e-9)
        lower = accepted / 2
        assert lower * wrong + (1 - lower) * right < here


@pytest.mark.parametrize("accepted", [0.05, 0.4])
def test_over_all_sequences_it_averages_one_and_seldom_ever_reaches_the_limit(accepted: float) -> None:
    mean = reached = 0.0
    for sequence in itertools.product((0, 1), repeat=12):
        weight = math.prod(accepted if one else 1 - accepted for one in sequence)
        values = [evalue(accepted, n, sum(sequence[:n])) for n in range(13)]
        mean += weight * values[-1]
        reached += weight * (max(values) >= 1 / ALPHA)
    assert mean == pytest.approx(1)
    assert 0 < reached <= ALPHA


@pytest.mark.parametrize(("accepted", "faces"), [(1e-2, 3000), (1e-3, 20_000)])
def test_V1_who_looks_after_every_finding_is_seldom_told_of_an_excess_that_is_none(accepted: float, faces: int) -> None:
    # False alerts are few, so a run is told by the places where they fall; between them the e-value only sinks.
    rng = np.random.default_rng(7)
    most = int(accepted * faces * 2 + 30)
    places = np.cumsum(rng.geometric(accepted, size=(RUNS, most)), axis=1)
    assert (places[:, -1] > faces).all()
    logs = log_evalue(accepted, places, np.arange(1, most + 1)[None, :])
    ever = ((logs >= -math.log(ALPHA)) & (places <= faces)).any(axis=1).mean()
    assert ever <= ALPHA
    # A test of 5 % made anew after each false alert, as if it were the only one, is wrong far more often.
    expected = accepted * places
    naive = (np.arange(1, most + 1)[None, :] > expected + 1.645 * np.sqrt(expected)) & (places <= faces)
    assert naive.any(axis=1).mean() > 5 * ALPHA


@pytest.mark.parametrize(("times", "most"), [(10, 150), (3, 1500), (2, 4500)])
def test_V1_an_excess_is_seen_soon(times: int, most: int) -> None:
    accepted, rng = 1e-2, np.random.default_rng(11)
    places = np.cumsum(rng.geometric(times * accepted, size=(RUNS, 150)), axis=1)
    reached = (log_evalue(accepted, places, np.arange(1, 151)[None, :]) >= -math.log(ALPHA)) & (places <= most)
    assert reached.any(axis=1).mean() > 0.9


@pytest.mark.parametrize("accepted", [1e-6, 1e-4, 1e-2, 0.2])
def test_one_false_alert_never_suffices_and_two_at_once_do_where_few_are_accepted(accepted: float) -> None:
    assert not EProcess(accepted).update(1, 1).breached
    assert EProcess(accepted).update(2, 2).breached == (accepted <= 1e-2)


def test_a_breach_stays_whatever_comes() -> None:
    process = EProcess(1e-2).update(100, 10)
    assert process.breached
    assert process.evalue > 1 / ALPHA
    later = process.update(100_000, 0)
    assert later.breached
    assert later.evalue < 1
    assert later.at(later.faces, 0).breached
    assert later.low == process.low > 1e-2


def test_the_order_and_the_grouping_of_faces_do_not_matter_but_late_findings_count_for_less() -> None:
    whole = EProcess(1e-2).update(1000, 14)
    parts = EProcess(1e-2).update(400, 9).update(600, 5)
    assert whole.evalue == parts.evalue
    assert EProcess(1e-2).at(2000, 14).evalue < whole.evalue


def test_bounds_agree_with_the_test_and_close_in_on_the_rate() -> None:
    for faces, false_alerts in ((50, 3), (1000, 20), (100_000, 1500)):
        low, high = lower_bound(faces, false_alerts), upper_bound(faces, false_alerts)
        assert low < false_alerts / faces < high
        assert evalue(low * 0.999, faces, false_alerts) > 1 / ALPHA > evalue(low * 1.001, faces, false_alerts)
    assert lower_bound(100_000, 1500) > 0.0135
    assert upper_bound(100_000, 1500) < 0.0166


def test_bounds_where_little_was_seen_promise_nothing() -> None:
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0.0, 1.0)
    assert lower_bound(10_000, 0) == lower_bound(10_000, 1) == 0.0
    assert upper_bound(4, 4) == 1.0
    # Wider than the rule of three, which may be looked at once only.
    assert 3 / 1000 < upper_bound(1000, 0) < 8 / 1000


def test_both_bounds_hold_at_all_times_at_once() -> None:
    rate, faces, rng = 0.02, 1500, np.random.default_rng(3)
    missed = np.zeros(2)
    for _ in range(100):
        counts = np.cumsum(rng.random(faces) < rate)
        # The lower bound lies above the rate exactly where the test against that rate is breached; so for the upper.
        missed += (
            bool((log_evalue(rate, np.arange(1, faces + 1), counts) >= -math.log(ALPHA)).any()),
            any(upper_bound(n, int(counts[n - 1])) < rate for n in range(250, faces + 1, 250)),
        )
    assert (missed / 100 <= ALPHA).all()


def test_long_runs_stay_numbers() -> None:
    assert EProcess(1e-4).update(10**9, 10**6).evalue == pytest.approx(math.exp(700))
    assert EProcess(0.5).update(10**9, 0).evalue < 1e-300
    assert lower_bound(10**9, 10**5) == pytest.approx(1e-4, rel=0.03)


@pytest.mark.parametrize(("faces", "false_alerts"), [(1, 2), (-1, 0), (3, -1)])
def test_counts_that_cannot_be_are_refused(faces: int, false_alerts: int) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        EProcess(1e-2).update(faces, false_alerts)
    with pytest.raises(UsageError, match="cannot be"):
        lower_bound(faces, false_alerts)


@pytest.mark.parametrize(("accepted", "alpha"), [(0.0, 0.05), (1.0, 0.05), (1e-2, 0.0), (1e-2, 1.0)])
def test_rates_out_of_range_are_refused(accepted: float, alpha: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        EProcess(accepted, alpha)
