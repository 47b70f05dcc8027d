"""Signing in at an OpenID provider: the way there and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from faceward.core.errors import BadInput, UsageError
from faceward.operations.accounts import account_digest
from faceward.service import limits, oidc, sessions
from faceward.service.auth.entering import inside
from faceward.service.callers import Kind
from faceward.service.console.rendering import page
from faceward.service.oidc import Provider
from faceward.service.roles import public
from faceward.service.sessions import SignedIn

if TYPE_CHECKING:
    from faceward.service.id_token import Identity
    from faceward.service.state import Service

router = APIRouter(prefix="/auth/oidc", include_in_schema=False, dependencies=[public()])
_COOKIE = "faceward_oidc"


def _provider(request: Request) -> Provider:
    state = request.app.state
    found = getattr(state, "oidc", None)
    if not isinstance(found, Provider):
        settings = state.service.settings.oidc
        if settings is None:
            raise UsageError("there is no OpenID provider to sign in with; sign in with a passkey")
        found = state.oidc = Provider(settings)
    return found


@router.get("/begin")
async def begin(request: Request) -> Response:
    """Send the browser to the provider."""
    service: Service = request.app.state.service
    url, browser = await _provider(request).begin(service)
    response = RedirectResponse(url, 303)
    # Lax, since the way back begins at the provider's site; it proves only that this browser has asked.
    response.set_cookie(
        _COOKIE,
        browser,
        max_age=int(oidc.TERM.total_seconds()),
        path="/auth/oidc",
        secure=service.settings.secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/callback")
async def callback(request: Request) -> Response:
    """Take the way back, and begin a session of whose account it is."""
    service: Service = request.app.state.service
    try:
        answer, browser = dict(request.query_params), request.cookies.get(_COOKIE, "")
        found = await _provider(request).finish(service, answer, browser)
    except BadInput as refusal:
        await limits.denied(request, "oidc", str(refusal))
        raise
    token = await service.work.run(_begun, service, found)
    if token is None:
        digest = await service.work.run(oidc.remember_waiting, service, found)
        await limits.denied(request, "oidc", "the account is nobody's here", name=digest[:12])
        return await page(request, "auth/unlinked.html", status=403, code=digest[:12])
    # A page, and not a redirect: the browser sends a strict cookie only along with a request that begins on this site.
    response = await page(request, "auth/continue.html", next=inside("/"))
    sessions.set_cookie(response, service.settings, token)
    response.delete_cookie(_COOKIE, path="/auth/oidc")
    return response


def _begun(service: Service, found: Identity) -> str | None:
    accounts = service.system.accounts
    linked = accounts.linked(account_digest(found.issuer, found.subject))
    if linked is None:
        return None
    service.system.acting(linked.name).accounts.note(
        "sign-in", {"person": linked.name, "account": linked.digest, "issuer": found.issuer, "factor": found.factor}
    )
    who = SignedIn(Kind.ACCOUNT, linked.name, service.settings.session, account=linked.digest)
    return sessions.begin(service, who)
