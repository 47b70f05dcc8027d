"""Pictures in a program's hand: faces found, and faces of two pictures compared. Nothing of them is kept."""

from __future__ import annotations

import time

from fastapi import Request
from starlette.responses import JSONResponse

from faceward.operations.pairs import Pair
from faceward.operations.system import System
from faceward.service.acts import perform
from faceward.service.compreface import reading
from faceward.service.compreface.asking import PURPOSE, named, program
from faceward.service.compreface.parameters import parameters
from faceward.service.compreface.routing import router as make_router
from faceward.service.compreface.shapes import JSON, Look, kept, scale_of, similarity
from faceward.service.v1 import scope

router = make_router("")


@router.post("/detection/detect")
async def detected(request: Request) -> JSONResponse:
    """Find faces."""
    caller, given = await program(request), parameters(request.query_params)
    (picture,) = await reading.pictures(request, "file")

    def act(system: System) -> JSON:
        began = time.perf_counter()
        found = system.collections.detect(picture)
        look = Look(given, scale_of(picture), found.pack, _since(began))
        return look.answer([look.face(face, {}) for face, _ in kept(((one, None) for one in found.faces), given)])

    return JSONResponse(await perform(request, caller, act))


@router.post("/verification/verify")
async def verified(request: Request) -> JSONResponse:
    """Compare the largest face of one picture with every face of another."""
    caller, given = await program(request), parameters(request.query_params)
    source, target = await reading.pictures(request, "source_image", "target_image")

    def act(system: System) -> JSON:
        began = time.perf_counter()
        pair = Pair(source, target, scope.comparing(caller, system, named(request, PURPOSE)))
        found = system.collections.compare(pair)
        spent = _since(began)
        first = Look(given, scale_of(source), found.pack, spent)
        second = Look(given, scale_of(target), found.pack, spent)
        # Where reviewers answer first, what there is of a score is that of the operating point (rule H2).
        shown = ((one.face, found.fmr if found.blind and one.match else one.fmr) for one in found.faces)
        faces = kept(shown, given)
        matches = [second.face(face, {"similarity": similarity(fmr)}) for face, fmr in faces]
        one: JSON = {"source_image_face": first.face(found.source, {}), "face_matches": [*matches], **first.versions}
        return {"result": [one]}

    return JSONResponse(await perform(request, caller, act))


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
