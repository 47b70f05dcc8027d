from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, SignatureNeeded, UsageError
from faceward.policy.people import Person, Role, Roster
from faceward.policy.sessions import (
    LONGEST,
    SESSION_NAMESPACE,
    OpenSession,
    PreparedSession,
    Presigned,
    SignedSession,
    check_session,
    check_use,
)
from faceward.policy.sshsig import BadSignature, PrivateKey
from faceward.policy.statements import Statement, StatementAct, check_statement

HERE = "faceward.local/1"
LEAF = bytes(range(32))
Keys = dict[str, PrivateKey]


@pytest.fixture
def session(keys: Keys, now: datetime) -> OpenSession:
    return OpenSession.begin("ana", keys["ana"], HERE, now)


def test_S2_who_signed_in_signs_uses(session: OpenSession, roster: Roster, now: datetime) -> None:
    assert check_session(session.signed, roster, HERE, now).name == session.person == "ana"
    check_use(session.signed.session, LEAF, "door", session.sign_use(LEAF, "door"))
    assert SignedSession.from_json(session.signed.to_json()) == session.signed
    assert "_key" not in repr(session)


def test_S2_a_use_is_of_one_entry_and_one_gallery(session: OpenSession, keys: Keys, now: datetime) -> None:
    use = session.sign_use(LEAF, "door")
    other = OpenSession.begin("ana", keys["ana"], HERE, now)
    for holder, leaf, gallery, signature in (
        (session, LEAF, "hall", use),
        (session, LEAF[::-1], "door", use),
        (other, LEAF, "door", use),
        (session, LEAF, "door", b""),
        (session, LEAF, "door", use[:-1] + bytes([use[-1] ^ 1])),
    ):
        with pytest.raises(BadSignature, match="did not sign this use"):
            check_use(holder.signed.session, leaf, gallery, signature)
    with pytest.raises(UsageError, match="32 bytes"):
        session.sign_use(b"short", "door")


def test_S2_a_session_ends_after_twelve_hours(session: OpenSession, roster: Roster, keys: Keys, now: datetime) -> None:
    check_session(session.signed, roster, HERE, now + LONGEST - timedelta(seconds=1))
    for time in (now + LONGEST, now - timedelta(hours=1)):
        with pytest.raises(PolicyRefusal, match="has ended"):
            check_session(session.signed, roster, HERE, time)
    long = replace(session.signed.session, expires=now + timedelta(hours=13))
    signed = SignedSession(long, keys["ana"].sign(SESSION_NAMESPACE, long.message()))
    with pytest.raises(PolicyRefusal, match="has ended"):
        check_session(signed, roster, HERE, now)
    assert OpenSession.begin("ana", keys["ana"], HERE, now, timedelta(days=9)).signed.session.expires == now + LONGEST


def test_S2_a_session_of_somebody_else_is_refused(
    session: OpenSession, roster: Roster, keys: Keys, now: datetime
) -> None:
    for signed, people, here in (
        (session.signed, roster.without("ana"), HERE),
        (session.signed, roster, "faceward.local/2"),
        (OpenSession.begin("ana", keys["ben"], HERE, now).signed, roster, HERE),
        (replace(session.signed, session=replace(session.signed.session, person="ben")), roster, HERE),
        (replace(session.signed, session=replace(session.signed.session, key=LEAF)), roster, HERE),
    ):
        with pytest.raises(PolicyRefusal) as caught:
            check_session(signed, people, here, now)
        assert caught.value.rule == "S2"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("person", "a\x00"),
        ("key", "00"),
        ("key", "AA" * 32),
        ("created", ""),
        ("deployment", "\n"),
        ("x", 1),
    ],
)
def test_session_that_is_none_is_refused(key: str, value: object, session: OpenSession) -> None:
    good = session.signed.session.to_json()
    with pytest.raises(IntegrityError):
        SignedSession.from_json({"session": {**good, key: value}, "signature": ""})


@pytest.fixture
def passkey(passkey_kit: ModuleType) -> Any:
    return passkey_kit.SoftPasskey()


@pytest.fixture
def browsing(passkey: Any, now: datetime) -> Roster:
    """Return a roster of one, whose key is a passkey."""
    return Roster().with_person(Person("ana", passkey.public, frozenset({Role.OPERATOR}), None, now))


def test_K2_a_passkey_signs_in_and_the_session_signs_uses(passkey: Any, browsing: Roster, now: datetime) -> None:
    prepared = OpenSession.prepare("ana", HERE, now, timedelta(days=9))
    assert prepared.session.expires == now + LONGEST
    assert "_key" not in repr(prepared)
    opened = passkey.open(prepared)
    assert check_session(opened.signed, browsing, HERE, now).name == "ana"
    check_use(opened.signed.session, LEAF, "door", opened.sign_use(LEAF, "door"))


