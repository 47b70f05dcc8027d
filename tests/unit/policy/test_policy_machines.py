"""Programs in the roster: each acts for whoever answers for it, and is nobody's second person (rules K2, S2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from faceward.core.errors import FacewardError, PolicyRefusal, SignatureNeeded
from faceward.policy.people import Person, Role, Roster
from faceward.policy.requests import (
    REQUEST_NAMESPACE,
    Decision,
    SignedRequest,
    check_approval,
    check_founding,
    check_request,
    new_request,
    sign_approval,
    sign_request,
)
from faceward.policy.sessions import OpenSession, check_session
from faceward.policy.sshsig import PrivateKey
from faceward.policy.statements import Statement, StatementAct, check_statement

HERE = "faceward.local/1"
DAY = timedelta(days=1)
GATE = "key gate"
NAMES = ("ana", "ben", "cem", GATE)


@pytest.fixture
def keys() -> dict[str, PrivateKey]:
    """Return everybody's key."""
    return {name: PrivateKey.generate() for name in NAMES}


@pytest.fixture
def roster(keys: dict[str, PrivateKey], now: datetime) -> Roster:
    """Return three approvers, of whom ana answers for the program."""
    people = Roster()
    for name in ("ana", "ben", "cem"):
        people = people.with_person(Person(name, keys[name].public, frozenset({Role.APPROVER}), None, now))
    return people.with_person(gate(keys, now))


def gate(keys: dict[str, PrivateKey], now: datetime, **changes: Any) -> Person:
    made = Person(GATE, keys[GATE].public, frozenset({Role.OPERATOR}), None, now, responsible="ana")
    return replace(made, **changes)


def asked(keys: dict[str, PrivateKey], now: datetime, kind: str = "mandate", body: Any = None) -> SignedRequest:
    return sign_request(new_request(kind, body or {}, GATE, HERE, (now, now + DAY)), keys[GATE])


def test_S2_nobody_decides_on_what_their_own_program_asks_for(
    keys: dict[str, PrivateKey], roster: Roster, now: datetime
) -> None:
    signed = asked(keys, now)
    for decision in Decision:
        own = sign_approval(signed.request, "ana", decision, now, keys["ana"])
        with pytest.raises(PolicyRefusal, match="'ana' answers for the program"):
            check_approval(signed, own, roster, HERE, now)
    other = sign_approval(signed.request, "ben", Decision.APPROVE, now, keys["ben"])
    assert check_approval(signed, other, roster, HERE, now).name == "ben"


def test_S2_what_a_program_asks_for_that_nobody_answers_for_cannot_be_approved(
    keys: dict[str, PrivateKey], roster: Roster, now: datetime
) -> None:
    old = Roster({**roster.people, GATE: gate(keys, now, responsible="")})
    signed = asked(keys, now)
    for name in ("ana", "ben"):
        given = sign_approval(signed.request, name, Decision.APPROVE, now, keys[name])
        with pytest.raises(PolicyRefusal, match="answers for the program"):
            check_approval(signed, given, old, HERE, now)


def test_S2_a_program_decides_on_nothing(keys: dict[str, PrivateKey], roster: Roster, now: datetime) -> None:
    # As a roster of an earlier version might have it.
    both = frozenset({Role.OPERATOR, Role.APPROVER})
    old = Roster({**roster.people, GATE: gate(keys, now, roles=both)})
    signed = sign_request(new_request("mandate", {}, "ben", HERE, (now, now + DAY)), keys["ben"])
    given = sign_approval(signed.request, GATE, Decision.APPROVE, now, keys[GATE])
    with pytest.raises(PolicyRefusal, match="is a program, and decides on nothing"):
        check_approval(signed, given, old, HERE, now)
    assert Roster.from_json(old.to_json()) == old


