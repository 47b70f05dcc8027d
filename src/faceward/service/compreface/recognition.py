"""Recognition: who of a gallery a face may be, and whether a picture shows the subject of an example."""

from __future__ import annotations

import time

from fastapi import Request
from starlette.responses import JSONResponse

from faceward.core.canonical import JSONValue
from faceward.core.results import ProbeResult
from faceward.operations.system import System
from faceward.service.acts import perform
from faceward.service.compreface import reading
from faceward.service.compreface.asking import asked
from faceward.service.compreface.collection import FaceCollection
from faceward.service.compreface.parameters import parameters
from faceward.service.compreface.routing import router as make_router
from faceward.service.compreface.shapes import JSON, UNKNOWN, Look, kept, scale_of, similarity

router = make_router("/recognition")


@router.post("/recognize")
async def recognised(request: Request) -> JSONResponse:
    """Search the gallery for every face of a picture; who is not found is `unknown`, with similarity 0."""
    want, given = await asked(request), parameters(request.query_params)
    (picture,) = await reading.pictures(request, "file")

    def act(system: System) -> JSON:
        began = time.perf_counter()
        collection = FaceCollection.open(system, want)
        found = collection.recognise(picture, given)
        look = Look(given, scale_of(picture), found.pack, _since(began))
        faces = kept(((probe.face, probe) for probe in found.probes), given)
        point = found.operating_point.fmr
        return look.answer([look.face(face, {"subjects": _named(collection, probe, point)}) for face, probe in faces])

    return JSONResponse(await perform(request, want.caller, act))


@router.post("/faces/{image}/verify")
async def verified(request: Request, image: str) -> JSONResponse:
    """Compare a picture with the subject of an example; a stranger has similarity 0."""
    want, given = await asked(request), parameters(request.query_params)
    (picture,) = await reading.pictures(request, "file")

    def act(system: System) -> JSON:
        began = time.perf_counter()
        collection = FaceCollection.open(system, want)
        found = collection.verify(picture, image)
        fmr = collection.fmr_of(found.score, found.operating_point.fmr) if found.decision == "match" else None
        look = Look(given, scale_of(picture), found.pack, _since(began))
        faces = kept(((face, None) for face in found.faces), given)
        return look.answer([look.face(face, {"similarity": similarity(fmr)}) for face, _ in faces])

    return JSONResponse(await perform(request, want.caller, act))


def _named(collection: FaceCollection, probe: ProbeResult, point: float) -> JSONValue:
    """Return the subjects whom a face may be; where reviewers judge first, the threshold alone is told."""
    if not probe.candidates:
        return [{"subject": UNKNOWN, "similarity": 0.0}]
    return [
        {"subject": one.subject, "similarity": similarity(collection.fmr_of(one.score, point))}
        for one in probe.candidates
    ]


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
