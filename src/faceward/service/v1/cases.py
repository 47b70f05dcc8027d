"""Cases of review: two trained reviewers answer blind, and a lead stays a lead (rules H1 to H4, S3)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.operations.access import zipped
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.case_shapes import (
    CaseShown,
    CasesShown,
    DeletedShown,
    NewAnswer,
    NewCase,
    NewEdit,
    NewOutcome,
    NewSample,
    ScoresShown,
)
from faceward.service.v1.doing import Limit, Offset, done, file, listed, path, shown
from faceward.service.v1.given import Files, Form, Who, described, form_of, json_of
from faceward.service.v1.shown import TextShown
from faceward.service.v1.subjects import Reason

router = APIRouter(tags=["cases"])

_IMAGE = Files()
_READERS = ("operator", "reviewer", "approver", "auditor", "key")
_DIGEST = Field(pattern="^[0-9a-f]{64}$")


def find(caller: Caller, system: System, prefix: str) -> str:
    """Return which case is meant, of those that a caller may see.

    Raises:
        UsageError: None is, told alike where there is none and where it is of another gallery or purpose.
    """
    if not scope.limited(caller):
        return prefix
    mine = [str(row["case"]) for row in scope.rows(caller, system.cases.listed())]
    found = [one for one in mine if prefix and one.startswith(prefix)]
    if len(found) != 1:
        raise UsageError(f"there is no case {prefix[:32]!r} for this key; 'GET /v1/cases' lists those that are")
    return found[0]


@router.get("/cases", response_model=CasesShown, dependencies=[allowed(*_READERS)])
async def list_cases(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List cases in a line each, without anybody's name; for a limited key, those of its galleries and purposes."""
    return await listed(
        request, caller, ("cases", limit, offset), lambda system: scope.rows(caller, system.cases.listed())
    )


@router.post(
    "/cases",
    status_code=201,
    response_model=CaseShown,
    openapi_extra=described(NewCase, _IMAGE),
    dependencies=[allowed("operator", "key")],
)
async def open_case(
    request: Request, caller: Who, given: Annotated[Form[NewCase], form_of(NewCase, _IMAGE)]
) -> Response:
    """Open a case for an identification that was made, with the very file that was searched with."""
    scope.whole(caller)
    return await done(
        request,
        caller,
        lambda system: system.cases.open(given.one(), search=given.text.search, kind=given.text.kind),
        status=201,
        place=lambda made: path("cases", str(made["case"])),
    )


@router.get("/cases/{case}", response_model=CaseShown, dependencies=[allowed(*_READERS)])
async def show_case(request: Request, caller: Who, case: str) -> Response:
    """Show what you may see of a case (rules H1, H2)."""
    return await shown(request, caller, lambda system: system.cases.show(find(caller, system, case)))


@router.get(
    "/cases/{case}/pictures/{sha256}",
    response_class=Response,
    responses={200: {"description": "The picture as it came.", "content": {"application/octet-stream": {}}}},
    dependencies=[allowed(*_READERS)],
)
async def picture_of_case(request: Request, caller: Who, case: str, sha256: str) -> Response:
    """Return a picture of a case, byte by byte: a version of the probe, or the sample of a candidate."""

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        return system.cases.picture(find(caller, system, case), sha256), "application/octet-stream", {}

    return await file(request, caller, act, "picture")


@router.post(
    "/cases/{case}/edits",
    status_code=201,
    response_model=CaseShown,
    openapi_extra=described(NewEdit, _IMAGE),
    dependencies=[allowed("operator", "reviewer", "key")],
)
async def add_edit(
    request: Request, caller: Who, case: str, given: Annotated[Form[NewEdit], form_of(NewEdit, _IMAGE)]
) -> Response:
    """Add an edit of the probe; the original stays (rule S3)."""
    edit = given.text
    return await done(
        request,
        caller,
        lambda system: system.cases.add_edit(
            find(caller, system, case), given.one(), change=edit.change, of=edit.of, note=edit.note
        ),
        status=201,
    )


