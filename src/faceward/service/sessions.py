"""Sessions of people, accounts and subjects: who signed in, until when, and how they leave (rule K2)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from anyio import to_thread

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.sessions import OpenSession, check_session
from faceward.service.callers import Caller, Kind

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from faceward.operations.system import System
    from faceward.policy.people import Roster
    from faceward.service.settings import Settings
    from faceward.service.state import Service

IDLE = timedelta(hours=1)
"""Who does nothing for so long is signed out."""

PREFIX = "fws_"
"""What every session's token begins with."""

_KIND, _ALIVE = "session", "session-alive"
_TOKEN = re.compile(r"fws_[A-Za-z0-9_-]{43}")
_TOKEN_BYTES = 32
_TOUCH = timedelta(minutes=1)
# People change seldom, and every operation asks the custodian anew; pages need not.
_ROSTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has just proved who they are.

    Attributes:
        kind: How.
        name: Who.
        term: How long they stay signed in at most, from now.
        session: The session that a person's key opened.
        account: Digest of the account at an OpenID provider.
        roles: Roles where there is no roster to say them: a subject's are none.
    """

    kind: Kind
    name: str
    term: timedelta
    session: OpenSession | None = field(default=None, repr=False)
    account: str = ""
    roles: frozenset[str] = frozenset()


def begin(service: Service, who: SignedIn) -> str:
    """Keep a session; return the token that stands for it, of which only the digest is kept.

    Args:
        service: The service.
        who: Who signed in; the caller has seen to it that they did.

    Returns:
        `fws_` and 256 random bits.
    """
    token = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    digest, now = _digest(token), service.now()
    ends = now + min(who.term, service.settings.session)
    if who.session is not None:
        ends = min(ends, who.session.signed.session.expires)
    secret = None if who.session is None else base64.b64encode(who.session.to_secret()).decode("ascii")
    value: JSONValue = {
        "kind": who.kind.value,
        "name": who.name,
        "secret": secret,
        "account": who.account,
        "roles": sorted(who.roles),
        "token": digest,
        "began": to_rfc3339(now),
        "ends": to_rfc3339(ends),
    }
    service.vault.put(_KIND, digest, value, ends)
    service.vault.put(_ALIVE, digest, to_rfc3339(now), min(ends, now + IDLE))
    return token


async def caller(service: Service, token: str) -> Caller | None:
    """Return who a token stands for, or None where the session has ended or its person may no longer act."""
    if _TOKEN.fullmatch(token) is None:
        return None
    return await to_thread.run_sync(_caller, service, token)


def _caller(service: Service, token: str) -> Caller | None:
    digest = _digest(token)
    value, alive = service.vault.get(_KIND, digest), service.vault.get(_ALIVE, digest)
    if not isinstance(value, dict) or not isinstance(alive, str):
        return None
    found = _known(service, value, digest)
    if found is None:
        _forget(service, digest)
        return None
    now = service.now()
    if now - from_rfc3339(alive) > _TOUCH:
        # Apart from the session itself, so that somebody who signs out meanwhile stays signed out.
        ends = min(from_rfc3339(str(value["ends"])), now + IDLE)
        service.vault.put(_ALIVE, digest, to_rfc3339(now), ends)
    return found


def _known(service: Service, value: dict[str, JSONValue], digest: str) -> Caller | None:
    """Return the caller of a session, if they are still who they were."""
    kind, name, secret = Kind(str(value["kind"])), str(value["name"]), value["secret"]
    if kind is Kind.SUBJECT and secret is None:
        return Caller(kind, name, token=digest)
    people = roster(service)
    if kind is Kind.ACCOUNT:
        linked = service.system.accounts.linked(str(value["account"]))
        if linked is None or linked.name != name:
            return None
        return Caller(kind, name, _roles(people, name, linked.roles), token=digest)
    opened = OpenSession.from_secret(base64.b64decode(str(secret)))
    try:
        person = check_session(opened.signed, people, service.system.accounts.origin, service.now())
    except PolicyRefusal:
        return None
    return Caller(kind, name, frozenset(role.value for role in person.roles), session=opened, token=digest)


def _roles(people: Roster, name: str, given: frozenset[str]) -> frozenset[str]:
    """Return the roles of a name: the roster's, where there are people; a provider's claims say nothing of them."""
    if not len(people):
        return given
    try:
        return frozenset(role.value for role in people.person(name).roles)
    except UsageError:
        return frozenset()


_READ: WeakKeyDictionary[System, tuple[float, Roster]] = WeakKeyDictionary()


def roster(service: Service) -> Roster:
    """Return the people as the custodian knows them, not older than a second."""
    now = time.monotonic()
    kept = _READ.get(service.system)
    if kept is not None and now - kept[0] < _ROSTER_SECONDS:
        return kept[1]
    found = service.system.people.roster()
    _READ[service.system] = now, found
    return found


def forget_roster() -> None:
    """Read the people anew at the next request; somebody has just changed them."""
    _READ.clear()


def end(service: Service, token: str) -> None:
    """Sign out: whoever has the token is nobody from now on."""
    _forget(service, _digest(token))


def end_all(service: Service, name: str) -> int:
    """Sign somebody out everywhere; return how many sessions ended."""
    found = [value for value in service.vault.all(_KIND) if isinstance(value, dict) and value.get("name") == name]
    for value in found:
        _forget(service, str(value["token"]))
    return len(found)


def _forget(service: Service, digest: str) -> None:
    service.vault.delete(_KIND, digest)
    service.vault.delete(_ALIVE, digest)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def cookie_name(settings: Settings) -> str:
    """Return the cookie's name: with TLS one that only this host can set, for every path (RFC 6265bis §4.1.3.2)."""
    return "__Host-faceward" if settings.secure else "faceward_session"


def token_of(request: Request) -> tuple[str, bool]:
    """Return the token that a request shows, and whether a cookie does; an `Authorization` header goes first."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given.startswith(PREFIX):
        return given.strip(), False
    if scheme:
        return "", False
    return request.cookies.get(cookie_name(request.app.state.service.settings), ""), True


def set_cookie(response: Response, settings: Settings, token: str) -> None:
    """Have the browser keep a session until it is closed; the vault says when it ends."""
    response.set_cookie(
        cookie_name(settings), token, path="/", secure=settings.secure, httponly=True, samesite="strict"
    )


def delete_cookie(response: Response, settings: Settings) -> None:
    """Have the browser forget it."""
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.secure, httponly=True, samesite="strict")
