"""What is decided purely of watching: periods, repetitions, traffic, how an alert stands, which references suspend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from faceward.core.errors import IntegrityError
from faceward.policy.false_alerts import FalseAlerts, are_false, found, released, suspends
from faceward.policy.monitored import Count
from faceward.policy.monitoring import EProcess
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Finding, Search
from faceward.policy.rules import Principal
from faceward.policy.verdicts import Found, Passed, Searched
from faceward.policy.watching import PAUSE, per_day, period, repeated, state_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEAD = next(key for key, step in review_scheme().conclusions.items() if step.support)


def case(*answers: Answer, sample: str | None = None, subject: str | None = "Hugo") -> Case:
    search = Search(4, "olga", "theft", "theft", "", "")
    candidates = (Candidate(1, subject, "r" * 32, 0.7, sample=sample),)
    return Case("c" * 32, NOW, "olga", NOW + timedelta(days=9), "frame", search, (), candidates, answers)


def answer(reviewer: str, conclusion: str) -> Answer:
    given = Comparison(1, dict.fromkeys(review_scheme().features, Finding.SIMILAR), conclusion, "")
    return Answer(reviewer, NOW, (given,), amendment=False, salt="0" * 64)


def who(name: str) -> Principal:
    return Principal(name, True, frozenset({"reviewer"}), trained=True)


@pytest.mark.parametrize(("lease", "seconds"), [(15, 840.0), (1, 45.0), (4, 180.0)])
def test_a_period_ends_well_before_the_key_must_be_given_back(lease: int, seconds: float) -> None:
    assert period(timedelta(minutes=lease)) == seconds < lease * 60


def test_a_sighting_repeats_another_for_five_minutes_whichever_clock_runs_ahead() -> None:
    assert repeated(NOW, NOW + PAUSE - timedelta(seconds=1))
    assert repeated(NOW, NOW - PAUSE + timedelta(seconds=1))
    assert not repeated(NOW, NOW + PAUSE)


def test_false_alerts_a_day_follow_from_traffic_and_rate() -> None:
    assert per_day(500, timedelta(hours=1), 1e-3) == pytest.approx(12)
    assert per_day(0, timedelta(hours=1), 1e-3) == 0


def test_H2_until_it_is_decided_an_alert_tells_nobody_whether_others_have_answered() -> None:
    one = answer("remy", LEAD)
    assert state_of(case(), who("rosa")) == state_of(case(one), who("rosa")) == "waiting"
    assert state_of(case(one), who("remy")) == "in-review"
    assert (
        state_of(case(sample="5" * 64), who("rosa")) == state_of(case(one, sample="5" * 64), who("rosa")) == "in-review"
    )
    unsigned = replace(who("remy"), signed_in=False)
    assert state_of(case(one), unsigned) == "waiting"


def test_H1_an_alert_is_confirmed_by_two_and_by_nobody_alone() -> None:
    for_it, against = answer("remy", LEAD), answer("rosa", "inconclusive")
    assert state_of(case(for_it, answer("rosa", LEAD)), who("olga")) == "confirmed"
    # Two who differ decide nothing, and the third does not learn of it.
    assert state_of(case(for_it, against), who("olga")) == "waiting"
    assert state_of(case(against, answer("remy", "inconclusive")), who("olga")) == "dismissed"
    assert state_of(case(for_it, answer("rosa", LEAD), subject=None), who("olga")) == "dismissed"


def test_W6_faces_that_pass_cameras_count_and_are_kept_as_a_number() -> None:
    count = Count(-1, NOW, EProcess(0.01)).passed(Passed(3, NOW, "theft", 40))
    count = count.searched(Searched(5, NOW, 4, "theft", 1, 1, "p" * 32, "o"))
    assert (count.process.faces, count.alerts, count.watched) == (41, 1, 40)
    again = Count.from_json(count.to_json())
    assert again == count
    assert again.passed(Passed(7, NOW, "theft", 2)).process.faces == 43
    alone = Count(-1, NOW, EProcess(0.01)).searched(Searched(5, NOW, 4, "theft", 1, 1, "p" * 32, "o"))
    wrong = Found(9, NOW, Searched(5, NOW, 4, "theft", 1, 1, "p" * 32, "o"), "incorrect", None)
    # What cameras saw pass is part of what false alerts are held against.
    assert count.found(wrong, 0.01).process.evalue < alone.found(wrong, 0.01).process.evalue
    assert count.restarted(10, NOW).watched == 0


def test_W4_two_pictures_of_one_reference_suspend_it_and_one_picture_twice_does_not() -> None:
    counted = found({}, "hugo", ("r1", "r2"), "p1")
    counted = found(counted, "hugo", ("r1",), "p1")
    assert suspends(counted) == ()
    counted = found(counted, "hugo", ("r1",), "p2")
    assert suspends(counted) == ("r1",)
    assert suspends(released(counted, references=("r1",))) == ()
    assert released(counted, references=("r1",)).keys() == {"r2"}
    assert released(counted, owner="hugo") == {}
    assert suspends(found(released(counted, references=("r1",)), "hugo", ("r1",), "p3")) == ()


def test_W4_a_finding_speaks_of_all_candidates_or_of_those_that_reviewers_did_not_take_for_a_lead() -> None:
    assert are_false("incorrect", None, "actionable-lead")
    assert are_false("incorrect", 1, "not-actionable")
    assert not are_false("incorrect", 1, "actionable-lead")
    assert not are_false("correct", None, "not-actionable")
    assert not are_false("undetermined", None, "not-actionable")


@pytest.mark.parametrize(
    "value", [{}, {"owner": 1, "pictures": []}, {"owner": "a", "pictures": [1]}, [], {"owner": "a"}]
)
def test_what_is_kept_of_false_alerts_is_of_one_form(value: object) -> None:
    one = FalseAlerts("a", frozenset({"p"}))
    assert FalseAlerts.from_json(one.to_json()) == one
    with pytest.raises(IntegrityError):
        FalseAlerts.from_json(value)
