"""Enrolment: from pictures and releases to protected references, with a notice for each subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faceward.core.errors import UsageError
from faceward.core.reports import EnrolledSample, EnrolmentResult
from faceward.core.sources import Source
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.enroller import Enroller
from faceward.operations.grounds import Grounds, require_exemption
from faceward.operations.journal import Happening
from faceward.operations.purposes import ensure_gallery
from faceward.policy import facts

Progress = Callable[[int, int], None]
# Pictures worked on at once: bounds memory at a few hundred megabytes, and puts one transaction under several of them.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Request:
    """Pictures to enrol for a purpose."""

    pictures: tuple[tuple[Source, str], ...]
    purpose: str
    grounds: Grounds
    gallery: str | None


def enrol(deployment: Deployment, desk: Desk, request: Request, progress: Progress | None = None) -> EnrolmentResult:
    """Enrol pictures.

    What was stored is confirmed batch by batch; an interrupted call is resumed by repeating it, since a sample that is
    enrolled already is passed over.

    Returns:
        What became of every picture, in the order given.

    Raises:
        PolicyRefusal: The purpose is not registered (P1), or of a single picture: the rule that refuses it.
        FacewardError: Of a single picture: why it cannot be enrolled.
        EnvironmentFailure: The machine failed; the pictures before were stored.
    """
    if not request.pictures:
        raise UsageError("no picture was given; name at least one")
    purpose = deployment.purpose(request.purpose)
    if purpose is None:
        desk.authorise("gallery.create", facts.purpose_context(None, deployment.standard), _unregistered(request))
        raise UsageError(f"no purpose {request.purpose!r} is registered; add it first")
    require_exemption(deployment, desk, request.grounds, purpose.name)
    gallery = ensure_gallery(deployment, desk, request.gallery or purpose.name, purpose)
    enroller = Enroller(deployment, desk, purpose, request.grounds, gallery)
    results: list[EnrolledSample] = []
    for start in range(0, len(request.pictures), _BATCH):
        jobs = enroller.run(request.pictures[start : start + _BATCH])
        if len(request.pictures) == 1 and jobs[0].error is not None:
            raise jobs[0].error
        results.extend(enroller.result(job) for job in jobs)
        if progress is not None:
            progress(len(results), len(request.pictures))
    return EnrolmentResult(gallery, purpose.name, tuple(results))


def _unregistered(request: Request) -> Happening:
    return Happening("enrol", {"purpose": request.purpose, "pictures": len(request.pictures)})
