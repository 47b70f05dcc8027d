"""Documents that a law asks for, made of the configuration as it runs, and their sign-off (rules O1, O2)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from faceward.documents.questions import parse_answers, template
from faceward.operations.access import zipped
from faceward.operations.documents import Order, chosen_documents
from faceward.operations.system import System
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import done, file, shown
from faceward.service.v1.given import Files, Form, Given, Shown, Who, described, form_of
from faceward.service.v1.recognition import Nothing
from faceward.service.v1.shown import TextShown

router = APIRouter(tags=["documents"])

_ANSWERS = Files("answers", 0, 1, "Answers that people gave; see `GET /v1/document-template`.")
_FILE = Files("file", 1, 1, "The file that was read and is signed.")


class DocumentOrder(Given):
    """Which documents are wanted, and how."""

    name: tuple[str, ...] = Field(
        min_length=1, max_length=10, description="`dpia`, `fria`, `record`, `system-card`, `model-card`, … or `all`."
    )
    format: tuple[Literal["html", "pdf"], ...] = Field(("html",), min_length=1, max_length=2)
    year: int | None = Field(None, ge=2000, le=2200, description="The year that the annual report counts.")


class SignOffShown(Shown):
    """How a document stands."""

    document: str
    state: Literal["signed", "void", "missing"]
    person: str | None
    time: str | None
    sha256: str | None
    configuration: str | None
    changes: list[str]
    entry: int | None


class DocumentsShown(Shown):
    """How each document stands."""

    documents: list[SignOffShown]


@router.get("/documents", response_model=DocumentsShown, dependencies=[allowed("signed-in", "key")])
async def list_documents(request: Request, caller: Who) -> Response:
    """Say which documents are signed off, and what changed since."""
    scope.whole(caller)
    return await shown(
        request, caller, lambda system: {"documents": [one.to_json() for one in system.documents_status()]}
    )


@router.get("/document-template", response_model=TextShown, dependencies=[allowed("signed-in", "key")])
async def document_template(
    request: Request, caller: Who, name: Annotated[tuple[str, ...], Query(min_length=1, max_length=10)]
) -> Response:
    """Return a file in which people answer what only they can judge."""
    return await shown(request, caller, lambda _: {"file": template(chosen_documents(name))})


@router.post(
    "/documents",
    response_class=Response,
    responses={200: {"description": "The documents.", "content": {"application/zip": {}}}},
    openapi_extra=described(DocumentOrder, _ANSWERS),
    dependencies=[allowed("operator", "approver", "auditor", "custodian", "key")],
)
async def make_documents(
    request: Request, caller: Who, given: Annotated[Form[DocumentOrder], form_of(DocumentOrder, _ANSWERS)]
) -> Response:
    """Make documents of the configuration as it runs, and of the log; returned as a zip file."""
    scope.whole(caller)
    asked, brought = given.text, given.files["answers"]
    answers = parse_answers(brought[0].data if brought else b"", "the answers")

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        with tempfile.TemporaryDirectory(prefix="faceward-") as folder:
            made = system.make_documents(Order(asked.name, Path(folder), asked.format, asked.year, answers))
            contents = {Path(one.path).name: Path(one.path).read_bytes() for one in made.files}
        # Which questions are open is told by number: a header is no place for sentences.
        files = [{**one.to_json(), "file": Path(one.path).name, "missing": len(one.missing)} for one in made.files]
        return zipped(contents), "application/zip", {**made.to_json(), "files": files}

    return await file(request, caller, act, "documents.zip")


@router.post(
    "/documents/{name:name}/sign-off",
    response_model=SignOffShown,
    openapi_extra=described(Nothing, _FILE),
    dependencies=[allowed("operator", "approver", "custodian")],
)
async def sign_document(
    request: Request, caller: Who, name: str, given: Annotated[Form[Nothing], form_of(Nothing, _FILE)]
) -> Response:
    """Sign a document off that this deployment made: it stands until the configuration changes."""
    scope.whole(caller)

    def act(system: System) -> dict[str, object]:
        with tempfile.TemporaryDirectory(prefix="faceward-") as folder:
            path = Path(folder) / "document"
            path.write_bytes(given.one("file").data)
            return dict(system.sign_document(name, path).to_json())

    return await done(request, caller, act)
