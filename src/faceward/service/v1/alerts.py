"""Alerts of cameras: leads that wait for two people (rules H1, H2, W5)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.core.watch_results import AlertView
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, file, listed, shown
from faceward.service.v1.given import Shown, Who

router = APIRouter(tags=["alerts"])

_READERS = ("operator", "reviewer", "approver", "auditor", "key")
_State = Literal["waiting", "in-review", "confirmed", "dismissed", "suppressed"]


class AlertCandidateShown(Shown):
    """Somebody whom an alert may be about; the score is null until you may see it (rule H2)."""

    number: int
    subject: str | None
    reference: str | None
    score: float | None
    result: str | None


class AlertShown(Shown):
    """An alert: a lead, not a finding."""

    alert: str
    entry: int
    case: str | None
    camera: str
    branch: str
    captured: str
    gallery: str
    purpose: str
    fpir: float = Field(description="How often a person who is not on the list brings about an alert.")
    expected_false_alerts_per_day: float
    state: _State
    flags: list[str] = Field(description="`impossible-travel` (rule W5), or nothing.")
    matches: int
    candidates: list[AlertCandidateShown] = Field(description="Empty in lists.")


class AlertsShown(Shown):
    """Alerts, in the order in which they came."""

    alerts: list[AlertShown]


def find(caller: Caller, system: System, alert: str) -> str:
    """Return which alert is meant, of those that a caller may see.

    Raises:
        UsageError: None is, told alike where there is none and where it is of another gallery or purpose.
    """
    if not scope.limited(caller):
        return alert
    found = [one.alert for one in _seen(caller, system.alerts.list()) if alert and one.alert.startswith(alert)]
    if len(found) != 1:
        raise UsageError(f"there is no alert {alert[:32]!r} for this key; 'GET /v1/alerts' lists those that are")
    return found[0]


@router.get("/alerts", response_model=AlertsShown, dependencies=[allowed(*_READERS)])
async def list_alerts(
    request: Request,
    caller: Who,
    state: Annotated[_State | None, Query(description="Only those in this state.")] = None,
    camera: Annotated[str | None, Query(description="Only those of this camera.")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List alerts without anybody's name; for a limited key, those of its galleries and purposes."""
    return await listed(
        request,
        caller,
        ("alerts", limit, offset),
        lambda system: [one.to_json() for one in _seen(caller, system.alerts.list(state=state, camera=camera))],
    )


@router.get("/alerts/{alert}", response_model=AlertShown, dependencies=[allowed(*_READERS)])
async def show_alert(request: Request, caller: Who, alert: str) -> Response:
    """Show an alert, with what you may see of its case (rules H1, H2); that it was looked at is in the log."""
    return await shown(request, caller, lambda system: system.alerts.get(find(caller, system, alert)).to_json())


@router.get(
    "/alerts/{alert}/crop",
    response_class=Response,
    responses={200: {"description": "The face that was seen, all others hidden.", "content": {"image/png": {}}}},
    dependencies=[allowed(*_READERS)],
)
async def crop_of_alert(request: Request, caller: Who, alert: str) -> Response:
    """Return the face that an alert is about; that it was looked at is in the log."""

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        return system.alerts.crop(find(caller, system, alert)), "image/png", {}

    return await file(request, caller, act, "crop.png")


def _seen(caller: Caller, found: tuple[AlertView, ...]) -> list[AlertView]:
    return [one for one in found if scope.admits(caller, one.purpose, one.gallery)]
