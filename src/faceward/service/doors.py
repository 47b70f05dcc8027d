"""Who calls: every way in which a request shows it, asked in turn, once a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import to_thread

from faceward.service import keys_auth, sessions, work
from faceward.service.errors import Unauthenticated

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.service.callers import Caller


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request showed of its caller.

    Attributes:
        caller: Who, or None.
        cookie: A cookie showed it, which a browser sends along whatever page makes it ask.
        anything: Whether anything was shown, good or bad.
        problem: What was wrong with what was shown; empty where nothing was.
        noted: That it was, stands in the log already.
    """

    caller: Caller | None = None
    cookie: bool = False
    anything: bool = False
    problem: str = ""
    noted: bool = False


async def shown(request: Request) -> Shown:
    """Return who calls; found once a request.

    `x-api-key`, or a Bearer token that is no session's, is a program's key; a Bearer token `fws_…`, or else the cookie,
    is somebody's session.

    Raises:
        PolicyRefusal: A key is shown that the roster does not know, where it must (K2).
    """
    found = getattr(request.state, "shown", None)
    if not isinstance(found, Shown):
        found = await _find(request)
        request.state.shown = found
        if found.caller is not None:
            work.LANE.set(found.caller.lane)
    return found


async def _find(request: Request) -> Shown:
    service = request.app.state.service
    token, cookie = sessions.token_of(request)
    secret = _secret(request)
    if secret and not secret.startswith(sessions.PREFIX):
        try:
            return Shown(await to_thread.run_sync(keys_auth.by_secret, service, secret), anything=True)
        except Unauthenticated as refusal:
            return Shown(anything=True, problem=str(refusal), noted=True)
    if not token:
        return Shown(anything="authorization" in request.headers)
    caller = await sessions.caller(service, token)
    if caller is None:
        return Shown(anything=True, problem="this session has ended, or never was; sign in again")
    return Shown(caller, cookie, anything=True)


def _secret(request: Request) -> str:
    key = request.headers.get("x-api-key", "")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return key or (given.strip() if scheme.lower() == "bearer" else "")
