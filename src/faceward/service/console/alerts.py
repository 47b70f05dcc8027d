"""Alerts: sightings that wait for people, without a name or a score (rules H1, H2, W5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.watch_results import AlertView
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.console.i18n import N_
from faceward.service.console.live import WATCHERS
from faceward.service.console.live_words import ALERTS, FLAGS, OPEN
from faceward.service.console.paging import paged
from faceward.service.console.pictures import displayable
from faceward.service.console.rendering import page
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(prefix="/alerts", include_in_schema=False)
VIEWS = {"open": N_("Open"), "all": N_("All"), **{name: text for name, (text, _) in ALERTS.items()}}
"""What can be listed: by key, in English."""
_Who = Annotated[Caller, Depends(known)]


@router.get("", dependencies=[allowed(*WATCHERS)])
async def alerts(request: Request, caller: _Who) -> Response:
    """List alerts, by state and camera."""
    view, camera = request.query_params.get("state", "open"), request.query_params.get("camera", "")
    view = view if view in VIEWS else "open"

    def read(system: System) -> tuple[list[str], list[AlertView]]:
        found = sorted(system.alerts.list(), key=lambda one: one.captured, reverse=True)
        return sorted({one.name for one in system.cameras.list()} | {one.camera for one in found}), found

    cameras, found = await repeatable(request, caller, read)
    here = [one for one in found if camera in ("", one.camera)]
    states = OPEN if view == "open" else ALERTS.keys() if view == "all" else {view}
    kept = [one for one in here if one.state in states]
    return await page(
        request,
        "alerts/list.html",
        here="alerts",
        view=view,
        views=VIEWS,
        camera=camera,
        cameras=cameras,
        pages=paged(kept, request),
        ever=bool(found),
        states=ALERTS,
        flags=FLAGS,
    )


@router.get("/{alert}/crop", dependencies=[allowed(*WATCHERS)])
async def crop(request: Request, alert: str, caller: _Who) -> Response:
    """Return the face that an alert is about as a browser can show it; that it was looked at is in the log."""
    data = await repeatable(request, caller, lambda system: displayable(system.alerts.crop(alert)))
    return Response(data, media_type="image/jpeg", headers={"cache-control": "no-store"})
