"""One's own account: leaving, leaving everywhere, and another passkey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from faceward.service import first_start, sessions
from faceward.service.callers import Caller, Kind
from faceward.service.console.rendering import page
from faceward.service.errors import Forbidden
from faceward.service.first_start import Invitation
from faceward.service.roles import SIGNED_IN, SUBJECT, allowed, known

if TYPE_CHECKING:
    from faceward.service.state import Service

router = APIRouter(prefix="/auth", include_in_schema=False)
Known = Annotated[Caller, Depends(known)]
_OUT = "/auth/sign-in?said=signed-out"


@router.get("/account", dependencies=[allowed(SIGNED_IN)])
async def account(request: Request, caller: Known) -> Response:
    """Show who one is here, and with which keys."""
    service: Service = request.app.state.service
    person = (await to_thread.run_sync(sessions.roster, service)).people.get(caller.name)
    keys = [] if person is None else [key.fingerprint for key in person.keys]
    return await page(request, "auth/account.html", keys=keys, own=caller.kind is Kind.PERSON, link="")


@router.post("/sign-out", dependencies=[allowed(SIGNED_IN, SUBJECT)])
async def sign_out(request: Request, caller: Known) -> Response:
    """End this session."""
    service: Service = request.app.state.service
    await service.work.run(left, service, caller, sessions.token_of(request)[0])
    return _gone(service)


@router.post("/sign-out-everywhere", dependencies=[allowed(SIGNED_IN)])
async def sign_out_everywhere(request: Request, caller: Known) -> Response:
    """End every session of whoever asks."""
    service: Service = request.app.state.service

    def leave() -> None:
        ended = sessions.end_all(service, caller.name)
        service.acting(caller).accounts.note("sign-out", {"person": caller.name, "sessions": ended})

    await service.work.run(leave)
    return _gone(service)


@router.post("/passkeys", dependencies=[allowed(SIGNED_IN)])
async def another_passkey(request: Request, caller: Known) -> Response:
    """Make a link by which the person makes a passkey beside the keys that they have."""
    service: Service = request.app.state.service

    def make() -> str:
        person = sessions.roster(service).people.get(caller.name)
        if person is None or caller.kind is not Kind.PERSON:
            raise Forbidden("another key is asked for with one that you have; somebody can invite you under 'People'")
        day = "" if person.trained is None else person.trained.isoformat()
        roles = tuple(sorted(role.value for role in person.roles))
        own = Invitation(person.name, roles, day, caller.name)
        return first_start.invite(service.acting(caller), service.vault, service.settings.origin, own)

    link = await service.work.run(make)
    person = (await to_thread.run_sync(sessions.roster, service)).people[caller.name]
    keys = [key.fingerprint for key in person.keys]
    return await page(request, "auth/account.html", keys=keys, own=True, link=link)


def left(service: Service, caller: Caller, token: str) -> None:
    """End a session; the log says whose, save for a subject, whose name is nowhere but under a key of their own."""
    sessions.end(service, token)
    if caller.kind is not Kind.SUBJECT:
        service.acting(caller).accounts.note("sign-out", {"person": caller.name, "sessions": 1})


def _gone(service: Service) -> Response:
    response = RedirectResponse(_OUT, 303)
    sessions.delete_cookie(response, service.settings)
    # Nothing of what was shown stays in the browser of a machine that others use too.
    response.headers["clear-site-data"] = '"cache"'
    return response
