"""Enrolling subjects, and the releases under which that is done (rules C1, C2, P5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.duration import parse_duration
from faceward.core.errors import BadInput
from faceward.core.names import check_name, normal_name
from faceward.core.sources import Upload
from faceward.operations.grounds import Grounds
from faceward.operations.system import System
from faceward.policy.consent import Release
from faceward.policy.release_files import parse_releases, render_release
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import done, shown
from faceward.service.v1.given import Files, Form, Given, Shown, Who, described, form_of
from faceward.service.v1.recognition import Nothing
from faceward.service.v1.shown import TextShown

router = APIRouter(tags=["enrolment"])

_IMAGES = Files("image", 1, 64, "Pictures with one prominent face each, of the subject.")
_RELEASES = Files("release", 0, 64, "Signed releases: files that end in .toml, .json or .csv.")
_FILES = Files("release", 1, 64, _RELEASES.about)
_DAY = timedelta(days=1)


class Enrolment(Given):
    """Who is enrolled, what for and where."""

    subject: str = Field(min_length=1, description="Whom the pictures show.")
    purpose: str = Field(min_length=1)
    gallery: str | None = Field(None, description="The gallery; one named as the purpose if left out.")
    entry: str | None = Field(None, description="The approved request for an entry on a watchlist.")
    no_notice: str | None = Field(None, description="Why no notice is written; docs/rights.md lists the reasons.")


class SampleShown(Shown):
    """What became of a picture."""

    picture: str
    subject: str
    outcome: Literal["enrolled", "already-enrolled", "rejected"]
    reference: str | None
    expires: str | None
    reason: str | None
    quality: dict[str, float]
    entry: int | None


class EnrolmentShown(Shown):
    """An enrolment; `rejected` may be all of it, which is an answer and not an error."""

    gallery: str
    purpose: str
    enrolled: int
    already_enrolled: int
    rejected: int
    samples: list[SampleShown]
    passed_over: list[str]


class ImportShown(Shown):
    """What came of putting releases on file."""

    added: int
    known: int
    passed: int


class WithdrawalShown(Shown):
    """A withdrawal, with the receipt that the subject may keep."""

    subject: str
    purpose: str
    references: int
    entry: int
    receipt: str


@router.post(
    "/enrolments",
    response_model=EnrolmentShown,
    openapi_extra=described(Enrolment, _IMAGES, _RELEASES),
    dependencies=[allowed("operator", "key")],
)
async def enrol(
    request: Request, caller: Who, given: Annotated[Form[Enrolment], form_of(Enrolment, _IMAGES, _RELEASES)]
) -> Response:
    """Enrol pictures of one subject. They are sent here; nothing is fetched from anywhere (rule P5)."""
    asked = given.text
    scope.purpose(caller, asked.purpose)
    scope.gallery(caller, asked.gallery or asked.purpose)
    releases = _read(given.files["release"])

    def act(system: System) -> dict[str, object]:
        # Where none comes with the pictures, those that were put on file before count.
        filed = scope.own_releases(caller, system, asked.subject, normal_name(asked.purpose))
        grounds = Grounds(releases or filed, asked.entry, asked.no_notice)
        pictures = given.files["image"]
        made = system.enrol_on(grounds, pictures, subject=asked.subject, purpose=asked.purpose, gallery=asked.gallery)
        return dict(made.to_json())

    return await done(request, caller, act)


@router.post(
    "/releases",
    status_code=201,
    response_model=ImportShown,
    openapi_extra=described(Nothing, _FILES),
    dependencies=[allowed("operator", "key")],
)
async def import_releases(
    request: Request, caller: Who, given: Annotated[Form[Nothing], form_of(Nothing, _FILES)]
) -> Response:
    """Put signed releases on file, so that subjects are enrolled by their names alone (rule C1)."""
    releases = _read(given.files["release"])
    for one in releases:
        scope.purpose(caller, one.purpose)

    def act(system: System) -> dict[str, object]:
        for named in {one.purpose for one in releases}:
            scope.all_of_purpose(caller, system, named)
        return dict(system.releases.add(releases).to_json())

    return await done(request, caller, act, status=201)


@router.get("/release-template", response_model=TextShown, dependencies=[allowed("signed-in", "key")])
async def release_template(
    request: Request,
    caller: Who,
    subject: Annotated[str, Query(min_length=1, max_length=255)],
    purpose: Annotated[str, Query(min_length=1, max_length=255)],
    term: Annotated[str, Query(max_length=20, description="How long it lasts, from today: 90d, 12m, 1y.")] = "365d",
    alternative: Annotated[str, Query(max_length=1000)] = "",
) -> Response:
    """Write a release for the subject to read and sign, and to be completed by hand."""
    scope.purpose(caller, purpose)
    today = request.app.state.service.now().date()
    try:
        until = today + max(parse_duration(term), _DAY)
    except (ValueError, OverflowError):
        raise BadInput(f"term {term!r} is no span; write 90d, 12m or 1y") from None
    names = check_name(subject, "subject"), check_name(purpose, "purpose")
    return await shown(request, caller, lambda _: {"file": render_release(*names, until, alternative)})


@router.delete(
    "/subjects/{subject:name}/releases/{purpose:name}",
    response_model=WithdrawalShown,
    dependencies=[allowed("operator", "key")],
)
async def withdraw_release(request: Request, caller: Who, subject: str, purpose: str) -> Response:
    """Withdraw a subject's releases for a purpose: nothing that rests on them is compared any more (rule C2)."""
    scope.purpose(caller, purpose)

    def act(system: System) -> dict[str, object]:
        named = normal_name(purpose)
        scope.all_of_purpose(caller, system, named)
        if not scope.own_releases(caller, system, subject, named) and not scope.reached(caller, system, subject, named):
            scope.nothing(system, subject, "release.withdraw")
        return dict(system.rights.withdraw(subject, purpose).to_json())

    return await done(request, caller, act)


def _read(files: tuple[Upload, ...]) -> tuple[Release, ...]:
    return tuple(release for one in files for release in parse_releases(one.data, one.name))
