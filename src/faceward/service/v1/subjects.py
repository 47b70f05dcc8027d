"""Subjects: what is held about them, and what they have a right to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.operations.access import zipped
from faceward.operations.system import System
from faceward.policy.rights import RequestKind
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, file, listed, objects, shown
from faceward.service.v1.given import Given, Shown, Who, described, json_of
from faceward.service.v1.shown import LineShown, MatterShown

router = APIRouter(tags=["subjects"])

_OPERATORS = ("operator", "key")


class Reason(Given):
    """Why, in a sentence; it goes to the log."""

    reason: str = Field(min_length=1, max_length=2000)


class NewRequest(Given):
    """What a subject asks for."""

    kind: RequestKind
    text: str = Field("", description="What the subject said.")


class AnswerToRequest(Given):
    """How a subject's request was answered."""

    text: str = Field(min_length=1)
    rejected: bool = False


class NewAdverseAction(Given):
    """Something that was done to a person after a match."""

    action: str = Field(min_length=1, description="What was done, for example 'asked to leave the shop'.")
    place: str = Field(min_length=1)
    time: datetime = Field(description="When; UTC where no zone is given.")
    contact: str = Field("", description="Who answers for it; the deployment's contact if left out.")
    case: str = Field("", description="The case it rests on; needed where the standard asks for reviewers.")


class ReferenceShown(Shown):
    """A reference as its subject may see it; never the features."""

    reference: str
    gallery: str
    purpose: str
    pack: str
    created: str
    expires: str
    record: dict[str, Any]


class SubjectShown(Shown):
    """What is held about a subject, and what happened to them."""

    subject: str
    references: list[ReferenceShown]
    history: list[LineShown]


class ExportShown(SubjectShown):
    """Everything held about a subject, without features."""

    exported: str
    controller: str
    contact: str
    matters: list[MatterShown]
    releases_on_file: list[dict[str, Any]]
    chain: dict[str, Any]
    log: dict[str, Any]
    features: str


class NoticesShown(Shown):
    """The notices that a subject is to be given."""

    subject: str
    notices: list[str]


class ErasureShown(Shown):
    """An erasure, with the receipt that the subject may keep."""

    subject: str
    references: int
    entry: int
    receipt: str


class SuspensionShown(Shown):
    """Whether a subject's references are compared with anybody."""

    subject: str
    suspended: bool
    changed: bool


class AdverseShown(Shown):
    """The notice of an adverse action."""

    subject: str
    entry: int
    notice: str


class RequestsShown(Shown):
    """What subjects asked for."""

    requests: list[MatterShown]


@router.get(
    "/subjects/{subject:name}", response_model=SubjectShown, dependencies=[allowed("operator", "auditor", "key")]
)
async def show_subject(request: Request, caller: Who, subject: str) -> Response:
    """Show a subject's references and what the log tells of them; a limited key sees those of its purposes alone."""

    def act(system: System) -> dict[str, Any]:
        scope.held(caller, system, subject, "subject.show")
        return scope.subject(caller, system.subject(subject))

    return await shown(request, caller, act)


@router.delete("/subjects/{subject:name}", response_model=ErasureShown, dependencies=[allowed(*_OPERATORS)])
async def erase_subject(request: Request, caller: Who, subject: str) -> Response:
    """Erase a subject: the keys of all references are destroyed, so that no copy can be opened for them (rule T2)."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.erase(subject).to_json())


@router.get("/subjects/{subject:name}/export", response_model=ExportShown, dependencies=[allowed(*_OPERATORS)])
async def export_subject(request: Request, caller: Who, subject: str) -> Response:
    """Export what is held about a subject as one object. Features are never exported."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: system.export(subject))


@router.get(
    "/subjects/{subject:name}/copy",
    response_class=Response,
    responses={200: {"description": "A page to read, data, receipts.", "content": {"application/zip": {}}}},
    dependencies=[allowed(*_OPERATORS)],
)
async def copy_of_subject(request: Request, caller: Who, subject: str) -> Response:
    """Return a subject's own copy to read and to check (GDPR Art. 15), as a zip file."""
    scope.whole(caller)

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        return zipped(system.rights.access(subject)), "application/zip", {}

    return await file(request, caller, act, "copy.zip")


