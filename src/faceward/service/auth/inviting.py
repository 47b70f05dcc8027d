"""People who invite people, and accounts at a provider that are somebody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from faceward.core.errors import BadInput
from faceward.policy.people import Role
from faceward.service import bodies, first_start, limits, oidc, sessions
from faceward.service.callers import Caller, Kind
from faceward.service.console.rendering import page
from faceward.service.errors import Forbidden
from faceward.service.first_start import Invitation
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

if TYPE_CHECKING:
    from faceward.operations.system import System
    from faceward.service.state import Service

router = APIRouter(prefix="/auth", include_in_schema=False, dependencies=[allowed("operator", "approver")])
Known = Annotated[Caller, Depends(known)]
_PEOPLE = "/auth/people"


@router.get("/people")
async def people(request: Request) -> Response:
    """Show who is registered, who brought a passkey, and which accounts are whose."""
    return await _shown(request)


@router.post("/invitations")
async def invite(request: Request, caller: Known) -> Response:
    """Make a one-time link for somebody; it is shown once, here."""
    service: Service = request.app.state.service
    await _own_key(request, caller)
    data = await bodies.form(request)
    roles = tuple(role.value for role in Role if role.value in data.getlist("role"))
    invitation = Invitation(
        bodies.text(data, "name"),
        roles,
        bodies.text(data, "trained", ""),
        caller.name,
        replaces=bodies.text(data, "replaces", "") == "yes",
    )
    system, origin = service.acting(caller), service.settings.origin
    link = await service.work.run(first_start.invite, system, service.vault, origin, invitation)
    return await _shown(request, link=link, invited=invitation.name)


@router.post("/offers/{offer}")
async def accept(request: Request, offer: str, caller: Known) -> Response:
    """Ask for somebody to be added with the passkey that they brought."""
    service: Service = request.app.state.service

    def act(system: System) -> str:
        return first_start.accept(service, system, offer).state

    state = await repeatable(request, caller, act)
    return RedirectResponse(f"{_PEOPLE}?said={'carried-out' if state == 'carried out' else 'asked'}", 303)


@router.post("/offers/{offer}/decline")
async def decline(request: Request, offer: str, caller: Known) -> Response:
    """Forget a passkey that somebody brought."""
    service: Service = request.app.state.service
    await _own_key(request, caller)
    await service.work.run(first_start.decline, service, service.acting(caller), offer)
    return RedirectResponse(f"{_PEOPLE}?said=saved", 303)


@router.post("/accounts")
async def link_account(request: Request, caller: Known) -> Response:
    """Say whose an account is that tried to get in; it is named by issuer and subject, never by an address of mail."""
    service: Service = request.app.state.service
    await _own_key(request, caller)
    data = await bodies.form(request)
    digest, name = bodies.text(data, "account"), bodies.text(data, "name")

    def act(system: System) -> None:
        waiting = oidc.waiting_one(service, digest)
        if waiting is None:
            raise BadInput("no account of this code has tried to get in lately; have its owner try again")
        system.accounts.link(waiting.issuer, waiting.subject, name)
        oidc.forget_waiting(service, digest)

    await repeatable(request, caller, act)
    return RedirectResponse(f"{_PEOPLE}?said=saved", 303)


@router.post("/accounts/{digest}/unlink")
async def unlink_account(request: Request, digest: str, caller: Known) -> Response:
    """Let an account get in no longer."""
    await repeatable(request, caller, lambda system: system.accounts.unlink(digest))
    return RedirectResponse(f"{_PEOPLE}?said=saved", 303)


async def _own_key(request: Request, caller: Caller) -> None:
    """Refuse whom an account at a provider let in: that shows pages, and lets nobody act for others."""
    if caller.kind is not Kind.PERSON:
        refusal = Forbidden("this is for who signed in with a key of their own; sign in with your passkey")
        await limits.denied(request, "route", str(refusal), caller=caller)
        raise refusal


async def _shown(request: Request, *, link: str = "", invited: str = "") -> Response:
    service: Service = request.app.state.service

    def read() -> dict[str, Any]:
        return {
            "people": service.system.people.listed(),
            "complete": sessions.roster(service).complete,
            "offers": first_start.offers(service),
            "accounts": service.system.accounts.accounts(),
            "waiting": oidc.waiting(service),
        }

    found = await service.work.run(read)
    roles = [role.value for role in Role if role is not Role.SUBJECT]
    return await page(request, "auth/people.html", here="people", link=link, invited=invited, roles=roles, **found)
