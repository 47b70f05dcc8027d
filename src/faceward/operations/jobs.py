"""One picture on its way to a reference, and what can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject
from faceward.core.errors import FacewardError, QualityTooLow
from faceward.core.faces import Sample
from faceward.core.names import printable
from faceward.core.sources import Source
from faceward.operations.journal import Kept
from faceward.policy import facts, quality
from faceward.vision.images import Picture, decode, is_address, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS


@dataclass(frozen=True, slots=True)
class Job:
    """One picture on its way; `error` ends it."""

    path: Source
    subject: str
    picture: Picture | None = None
    facts: facts.Enrolment | None = None
    sample: Sample | None = None
    begun: Kept | None = None
    error: FacewardError | None = None
    reference: str | None = None
    known: bool = False
    repeats: int | None = None

    @property
    def entry(self) -> int | None:
        """Index of the log entry that announced it."""
        return None if self.begun is None else self.begun.index

    @property
    def open(self) -> bool:
        """Whether it is still to be enrolled."""
        return self.error is None and not self.known


def as_first(job: Job, jobs: Sequence[Job]) -> Job:
    """Give a repetition of a sample that was rejected the reason of the first."""
    error = None if job.repeats is None else jobs[job.repeats].error
    return job if error is None else replace(job, known=False, error=error)


def about(job: Job) -> JSONObject:
    """Return what the closing entry says of the subject."""
    return {"reference": job.reference} if job.reference else {"reason": printable(str(job.error))}


def failure(error: BaseException) -> FacewardError:
    """Return an error that may be told: of a foreign one, its class alone."""
    return error if isinstance(error, FacewardError) else FacewardError(type(error).__name__)


def read(item: tuple[Source, str]) -> Job:
    """Read a picture of a subject; what is wrong with it ends the job."""
    path, subject = item
    if is_address(path):
        # Left for rule P5 to refuse, so that the attempt is in the log.
        return Job(path, subject)
    try:
        return Job(path, subject, picture=decode(read_file(path), path.name, ANALYSIS_PIXELS))
    except FacewardError as error:
        return Job(path, subject, error=error)


def low_quality(job: Job, floors: Sequence[quality.Floor]) -> FacewardError:
    """Return the rejection by rule E2 with the floors that were missed."""
    try:
        quality.require_floors(job.sample.quality.components if job.sample else {}, floors, job.path.name)
    except QualityTooLow as error:
        return error
    raise AssertionError("rule E2 refuses only what is below a floor")
