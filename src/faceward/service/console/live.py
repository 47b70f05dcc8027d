"""The live wall: what cameras show just now, the alerts that wait for people, and what was counted (rules W2, W7)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.core.watch_results import AlertView
from faceward.operations.live_history import HOUR, Counted
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.console.i18n import N_
from faceward.service.console.live_words import (
    ALERTS,
    FLAGS,
    OPEN,
    PLOTS,
    SPANS,
    STATES,
    Telling,
    Tile,
    meters,
    plots,
    tellings,
    tiles,
)
from faceward.service.console.rendering import page, translator
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable
from faceward.service.state import Service

router = APIRouter(prefix="/live", include_in_schema=False)
WATCHERS = ("operator", "reviewer", "approver", "auditor")
METERS = {
    "quiet": (N_("below what is accepted, as far as is known"), "good", "check"),
    "above": (N_("more than accepted so far, perhaps by chance"), "warning", "warning"),
    "near": (N_("near the alarm"), "warning", "warning"),
    "halted": (N_("more than accepted: searches are refused"), "bad", "stop"),
}
_SHOWN = 6
# What depends on the time alone, such as the lock of a case (rule P7), is seen after so long at the latest.
_OLDEST_SECONDS = 30.0
_Who = Annotated[Caller, Depends(known)]


@dataclass(frozen=True, slots=True)
class Wall:
    """What the wall shows.

    Attributes:
        time: Of which moment, UTC, in words.
        tiles: The cameras.
        alerts: The latest open alerts, the newest first.
        open: How many alerts are open.
        meters: False alerts of purposes; see `live_words.meters`.
        tellings: What watches tell beside their cameras.
    """

    time: str
    tiles: tuple[Tile, ...]
    alerts: tuple[AlertView, ...]
    open: int
    meters: list[dict[str, Any]]
    tellings: list[Telling]

    @property
    def watched(self) -> tuple[Tile, ...]:
        """The cameras that a watch tells of; they come first."""
        return tuple(one for one in self.tiles if one.watched)

    @property
    def unwatched(self) -> tuple[Tile, ...]:
        """The cameras that no watch tells of, which show nothing."""
        return tuple(one for one in self.tiles if not one.watched)

    @property
    def working(self) -> int:
        """How many cameras give pictures."""
        return sum(one.works for one in self.tiles)


@dataclass(frozen=True, slots=True)
class _Logged:
    """What changes with the log alone, as somebody may see it.

    Attributes:
        size: Of the log, when it was read.
        read: When, seconds of the monotonic clock.
        open: The alerts that are open, the newest first.
        counted: What was counted of each purpose.
    """

    size: int
    read: float
    open: tuple[AlertView, ...]
    counted: list[dict[str, Any]]


# By deployment and caller. Walls ask every second, and to see how an alert stands its case is opened.
_LOGGED: WeakKeyDictionary[System, dict[str, _Logged]] = WeakKeyDictionary()


def wall(system: System, service: Service, caller: Caller) -> Wall:
    """Return what the wall shows now.

    Args:
        system: The deployment as the caller acts in it.
        service: The service.
        caller: Who looks.
    """
    now, seen, logged = service.now(), system.live.cameras(), _logged(system, service, caller)
    return Wall(
        time=f"{now:%H:%M:%S} UTC",
        tiles=tiles(system.cameras.list(), seen, system.live.lately(), now),
        alerts=logged.open[:_SHOWN],
        open=len(logged.open),
        meters=meters(logged.counted, {one.of.purpose for one in seen}),
        tellings=tellings(system.live.states()),
    )


def _logged(system: System, service: Service, caller: Caller) -> _Logged:
    kept, size, moment = _LOGGED.setdefault(service.system, {}), system.log_size, time.monotonic()
    known = kept.get(caller.lane)
    if known is None or known.size != size or moment - known.read > _OLDEST_SECONDS:
        waiting = [one for one in system.alerts.list() if one.state in OPEN]
        waiting.sort(key=lambda one: one.captured, reverse=True)
        known = kept[caller.lane] = _Logged(size, moment, tuple(waiting), [*system.monitoring.purposes()])
    return known


@router.get("", dependencies=[allowed(*WATCHERS)])
async def live(request: Request, caller: _Who) -> Response:
    """Show the wall."""
    return await _page(request, caller, "live/wall.html")


@router.get("/now", dependencies=[allowed(*WATCHERS)])
async def now(request: Request, caller: _Who) -> Response:
    """Return the part of the wall that changes."""
    return await _page(request, caller, "live/now.html")


async def _page(request: Request, caller: Caller, template: str) -> Response:
    service: Service = request.app.state.service
    found = await repeatable(request, caller, lambda system: wall(system, service, caller))
    return await page(
        request, template, here="live", wall=found, words=STATES, states=ALERTS, flags=FLAGS, meter_words=METERS
    )


@router.get("/pictures/{camera:name}", dependencies=[allowed(*WATCHERS)])
async def picture(request: Request, camera: str) -> Response:
    """Return a camera's latest picture, in which every face is hidden (rule W2)."""
    service: Service = request.app.state.service
    # Not in the pool: a small file is read, and a search must not make the wall stand still.
    found = await to_thread.run_sync(service.system.live.preview, camera)
    if found is None:
        raise UsageError("there is no picture of this camera just now; it comes while a watch runs")
    return Response(found.jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.get("/counts", dependencies=[allowed(*WATCHERS)])
async def counts(request: Request, caller: _Who) -> Response:
    """Plot what was counted: faces, alerts and frames left out, an hour at a time."""
    service: Service = request.app.state.service
    span = request.query_params.get("span", "day")
    span = span if span in SPANS else "day"
    wanted = request.query_params.get("camera", "")
    stop = service.now().replace(minute=0, second=0, microsecond=0) + HOUR
    start = stop - timedelta(hours=SPANS[span][1])

    def read(system: System) -> tuple[list[str], tuple[Counted, ...]]:
        there = [one.name for one in system.cameras.list()]
        return there, system.live.hours(start, stop, {wanted} if wanted else None)

    cameras, hours = await repeatable(request, caller, read)
    t = translator(request)
    return await page(
        request,
        "live/counts.html",
        here="live",
        camera=wanted,
        cameras=cameras,
        span=span,
        spans={name: text for name, (text, _) in SPANS.items()},
        plots=plots(hours, start),
        plot_words=PLOTS,
        columns=[t(text) for _, _, text in PLOTS],
        rows=[_row(start + number * HOUR, one) for number, one in enumerate(hours)][::-1],
        watched=any(one.minutes for one in hours),
    )


def _row(start: datetime, one: Counted) -> dict[str, Any]:
    return {"start": start, "counts": {key: getattr(one, key) for key, _, _ in PLOTS} if one.minutes else None}
