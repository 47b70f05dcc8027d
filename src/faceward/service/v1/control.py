"""The deployment as a whole: its state, the switch that stops it (rule W7), and its clock."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import done, shown
from faceward.service.v1.galleries import GalleryShown
from faceward.service.v1.given import Shown, Who, described, json_of
from faceward.service.v1.shown import AskedShown, ObligationShown, PurposeEvidenceShown
from faceward.service.v1.subjects import Reason

router = APIRouter(tags=["deployment"])


class StatusShown(Shown):
    """How the deployment stands."""

    home: str
    standard: str
    standard_digest: str
    jurisdiction: str
    operator: str
    signed_in: bool
    custodian: str
    trial: bool
    people: int
    stopped: bool
    pack: str
    pack_licence: str
    pack_good_for: str
    references: int
    galleries: list[GalleryShown]
    due: list[ObligationShown]
    evidence: list[PurposeEvidenceShown]
    breaches: dict[str, Any]
    documents: dict[str, str]
    log: dict[str, Any]


class StoppedShown(Shown):
    """That nobody is recognised any more."""

    stopped: bool
    entry: int


class TickShown(Shown):
    """What one turn of the clock did and found."""

    at: str
    done: list[str]
    due: list[ObligationShown]
    failed: list[str]


@router.get("/status", response_model=StatusShown, dependencies=[allowed("signed-in", "key")])
async def status(request: Request, caller: Who) -> Response:
    """Say how the deployment stands: standard, purposes, galleries, log."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: system.status())


@router.post(
    "/stop", response_model=StoppedShown, openapi_extra=described(Reason), dependencies=[allowed("signed-in", "key")]
)
async def stop(request: Request, caller: Who, given: Annotated[Reason, json_of(Reason)]) -> Response:
    """Stop all recognition, in every process, at once. Enrolling, showing and erasing go on."""
    scope.whole(caller)
    return await done(request, caller, lambda system: {"stopped": True, "entry": system.control.stop(given.reason)})


@router.post(
    "/restart",
    status_code=202,
    response_model=AskedShown,
    dependencies=[allowed("operator", "approver", "custodian")],
)
async def restart(request: Request, caller: Who) -> Response:
    """Ask for recognition to go on; another person approves it."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.control.restart().to_json(), status=202)


@router.post("/tick", response_model=TickShown, dependencies=[allowed("operator", "key")])
async def tick(request: Request, caller: Who) -> Response:
    """Do once what the time asks for: erase what has ended, suspend what is overdue, name what is due."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.rights.tick().to_json())
