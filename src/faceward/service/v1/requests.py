"""Requests and mandates: what people ask for, and what others decide (rules S2, P2, P7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.operations.requests import Brought
from faceward.operations.system import System
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sshwire import BadSignature
from faceward.service import limits, passkeys
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, listed, objects, path, shown
from faceward.service.v1.given import Given, Shown, Who, described, json_of
from faceward.service.v1.shown import AskedShown
from faceward.service.v1.subjects import Reason

router = APIRouter(tags=["requests"])

_READERS = ("operator", "approver", "reviewer", "auditor", "custodian", "key")
_DECIDERS = ("approver", "custodian", "operator")


class NewMandate(Given):
    """The authority that is asked for: who may search, where, until when, how often."""

    purpose: str = Field(min_length=1)
    galleries: tuple[str, ...] = Field(min_length=1, max_length=100)
    place: str = Field(min_length=1, description="Where the people are looked for.")
    case: str = Field(min_length=1, description="The case number.")
    basis: str = Field(min_length=1, description="The legal basis, in words.")
    until: datetime = Field(description="When it ends; UTC where no zone is given.")
    searches: int = Field(ge=1, le=10**6, description="How many times it may be used.")
    operators: tuple[str, ...] = Field(min_length=1, max_length=100, description="Who may use it.")
    operations: tuple[str, ...] = Field(("identify",), min_length=1, max_length=20)
    cameras: tuple[str, ...] = Field((), max_length=100)
    starts: datetime | None = Field(None, description="When it starts; now if left out.")
    urgent: bool = Field(False, description="Use it before it is approved, as long as the standard lets (rule P7).")
    recipient: str = Field("", description="Who receives what leaves the system under it (rule S4).")


class NewDecision(Given):
    """What an approver decides; signed elsewhere, if message and signature come with it."""

    decision: Decision
    message: str | None = Field(None, description="What was signed, as `GET /v1/requests/{digest}/message` gave it.")
    signature: str | None = Field(None, description="What `ssh-keygen -Y sign` wrote.")

    @model_validator(mode="after")
    def _both(self) -> NewDecision:
        if (self.message is None) != (self.signature is None):
            raise ValueError("message and signature go together")
        return self


class DecisionShown(Shown):
    """What an approver decided."""

    approver: str
    decision: Literal["approve", "refuse"]
    time: str
    counts: bool
    why: str
    message: str
    signature: str


class RequestShown(Shown):
    """A request, with what was decided on it."""

    digest: str
    kind: str
    requester: str
    created: str
    expires: str
    state: Literal["waiting", "approved", "refused", "revoked", "carried out", "ended"]
    body: dict[str, Any]
    message: str
    signature: str
    decisions: list[DecisionShown]
    spent: int | None
    allowed_signers: list[str]


class RequestListShown(Shown):
    """Requests, oldest first."""

    requests: list[RequestShown]


class MandatesShown(Shown):
    """Mandates, oldest first."""

    mandates: list[RequestShown]


class MessageShown(Shown):
    """What an approver signs elsewhere."""

    message: str


@router.get("/requests", response_model=RequestListShown, dependencies=[allowed(*_READERS)])
async def list_requests(
    request: Request,
    caller: Who,
    waiting: Annotated[bool, Query(description="Only those that wait.")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List requests, oldest first."""
    scope.whole(caller)
    return await listed(
        request, caller, ("requests", limit, offset), lambda system: objects(system.requests.listed(waiting=waiting))
    )


