"""Cameras: where they stand, what people before them are told, and where is looked at (rules P5, W8, W10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.operations.live import CameraNow
from faceward.operations.system import System
from faceward.policy.cameras import Camera
from faceward.service import bodies
from faceward.service.callers import Caller
from faceward.service.console.camera_form import changed, filled, requested
from faceward.service.console.i18n import N_
from faceward.service.console.live_words import STATES, Tile, tiles
from faceward.service.console.rendering import back, page
from faceward.service.roles import CAMERA_READERS, allowed, known
from faceward.service.signing import repeatable
from faceward.service.state import Service

router = APIRouter(include_in_schema=False)
_Who = Annotated[Caller, Depends(known)]
NOTICE_FIELDS = {
    "data": (N_("Which data it takes"), N_("For example: faces, for less than a second.")),
    "outputs": (N_("What comes of them, and who gets it"), N_("For example: an alert to the shop's guard.")),
    "deletion": (N_("When it is deleted"), ""),
    "contact": (N_("Whom to turn to"), ""),
    "sign": (N_("Where and how people are told"), N_("For example: a sign at both entrances, at eye level.")),
    "alternative": (N_("A lane or way around the camera"), N_("Left empty, an opt-out zone is needed (rule W10).")),
}
"""The texts of a notice record: label and hint, in English."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A camera, and what it shows just now.

    Attributes:
        camera: As it is configured; None where it was removed while it is watched with.
        tile: As the wall has it.
    """

    camera: Camera | None
    tile: Tile


def seen(system: System, service: Service, name: str | None = None) -> list[Shown]:
    """Return the cameras with what they show just now, by name.

    Args:
        system: The deployment as the caller acts in it.
        service: The service.
        name: Only this one.

    Raises:
        UsageError: There is none of that name.
    """
    cameras = list(system.cameras.list()) if name is None else [system.cameras.get(name)]
    there = {one.name: one for one in cameras}
    told: list[CameraNow] = [one for one in system.live.cameras() if name is None or one.told.name in there]
    return [Shown(there.get(one.name), one) for one in tiles(cameras, told, system.live.lately(), service.now())]


@router.get("/cameras", dependencies=[allowed(*CAMERA_READERS)])
async def cameras(request: Request, caller: _Who) -> Response:
    """List the cameras."""
    service: Service = request.app.state.service
    found = await repeatable(request, caller, lambda system: seen(system, service))
    rows = [one for one in found if one.camera is not None]
    return await page(request, "cameras/list.html", here="cameras", rows=rows, words=STATES)


@router.get("/new-camera", dependencies=[allowed("operator")])
async def new(request: Request, caller: _Who) -> Response:
    """Show the form of a camera."""
    return await _form(request, caller, None)


@router.post("/cameras", dependencies=[allowed("operator")])
async def add(request: Request, caller: _Who) -> Response:
    """Configure a camera; nothing of its address is resolved, fetched or opened (rule P5)."""
    wanted = requested(await bodies.form(request))
    made = await repeatable(request, caller, lambda system: system.cameras.add(wanted))
    return back(_address(made), "camera-added")


@router.get("/cameras/{camera:name}", dependencies=[allowed(*CAMERA_READERS)])
async def one_camera(request: Request, camera: str, caller: _Who) -> Response:
    """Show a camera: its notice record, its zones over the redacted picture, its address without a password."""
    service: Service = request.app.state.service
    [found] = await repeatable(request, caller, lambda system: seen(system, service, camera))
    return await page(
        request,
        "cameras/one.html",
        here="cameras",
        camera=found.camera,
        tile=found.tile,
        words=STATES,
        notice_fields=NOTICE_FIELDS,
    )


@router.get("/cameras/{camera:name}/change", dependencies=[allowed("operator")])
async def change_page(request: Request, camera: str, caller: _Who) -> Response:
    """Show the form of a camera as it is."""
    return await _form(request, caller, camera)


@router.post("/cameras/{camera:name}/change", dependencies=[allowed("operator")])
async def change(request: Request, camera: str, caller: _Who) -> Response:
    """Change a camera; an address that was left empty stays."""
    wanted = changed(await bodies.form(request))
    made = await repeatable(request, caller, lambda system: system.cameras.change(camera, wanted))
    return back(_address(made), "camera-changed")


@router.get("/cameras/{camera:name}/remove", dependencies=[allowed("operator")])
async def remove_page(request: Request, camera: str, caller: _Who) -> Response:
    """Ask once more."""
    found = await repeatable(request, caller, lambda system: system.cameras.get(camera))
    return await page(request, "cameras/remove.html", here="cameras", camera=found)


@router.post("/cameras/{camera:name}/remove", dependencies=[allowed("operator")])
async def remove(request: Request, camera: str, caller: _Who) -> Response:
    """Remove a camera with its address; a watch that is under way ends with it."""
    await bodies.form(request)
    await repeatable(request, caller, lambda system: system.cameras.remove(camera))
    return back("/cameras", "camera-removed")


async def _form(request: Request, caller: Caller, name: str | None) -> Response:
    def read(system: System) -> tuple[Camera | None, list[str]]:
        found = None if name is None else system.cameras.get(name)
        return found, [one.name for one in system.purposes()]

    found, purposes = await repeatable(request, caller, read)
    given: dict[str, Any] = dict(filled(found))
    # A purpose that the notice names and that is registered no more is offered too, so that saving loses none.
    named = [*purposes, *(one for one in given["purposes"] if one not in purposes)]
    return await page(
        request,
        "cameras/form.html",
        here="cameras",
        camera=found,
        given=given,
        purposes=named,
        notice_fields=NOTICE_FIELDS,
    )


def _address(camera: Camera) -> str:
    return f"/cameras/{quote(camera.name, safe='')}"
