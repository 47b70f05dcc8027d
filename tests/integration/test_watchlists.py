"""Watchlists: nobody is entered by one person alone, no minors, and every entry is looked at again (E1, E3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.canonical import sha256_hex
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.operations.grounds import Grounds
from faceward.operations.system import System
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.watchlist import Particulars

DAY = timedelta(days=1)
TRAINED = date(2027, 12, 31)


class Shop:
    """A deployment under the standard `retail`; Ana enrols, Ben and Cem approve."""

    def __init__(self, make_world: Callable[..., Any]) -> None:
        self.world = make_world("shop", standard="retail", about=("Shop", "desk@shop.example"))
        self.system: System = self.world.open(purpose=None)
        self.world.fake(self.system)._floors = self.system._deployment.standard.parameters.enrolment_floors
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben", "cem")}
        self.add(None, "ana", "operator", "approver")
        self.add("ana", "ben", "approver", "operator")
        self.act("ana").add_purpose("theft", basis="legal-obligation", fmr=1e-4, retention=180 * DAY)
        self.picture: Path = self.world.picture("Hugo")

    def act(self, name: str | None) -> System:
        deployment = self.system._deployment
        deployment.session = None
        if name is not None:
            deployment.begin_session(OpenSession.begin(name, self.keys[name], deployment.log.origin, deployment.now()))
        return self.system

    def add(self, who: str | None, name: str, *roles: str) -> None:
        assert self.act(who).people.add(name, self.keys[name].public.line, roles, TRAINED).state == "carried out"

    def particulars(self, **changes: Any) -> Particulars:
        stated = Particulars(
            subject="Hugo",
            purpose="theft",
            gallery="theft",
            source="CCTV of 2026-05-30, branch 7",
            evidence="incident report 2026/118, cabinet 2",
            samples=(sha256_hex(self.picture.read_bytes()),),
            born=date(1990, 1, 31),
        )
        return replace(stated, **changes)

    def ask(self, **changes: Any) -> str:
        return self.act("ana").rights.request_entry(self.particulars(**changes)).digest

    def approve(self, request: str, who: str = "ben") -> None:
        self.act(who).requests.decide(request, Decision.APPROVE)

    def enrol(self, entry: str | None, who: str = "ana", subject: str = "Hugo", picture: Path | None = None) -> Any:
        given = Grounds(entry=entry, exemption="disproportionate")
        return self.act(who).enrol_on(given, [picture or self.picture], subject=subject, purpose="theft")

    def refused(self, rule: str, act: Callable[[], object]) -> str:
        with pytest.raises(PolicyRefusal) as caught:
            act()
        assert caught.value.rule == rule
        assert [*self.world.log(self.system)][-1][1] == "denied"
        return str(caught.value)


@pytest.fixture
def shop(make_world: Callable[..., Any]) -> Shop:
    return Shop(make_world)


def test_E1_an_entry_that_another_person_approved_is_enrolled(shop: Shop) -> None:
    request = shop.ask()
    shop.approve(request)
    [sample] = shop.enrol(request).samples
    assert sample.outcome == "enrolled"
    record = shop.act("ana").subject("Hugo").references[0].record
    assert (record["entry"], record["operator"]) == (request, "ana")


def test_E1_nobody_enters_a_person_without_an_approved_request(shop: Shop) -> None:
    shop.refused("E1", lambda: shop.enrol(None))
    request = shop.ask()
    assert "no other person has approved" in shop.refused("E1", lambda: shop.enrol(request))


def test_E1_who_asked_does_not_approve_and_who_approved_does_not_enrol(shop: Shop) -> None:
    request = shop.ask()
    shop.refused("S2", lambda: shop.approve(request, "ana"))
    shop.approve(request, "ben")
    shop.refused("E1", lambda: shop.enrol(request, "ben"))
    assert shop.enrol(request, "ana").samples[0].outcome == "enrolled"


def test_E1_an_approval_that_counts_no_more_does_not_let_the_other_approver_enrol(shop: Shop) -> None:
    shop.keys["dee"] = PrivateKey.generate()
    added = shop.act("ana").people.add("dee", shop.keys["dee"].public.line, ("approver", "operator"), TRAINED)
    shop.approve(added.digest)
    request = shop.ask()
    shop.approve(request, "ben")
    shop.approve(request, "dee")
    removed = shop.act("ana").people.remove("dee")
    shop.approve(removed.digest, "ben")
    # What is left is what Ben alone approved, so that Ben does not enrol.
    shop.refused("E1", lambda: shop.enrol(request, "ben"))
    assert shop.enrol(request, "ana").samples[0].outcome == "enrolled"


def test_E1_an_approval_is_for_these_pictures_this_person_and_this_gallery(shop: Shop) -> None:
    request = shop.ask()
    shop.approve(request)
    shop.refused("E1", lambda: shop.enrol(request, picture=shop.world.picture("Hugo")))
    shop.refused("E1", lambda: shop.enrol(request, subject="Ada"))


def test_E1_an_approval_that_has_ended_enrols_nobody(shop: Shop) -> None:
    request = shop.ask()
    shop.approve(request)
    shop.world.clock.advance(8 * DAY)
    shop.refused("E1", lambda: shop.enrol(request))


def test_E1_an_entry_names_source_and_evidence(shop: Shop) -> None:
    for missing in ({"evidence": " "}, {"source": ""}, {"samples": ()}):
        with pytest.raises(UsageError):
            shop.ask(**missing)


def test_E1_the_approver_sees_what_is_approved_and_no_file_names_it(shop: Shop) -> None:
    request = shop.ask()
    assert shop.act("ben").rights.entry(request[:10]) == shop.particulars()
    for name, data in shop.world.contents().items():
        assert b"Hugo" not in data, name
        assert b"2026/118" not in data, name
    shop.act("ana").erase("Hugo")
    assert shop.act("ben").rights.entry(request) is None
    shop.approve(request)
    shop.refused("E1", lambda: shop.enrol(request))


@pytest.mark.parametrize(
    "stated",
    [
        {"born": date(2008, 6, 2)},
        {"born": None, "stated_age": 17},
        {"stated_age": 17},
        {"vulnerable": True},
    ],
)
def test_E3_who_is_stated_to_be_a_minor_or_vulnerable_is_not_entered(shop: Shop, stated: dict[str, Any]) -> None:
    shop.refused("E3", lambda: shop.ask(**stated))
    request = shop.ask(**stated, safeguarding=True)
    shop.approve(request)
    assert shop.enrol(request).samples[0].outcome == "enrolled"


def test_E3_eighteen_today_is_no_minor(shop: Shop) -> None:
    assert shop.ask(born=date(2008, 6, 1))


def test_E3_an_age_is_stated_in_years(shop: Shop) -> None:
    for age in (-1, 151):
        with pytest.raises(UsageError, match="stated age"):
            shop.ask(stated_age=age)


def test_W4_a_reference_nobody_looked_at_for_a_month_is_suspended(shop: Shop) -> None:
    request = shop.ask()
    shop.approve(request)
    reference = shop.enrol(request).samples[0].reference
    shop.world.clock.advance(29 * DAY)
    system = shop.act("ana")
    assert [(one.what, one.identifier, one.overdue) for one in system.rights.due()] == [("review", reference, False)]
    system.rights.tick()
    in_use = system._deployment
    from faceward.operations.suspension import suspended

    assert not suspended(in_use, in_use.now())
    shop.world.clock.advance(2 * DAY)
    system = shop.act(None)
    assert any("monthly review is overdue" in line for line in system.rights.tick().done)
    assert suspended(in_use, in_use.now()).references == {reference}
    shop.act("ana").rights.review(reference, "He was seen again on 2026-06-20.")
    assert not suspended(in_use, in_use.now())
    assert system.rights.due() == ()


def test_W4_an_erasure_takes_what_is_kept_of_reviews_and_suspensions(shop: Shop) -> None:
    request = shop.ask()
    shop.approve(request)
    reference = shop.enrol(request).samples[0].reference
    system = shop.act("ana")
    system.rights.review(reference, "He was seen again.")
    shop.world.clock.advance(32 * DAY)
    system = shop.act("ana")
    system.rights.tick()
    store = system._deployment.store
    assert (len(store.documents("reviewed")), len(store.documents("hold"))) == (1, 1)
    shop.world.clock.advance(200 * DAY)
    system.rights.tick()
    assert (len(store.documents("reviewed")), len(store.documents("hold"))) == (0, 0)
