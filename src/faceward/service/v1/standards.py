"""Standards: what each allows, refuses and asks for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.operations.system import System
from faceward.policy.plain_json import Part, differences_json, part_json, standard_json
from faceward.policy.standard import Standard, available_standards, load_standard
from faceward.service.roles import allowed
from faceward.service.v1.doing import done, shown
from faceward.service.v1.given import Shown, Who
from faceward.service.v1.shown import AskedShown

router = APIRouter(tags=["standards"])


class StandardShown(Shown):
    """A standard in a few words; with the part that was asked for."""

    name: str
    # The key that the command line prints is no name in Python.
    model_config = ConfigDict(extra="allow")
    digest: str
    enforced: list[str]
    permitted: list[str]


class StandardsShown(Shown):
    """The standards of this program."""

    standards: list[StandardShown]


class DifferencesShown(Shown):
    """In what two standards differ."""

    first: dict[str, str]
    second: dict[str, str]
    parameters: list[dict[str, str]]
    rules: dict[str, list[dict[str, Any]]]
    permitted: dict[str, list[str]]


class ChecksShown(Shown):
    """The hash of each file of a standard, and the digest of the whole."""

    name: str
    digest: str
    files: dict[str, str]


class AdoptionShown(Shown):
    """What is not as it was adopted, and the requests to adopt it as it is."""

    changes: dict[str, list[str]]
    requests: list[AskedShown]


@router.get("/standards", response_model=StandardsShown, dependencies=[allowed("signed-in", "key")])
async def list_standards(request: Request, caller: Who) -> Response:
    """List the standards."""
    return await shown(
        request,
        caller,
        lambda _: {"standards": [standard_json(load_standard(name)) for name in available_standards()]},
    )


@router.get("/standards/{name:name}", response_model=StandardShown, dependencies=[allowed("signed-in", "key")])
async def show_standard(request: Request, caller: Who, name: str, part: Part = Part.README) -> Response:
    """Show a standard: its explanation, its rules or its parameters."""

    def act(_: System) -> dict[str, object]:
        standard = _find(name)
        return {**standard_json(standard), **part_json(standard, part)}

    return await shown(request, caller, act)


@router.get("/standards/{name:name}/files", response_model=ChecksShown, dependencies=[allowed("signed-in", "key")])
async def check_standard(request: Request, caller: Who, name: str) -> Response:
    """Check that a standard holds, and give the hash of each file and the digest of the whole."""

    def act(_: System) -> dict[str, object]:
        standard = _find(name)
        return {"name": standard.name, "digest": standard.digest, "files": dict(standard.files)}

    return await shown(request, caller, act)


@router.get(
    "/standards/{name:name}/differences/{other:name}",
    response_model=DifferencesShown,
    dependencies=[allowed("signed-in", "key")],
)
async def compare_standards(request: Request, caller: Who, name: str, other: str) -> Response:
    """Say in what two standards differ."""
    return await shown(request, caller, lambda _: differences_json(_find(name), _find(other)))


@router.post(
    "/adoptions",
    status_code=202,
    response_model=AdoptionShown,
    dependencies=[allowed("operator", "approver", "custodian")],
)
async def adopt(request: Request, caller: Who) -> Response:
    """Ask for a changed standard or pack to be adopted as it is here; another person approves it."""

    def act(system: System) -> dict[str, object]:
        changes = {kind: list(digests) for kind, digests in system.control.changes().items()}
        return {"changes": changes, "requests": [one.to_json() for one in system.control.adopt()]}

    return await done(request, caller, act, status=202)


def _find(name: str) -> Standard:
    """Return a standard of this program; a name is never a path."""
    if name not in available_standards():
        raise UsageError(f"there is no standard {name[:80]!r}; 'GET /v1/standards' lists those that are")
    return load_standard(name)
