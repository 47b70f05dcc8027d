"""Examples of subjects: added, listed, erased."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import JSONResponse

from faceward.core.canonical import JSONValue
from faceward.operations.collections import NamedReference
from faceward.operations.system import System
from faceward.service.acts import perform
from faceward.service.compreface import reading
from faceward.service.compreface.asking import asked
from faceward.service.compreface.collection import FaceCollection
from faceward.service.compreface.errors import Code, Failure
from faceward.service.compreface.parameters import page, parameters
from faceward.service.compreface.routing import router as make_router
from faceward.service.compreface.shapes import image_id, reference_of

router = make_router("/recognition/faces")


@router.post("")
async def added(request: Request) -> JSONResponse:
    """Enrol a picture of one subject."""
    want, given = await asked(request), parameters(request.query_params)
    subject = request.query_params.get("subject")
    if subject is None:
        raise Failure(Code.MISSING_REQUEST_PARAMETER, "Required parameter subject is missing")
    (picture,) = await reading.pictures(request, "file")

    def act(system: System) -> str:
        return FaceCollection.open(system, want).add(picture, subject, given.det_prob_threshold)

    made = await perform(request, want.caller, act)
    return JSONResponse({"image_id": image_id(made), "subject": subject}, 201)


@router.get("")
async def listed(request: Request) -> JSONResponse:
    """Return a page of examples."""
    want, (number, size) = await asked(request), page(request.query_params)
    subject = request.query_params.get("subject", "")

    def act(system: System) -> tuple[int, tuple[NamedReference, ...]]:
        collection = FaceCollection.open(system, want)
        ids = collection.ids(subject)
        return len(ids), collection.named(ids[number * size : (number + 1) * size])

    total, found = await perform(request, want.caller, act)
    return JSONResponse(
        {
            "faces": [_shown(one) for one in found],
            "page_number": number,
            "page_size": size,
            "total_pages": -(-total // size),
            "total_elements": total,
        }
    )


@router.delete("")
async def all_erased(request: Request) -> JSONResponse:
    """Erase all examples, or those of one subject, who is not forgotten by it."""
    want, subject = await asked(request), request.query_params.get("subject")
    if subject == "":
        # A client that left out the name by mistake must not empty the collection.
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, "Subject name cannot be empty")

    def act(system: System) -> int:
        collection = FaceCollection.open(system, want)
        return collection.delete(collection.ids(subject or ""))

    return JSONResponse({"deleted": await perform(request, want.caller, act)})


@router.post("/delete")
async def some_erased(request: Request) -> JSONResponse:
    """Erase some examples; those that are not there are passed over."""
    want = await asked(request)
    ids = [reference_of(one) for one in await reading.identifiers(request)]

    def act(system: System) -> tuple[NamedReference, ...]:
        collection = FaceCollection.open(system, want)
        found = collection.named(ids)
        collection.delete([one.reference.reference_id for one in found])
        return found

    return JSONResponse([_shown(one) for one in await perform(request, want.caller, act)])


@router.delete("/{image}")
async def erased(request: Request, image: str) -> JSONResponse:
    """Erase one example."""
    want = await asked(request)

    def act(system: System) -> NamedReference:
        collection = FaceCollection.open(system, want)
        found = collection.example(image)
        collection.delete([found.reference.reference_id])
        return found

    return JSONResponse(_shown(await perform(request, want.caller, act)))


@router.get("/{image}/img")
async def picture(request: Request, image: str) -> JSONResponse:
    """Say that there is no picture."""
    await asked(request)
    raise Failure(Code.IMAGE_NOT_FOUND, f"Image {reference_of(image)} not found: pictures are not kept after enrolment")


def _shown(one: NamedReference) -> dict[str, JSONValue]:
    return {"image_id": image_id(one.reference.reference_id), "subject": one.subject}
