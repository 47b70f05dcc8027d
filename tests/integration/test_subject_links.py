"""Subjects who come by a link: what lets them in, what they may do, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from faceward.audit.receipt import Receipt
from faceward.audit.verifier import verify_receipt
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.operations.deployment import Deployment
from faceward.operations.system import System
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.visits import OPERATOR, STAY, Visit
from faceward.service import subject_links
from faceward.service.errors import Unauthenticated
from faceward.service.vault import FILE, Vault

DAY = timedelta(days=1)


def visitor(system: System, subject: str, term: timedelta = DAY) -> System:
    visit, _ = system.links.make(subject, term)
    return system.visited(visit)


def staffed(world: Any) -> System:
    """Return a deployment of which Ana is an operator who signed in, with two subjects."""
    system: System = world.open()
    world.enrol(system, "ada", "bob")
    deployment: Deployment = system._deployment
    keys = {name: PrivateKey.generate() for name in ("ana", "ben")}
    system.people.add("ana", keys["ana"].public.line, ("operator", "approver"), date(2027, 1, 1))
    session = OpenSession.begin("ana", keys["ana"], deployment.log.origin, deployment.now())
    acting = system.acting("ana", session)
    acting.people.add("ben", keys["ben"].public.line, ("approver",), date(2027, 1, 1))
    return acting


def vault_of(world: Any, system: System) -> Vault:
    return Vault(system.home / FILE, system.service_secret(), world.clock)


def test_D1_a_subject_who_came_by_a_link_sees_what_is_held_where_people_sign_in(world: Any) -> None:
    mine = visitor(staffed(world), "ada")

    account = mine.rights.account("ada")

    [reference] = account.view.references
    assert "ada" in str(reference.record["notice"])
    assert reference.record["basis"] == "consent"
    assert account.released == ("door",)
    assert [line.operation for line in account.view.history][-2:] == ["subject.show", "subject.link"]
    assert mine.notice("ada")


def test_D1_a_visitor_may_do_nothing_about_anybody_else(world: Any) -> None:
    mine = visitor(staffed(world), "ada")

    attempts: list[Callable[[], object]] = [
        lambda: mine.rights.account("bob"),
        lambda: mine.rights.receipt("bob", 3),
        lambda: mine.export("bob"),
        lambda: mine.notice("bob"),
        lambda: mine.erase("bob"),
        lambda: mine.rights.withdraw("bob", "door"),
        lambda: mine.rights.complain("bob", "it is wrong"),
        lambda: mine.rights.suspend("bob", "because"),
        mine.rights.complaints,
        mine.rights.requests,
        lambda: mine.links.make("bob"),
        lambda: mine.links.make("ada"),
        lambda: mine.show_log(5),
        lambda: mine.verify(world.picture("ada"), subject="ada", purpose="door"),
        lambda: mine.identify(world.picture("bob"), gallery="door", purpose="door", reason="curious"),
    ]
    for attempt in attempts:
        with pytest.raises(PolicyRefusal):
            attempt()

    assert len(mine._deployment.store.by_subject(mine._deployment.pseudonym("bob"))) == 1


def test_D1_a_visitor_can_complain_ask_and_take_a_copy(world: Any) -> None:
    mine = visitor(staffed(world), "ada")

    matter = mine.rights.complain("ada", "that was not me")
    package = mine.rights.access("ada")

    assert matter.state == "received"
    assert b"that was not me" in package["data.json"]
    assert {"chain.json", "index.html", "README.txt"} <= package.keys()


def test_T2_a_visitor_erases_themselves_and_the_visit_ends_with_it(world: Any) -> None:
    system = staffed(world)
    mine, other = visitor(system, "ada"), visitor(system, "ada")

    result = mine.erase("ada")

    assert result.references == 1
    assert verify_receipt(result.receipt, str(system._deployment.log.vkey)).index == result.entry
    for gone in (mine, other):
        with pytest.raises(UsageError, match="nothing is held"):
            gone.rights.account("ada")
        with pytest.raises(PolicyRefusal, match="link has ended"):
            gone.links.require()
    world.enrol(system, "ada")
    with pytest.raises(PolicyRefusal, match="link has ended"):
        mine.rights.account("ada")


def test_C2_a_visitor_withdraws_a_release(world: Any) -> None:
    mine = visitor(staffed(world), "ada")

    assert mine.rights.withdraw("ada", "door").references == 1
    assert mine.rights.account("ada").view.references == ()


def test_K2_a_visit_needs_an_entry_that_let_this_subject_in(world: Any) -> None:
    system = staffed(world)
    visit, _ = system.links.make("ada")
    forged = [Visit("bob", visit.entry), Visit("ada", visit.entry - 1), Visit("ada", visit.entry + 1)]
    forged += [Visit("ada", 10_000), Visit("nobody", visit.entry)]

    for one in forged:
        with pytest.raises(PolicyRefusal, match="link has ended"):
            system.visited(one).links.require()


def test_K2_a_visit_ends_with_its_term(world: Any) -> None:
    mine = visitor(staffed(world), "ada", timedelta(hours=1))

    world.clock.advance(timedelta(hours=1) + STAY - timedelta(seconds=1))
    mine.rights.account("ada")
    world.clock.advance(timedelta(seconds=1))

    with pytest.raises(PolicyRefusal, match="link has ended"):
        mine.rights.account("ada")


def test_K2_links_are_made_by_operators_for_seven_days_at_most(world: Any) -> None:
    system = staffed(world)

    with pytest.raises(PolicyRefusal, match="K2"):
        world.systems[0].links.make("ada")
    with pytest.raises(UsageError, match="at most 7d"):
        system.links.make("ada", timedelta(days=7, hours=1))
    with pytest.raises(UsageError, match="nothing is held"):
        system.links.make("cleo")


def test_L1_that_a_link_was_made_and_used_is_in_the_subjects_own_chain(world: Any) -> None:
    system = staffed(world)
    vault = vault_of(world, system)

    link = subject_links.make(system, vault, "ada")
    visit = subject_links.use(system, vault, link.token)
    told = [line.operation for line in system.subject("ada").history]

    assert visit == Visit("ada", link.entry)
    assert told[-2:] == ["subject.link", "subject.visit"]


def test_K2_a_link_is_used_once_and_none_can_be_guessed(world: Any) -> None:
    system = staffed(world)
    vault = vault_of(world, system)
    link = subject_links.make(system, vault, "ada")

    assert subject_links.use(system, vault, link.token).subject == "ada"
    for token in (link.token, "", "fwl_", "fwl_" + "A" * 43, link.token[:-1]):
        with pytest.raises(Unauthenticated):
            subject_links.use(system, vault, token)


def test_T2_a_link_of_an_erased_subject_lets_nobody_in_and_nothing_names_them(world: Any) -> None:
    system = staffed(world)
    vault = vault_of(world, system)
    link = subject_links.make(system, vault, "ada")
    system.erase("ada")

    with pytest.raises(Unauthenticated):
        subject_links.use(system, vault, link.token)
    assert vault.all("subject-link") == []


def test_T2_the_lasting_details_of_what_a_visitor_does_do_not_name_them(world: Any) -> None:
    mine = visitor(staffed(world), "ada")
    first = mine.log_size

    mine.rights.complain("ada", "that was not me")

    for line in mine.log_lines(first):
        details = line.opened["details"]
        assert details["operator"] == OPERATOR
        assert "ada" not in str(details)


def test_L1_receipts_of_single_entries_open_for_their_subject_alone(world: Any) -> None:
    system = staffed(world)
    system.identify(world.picture("ada"), gallery="door", purpose="door", reason="bob was seen with somebody")
    mine = visitor(system, "ada")
    account = mine.rights.account("ada")
    [search] = account.searches

    seen = Receipt.parse(mine.rights.receipt("ada", search.entry)).content()
    assert set(seen.openings) == {"gallery"}
    for line in account.view.history:
        text = mine.rights.receipt("ada", line.index)
        content = Receipt.parse(text).content()
        assert [opening.details["subject"] for opening in content.openings.values()] == ["ada"]
        assert "bob" not in str(content)
    with pytest.raises(UsageError, match="concerns this subject"):
        mine.rights.receipt("ada", 0)


def test_K2_a_visitor_sees_no_record_that_was_made_after_the_link(world: Any) -> None:
    system = staffed(world)
    mine = visitor(system, "ada")
    picture = world.picture("ada")
    sheet = world.release("ada", signed_on=date(2026, 6, 1), until=datetime(2027, 5, 1, tzinfo=UTC))
    system.enrol([picture], subject="ada", purpose="door", releases=sheet)

    records = [bool(one.record) for one in mine.rights.account("ada").view.references]

    assert sorted(records) == [False, True]
