"""Cameras, and what they show just now: redacted pictures and counts (rules P5, W2, W8)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.operations.live import CameraNow
from faceward.operations.system import System
from faceward.policy.camera_notices import check_notice
from faceward.policy.cameras import LOOK, OPT_OUT, Camera, CameraRequest
from faceward.policy.zones import zone
from faceward.service.roles import CAMERA_READERS, allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, file, listed, path, shown
from faceward.service.v1.given import Given, Shown, Who, described, json_of

router = APIRouter(tags=["cameras"])

_READERS = (*CAMERA_READERS, "key")
_WATCHERS = ("operator", "reviewer", "approver", "auditor", "key")
_Share = Annotated[float, Field(ge=0, le=1)]


class GivenZone(Given):
    """A part of the picture: a polygon, its corners as shares of width and height."""

    kind: Literal["look", "opt-out"]
    points: tuple[tuple[_Share, _Share], ...] = Field(min_length=3, max_length=32)


class GivenNotice(Given):
    """What people before the camera are told (rule W8)."""

    data: str = Field(min_length=1, max_length=1000)
    outputs: str = Field(min_length=1, max_length=1000)
    purposes: tuple[str, ...] = Field(min_length=1, max_length=32)
    deletion: str = Field(min_length=1, max_length=1000)
    contact: str = Field(min_length=1, max_length=1000)
    sign: str = Field(min_length=1, max_length=1000, description="Where and how people are told.")
    alternative: str = Field("", max_length=1000, description="The lane or way around the camera, if there is one.")


class NewCamera(Given):
    """A camera to configure."""

    name: str = Field(min_length=1)
    source: str = Field(
        min_length=1,
        description="A path, `/dev/videoN`, `rtsp://…` or `http://…`; it is kept sealed and never returned.",
    )
    place: str = Field(min_length=1)
    branch: str = ""
    position: tuple[float, float] | None = Field(None, description="Latitude and longitude in degrees.")
    camera_class: str = "any"
    rate: float = Field(5.0, ge=0.2, le=15, description="Frames a second that are looked at.")
    zones: tuple[GivenZone, ...] = Field((), max_length=16)
    notice: GivenNotice | None = Field(None, description="Without it nothing is watched with the camera (rule W8).")

    def request(self) -> CameraRequest:
        """Return what it asks for.

        Raises:
            UsageError: A zone is no simple polygon.
            BadInput: The notice cannot be used.
        """
        zones = tuple(zone(LOOK if one.kind == LOOK else OPT_OUT, list(one.points)) for one in self.zones)
        notice = None if self.notice is None else check_notice(self.notice.model_dump(mode="json"), "the notice record")
        return CameraRequest(
            name=self.name,
            source=self.source,
            place=self.place,
            branch=self.branch,
            position=self.position,
            camera_class=self.camera_class,
            rate=self.rate,
            zones=zones,
            notice=notice,
        )


class ZoneShown(Shown):
    """A part of a camera's picture."""

    kind: Literal["look", "opt-out"]
    points: list[list[float]]


class NoticeShown(Shown):
    """What people before a camera are told."""

    data: str
    outputs: str
    purposes: list[str]
    deletion: str
    contact: str
    sign: str
    alternative: str


class CameraShown(Shown):
    """A camera; of its address neither user, password nor query."""

    name: str
    place: str
    branch: str
    position: list[float] | None
    camera_class: str
    rate: float
    zones: list[ZoneShown]
    notice: NoticeShown | None
    since: str
    address: str


class CamerasShown(Shown):
    """Cameras by name."""

    cameras: list[CameraShown]


class RemovedShown(Shown):
    """A camera that was removed."""

    camera: str
    removed: bool


class LiveCameraShown(Shown):
    """A camera as its watch told of it last."""

    name: str
    place: str
    branch: str
    state: str = Field(
        description="`starting`, `connected`, `stalled`, `lost`, `garbage`, `frozen`, `ended`, `resized`."
    )
    message: str
    since: str
    captured: str | None
    decoded: int
    looked_at: int
    gated: int
    dropped: int
    reconnects: int
    tracks: int
    compared: int
    alerts: int
    latency: float | None
    gallery: str
    purpose: str
    comparing: bool = Field(description="False while the watch is interrupted, and nobody is compared.")
    rate: float | None = Field(description="Frames looked at a second, of late.")
    age: float = Field(description="Seconds since the watch told of it.")
    stale: bool = Field(description="The watch has told nothing for some time: it was killed, or hangs.")
    preview: float | None = Field(description="Seconds since its latest picture; null where there is none.")
    hour: dict[str, int] = Field(description="Faces, alerts and frames left out in the last hour.")


