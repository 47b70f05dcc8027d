"""People, and recipients outside: who may act here, and who was handed references (rules S2, S4, T3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, listed, objects
from faceward.service.v1.given import Given, Shown, Who, described, json_of
from faceward.service.v1.shown import AskedShown

router = APIRouter(tags=["people"])


class NewPerson(Given):
    """A person who is to be in the roster, or what is to change of one who is."""

    name: str = Field(min_length=1)
    keys: tuple[str, ...] = Field(min_length=1, max_length=8, description="Public keys, each as OpenSSH's one line.")
    roles: tuple[Literal["operator", "approver", "reviewer", "custodian", "auditor", "subject"], ...] = Field(
        min_length=1, max_length=6
    )
    trained_until: date | None = Field(None, description="Last day on which their training is valid.")


class NewRecipient(Given):
    """Somebody to whom a gallery may be handed under a mandate."""

    name: str = Field(min_length=1)
    contact: str = Field(min_length=1)
    age_key: str = Field("", description="Their age recipient, to which packages are sealed.")


class Confirmation(Given):
    """That a recipient deleted what a notice names."""

    evidence: str = Field(min_length=1, description="Where the recipient's confirmation is kept.")


class PersonShown(Shown):
    """A person of the roster."""

    name: str
    key: str
    fingerprint: str
    roles: list[str]
    trained: str | None
    added: str
    further: list[str]
    responsible: str | None = None


class PeopleShown(Shown):
    """The people, as the custodian knows them."""

    people: list[PersonShown]


class RecipientShown(Shown):
    """A recipient."""

    name: str
    contact: str
    age_key: str
    added: str


class RecipientsShown(Shown):
    """Recipients by name."""

    recipients: list[RecipientShown]


class DeletionNoticeShown(Shown):
    """What a recipient has to delete."""

    identifier: str
    recipient: str
    contact: str
    references: list[str]
    issued: str
    due: str
    confirmed: str | None
    evidence: str | None
    overdue: bool
    text: str


class DeletionNoticesShown(Shown):
    """Notices of deletion, oldest first."""

    notices: list[DeletionNoticeShown]


@router.get("/people", response_model=PeopleShown, dependencies=[allowed("signed-in", "key")])
async def list_people(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the people, as the custodian knows them."""
    scope.whole(caller)
    return await listed(request, caller, ("people", limit, offset), lambda system: objects(system.people.listed()))


@router.post(
    "/people",
    status_code=202,
    response_model=AskedShown,
    openapi_extra=described(NewPerson),
    dependencies=[allowed("operator", "approver", "custodian")],
)
async def add_person(request: Request, caller: Who, given: Annotated[NewPerson, json_of(NewPerson)]) -> Response:
    """Add a person, or change keys, roles or training of one who is there; another person approves it."""
    first, *further = given.keys
    return await done(
        request,
        caller,
        lambda system: system.people.add(given.name, first, given.roles, given.trained_until, tuple(further)).to_json(),
        status=202,
    )


@router.delete(
    "/people/{name:name}",
    status_code=202,
    response_model=AskedShown,
    dependencies=[allowed("operator", "approver", "custodian")],
)
async def remove_person(request: Request, caller: Who, name: str) -> Response:
    """Ask for a person to be removed; another person approves it."""
    return await done(request, caller, lambda system: system.people.remove(name).to_json(), status=202)


@router.get(
    "/recipients",
    response_model=RecipientsShown,
    tags=["recipients"],
    dependencies=[allowed("operator", "approver", "auditor", "key")],
)
async def list_recipients(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the recipients to whom galleries may be handed."""
    scope.whole(caller)
    return await listed(
        request, caller, ("recipients", limit, offset), lambda system: objects(system.rights.recipients())
    )


@router.post(
    "/recipients",
    status_code=201,
    response_model=RecipientShown,
    tags=["recipients"],
    openapi_extra=described(NewRecipient),
    dependencies=[allowed("operator", "key")],
)
async def add_recipient(
    request: Request, caller: Who, given: Annotated[NewRecipient, json_of(NewRecipient)]
) -> Response:
    """Register somebody to whom a gallery may be handed under a mandate."""
    scope.whole(caller)
    return await done(
        request,
        caller,
        lambda system: system.rights.add_recipient(given.name, given.contact, age_key=given.age_key).to_json(),
        status=201,
    )


@router.get(
    "/deletion-notices",
    response_model=DeletionNoticesShown,
    tags=["recipients"],
    dependencies=[allowed("operator", "auditor", "key")],
)
async def list_deletion_notices(
    request: Request,
    caller: Who,
    due: Annotated[bool, Query(description="Only those that are not confirmed.")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List the notices of deletion that recipients were given or are to be given (rule T3)."""
    scope.whole(caller)
    return await listed(
        request, caller, ("notices", limit, offset), lambda system: objects(system.rights.deletion_notices(due=due))
    )


@router.post(
    "/deletion-notices/{identifier}/confirmation",
    response_model=DeletionNoticeShown,
    tags=["recipients"],
    openapi_extra=described(Confirmation),
    dependencies=[allowed("operator", "key")],
)
async def confirm_deletion(
    request: Request, caller: Who, identifier: str, given: Annotated[Confirmation, json_of(Confirmation)]
) -> Response:
    """Note that a recipient has deleted what a notice names."""
    scope.whole(caller)
    return await done(
        request, caller, lambda system: system.rights.confirm_deletion(identifier, given.evidence).to_json()
    )