@pytest.mark.parametrize(
    "kind", ["restart", "person.add", "person.remove", "standard", "pack", "rates", "evidence", "witness.trust"]
)
def test_S2_a_program_asks_neither_for_people_nor_rules_nor_the_restart(
    kind: str, keys: dict[str, PrivateKey], roster: Roster, now: datetime
) -> None:
    with pytest.raises(PolicyRefusal, match="asks for no such thing"):
        check_request(asked(keys, now, kind), roster, HERE, now)
    check_request(asked(keys, now), roster, HERE, now)


def test_S2_a_program_stops_and_states_nothing_else(keys: dict[str, PrivateKey], roster: Roster, now: datetime) -> None:
    drawn = {
        act: Statement(act, "" if act is StatementAct.STOP else "a" * 64, "x", GATE, HERE, now) for act in StatementAct
    }
    for act, statement in drawn.items():
        signed = statement.signed(keys[GATE])
        if act is StatementAct.STOP:
            check_statement(signed, roster, HERE, now)
            continue
        with pytest.raises(PolicyRefusal, match="states nothing"):
            check_statement(signed, roster, HERE, now)


@pytest.mark.parametrize("responsible", ["", "eve", GATE, "key other"])
def test_S2_a_program_needs_somebody_in_the_roster_who_answers_for_it(
    responsible: str, keys: dict[str, PrivateKey], roster: Roster, now: datetime
) -> None:
    wrong = gate(keys, now, responsible=responsible)
    with pytest.raises(PolicyRefusal, match="nobody in the roster answers"):
        roster.with_person(wrong)
    with pytest.raises(PolicyRefusal, match="nobody in the roster answers"):
        Roster().with_person(gate(keys, now))
    session = OpenSession.begin(GATE, keys[GATE], HERE, now).signed
    check_session(session, roster, HERE, now)
    with pytest.raises(PolicyRefusal, match="nobody in the roster answers"):
        check_session(session, Roster({**roster.people, GATE: wrong}), HERE, now)


@pytest.mark.parametrize("role", [Role.APPROVER, Role.REVIEWER, Role.CUSTODIAN, Role.AUDITOR])
def test_S2_a_program_is_an_operator_with_one_key(
    role: Role, keys: dict[str, PrivateKey], roster: Roster, now: datetime
) -> None:
    for changes in (
        {"roles": frozenset({role})},
        {"roles": frozenset({Role.OPERATOR, role})},
        {"further": (PrivateKey.generate().public,)},
    ):
        with pytest.raises(PolicyRefusal, match="is a program"):
            roster.with_person(gate(keys, now, **changes))


def test_S2_nobody_answers_for_a_person(roster: Roster) -> None:
    ben = roster.person("ben")
    assert "responsible" not in ben.to_json(), "what was signed before reads the same"
    with pytest.raises(FacewardError, match="no program's name"):
        Person.from_json({**ben.to_json(), "responsible": "ana"})


def test_S2_programs_alone_found_nothing(keys: dict[str, PrivateKey], now: datetime) -> None:
    old = Roster({GATE: gate(keys, now, responsible="")})
    assert not old.anybody
    body = Person("ana", keys["ana"].public, frozenset({Role.APPROVER}), None, now).to_json()
    check_founding(SignedRequest(new_request("person.add", body, "root", HERE, (now, now + DAY)), ""), old, HERE, now)
    with pytest.raises(PolicyRefusal, match="asks for no such thing"):
        check_founding(asked(keys, now, "person.add", body), old, HERE, now)


def test_K2_a_session_for_uses_signs_nothing_else(keys: dict[str, PrivateKey], now: datetime) -> None:
    session = OpenSession.begin(GATE, keys[GATE], HERE, now)
    assert session.sign(REQUEST_NAMESPACE, b"x")
    bare = session.for_uses()
    with pytest.raises(SignatureNeeded):
        bare.sign(REQUEST_NAMESPACE, b"x")
    assert bare.sign_use(bytes(32), "door") == session.sign_use(bytes(32), "door")
