from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from faceward.core.errors import UsageError
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.notices import EXEMPTIONS, Notice, exemption, notice_text
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
    assert "ask privacy@acme.example for the way without" in notice_text(notice, eu).lower()
    named = replace(notice, purpose=replace(door, alternative="show your badge at the desk"))
    assert "Show your badge at the desk." in notice_text(named, eu)


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
