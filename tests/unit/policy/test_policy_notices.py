from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.notices import (
    EXEMPTIONS,
    AdverseAction,
    Notice,
    adverse_text,
    check_exemption,
    deletion_text,
    exemption,
    notice_text,
)
from faceward.policy.parameters import Basis
from faceward.policy.purposes import Purpose


@pytest.fixture
def notice(door: Purpose, now: datetime) -> Notice:
    return Notice("Zoë", door, "Acme Ltd", "privacy@acme.example", now, now + timedelta(days=365), date(2026, 1, 31))


def test_E5_notice_tells_who_why_until_when_and_how_to_withdraw(notice: Notice, eu: Jurisdiction) -> None:
    text = notice_text(notice, eu)
    for part in (
        "Zoë",
        "Acme Ltd",
        "privacy@acme.example",
        "door",
        "2027-06-15",
        "2026-01-31",
        "one in 10,000",
        "withdraw your release at any time",
        "erased",
        "copy",
        "complain to the data protection authority",
        "not legal advice",
    ):
        assert part in text
    assert text.endswith("\n")


def test_E5_notice_names_the_alternative_or_whom_to_ask(notice: Notice, eu: Jurisdiction, door: Purpose) -> None:
    silent = replace(notice, purpose=replace(door, alternative=""))
    assert "ask privacy@acme.example for the way without" in notice_text(silent, eu).lower()
    named = replace(notice, purpose=replace(door, alternative="show your badge at the desk"))
    assert "Show your badge at the desk." in notice_text(named, eu)


def test_E5_notice_promises_no_way_that_nobody_named(notice: Notice, eu: Jurisdiction, door: Purpose) -> None:
    task = replace(door, basis=Basis.PUBLIC_TASK, alternative="")
    text = notice_text(replace(notice, purpose=task, signed_on=None), eu)
    assert "No way without face recognition is named for this purpose. Questions: privacy@acme.example." in text
    assert "no disadvantage" not in text


def test_E5_notice_promises_no_more_than_a_right_to_ask(notice: Notice, eu: Jurisdiction) -> None:
    assert "the right to ask the controller to correct it or to suspend its use" in notice_text(notice, eu)


@pytest.mark.parametrize("basis", Basis)
def test_E5_notice_exists_for_every_basis(basis: Basis, notice: Notice, eu: Jurisdiction, door: Purpose) -> None:
    text = notice_text(replace(notice, purpose=replace(door, basis=basis), signed_on=None), eu)
    assert ("withdraw" in text) == (basis is Basis.CONSENT)
    assert ("object" in text) == (basis is not Basis.CONSENT)


def test_E5_notice_without_contact_still_says_whom_to_ask(notice: Notice, illinois: Jurisdiction) -> None:
    text = notice_text(replace(notice, controller="", contact=""), illinois)
    assert "the person who enrolled you" in text
    assert "740 ILCS 14/15" in text


def test_E5_exemptions_are_a_closed_list() -> None:
    for name, reason in EXEMPTIONS.items():
        assert exemption(name) == reason
    with pytest.raises(UsageError, match="already-informed"):
        exemption("inconvenient")


def test_E5_exemptions_apply_by_where_the_pictures_come_from() -> None:
    for name in EXEMPTIONS:
        check_exemption(name, from_subject=False)
    check_exemption("already-informed", from_subject=True)
    for name in set(EXEMPTIONS) - {"already-informed"}:
        with pytest.raises(PolicyRefusal) as caught:
            check_exemption(name, from_subject=True)
        assert caught.value.rule == "E5"
    with pytest.raises(UsageError):
        check_exemption("too-busy", from_subject=False)


def test_D2_an_adverse_notice_names_time_place_action_contact_and_how_to_complain(eu: Jurisdiction) -> None:
    adverse = AdverseAction(
        "Zoë", "asked to leave", "hall 2", datetime(2026, 1, 31, 14, 30, tzinfo=UTC), "desk@acme.example"
    )
    text = adverse_text(adverse, "Acme Ltd", 30, eu)
    for part in ("Zoë", "2026-01-31 14:30 (UTC)", "Hall 2.", "Asked to leave.", "desk@acme.example", "within 30 days"):
        assert part in text
    assert eu.complaints in text
    assert "never proof" in text


def test_T3_a_deletion_notice_names_references_and_a_day() -> None:
    text = deletion_text("", "Police", ("a" * 32, "b" * 32), datetime(2026, 7, 1, tzinfo=UTC))
    assert f"- {'a' * 32}\n- {'b' * 32}\n" in text
    assert "by 2026-07-01 (UTC)" in text
