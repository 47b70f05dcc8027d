"""Purposes: what faces are compared for (rule P1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.duration import parse_duration
from faceward.core.errors import BadInput
from faceward.operations.system import System
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, listed, objects, path
from faceward.service.v1.given import Given, Shown, Who, described, json_of
from faceward.service.v1.shown import MeasuredShown

router = APIRouter(tags=["purposes"])

Rate = Annotated[float, Field(gt=0, lt=1)]


class NewPurpose(Given):
    """A purpose to register."""

    name: str = Field(min_length=1)
    basis: str = Field(description="A lawful basis that the standard accepts, such as `consent`.")
    fmr: Rate = Field(description="False match rate that a verification accepts, for one comparison.")
    retention: str = Field(description="How long references are kept at most: 24h, 90d, 12m, 2y.")
    fpir: Rate | None = Field(None, description="False positive rate that a whole search accepts.")
    alternative: str = Field("", description="The way without biometrics that people are offered.")
    camera_class: str = Field("any", description="What kind of pictures are searched with; evidence is of the same.")


class PurposeChange(Given):
    """Other rates, or another camera class; what is left out stays."""

    fmr: Rate | None = None
    fpir: Rate | None = None
    camera_class: str | None = None


class PurposeShown(Shown):
    """A purpose."""

    name: str
    basis: str
    fmr: float
    fpir: float
    retention: str
    alternative: str
    camera_class: str
    created: str


class PurposesShown(Shown):
    """Purposes by name."""

    purposes: list[PurposeShown]


@router.get("/purposes", response_model=PurposesShown, dependencies=[allowed("signed-in", "key")])
async def list_purposes(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the registered purposes; for a limited key, those that it is for."""

    def act(system: System) -> list[Mapping[str, Any]]:
        mine = scope.purposes(caller, system)
        return objects(one for one in system.purposes() if mine is None or one.name in mine)

    return await listed(request, caller, ("purposes", limit, offset), act)


@router.post(
    "/purposes",
    status_code=201,
    response_model=PurposeShown,
    openapi_extra=described(NewPurpose),
    dependencies=[allowed("operator", "key")],
)
async def add_purpose(request: Request, caller: Who, given: Annotated[NewPurpose, json_of(NewPurpose)]) -> Response:
    """Register a purpose."""
    scope.whole(caller)
    try:
        retention = parse_duration(given.retention)
    except (ValueError, OverflowError):
        raise BadInput(f"retention {given.retention[:40]!r} is no span; write 24h, 90d, 12m or 2y") from None
    return await done(
        request,
        caller,
        lambda system: system.add_purpose(
            given.name,
            basis=given.basis,
            fmr=given.fmr,
            retention=retention,
            fpir=given.fpir,
            alternative=given.alternative,
            camera_class=given.camera_class,
        ).to_json(),
        status=201,
        place=lambda made: path("purposes", str(made["name"])),
    )


@router.patch(
    "/purposes/{purpose:name}",
    response_model=MeasuredShown,
    openapi_extra=described(PurposeChange),
    dependencies=[allowed("operator")],
)
async def change_purpose(
    request: Request, caller: Who, purpose: str, given: Annotated[PurposeChange, json_of(PurposeChange)]
) -> Response:
    """Change a purpose's rates or camera class; what lowers a threshold waits for another person (rule S1)."""
    scope.whole(caller)
    return await done(
        request,
        caller,
        lambda system: system.evidence.change_purpose(
            purpose, fmr=given.fmr, fpir=given.fpir, camera_class=given.camera_class
        ).to_json(),
    )
