"""Which evaluation a purpose relies on, and what is said where it does not do (rule V1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.policy.evaluation import DataBasis, Evaluation
from faceward.policy.evidence import (
    FACTS,
    Candidate,
    Evidence,
    Need,
    assess,
    choose,
    data_accepted,
)
from faceward.policy.stated_rates import fnmr_at, reach, supports
from faceward.policy.tables import EvidenceRules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STRICT = EvidenceRules(timedelta(days=365), True, 200, 500, 0.3, 2.0)
MILD = EvidenceRules(timedelta(days=365), False, 200, 500, 0.75, 0.0)
Make = Callable[..., Evaluation]


@pytest.fixture
def make(evaluations_kit: ModuleType) -> Make:
    def made(**changes: Any) -> Evaluation:
        about = {key: changes.pop(key) for key in ("camera_class", "own", "subjects", "basis") if key in changes}
        return evaluations_kit.evaluation(**{"data": replace(evaluations_kit.DATA, **about), **changes})

    return made


@pytest.fixture
def need(evaluations_kit: ModuleType) -> Need:
    return Need(evaluations_kit.PACK, "door", 1e-5)


def candidate(evaluation: Evaluation, *, shipped: bool = False) -> Candidate:
    return Candidate(evaluation, evaluation.digest(), shipped)


def judged(need: Need, *evaluations: Evaluation, rules: EvidenceRules = STRICT, now: datetime = NOW) -> Evidence:
    return assess([candidate(one) for one in evaluations], need, rules, now)


def failing(found: Evidence) -> list[str]:
    assert set(found.facts) == set(FACTS)
    assert found.good == all(found.facts.values())
    if not found.good:
        assert found.reason.endswith(".")
        assert found.remedy.endswith(".")
        assert "\n" not in found.reason + found.remedy
    return [fact for fact in FACTS if not found.facts[fact]]


def test_V1_good_evidence_lets_search(make: Make, need: Need) -> None:
    found = judged(need, make())
    assert failing(found) == []
    assert (found.reason, found.remedy) == ("", "")
    assert found.chosen is not None
    assert found.chosen.evaluation == make()


def test_V1_without_any_evaluation_the_refusal_says_what_to_run(need: Need) -> None:
    found = judged(need)
    assert failing(found) == list(FACTS)
    assert "no evaluation is on record" in found.reason
    assert "faceward evaluate verification" in found.remedy
    assert "'door'" in found.remedy
    assert "faceward evidence add" in found.remedy


def test_V1_evidence_of_another_pack_or_camera_class_does_not_count(make: Make, need: Need) -> None:
    found = judged(need, make(pack="other@0123456789abcdef"))
    assert failing(found) == [fact for fact in FACTS if fact != "present"]
    assert need.pack in found.reason
    found = judged(need, make(camera_class="gate"))
    assert failing(found) == [fact for fact in FACTS if fact not in ("present", "of_pack")]
    assert "'door'" in found.reason
    assert judged(replace(need, camera_class="any"), make(camera_class="gate")).good


def test_V1_a_purpose_without_a_class_names_one_where_evidence_has_several(make: Make, need: Need) -> None:
    both = make(), make(camera_class="gate")
    anywhere = replace(need, camera_class="any")
    found = judged(anywhere, *both)
    assert failing(found)[0] == "of_camera_class"
    assert "door, gate" in found.reason
    assert "purpose change" in found.remedy
    assert judged(anywhere, *both, rules=MILD).good
    assert judged(anywhere, make(), make(camera_class="gate", own=False)).good
    assert judged(anywhere, make(), make(camera_class="gate", pack="other@0123456789abcdef")).good


def test_V1_own_cameras_where_the_standard_asks_for_them_save_in_a_trial(make: Make, need: Need) -> None:
    found = judged(need, make(own=False))
    assert failing(found) == ["own"]
    assert "your own cameras" in found.remedy
    assert judged(need, make(own=False), rules=MILD).good
    assert judged(replace(need, trial=True), make(own=False)).good


def test_V1_evidence_ends_after_twelve_months(make: Make, need: Need) -> None:
    made = make(made=NOW - timedelta(days=365))
    assert judged(need, made, now=NOW - timedelta(seconds=1)).good
    found = judged(need, made)
    assert failing(found) == ["fresh"]
    assert "older than 365 days" in found.reason
    assert "2025-06-01" in found.reason


def test_V1_a_breach_voids_what_was_measured_before_it(make: Make, need: Need) -> None:
    breached = replace(need, void_before=NOW - timedelta(days=2))
    found = judged(breached, make())
    assert failing(found) == ["fresh"]
    assert "2026-05-30" in found.reason
    assert judged(breached, make(made=NOW - timedelta(days=1))).good


def test_V1_the_rate_that_the_search_needs_must_be_measured(
    make: Make, need: Need, evaluations_kit: ModuleType
) -> None:
    found = judged(replace(need, fmr=1e-8), make())
    assert failing(found) == ["supports_rate", "within_limits"]
    assert "1.0e-08" in found.reason
    assert "1.0e-07" in found.reason
    first = make().points[0]
    assert not supports(make(points=()), 0.5)
    assert not supports(make(points=(first,)), 0.5)
    # Nobody measured a rate above the loosest either: its threshold stands for another.
    found = judged(replace(need, fmr=0.2), make())
    assert failing(found) == ["supports_rate"]
    assert "none above 1.0e-01" in found.reason
    assert supports(make(), 0.1)
    # Where no error was seen nothing is stated, and zero is no rate.
    none = replace(first, threshold=0.99, fmr=replace(first.fmr, estimate=0.0, low=0.0, errors=0), fnmr=first.fnmr)
    assert reach(make(points=(*evaluations_kit.points(), none))) == 1e-7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subjects": 199}, "199 people"),
        ({"mated": 499}, "499 mated"),
        ({"fairness": ()}, "compares no groups"),
        ({"points": "steep"}, "misses"),
        ({"fairness": "uneven"}, "2.1 times"),
    ],
)
def test_V1_limits_of_the_standard(
    make: Make, need: Need, evaluations_kit: ModuleType, changes: dict[str, Any], said: str
) -> None:
    if changes.get("points") == "steep":
        changes = {"points": evaluations_kit.points(((1e-2, 0.1, 0.01), (1e-5, 0.5, 0.31), (1e-6, 0.6, 0.5)))}
    if changes.get("fairness") == "uneven":
        changes = {"fairness": (evaluations_kit.fairness(), evaluations_kit.fairness(2.1))}
    found = judged(need, make(**changes))
    assert failing(found) == ["within_limits"]
    assert said in found.reason


def test_V1_a_trial_goes_by_the_packs_own_evaluation_without_labels(make: Make, need: Need) -> None:
    shipped = make(own=False, fairness=())
    trial = replace(need, trial=True)
    assert assess([candidate(shipped, shipped=True)], trial, STRICT, NOW).good
    assert failing(assess([candidate(shipped)], trial, STRICT, NOW)) == ["within_limits"]
    assert failing(assess([candidate(shipped, shipped=True)], need, STRICT, NOW)) == ["own", "within_limits"]


def test_the_newest_of_ones_own_is_chosen_and_stays_chosen_when_it_is_too_old(make: Make, need: Need) -> None:
    old, new = make(made=NOW - timedelta(days=500)), make(made=NOW - timedelta(days=400))
    other = make(own=False, made=NOW)
    pool = [candidate(one) for one in (old, new, other)]
    chosen = choose(pool, need.pack, "door")
    assert chosen is not None
    assert chosen.evaluation == new
    # Another is on record that would do; relying on it would change what a score means.
    assert failing(assess(pool, need, MILD, NOW)) == ["fresh"]
    assert choose(pool[2:], need.pack, "door") == pool[2]
    assert choose([], need.pack, "any") is None


def test_V1_what_comes_with_a_pack_is_not_ones_own_and_no_newer_than_its_adoption(make: Make, need: Need) -> None:
    claims = make(made=NOW + timedelta(days=300), points=())
    shipped = Candidate(claims, claims.digest(), shipped=True, since=NOW - timedelta(days=30))
    assert not shipped.own
    assert shipped.date == NOW - timedelta(days=30)
    recorded = candidate(make(own=False, made=NOW - timedelta(days=20)))
    assert choose([shipped, recorded], need.pack, "door") == recorded
    good = Candidate(make(own=False, made=NOW + timedelta(days=300)), "0" * 64, True, NOW - timedelta(days=30))
    assert assess([good], need, MILD, NOW).good
    assert failing(assess([good], need, MILD, NOW + timedelta(days=335))) == ["fresh"]
    # A breach since then voids it, whatever date it names.
    breached = replace(need, void_before=NOW - timedelta(days=1))
    assert failing(assess([good], breached, MILD, NOW + timedelta(days=301))) == ["fresh"]


def test_V1_evidence_counts_against_a_breach_from_when_it_was_recorded(make: Make, need: Need) -> None:
    ahead = make(made=NOW + timedelta(hours=24))
    breached = replace(need, void_before=NOW + timedelta(hours=20))
    later = NOW + timedelta(hours=30)
    assert assess([candidate(ahead)], breached, STRICT, later).good
    assert not assess([Candidate(ahead, ahead.digest(), False, NOW)], breached, STRICT, later).good


def test_V3_whose_pictures_may_be_test_data(make: Make) -> None:
    accepted = {
        (own, basis) for own in (True, False) for basis in DataBasis if data_accepted(make(own=own, basis=basis))
    }
    assert accepted == {
        (True, DataBasis.CONSENTED),
        (True, DataBasis.REVIEWED),
        (False, DataBasis.CONSENTED),
        (False, DataBasis.PUBLIC_RESEARCH),
        (False, DataBasis.SYNTHETIC),
    }


def test_fnmr_runs_through_the_points_and_is_total_beyond_them(evaluations_kit: ModuleType) -> None:
    points = evaluations_kit.points(((1e-2, 0.1, 0.02), (1e-4, 0.5, 0.06)))
    assert fnmr_at(points, 0.5) == 0.02
    assert fnmr_at(points, 1e-2) == pytest.approx(0.02)
    assert fnmr_at(points, 1e-3) == pytest.approx(0.04)
    assert fnmr_at(points, 1e-4) == pytest.approx(0.06)
    assert fnmr_at(points, 0.99e-4) == 1
    assert fnmr_at((), 1e-4) == 1


@given(st.lists(st.floats(1e-9, 1), min_size=2, max_size=2))
def test_a_lower_rate_never_misses_fewer(rates: list[float]) -> None:
    from faceward.core.rates import Rate
    from faceward.policy.evaluation import Point

    rows = ((1e-1, 0.1, 0.001), (1e-3, 0.3, 0.01), (1e-6, 0.6, 0.4))
    made = [(at, *(Rate(rate, 0, 1, 0, 1, "w") for rate in (fmr, fnmr, fmr, fnmr))) for fmr, at, fnmr in rows]
    points = [Point(*one) for one in made]
    low, high = sorted(rates)
    assert fnmr_at(points, low) >= fnmr_at(points, high)
