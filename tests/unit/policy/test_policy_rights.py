"""Terms of complaints, requests, reviews and confirmations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.errors import IntegrityError
from faceward.policy.rights import (
    Agenda,
    Complaint,
    Outcome,
    RequestKind,
    SubjectRequest,
    Terms,
    due,
    month_after,
    obligations,
)

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
TERMS = Terms()
COMPLAINT = Complaint("c" * 16, "a" * 64, "", NOW, 3)
REQUEST = SubjectRequest("d" * 16, RequestKind.ACCESS, "a" * 64, NOW, 4)
SECOND = timedelta(seconds=1)


def test_D1_a_complaint_is_overdue_after_seven_days_without_an_acknowledgement() -> None:
    week = NOW + timedelta(days=7)
    assert COMPLAINT.deadline(TERMS) == week
    assert not COMPLAINT.overdue(week, TERMS)
    assert COMPLAINT.overdue(week + SECOND, TERMS)


def test_D1_an_acknowledged_complaint_is_overdue_after_thirty_days_without_a_decision() -> None:
    told = replace(COMPLAINT, acknowledged=NOW + timedelta(days=6))
    month = NOW + timedelta(days=30)
    assert told.deadline(TERMS) == month
    assert not told.overdue(month, TERMS)
    assert told.overdue(month + SECOND, TERMS)


def test_D1_a_decided_complaint_is_never_overdue() -> None:
    decided = replace(COMPLAINT, decided=NOW + timedelta(days=2), outcome=Outcome.REJECTED)
    assert decided.deadline(TERMS) is None
    assert not decided.overdue(NOW + timedelta(days=1000), TERMS)


def test_D1_a_standard_that_decides_sooner_than_it_acknowledges_has_one_term() -> None:
    hasty = Terms(acknowledge=timedelta(days=7), decide=timedelta(days=2))
    assert COMPLAINT.deadline(hasty) == NOW + timedelta(days=2)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 1, 31, 9, tzinfo=UTC), datetime(2026, 2, 28, 9, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)),
        (datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 5, 30, tzinfo=UTC)),
    ],
)
def test_D1_a_month_ends_on_the_same_day_or_the_last(start: datetime, end: datetime) -> None:
    assert month_after(start) == end


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_D1_a_month_is_28_to_31_days(moment: datetime) -> None:
    assert timedelta(days=28) <= month_after(moment) - moment <= timedelta(days=31)


def test_D1_what_is_open_is_listed_by_urgency_and_due_a_week_before_its_end() -> None:
    agenda = Agenda(
        complaints=(COMPLAINT, replace(COMPLAINT, identifier="e" * 16, decided=NOW, outcome=Outcome.UPHELD)),
        requests=(REQUEST, replace(REQUEST, identifier="f" * 16, answered=NOW)),
        reviews=(("r" * 32, NOW - timedelta(days=31)),),
        notices=(("n" * 16, NOW),),
    )
    found = obligations(agenda, NOW, TERMS)
    assert [(one.what, one.overdue) for one in found] == [
        ("review", True),
        ("complaint", False),
        ("request", False),
        ("confirmation", False),
    ]
    assert [one.what for one in due(found, NOW, TERMS)] == ["review", "complaint"]
    assert len(due(found, NOW + timedelta(days=23), TERMS)) == 4


def test_what_is_stored_is_read_back_equal() -> None:
    decided = replace(COMPLAINT, acknowledged=NOW, decided=NOW, outcome=Outcome.UPHELD, reference="b" * 32)
    for complaint in (COMPLAINT, decided):
        assert Complaint.from_json(complaint.to_json()) == complaint
    for request in (REQUEST, replace(REQUEST, answered=NOW)):
        assert SubjectRequest.from_json(request.to_json()) == request


@pytest.mark.parametrize(
    "change",
    [{"received": "yesterday"}, {"outcome": "won"}, {"entry": "3"}, {"more": 1}, {"acknowledged": 7}],
)
def test_what_was_damaged_is_told(change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        Complaint.from_json({**COMPLAINT.to_json(), **change})
    with pytest.raises(IntegrityError):
        SubjectRequest.from_json({**REQUEST.to_json(), "kind": "gift"})
