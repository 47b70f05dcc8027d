"""Approvals: what people ask for, and what another person decides with their own key (rule S2)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.clock import from_rfc3339
from faceward.core.errors import FacewardError, UsageError
from faceward.core.request_results import RequestView
from faceward.operations.system import System
from faceward.policy.requests import Decision
from faceward.policy.watchlist import Particulars
from faceward.service import bodies, sessions
from faceward.service.callers import Caller, Kind
from faceward.service.console.i18n import N_
from faceward.service.console.mandate_form import Blank, asked_mandate, blank
from faceward.service.console.paging import paged
from faceward.service.console.rendering import back, forget_standing, page, safe_address, translator
from faceward.service.console.request_words import STATES, told
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(include_in_schema=False)
VIEWS = {"waiting": N_("Waiting"), "mine": N_("Mine"), "all": N_("All")}
_SOON = timedelta(days=1)


@router.get("/approvals", dependencies=[allowed("signed-in")])
async def requests(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """List requests: those that wait, one's own, or all."""
    found = await repeatable(request, caller, lambda system: system.requests.listed())
    view = request.query_params.get("show", "waiting")
    view = view if view in VIEWS else "waiting"
    kept = {
        "waiting": [one for one in found if one.state == "waiting"],
        "mine": [one for one in reversed(found) if one.requester == caller.name],
        "all": list(reversed(found)),
    }
    t = translator(request)
    pages = paged(kept[view], request)
    rows = [(one, told(t, one)) for one in pages.items]
    return await page(
        request,
        "approvals/list.html",
        here="approvals",
        view=view,
        views=VIEWS,
        counts={name: len(ones) for name, ones in kept.items()},
        pages=pages,
        rows=rows,
        states=STATES,
        soon=request.app.state.service.now() + _SOON,
        when=from_rfc3339,
    )


@router.get("/approvals/{digest}", dependencies=[allowed("signed-in")])
async def one_request(request: Request, digest: str, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Show a request: in words, as it is signed, and what was decided."""

    def look(system: System) -> tuple[RequestView, Particulars | None, str]:
        shown = system.requests.show(digest)
        if shown.kind != "entry" or "approver" not in caller.roles:
            return shown, None, ""
        try:
            return shown, system.rights.entry(shown.digest), ""
        except FacewardError as error:
            return shown, None, str(error)

    shown, particulars, problem = await repeatable(request, caller, look)
    decided = any(one.approver == caller.name for one in shown.decisions)
    hindrance = _hindrance(shown, caller, decided=decided)
    return await page(
        request,
        "approvals/one.html",
        here="approvals",
        one=shown,
        told=told(translator(request), shown),
        signed=json.dumps(json.loads(shown.message), ensure_ascii=False, indent=2),
        states=STATES,
        particulars=particulars,
        problem=problem,
        hindrance=hindrance,
        revocable=shown.kind == "mandate" and shown.state in ("approved", "waiting"),
    )


def _hindrance(shown: RequestView, caller: Caller, *, decided: bool) -> str:
    """Return why somebody does not decide on a request, in English; empty where they do."""
    if shown.state != "waiting":
        return N_("It is decided, or has ended.")
    if "approver" not in caller.roles:
        return N_("You have not the role approver.")
    if shown.requester == caller.name:
        return N_("You ask for it yourself; another person decides.")
    if decided:
        return N_("You have decided already.")
    if caller.kind is not Kind.PERSON:
        return N_("You did not sign in with a passkey; whoever decides signs with one.")
    return ""


@router.post("/approvals/{digest}/decide", dependencies=[allowed("approver")])
async def decide(request: Request, digest: str, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Approve or refuse, with a passkey's signature over exactly this request."""
    decision = bodies.text(await bodies.form(request), "decision")
    if decision not in {one.value for one in Decision}:
        raise UsageError(f"the decision {decision[:40]!r} is none; send 'approve' or 'refuse'")
    chosen = Decision(decision)
    shown = await repeatable(request, caller, lambda system: system.requests.decide(digest, chosen))
    sessions.forget_roster()
    forget_standing()
    return back(f"/approvals/{shown.digest}", "approved" if chosen is Decision.APPROVE else "refused")


@router.post("/approvals/{digest}/revoke", dependencies=[allowed("operator", "approver")])
async def revoke(request: Request, digest: str, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Revoke a mandate at once."""
    reason = bodies.text(await bodies.form(request), "reason")
    shown = await repeatable(request, caller, lambda system: system.mandates.revoke(digest, reason))
    return back(f"/approvals/{shown.digest}", "revoked")


@router.get("/mandates/new", dependencies=[allowed("operator")])
async def new_mandate(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Show the form by which a mandate is asked for."""
    given = request.query_params

    def look(system: System) -> Blank:
        chosen = (given.get("purpose", ""), given.get("gallery", ""))
        return blank(system, caller.name, chosen, request.app.state.service.now())

    form = await repeatable(request, caller, look)
    return await page(
        request, "approvals/mandate.html", here="approvals", form=form, next=safe_address(given.get("next", ""), "")
    )


@router.post("/mandates", dependencies=[allowed("operator")])
async def ask_mandate(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Ask for a mandate; another person approves it."""
    data = await bodies.form(request)
    mandate = asked_mandate(data, request.app.state.service.now())
    asked = await repeatable(request, caller, lambda system: system.mandates.request(mandate))
    following = safe_address(bodies.text(data, "next", ""), "")
    return back(following or f"/approvals/{asked.digest}", "asked")
