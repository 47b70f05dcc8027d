from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.policy.people import Roster
from faceward.policy.sessions import (
    LONGEST,
    SESSION_NAMESPACE,
    OpenSession,
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
