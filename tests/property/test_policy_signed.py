"""Signed objects: what is written reads back equal; anything else is refused in one line and never by accident."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.canonical import canonical_json
from faceward.core.errors import BadInput, IntegrityError, PolicyRefusal
from faceward.policy.mandates import FACTS, Mandate, Standing, Use, assess
from faceward.policy.people import Person, Role, Roster
from faceward.policy.requests import (
    KINDS,
    Approval,
    Decision,
    Request,
    SignedRequest,
    check_approved,
    sign_approval,
    sign_request,
)
from faceward.policy.sessions import OpenSession, Session, SignedSession
from faceward.policy.sshsig import BadSignature, PrivateKey, PublicKey, verify
from faceward.policy.sshwire import armoured, unarmoured
from faceward.policy.statements import Statement

PEOPLE = {name: PrivateKey.generate() for name in ("ana", "ben", "cem", "dee")}
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HERE = "faceward.local/1"
ROSTER = Roster({name: Person(name, key.public, frozenset({Role.APPROVER}), None, NOW) for name, key in PEOPLE.items()})


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20).map(_nfc).filter(bool)
lines = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=40)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
requests = st.builds(
    Request,
    kind=st.sampled_from(KINDS),
    body=st.dictionaries(st.text("abc", max_size=3), plain, max_size=3),
    requester=names,
    deployment=st.just(HERE),
    created=moments,
    expires=moments,
    nonce=st.text("0123456789abcdef", min_size=32, max_size=32),
)


def _lists(of: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(of, min_size=least, max_size=3, unique=True).map(tuple)


mandates = st.builds(
    Mandate,
    purpose=names,
    operations=_lists(st.sampled_from(("identify", "watch", "export", "subject.show"))),
    galleries=_lists(names),
    cameras=_lists(names, 0),
    place=lines,
    case=lines,
    basis=lines,
    starts=st.just(NOW),
    until=st.timedeltas(timedelta(hours=1), timedelta(days=90)).map(lambda span: NOW + span),
    searches=st.integers(1, 1000),
    operators=_lists(names),
    urgent=st.booleans(),
    recipient=st.just("") | lines,
)


@given(requests)
def test_request_reads_back_equal_with_the_same_digest(request: Request) -> None:
    again = Request.from_json(request.to_json())
    assert again == request
    assert again.digest() == request.digest()
    assert canonical_json(again.to_json()) == request.message()


@given(mandates)
def test_mandate_reads_back_equal(mandate: Mandate) -> None:
    assert Mandate.from_json(mandate.to_json()) == mandate


@given(st.sets(st.sampled_from(list(Role)), min_size=1), st.none() | st.dates(date(2000, 1, 1)), moments, names)
def test_person_reads_back_equal(roles: set[Role], trained: date | None, added: datetime, name: str) -> None:
    person = Person(name, PEOPLE["ana"].public, frozenset(roles), trained, added)
    assert Person.from_json(person.to_json()) == person


@given(st.binary(max_size=400))
def test_signature_of_any_message_verifies_and_no_other_does(message: bytes) -> None:
    key = PEOPLE["ana"]
    signature = key.sign("faceward-test", message)
    verify(key.public, "faceward-test", message, signature)
    with pytest.raises(BadSignature):
        verify(key.public, "faceward-test", message + b"\0", signature)


@given(st.data())
def test_signature_with_any_byte_changed_is_refused_in_one_line(data: st.DataObject) -> None:
    key = PEOPLE["ana"]
    blob = bytearray(unarmoured(key.sign("faceward-test", b"message")))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadSignature) as caught:
        verify(key.public, "faceward-test", b"message", armoured(bytes(blob)))
    assert "\n" not in str(caught.value)


@given(st.text() | st.binary().map(armoured))
def test_garbage_is_no_signature(text: str) -> None:
    with pytest.raises(BadSignature) as caught:
        verify(PEOPLE["ana"].public, "faceward-test", b"", text)
    assert len(str(caught.value)) < 400


@given(st.text() | st.binary().map(lambda data: "ssh-ed25519 " + armoured(data).splitlines()[1]))
def test_garbage_is_no_public_key(text: str) -> None:
    with pytest.raises(BadInput):
        PublicKey.parse(text)


READERS: list[tuple[Callable[[object], object], dict[str, Any]]] = [
    (Request.from_json, dict(Request("export", {}, "ana", HERE, NOW, NOW, "0" * 32).to_json())),
    (Person.from_json, dict(ROSTER.person("ana").to_json())),
    (Roster.from_json, dict(ROSTER.to_json())),
    (SignedRequest.from_json, {"request": None, "signature": ""}),
    (Approval.from_json, dict(Approval("0" * 64, "ben", Decision.APPROVE, NOW, "").to_json())),
    (Session.from_json, dict(OpenSession.begin("ana", PEOPLE["ana"], HERE, NOW).signed.session.to_json())),
    (SignedSession.from_json, {"session": None, "signature": ""}),
    (Statement.from_json, {"act": "stop"}),
    (Mandate.from_json, {"purpose": "door"}),
]


@given(st.data(), st.sampled_from(READERS))
def test_object_with_any_value_replaced_is_read_or_refused_in_one_line(
    data: st.DataObject, reader: tuple[Callable[[object], object], dict[str, Any]]
) -> None:
    read, good = reader
    value = data.draw(junk | st.fixed_dictionaries({}, optional=dict.fromkeys(good, junk)))
    if data.draw(st.booleans()):
        value = {**good, data.draw(st.sampled_from(sorted(good))): value}
    message = ""
    try:
        read(value)
    except IntegrityError as error:
        message = str(error)
    assert "\n" not in message


@given(
    st.lists(st.tuples(st.sampled_from(sorted(PEOPLE)), st.sampled_from(list(Decision))), max_size=5),
    st.integers(1, 3),
)
def test_S2_enough_others_approve_and_none_refuses(decided: list[tuple[str, Decision]], needed: int) -> None:
    request = Request("export", {}, "ana", HERE, NOW, NOW + timedelta(days=1), "0" * 32)
    signed = sign_request(request, PEOPLE["ana"])
    approvals = [sign_approval(request, name, decision, NOW, PEOPLE[name]) for name, decision in decided]
    others = {(name, decision) for name, decision in decided if name != "ana"}
    good = len({n for n, d in others if d is Decision.APPROVE}) >= needed and all(
        d is Decision.APPROVE for _, d in others
    )
    with contextlib.nullcontext() if good else pytest.raises(PolicyRefusal, match="rule S2"):
        check_approved(signed, approvals, ROSTER, HERE, NOW, needed)


@given(mandates, st.booleans(), st.booleans(), st.integers(0, 1001), st.timedeltas(timedelta(-1), timedelta(days=91)))
def test_P2_a_use_is_covered_exactly_where_each_part_is(
    mandate: Mandate, approved: bool, revoked: bool, spent: int, after: timedelta
) -> None:
    camera = mandate.cameras[0] if mandate.cameras else None
    use = Use(mandate.operations[0], mandate.purpose, mandate.galleries[-1], camera, mandate.operators[0], NOW + after)
    facts = assess(mandate, use, Standing(approved, revoked, spent), timedelta(hours=48), NOW)
    assert tuple(facts) == FACTS
    urgently = mandate.urgent and timedelta(0) <= after < timedelta(hours=48)
    in_force = timedelta(0) <= after < mandate.until - NOW
    assert all(facts.values()) == ((approved or urgently) and in_force and not revoked and spent < mandate.searches)
