"""Watchlists: who is entered, by two people, and that every entry is looked at again each month (rules E1, E3, W4)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.canonical import sha256_hex
from faceward.core.errors import UsageError
from faceward.operations.system import System
from faceward.policy.watchlist import Particulars
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, listed, path, shown
from faceward.service.v1.given import Files, Form, Given, Shown, Who, described, form_of, json_of
from faceward.service.v1.shown import AskedShown, ObligationShown

router = APIRouter(tags=["watchlists"])

_IMAGES = Files("image", 1, 64, "The pictures to enrol, later, byte by byte.")


class NewEntry(Given):
    """Who is to be entered on a watchlist, and why; nothing of it is estimated."""

    subject: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    source: str = Field(min_length=1, description="Where the pictures come from.")
    evidence: str = Field(min_length=1, description="Why the person is entered, and where the proof is kept.")
    gallery: str | None = Field(None, description="The gallery; one named as the purpose if left out.")
    born: date | None = Field(None, description="The stated day of birth.")
    age: int | None = Field(None, ge=0, le=150, description="The stated age in years.")
    vulnerable: bool = Field(False, description="The person is stated to be vulnerable.")
    safeguarding: bool = Field(False, description="The entry serves the person's own protection.")


class Review(Given):
    """That a reference was looked at and stays."""

    reference: str = Field(min_length=1)
    reason: str = Field(min_length=1, max_length=2000)


class EntryShown(Shown):
    """Whom a request would enter, and why."""

    subject: str
    purpose: str
    gallery: str
    source: str
    evidence: str
    samples: list[str]
    born: str | None
    stated_age: int | None
    vulnerable: bool
    safeguarding: bool


class ReviewsShown(Shown):
    """The references that are to be looked at again."""

    reviews: list[ObligationShown]


class ReviewedShown(Shown):
    """A review that was recorded."""

    reference: str
    reviewed: bool


@router.post(
    "/watchlist-entries",
    status_code=202,
    response_model=AskedShown,
    openapi_extra=described(NewEntry, _IMAGES),
    dependencies=[allowed("operator")],
)
async def request_entry(
    request: Request, caller: Who, given: Annotated[Form[NewEntry], form_of(NewEntry, _IMAGES)]
) -> Response:
    """Ask for somebody to be entered on a watchlist; another person approves it, and then the pictures are enrolled."""
    asked = given.text
    scope.purpose(caller, asked.purpose)
    scope.gallery(caller, asked.gallery or asked.purpose)
    particulars = Particulars(
        subject=asked.subject,
        purpose=asked.purpose,
        gallery=asked.gallery or asked.purpose,
        source=asked.source,
        evidence=asked.evidence,
        samples=tuple(sha256_hex(one.data) for one in given.files["image"]),
        born=asked.born,
        stated_age=asked.age,
        vulnerable=asked.vulnerable,
        safeguarding=asked.safeguarding,
    )
    return await done(
        request,
        caller,
        lambda system: system.rights.request_entry(particulars).to_json(),
        status=202,
        place=lambda made: path("watchlist-entries", str(made["request"])),
    )


@router.get(
    "/watchlist-entries/{digest}",
    response_model=EntryShown,
    dependencies=[allowed("operator", "approver", "auditor", "key")],
)
async def show_entry(request: Request, caller: Who, digest: str) -> Response:
    """Show whom a request would enter on a watchlist, and why; to be read before it is approved."""
    scope.whole(caller)

    def act(system: System) -> dict[str, object]:
        found = system.rights.entry(digest)
        if found is None:
            raise UsageError("there is no more of it: the subject was erased, and what was said of them with it")
        where = {"subject": found.subject, "purpose": found.purpose, "gallery": found.gallery}
        return {**where, **found.to_json()}

    return await shown(request, caller, act)


@router.get("/watchlist-reviews", response_model=ReviewsShown, dependencies=[allowed("operator", "auditor", "key")])
async def list_reviews(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the references of watchlists that are to be looked at again, or should have been."""
    scope.whole(caller)
    return await listed(
        request,
        caller,
        ("reviews", limit, offset),
        lambda system: [one.to_json() for one in system.rights.due() if one.what == "review"],
    )


@router.post(
    "/watchlist-reviews",
    status_code=201,
    response_model=ReviewedShown,
    openapi_extra=described(Review),
    dependencies=[allowed("operator", "key")],
)
async def review_reference(request: Request, caller: Who, given: Annotated[Review, json_of(Review)]) -> Response:
    """Record that a reference was looked at and stays; one that is not needed is to be erased instead."""
    scope.whole(caller)

    def act(system: System) -> dict[str, object]:
        system.rights.review(given.reference, given.reason)
        return {"reference": given.reference, "reviewed": True}

    return await done(request, caller, act, status=201)
