"""Subjects: listed, added, renamed, erased."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import JSONResponse

from faceward.service.acts import perform
from faceward.service.compreface import reading
from faceward.service.compreface.asking import Asked, asked
from faceward.service.compreface.collection import FaceCollection
from faceward.service.compreface.errors import Code, Failure
from faceward.service.compreface.routing import router as make_router

router = make_router("/recognition")
_ALL, _ONE = "/subjects", "/subjects/{subject:path}"


@router.get("/subjects/")
@router.get(_ALL)
async def listed(request: Request) -> JSONResponse:
    """Return the names of all subjects."""
    want = await asked(request)
    found = await perform(request, want.caller, lambda system: FaceCollection.open(system, want).subjects())
    return JSONResponse({"subjects": found})


@router.post(_ALL)
async def added(request: Request) -> JSONResponse:
    """Add a subject of whom there is no example yet."""
    want = await asked(request)
    name = await reading.subject(request)
    made = await perform(request, want.caller, lambda system: FaceCollection.open(system, want).add_subject(name))
    return JSONResponse({"subject": made}, 201)


@router.put(_ONE)
async def renamed(request: Request, subject: str) -> JSONResponse:
    """Rename a subject, where that can be."""
    want = await asked(request)
    new = await reading.subject(request)
    await perform(request, want.caller, lambda system: FaceCollection.open(system, want).rename_subject(subject, new))
    return JSONResponse({"updated": True})


@router.delete(_ALL)
async def all_erased(request: Request) -> JSONResponse:
    """Erase every subject."""
    want = await asked(request)
    names = await perform(request, want.caller, lambda system: FaceCollection.open(system, want).subjects())
    deleted = 0
    for name in names:
        try:
            # One at a time, so that others have their turn.
            await _erase(request, want, name)
            deleted += 1
        except Failure as error:
            # Somebody else erased them meanwhile.
            if error.code is not Code.SUBJECT_NOT_FOUND:
                raise
    return JSONResponse({"deleted": deleted})


@router.delete(_ONE)
async def erased(request: Request, subject: str) -> JSONResponse:
    """Erase a subject with every example."""
    want = await asked(request)
    return JSONResponse({"subject": await _erase(request, want, subject)})


async def _erase(request: Request, want: Asked, name: str) -> str:
    return await perform(request, want.caller, lambda system: FaceCollection.open(system, want).delete_subject(name))
