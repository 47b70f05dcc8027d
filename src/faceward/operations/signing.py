"""What a person signed elsewhere for an act that is now repeated: the request, decision or statement of the first time.

A request draws a number, and everything says when it was made. Where the key is a passkey, the first attempt ends with
`SignatureNeeded`, before anything was done. The second takes what was signed, if that is the same act and was drawn not
longer ago than `FRESH`; otherwise it draws anew, and ends as the first did. Every signature is checked afterwards as
any other is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from faceward.core.errors import BadInput, FacewardError, IntegrityError
from faceward.operations.brought import Brought, said
from faceward.policy.people import Person
from faceward.policy.requests import (
    APPROVAL_NAMESPACE,
    REQUEST_NAMESPACE,
    SKEW,
    Decision,
    Request,
    SignedRequest,
    sign_request,
)
from faceward.policy.sessions import OpenSession
from faceward.policy.statements import STATEMENT_NAMESPACE, Statement
from faceward.policy.strict import parse_json

_Read = TypeVar("_Read")
_Spelt = TypeVar("_Spelt", Request, Statement)

FRESH = timedelta(minutes=10)
"""How long a person may take to sign what was drawn."""


def signed_request(session: OpenSession, request: Request) -> SignedRequest:
    """Sign a request in the name of whoever signed in, or take the same request that they signed elsewhere.

    Raises:
        SignatureNeeded: Their key is elsewhere, and nothing was brought that is this request.
    """
    found = next((one for one in _requests(session, request.created) if _same(one, request)), request)
    return sign_request(found, session)


def prepared_requests(session: OpenSession | None, kind: str, now: datetime) -> tuple[Request, ...]:
    """Return the fresh requests of a kind that whoever signed in has signed elsewhere."""
    if session is None:
        return ()
    return tuple(one for one in _requests(session, now) if one.kind == kind)


def prepared_person(session: OpenSession | None, person: Person) -> Person:
    """Return a person with the moment of adding that was signed elsewhere, if all else is as it is now."""
    for request in prepared_requests(session, "person.add", person.added):
        found = _read(Person.from_json, request.body)
        if found is not None and replace(found, added=person.added) == person and _fresh(found.added, person.added):
            return found
    return person


def signed_decision(session: OpenSession, signed: SignedRequest, decision: Decision, now: datetime) -> Brought | None:
    """Return the fresh decision on a request that whoever signed in has signed elsewhere, or None."""
    for one in session.presigned(APPROVAL_NAMESPACE):
        brought = Brought(one.message, one.signature)
        found = _read(said, brought, signed, decision)
        if found is not None and found[0] == session.person and _fresh(found[1], now):
            return brought
    return None


def signed_statement(session: OpenSession, statement: Statement) -> Statement:
    """Sign a statement in the name of whoever signed in, or take the same statement that they signed elsewhere.

    Raises:
        SignatureNeeded: Their key is elsewhere, and nothing was brought that is this statement.
    """
    for one in session.presigned(STATEMENT_NAMESPACE):
        found = _read(_statement, one.message)
        if (
            found is not None
            and replace(found, time=statement.time) == statement
            and _fresh(found.time, statement.time)
        ):
            return found.signed(session)
    return statement.signed(session)


def _requests(session: OpenSession, now: datetime) -> Iterator[Request]:
    for one in session.presigned(REQUEST_NAMESPACE):
        found = _read(_request, one.message)
        if found is not None and _fresh(found.created, now):
            yield found


def _same(found: Request, asked: Request) -> bool:
    """Tell whether two requests are for the same, by the same person, here and for as long."""
    drawn = replace(found, created=asked.created, expires=asked.expires, nonce=asked.nonce)
    lasts = found.expires - found.created == asked.expires - asked.created
    return drawn.message() == asked.message() and (lasts or found.expires == asked.expires)


def _fresh(then: datetime, now: datetime) -> bool:
    return now - FRESH <= then <= now + SKEW


def _request(message: bytes) -> Request:
    return _spelt(Request.from_json(parse_json(message, "the request", IntegrityError)), message)


def _statement(message: bytes) -> Statement:
    value = parse_json(message, "the statement", IntegrityError)
    given = value if isinstance(value, dict) else {}
    return _spelt(Statement.from_json({**given, "signature": ""}), message)


def _spelt(found: _Spelt, message: bytes) -> _Spelt:
    if found.message() != message:
        raise BadInput("what was signed is not in canonical JSON; sign what is asked for")
    return found


def _read(read: Callable[..., _Read], *given: object) -> _Read | None:
    """Return what was brought, or None where it is something else: then it serves nothing, and nothing is lost."""
    try:
        return read(*given)
    except FacewardError:
        return None
