"""Status: how the deployment stands, and the switch that stops all recognition (rule W7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.clock import from_rfc3339
from faceward.operations.system import System
from faceward.service import bodies
from faceward.service.callers import Caller, Kind
from faceward.service.console.i18n import N_
from faceward.service.console.rendering import back, forget_standing, page, safe_address
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(include_in_schema=False)
DUE = {
    "complaint": N_("Complaint"),
    "request": N_("Request of a subject"),
    "review": N_("Review of a watchlist entry"),
    "confirmation": N_("Confirmation of a deletion by a recipient"),
    "alert": N_("Decision of reviewers on an alert"),
}
DOCUMENTS = {
    "dpia": N_("Data protection impact assessment"),
    "fria": N_("Fundamental rights impact assessment"),
    "record": N_("Record of processing"),
    "system-card": N_("System card"),
    "model-card": N_("Model card"),
    "annual": N_("Annual report"),
}
DOCUMENT_STATES = {
    "signed": (N_("signed off"), "good"),
    "void": (N_("void since the configuration changed"), "bad"),
    "missing": (N_("not signed off"), "warning"),
}
PINNED = {"standard": N_("Standard"), "pack": N_("Model pack")}
_SOON = timedelta(days=30)


@router.get("/status", dependencies=[allowed("signed-in")])
async def status(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Show the state of everything that must be watched."""
    found = await repeatable(request, caller, lambda system: state(system, request.app.state.service.now() + _SOON))
    return await page(
        request,
        "status.html",
        here="status",
        due_names=DUE,
        document_names=DOCUMENTS,
        document_states=DOCUMENT_STATES,
        pinned=PINNED,
        signs=caller.kind is Kind.PERSON,
        **found,
    )


def state(system: System, soon: Any) -> dict[str, Any]:  # noqa: ANN401 - a moment
    """Return what the page shows.

    Args:
        system: The deployment.
        soon: Evidence that ends before this moment is named.
    """
    known, judged = system.status(), system.witnesses.judged()
    evidence = known["evidence"]
    ending = [one for one in evidence if one["until"] and from_rfc3339(str(one["until"])) <= soon]  # type: ignore[union-attr, call-overload, index]
    return {
        "state": known,
        "witnesses": judged,
        "trusted": [one.name for one in system.witnesses.trusted()],
        "documents": system.documents_status(),
        "monitored": system.monitoring.purposes(),
        "changes": system.control.changes(),
        "ending": ending,
    }


@router.post("/status/stop", dependencies=[allowed("signed-in")])
async def stop(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Stop all recognition at once."""
    data = await bodies.form(request)
    reason, then = bodies.text(data, "reason"), bodies.text(data, "next", "/status")
    await repeatable(request, caller, lambda system: system.control.stop(reason))
    forget_standing()
    return back(safe_address(then, "/status"), "stopped")


@router.post("/status/restart", dependencies=[allowed("signed-in")])
async def restart(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Ask for recognition to go on; another person approves it."""
    await bodies.form(request)
    asked = await repeatable(request, caller, lambda system: system.control.restart())
    forget_standing()
    return back(f"/approvals/{asked.digest}", "restart-asked" if asked.state == "waiting" else "carried-out")


@router.post("/status/adopt", dependencies=[allowed("operator", "approver", "custodian")])
async def adopt(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Ask for the standard and the pack as they are here to be adopted; another person approves each."""
    await bodies.form(request)
    asked = await repeatable(request, caller, lambda system: system.control.adopt())
    return back("/approvals?show=mine", "asked" if asked[0].state == "waiting" else "carried-out")