@router.post(
    "/cases/{case}/samples",
    status_code=201,
    response_model=CaseShown,
    openapi_extra=described(NewSample, _IMAGE),
    dependencies=[allowed("operator", "reviewer", "key")],
)
async def add_sample(
    request: Request, caller: Who, case: str, given: Annotated[Form[NewSample], form_of(NewSample, _IMAGE)]
) -> Response:
    """Add the picture that a candidate was enrolled from, to compare the probe with."""
    return await done(
        request,
        caller,
        lambda system: system.cases.add_sample(find(caller, system, case), given.one(), candidate=given.text.candidate),
        status=201,
    )


@router.get("/cases/{case}/answer-template", response_model=TextShown, dependencies=[allowed("reviewer", "operator")])
async def answer_template(request: Request, caller: Who, case: str) -> Response:
    """Return an empty answer to fill in, TOML, with what to look at in comments."""
    return await shown(request, caller, lambda system: {"file": system.cases.template(case)})


@router.post(
    "/cases/{case}/answers",
    status_code=201,
    response_model=CaseShown,
    openapi_extra=described(NewAnswer),
    dependencies=[allowed("reviewer", "operator")],
)
async def answer_case(
    request: Request, caller: Who, case: str, given: Annotated[NewAnswer, json_of(NewAnswer)]
) -> Response:
    """Answer a case: what was found of every feature, and a conclusion. It is signed and final (rules H1, H2)."""

    def act(system: System) -> dict[str, Any]:
        meant = str(system.cases.show(case)["case"])
        document = {"case": meant, "comparison": [one.model_dump(mode="json") for one in given.comparison]}
        parsed = system.cases.parse(meant, json.dumps(document).encode(), "answer.json")
        return system.cases.answer(meant, parsed, amend=given.amend)

    return await done(request, caller, act, status=201)


@router.get("/cases/{case}/scores", response_model=ScoresShown, dependencies=[allowed(*_READERS)])
async def scores_of_case(request: Request, caller: Who, case: str) -> Response:
    """Show the scores, to those who have answered (rule H2)."""
    return await shown(request, caller, lambda system: system.cases.scores(find(caller, system, case)))


@router.post(
    "/cases/{case}/outcomes",
    status_code=201,
    response_model=CaseShown,
    openapi_extra=described(NewOutcome),
    dependencies=[allowed("operator", "reviewer", "approver", "key")],
)
async def conclude_case(
    request: Request, caller: Who, case: str, given: Annotated[NewOutcome, json_of(NewOutcome)]
) -> Response:
    """Record the finding on a case's candidates, and the action taken (rule H3)."""
    return await done(
        request,
        caller,
        lambda system: system.cases.conclude(find(caller, system, case), **given.model_dump()),
        status=201,
    )


@router.get(
    "/cases/{case}/export",
    response_class=Response,
    responses={200: {"description": "HTML and JSON: a lead only.", "content": {"application/zip": {}}}},
    dependencies=[allowed(*_READERS)],
)
async def export_case(
    request: Request,
    caller: Who,
    case: str,
    originals: Annotated[bool, Query(description="With the pictures, as they came.")] = False,
) -> Response:
    """Return what you may see of a case as a zip file of HTML and JSON. It is a lead only (rule H4)."""

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        with tempfile.TemporaryDirectory(prefix="faceward-") as folder:
            told = system.cases.export(find(caller, system, case), Path(folder), originals=originals)
            contents = {one.name: one.read_bytes() for one in sorted(Path(folder).iterdir())}
        return zipped(contents), "application/zip", {**told, "files": sorted(contents)}

    return await file(request, caller, act, "case.zip")


@router.post(
    "/cases/{case}/deletion",
    response_model=DeletedShown,
    openapi_extra=described(Reason),
    dependencies=[allowed("operator", "approver", "key")],
)
async def delete_case(request: Request, caller: Who, case: str, given: Annotated[Reason, json_of(Reason)]) -> Response:
    """Delete a case for good: its keys are destroyed, so that no copy of it opens."""
    return await done(
        request,
        caller,
        lambda system: system.cases.delete(find(caller, system, case), reason=given.reason),
    )