@router.get(
    "/subjects/{subject:name}/notices", response_model=NoticesShown, dependencies=[allowed(*_OPERATORS, "auditor")]
)
async def notices_of_subject(request: Request, caller: Who, subject: str) -> Response:
    """Return the notices that a subject is to be given (rule E5)."""

    def act(system: System) -> dict[str, object]:
        scope.held(caller, system, subject, "subject.show")
        view = system.subject(subject)
        found = scope.references(caller, view)
        return {"subject": view.subject, "notices": [str(one.record["notice"]) for one in found]}

    return await shown(request, caller, act)


@router.put(
    "/subjects/{subject:name}/suspension",
    response_model=SuspensionShown,
    openapi_extra=described(Reason),
    dependencies=[allowed(*_OPERATORS)],
)
async def suspend_subject(
    request: Request, caller: Who, subject: str, given: Annotated[Reason, json_of(Reason)]
) -> Response:
    """Suspend a subject's references: they are kept and compared with nobody."""
    return await _suspension(request, caller, (subject, given.reason), suspended=True)


@router.post(
    "/subjects/{subject:name}/resumption",
    response_model=SuspensionShown,
    openapi_extra=described(Reason),
    dependencies=[allowed(*_OPERATORS)],
)
async def resume_subject(
    request: Request, caller: Who, subject: str, given: Annotated[Reason, json_of(Reason)]
) -> Response:
    """End a subject's suspension. An overdue complaint goes on suspending until it is decided."""
    return await _suspension(request, caller, (subject, given.reason), suspended=False)


async def _suspension(request: Request, caller: Who, about: tuple[str, str], *, suspended: bool) -> Response:
    scope.whole(caller)

    def act(system: System) -> dict[str, object]:
        change = system.rights.suspend if suspended else system.rights.resume
        return {"subject": about[0], "suspended": suspended, "changed": change(*about)}

    return await done(request, caller, act)


@router.post(
    "/subjects/{subject:name}/adverse-actions",
    status_code=201,
    response_model=AdverseShown,
    openapi_extra=described(NewAdverseAction),
    dependencies=[allowed(*_OPERATORS)],
)
async def note_adverse_action(
    request: Request, caller: Who, subject: str, given: Annotated[NewAdverseAction, json_of(NewAdverseAction)]
) -> Response:
    """Write the notice of something done to a person after a match (rule D2); nothing here does it."""
    scope.whole(caller)
    when = given.time.replace(tzinfo=UTC) if given.time.tzinfo is None else given.time.astimezone(UTC)
    happened = given.action, given.place, when
    return await done(
        request,
        caller,
        lambda system: system.rights.adverse(subject, happened, given.contact, case=given.case).to_json(),
        status=201,
    )


@router.post(
    "/subjects/{subject:name}/requests",
    status_code=201,
    response_model=MatterShown,
    openapi_extra=described(NewRequest),
    dependencies=[allowed(*_OPERATORS)],
)
async def record_request(
    request: Request, caller: Who, subject: str, given: Annotated[NewRequest, json_of(NewRequest)]
) -> Response:
    """Record what a subject asks for, to be answered within a month (GDPR Art. 12)."""
    scope.whole(caller)
    return await done(
        request, caller, lambda system: system.rights.ask(subject, given.kind, given.text).to_json(), status=201
    )


@router.get("/subject-requests", response_model=RequestsShown, dependencies=[allowed(*_OPERATORS, "auditor")])
async def list_subject_requests(
    request: Request,
    caller: Who,
    due: Annotated[bool, Query(description="Only what is overdue or due within a week.")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List what subjects asked for, with the day by which it is to be answered."""
    scope.whole(caller)
    return await listed(
        request, caller, ("requests", limit, offset), lambda system: objects(system.rights.requests(due=due))
    )


@router.post(
    "/subject-requests/{identifier}/answer",
    response_model=MatterShown,
    openapi_extra=described(AnswerToRequest),
    dependencies=[allowed(*_OPERATORS)],
)
async def answer_subject_request(
    request: Request, caller: Who, identifier: str, given: Annotated[AnswerToRequest, json_of(AnswerToRequest)]
) -> Response:
    """Note how a subject's request was answered."""
    scope.whole(caller)
    return await done(
        request,
        caller,
        lambda system: system.rights.answer(identifier, given.text, rejected=given.rejected).to_json(),
    )