@router.get("/requests/{digest}", response_model=RequestShown, dependencies=[allowed(*_READERS)])
async def show_request(request: Request, caller: Who, digest: str) -> Response:
    """Show a request: who signed what, with what an outsider needs to check it."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: system.requests.show(digest).to_json())


@router.get("/requests/{digest}/message", response_model=MessageShown, dependencies=[allowed(*_READERS)])
async def message_of_request(
    request: Request,
    caller: Who,
    digest: str,
    approver: Annotated[str, Query(min_length=1, max_length=255)],
    decision: Decision = Decision.APPROVE,
) -> Response:
    """Return what an approver signs elsewhere to decide on a request."""
    scope.whole(caller)
    return await shown(
        request,
        caller,
        lambda system: {"message": system.requests.message_for(digest, approver, decision).decode()},
    )


@router.post(
    "/requests/{digest}/decisions",
    response_model=RequestShown,
    openapi_extra=described(NewDecision),
    dependencies=[allowed(*_DECIDERS)],
)
async def decide_request(
    request: Request, caller: Who, digest: str, given: Annotated[NewDecision, json_of(NewDecision)]
) -> Response:
    """Approve or refuse what somebody else asked for; it is carried out if that was all it needed."""
    scope.whole(caller)
    signed = await _brought(request, caller, given)
    return await done(request, caller, lambda system: system.requests.decide(digest, given.decision, signed).to_json())


@router.get("/mandates", response_model=MandatesShown, tags=["mandates"], dependencies=[allowed(*_READERS)])
async def list_mandates(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List mandates, oldest first."""
    scope.whole(caller)
    return await listed(request, caller, ("mandates", limit, offset), lambda system: objects(system.mandates.listed()))


@router.post(
    "/mandates",
    status_code=202,
    response_model=AskedShown,
    tags=["mandates"],
    openapi_extra=described(NewMandate),
    dependencies=[allowed("operator")],
)
async def request_mandate(request: Request, caller: Who, given: Annotated[NewMandate, json_of(NewMandate)]) -> Response:
    """Ask for a mandate; another person approves it."""
    scope.whole(caller)
    now = request.app.state.service.now()

    def act(system: System) -> dict[str, object]:
        mandate = Mandate(
            purpose=check_name(given.purpose, "purpose"),
            operations=given.operations,
            galleries=tuple(check_name(name, "gallery") for name in given.galleries),
            cameras=tuple(check_name(name, "camera") for name in given.cameras),
            place=given.place.strip(),
            case=given.case.strip(),
            basis=given.basis.strip(),
            starts=now if given.starts is None else _utc(given.starts),
            until=_utc(given.until),
            searches=given.searches,
            operators=tuple(check_name(name, "operator") for name in given.operators),
            urgent=given.urgent,
            recipient=given.recipient.strip(),
        ).checked()
        return dict(system.mandates.request(mandate).to_json())

    return await done(request, caller, act, status=202, place=lambda made: path("mandates", str(made["request"])))


@router.get("/mandates/{digest}", response_model=RequestShown, tags=["mandates"], dependencies=[allowed(*_READERS)])
async def show_mandate(request: Request, caller: Who, digest: str) -> Response:
    """Show a mandate: what it allows, who signed it, how often it was used."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: system.mandates.show(digest).to_json())


@router.post(
    "/mandates/{digest}/decisions",
    response_model=RequestShown,
    tags=["mandates"],
    openapi_extra=described(NewDecision),
    dependencies=[allowed(*_DECIDERS)],
)
async def decide_mandate(
    request: Request, caller: Who, digest: str, given: Annotated[NewDecision, json_of(NewDecision)]
) -> Response:
    """Approve or refuse a mandate; one that is refused is void, and the cases it led to are deleted (rule P7)."""
    scope.whole(caller)
    signed = await _brought(request, caller, given)
    return await done(request, caller, lambda system: system.mandates.decide(digest, given.decision, signed).to_json())


@router.post(
    "/mandates/{digest}/revocation",
    response_model=RequestShown,
    tags=["mandates"],
    openapi_extra=described(Reason),
    dependencies=[allowed("operator", "approver")],
)
async def revoke_mandate(
    request: Request, caller: Who, digest: str, given: Annotated[Reason, json_of(Reason)]
) -> Response:
    """Revoke a mandate at once: whoever asked for it, or an approver."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.mandates.revoke(digest, given.reason).to_json())


async def _brought(request: Request, caller: Who, given: NewDecision) -> Brought | None:
    if given.message is None or given.signature is None:
        return None
    try:
        passkeys.not_by_browser(given.signature)
    except BadSignature as refusal:
        await limits.denied(request, "signature", refusal.reason, caller=caller)
        raise
    return Brought(given.message.encode(), given.signature)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise UsageError("the moment lies beyond every calendar; choose a nearer one") from None