def test_K2_a_session_that_the_passkey_did_not_sign_is_refused(
    passkey: Any, passkey_kit: ModuleType, browsing: Roster, now: datetime
) -> None:
    prepared, other = OpenSession.prepare("ana", HERE, now), OpenSession.prepare("ana", HERE, now)
    for session in (
        prepared.opened(""),
        prepared.opened(passkey.sign(SESSION_NAMESPACE, other.message())),
        prepared.opened(passkey.sign("faceward-request", prepared.message())),
        passkey_kit.SoftPasskey().open(prepared),
        passkey.open(prepared, flags=0x01),
        passkey.open(prepared, origin="https://evil.example"),
        passkey.open(prepared, crossOrigin=True),
        OpenSession.begin("ana", PrivateKey.generate(), HERE, now),
    ):
        with pytest.raises(PolicyRefusal) as caught:
            check_session(session.signed, browsing, HERE, now)
        assert caught.value.rule == "S2"


def test_S2_without_a_key_a_session_signs_only_what_was_brought(passkey: Any, now: datetime) -> None:
    opened = passkey.open(OpenSession.prepare("ana", HERE, now))
    with pytest.raises(SignatureNeeded) as caught:
        opened.sign("faceward-request", b'{"kind":"restart"}')
    needed = caught.value
    assert (needed.namespace, needed.prepared) == ("faceward-request", {"kind": "restart"})
    brought = passkey.presign(needed)
    holding = opened.with_signatures(brought)
    assert holding.sign(needed.namespace, needed.message) == brought.signature
    assert "SSH SIGNATURE" not in repr(replace(holding, signed=replace(holding.signed, signature="")))
    for namespace, message in (("faceward-approval", needed.message), (needed.namespace, needed.message + b" ")):
        with pytest.raises(SignatureNeeded):
            holding.sign(namespace, message)
    with pytest.raises(SignatureNeeded):
        holding.with_signatures().sign(needed.namespace, needed.message)


def test_a_session_goes_on_in_another_process_without_its_persons_key(
    passkey: Any, roster: Roster, keys: Keys, session: OpenSession, now: datetime
) -> None:
    kept = OpenSession.from_secret(session.to_secret())
    assert kept.signed == session.signed
    check_use(kept.signed.session, LEAF, "door", kept.sign_use(LEAF, "door"))
    with pytest.raises(SignatureNeeded):
        kept.sign("faceward-request", b"{}")
    prepared = OpenSession.prepare("ana", HERE, now)
    again = PreparedSession.from_secret(prepared.to_secret())
    assert again.message() == prepared.message()
    opened = again.opened(keys["ana"].sign(SESSION_NAMESPACE, again.message()))
    assert check_session(opened.signed, roster, HERE, now).name == "ana"
    brought = opened.with_signatures(Presigned("n", b"m", "what was brought"))
    assert b"what was brought" not in brought.to_secret()


def test_a_kept_session_that_is_none_is_refused(session: OpenSession, keys: Keys, now: datetime) -> None:
    good = session.to_secret()
    other = OpenSession.begin("ana", keys["ana"], HERE, now).to_secret()
    key, mine = other.split(b'"key":"')[1][:64], good.split(b'"key":"')[1][:64]
    for wrong in (b"", b"[]", good[:-1], good.replace(mine, key, 1), good.replace(mine, b"0", 1), good + b" x"):
        with pytest.raises(IntegrityError) as caught:
            OpenSession.from_secret(wrong)
        assert "\n" not in str(caught.value)


def test_W7_a_statement_is_signed_by_somebody_of_the_roster(roster: Roster, keys: Keys, now: datetime) -> None:
    stop = Statement(StatementAct.STOP, "", "wrong person", "dee", HERE, now)
    signed = stop.signed(keys["dee"])
    assert check_statement(signed, roster, HERE, now).name == "dee"
    assert Statement.from_json(signed.to_json()) == signed
    assert signed.digest() == stop.digest()
    for wrong in (
        stop,
        stop.signed(keys["ana"]),
        replace(signed, act=StatementAct.REVOKE),
        replace(signed, about="0" * 64),
        replace(signed, person="eve"),
    ):
        with pytest.raises(PolicyRefusal):
            check_statement(wrong, roster, HERE, now)
    for here, time in (("faceward.local/2", now), (HERE, now - timedelta(hours=1)), (HERE, now + timedelta(days=400))):
        with pytest.raises(PolicyRefusal):
            check_statement(signed, roster, here, time)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("act", "start"),
        ("about", "x" * 65),
        ("reason", "a\nb"),
        ("person", ""),
        ("time", 1),
        ("version", None),
        ("x", 1),
    ],
)
def test_statement_that_is_none_is_refused(key: str, value: object, now: datetime) -> None:
    good = Statement(StatementAct.STOP, "", "", "dee", HERE, now).to_json()
    with pytest.raises(IntegrityError):
        Statement.from_json({**good, key: value})
