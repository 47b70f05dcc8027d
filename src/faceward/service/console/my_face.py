"""My face: what a subject sees of what is held about them, and does about it (rules D1, T2, C2).

Who the subject is comes from their session alone; no address and no field of a form names anybody.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.core.names import normal_name
from faceward.core.subject_results import SubjectAccount
from faceward.operations.access import zipped
from faceward.operations.system import System
from faceward.policy.rights import RequestKind
from faceward.policy.visits import OPERATOR, STAY
from faceward.service import bodies, csrf, doors, limits, sessions, subject_links
from faceward.service.acts import perform
from faceward.service.callers import Caller, Kind
from faceward.service.console import telling
from faceward.service.console.downloads import downloaded
from faceward.service.console.paging import paged
from faceward.service.console.rendering import back, page
from faceward.service.errors import Unauthenticated
from faceward.service.roles import SUBJECT, allowed, known, public
from faceward.service.state import Service

router = APIRouter(prefix="/me", include_in_schema=False)
Subject = Annotated[Caller, Depends(known)]
_ROWS = 20
_HERE = "me"


@router.get("/link", dependencies=[public()])
async def link_page(request: Request) -> Response:
    """Ask for the link's secret, which the page's script reads from behind the number sign."""
    return await page(request, "me/link.html", failed="")


@router.post("/link", dependencies=[public()])
async def enter(request: Request) -> Response:
    """Let in who has a link that was not used yet."""
    service: Service = request.app.state.service
    csrf.require_same_site(request)
    data = await bodies.form(request)
    try:
        token = await service.work.run(_entered, service, bodies.text(data, "token", "").strip())
    except Unauthenticated as refusal:
        await limits.denied(request, "link", str(refusal))
        return await page(request, "me/link.html", status=401, failed=str(refusal))
    response = back("/me")
    sessions.set_cookie(response, service.settings, token)
    return response


def _entered(service: Service, secret: str) -> str:
    visit = subject_links.use(service.system, service.vault, secret)
    token = sessions.begin(service, sessions.SignedIn(Kind.SUBJECT, visit.subject, STAY))
    subject_links.begin(service.vault, token, visit, service.now())
    return token


@router.get("", dependencies=[allowed(SUBJECT)])
async def me(request: Request, caller: Subject) -> Response:
    """Show what is held and what happened."""
    try:
        account = await perform(request, caller, lambda system: system.rights.account(caller.name))
    except UsageError:
        return await page(request, "me/nothing.html", here=_HERE)
    return await page(request, "me/index.html", here=_HERE, **_shown(request, caller, account))


def _shown(request: Request, caller: Caller, account: SubjectAccount) -> dict[str, Any]:
    happened = telling.happenings(account)
    return {
        "account": account,
        "held": telling.held(account),
        "happened": paged(happened, request, _ROWS),
        "searches": list(reversed(account.searches)),
        "matters": list(reversed(account.matters)),
        "by_link": caller.kind is Kind.SUBJECT,
        "stay": int(STAY.total_seconds()) // 60,
        "oneself": OPERATOR,
    }


@router.get("/receipts/{entry}", dependencies=[allowed(SUBJECT)])
async def receipt(request: Request, caller: Subject, entry: int) -> Response:
    """Hand out the receipt of an entry that concerns the subject."""
    text = await perform(request, caller, lambda system: system.rights.receipt(caller.name, entry))
    return downloaded(text.encode(), f"receipt-{entry}.tlog-proof", "text/plain; charset=utf-8")


@router.post("/copy", dependencies=[allowed(SUBJECT)])
async def copy(request: Request, caller: Subject) -> Response:
    """Hand out everything that is held, to read and to check."""
    package = await perform(request, caller, lambda system: system.rights.access(caller.name))
    return downloaded(zipped(package), "my-face.zip", "application/zip")


@router.post("/complaints", dependencies=[allowed(SUBJECT)])
async def complain(request: Request, caller: Subject) -> Response:
    """Record a complaint."""
    data = await bodies.form(request)
    said, reference = bodies.text(data, "text"), bodies.text(data, "reference", "") or None
    await perform(request, caller, lambda system: system.rights.complain(caller.name, said, reference=reference))
    return back("/me", "complained")


@router.post("/requests", dependencies=[allowed(SUBJECT)])
async def ask(request: Request, caller: Subject) -> Response:
    """Record what the subject asks for."""
    data = await bodies.form(request)
    kind, said = bodies.text(data, "kind"), bodies.text(data, "text", "")
    if kind not in tuple(RequestKind):
        raise UsageError("choose what you ask for")
    await perform(request, caller, lambda system: system.rights.ask(caller.name, RequestKind(kind), said))
    return back("/me", "request-recorded")


@router.get("/withdraw", dependencies=[allowed(SUBJECT)])
async def withdraw_page(request: Request, caller: Subject) -> Response:
    """Ask once more before a release is withdrawn."""
    purpose = normal_name(request.query_params.get("purpose", ""))
    _ = caller
    return await page(request, "me/withdraw.html", here=_HERE, purpose=purpose)


@router.post("/withdraw", dependencies=[allowed(SUBJECT)])
async def withdraw(request: Request, caller: Subject) -> Response:
    """Withdraw a release."""
    purpose = bodies.text(await bodies.form(request), "purpose")
    result = await perform(request, caller, lambda system: system.rights.withdraw(caller.name, purpose))
    return await page(request, "me/done.html", here=_HERE, **_receipt(result.receipt, result.entry), erased=False)


@router.get("/erase", dependencies=[allowed(SUBJECT)])
async def erase_page(request: Request, caller: Subject) -> Response:
    """Ask a second time, for the name."""
    _ = caller
    return await page(request, "me/erase.html", here=_HERE, mistyped=False)


@router.post("/erase", dependencies=[allowed(SUBJECT)])
async def erase(request: Request, caller: Subject) -> Response:
    """Erase everything about the subject, and end the visit."""
    typed = normal_name(bodies.text(await bodies.form(request), "name", "").strip())
    if typed != caller.name:
        return await page(request, "me/erase.html", here=_HERE, status=422, mistyped=True)
    service: Service = request.app.state.service

    def act(system: System) -> tuple[str, int]:
        result = system.erase(caller.name)
        if caller.kind is Kind.SUBJECT:
            sessions.end_all(service, caller.name)
        return result.receipt, result.entry

    text, entry = await perform(request, caller, act)
    if caller.kind is Kind.SUBJECT:
        # The page that tells so is nobody's any more.
        request.state.shown = doors.Shown()
    response = await page(request, "me/done.html", here=_HERE, **_receipt(text, entry), erased=True)
    if caller.kind is Kind.SUBJECT:
        sessions.delete_cookie(response, service.settings)
    return response


def _receipt(text: str, entry: int) -> dict[str, Any]:
    return {"receipt": text, "entry": entry, "encoded": base64.b64encode(text.encode()).decode("ascii")}
