"""Complaints: received, acknowledged, decided, each within its term (rule D1)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, listed, objects
from faceward.service.v1.given import Given, Shown, Who, described, json_of
from faceward.service.v1.shown import MatterShown

router = APIRouter(tags=["complaints"])

_WHO = ("operator", "key")


class NewComplaint(Given):
    """Who complains, and of what."""

    subject: str = Field(min_length=1, description="Who complains, enrolled or not.")
    text: str = Field(min_length=1, description="What they say; sealed under their own key.")
    reference: str | None = Field(None, description="The reference it is about; all if left out.")


class DecisionOnComplaint(Given):
    """How a complaint is decided."""

    upheld: bool
    reason: str = Field(min_length=1, description="Why, as the subject is told.")


class ComplaintsShown(Shown):
    """Complaints, oldest first."""

    complaints: list[MatterShown]


@router.get("/complaints", response_model=ComplaintsShown, dependencies=[allowed(*_WHO, "auditor")])
async def list_complaints(
    request: Request,
    caller: Who,
    due: Annotated[bool, Query(description="Only what is overdue or due within a week.")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List complaints with the day by which the next step is to be done."""
    scope.whole(caller)
    return await listed(
        request, caller, ("complaints", limit, offset), lambda system: objects(system.rights.complaints(due=due))
    )


@router.post(
    "/complaints",
    status_code=201,
    response_model=MatterShown,
    openapi_extra=described(NewComplaint),
    dependencies=[allowed(*_WHO)],
)
async def add_complaint(
    request: Request, caller: Who, given: Annotated[NewComplaint, json_of(NewComplaint)]
) -> Response:
    """Record a complaint. Overdue, it suspends what it is about, whether or not a clock runs."""
    scope.whole(caller)
    return await done(
        request,
        caller,
        lambda system: system.rights.complain(given.subject, given.text, reference=given.reference).to_json(),
        status=201,
    )


@router.post("/complaints/{identifier}/acknowledgement", response_model=MatterShown, dependencies=[allowed(*_WHO)])
async def acknowledge_complaint(request: Request, caller: Who, identifier: str) -> Response:
    """Note that the subject was told that the complaint came."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.rights.acknowledge(identifier).to_json())


@router.post(
    "/complaints/{identifier}/decision",
    response_model=MatterShown,
    openapi_extra=described(DecisionOnComplaint),
    dependencies=[allowed("operator")],
)
async def decide_complaint(
    request: Request, caller: Who, identifier: str, given: Annotated[DecisionOnComplaint, json_of(DecisionOnComplaint)]
) -> Response:
    """Decide a complaint, either way; one that is upheld suspends what it is about."""
    scope.whole(caller)
    return await done(
        request,
        caller,
        lambda system: system.rights.decide(identifier, upheld=given.upheld, reason=given.reason).to_json(),
    )