class LiveShown(Shown):
    """What all cameras that are watched with show just now."""

    time: str
    stopped: bool
    cameras: list[LiveCameraShown]


@router.get("/cameras", response_model=CamerasShown, dependencies=[allowed(*_READERS)])
async def list_cameras(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the cameras, with zones and notice records; passwords are never shown."""
    await scope.all_cameras(request, caller)
    return await listed(
        request, caller, ("cameras", limit, offset), lambda system: [one.to_json() for one in system.cameras.list()]
    )


@router.post(
    "/cameras",
    status_code=201,
    response_model=CameraShown,
    openapi_extra=described(NewCamera),
    dependencies=[allowed("operator", "key")],
)
async def add_camera(request: Request, caller: Who, given: Annotated[NewCamera, json_of(NewCamera)]) -> Response:
    """Configure a camera. Nothing of its address is resolved, fetched or opened before a watch begins."""
    await scope.all_cameras(request, caller)
    return await done(
        request,
        caller,
        lambda system: system.cameras.add(given.request()).to_json(),
        status=201,
        place=lambda made: path("cameras", str(made["name"])),
    )


@router.get("/cameras/{camera:name}", response_model=CameraShown, dependencies=[allowed(*_READERS)])
async def show_camera(request: Request, caller: Who, camera: str) -> Response:
    """Show a camera."""
    await scope.all_cameras(request, caller)
    return await shown(request, caller, lambda system: system.cameras.get(camera).to_json())


@router.delete("/cameras/{camera:name}", response_model=RemovedShown, dependencies=[allowed("operator", "key")])
async def remove_camera(request: Request, caller: Who, camera: str) -> Response:
    """Remove a camera with its address. A watch with it ends."""
    await scope.all_cameras(request, caller)

    def act(system: System) -> dict[str, Any]:
        found: Camera = system.cameras.remove(camera)
        return {"camera": found.name, "removed": True}

    return await done(request, caller, act)


@router.get("/live", response_model=LiveShown, dependencies=[allowed(*_WATCHERS)])
async def live(request: Request, caller: Who) -> Response:
    """Tell what cameras that are watched with show just now: states and counts, nothing of anybody."""
    await scope.all_cameras(request, caller)
    moment = request.app.state.service.now()

    def act(system: System) -> dict[str, Any]:
        hours = system.live.lately()
        return {
            "time": to_rfc3339(moment),
            "stopped": system.control.stopped,
            "cameras": [{**_live(one), "hour": _hour(hours.get(one.told.name))} for one in system.live.cameras()],
        }

    return await shown(request, caller, act)


@router.get(
    "/live/{camera:name}/preview",
    response_class=Response,
    responses={200: {"description": "A picture in which every face is hidden.", "content": {"image/jpeg": {}}}},
    dependencies=[allowed(*_WATCHERS)],
)
async def preview(request: Request, caller: Who, camera: str) -> Response:
    """Return a camera's latest picture, in which every face is hidden (rule W2)."""
    await scope.all_cameras(request, caller)

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        found = system.live.preview(system.cameras.get(camera).name)
        if found is None:
            raise UsageError("there is no picture of this camera just now; it comes while a watch runs")
        return found.jpeg, "image/jpeg", {"camera": camera, "taken": to_rfc3339(found.taken)}

    return await file(request, caller, act, "preview.jpg")


def _live(one: CameraNow) -> dict[str, Any]:
    told = {"gallery": one.of.gallery, "purpose": one.of.purpose, "comparing": one.of.comparing, "rate": one.rate}
    return {
        **one.told.to_json(),
        **told,
        "age": round(one.age, 1),
        "stale": one.stale,
        "preview": None if one.picture is None else round(one.picture, 1),
    }


def _hour(counted: Any) -> dict[str, int]:  # noqa: ANN401
    return {name: getattr(counted, name, 0) for name in ("faces", "alerts", "dropped")}
