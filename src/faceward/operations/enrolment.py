"""Enrolment: from pictures and releases to protected references, with a notice for each subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import FacewardError, PolicyRefusal, UsageError
from faceward.core.faces import Sample
from faceward.core.names import printable
from faceward.core.results import EnrolledSample, EnrolmentResult
from faceward.gallery.results import Enrolment as NewReference
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.purposes import ensure_gallery
from faceward.operations.recognition import source_kind
from faceward.policy import facts, notices, quality, retention
from faceward.policy.consent import Release, explain_missing, find_release
from faceward.policy.purposes import Purpose, release_needed
from faceward.vision.images import Picture, decode, is_address, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS

Progress = Callable[[int, int], None]
# Pictures worked on at once: bounds memory at a few hundred megabytes, and puts one transaction under several of them.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Request:
    """Pictures to enrol for a purpose."""

    pictures: tuple[tuple[Path, str], ...]
    purpose: str
    releases: tuple[Release, ...]
    gallery: str | None


@dataclass(frozen=True, slots=True)
class _Job:
    """One picture on its way; `error` ends it."""

    path: Path
    subject: str
    picture: Picture | None = None
    facts: facts.Enrolment | None = None
    sample: Sample | None = None
    entry: int | None = None
    error: FacewardError | None = None
    reference: str | None = None
    known: bool = False
    repeats: int | None = None


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
    gallery = ensure_gallery(deployment, desk, request.gallery or purpose.name, purpose)
    enroller = _Enroller(deployment, desk, purpose, request.releases, gallery)
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


class _Enroller:
    """Carries batches of pictures through the steps of `context.Desk.operation`."""

    def __init__(
        self, deployment: Deployment, desk: Desk, purpose: Purpose, releases: tuple[Release, ...], gallery: str
    ) -> None:
        self._deployment, self._desk, self._purpose = deployment, desk, purpose
        self._releases, self._gallery = releases, gallery

    def run(self, pictures: Sequence[tuple[Path, str]]) -> list[_Job]:
        deployment = self._deployment
        now = deployment.now()
        jobs = list(deployment.pool.map(_read, pictures))
        jobs = self._without_repetitions(jobs)
        # 1. Authorise, before any features are extracted (rule C1).
        jobs = [self._authorised(job, now) if _open(job) else job for job in jobs]
        # 2. Record.
        jobs = self._begun(jobs)
        # 3. and 4. Act: extract, admit by quality (rule E2), store all that were admitted in one transaction.
        try:
            jobs = list(deployment.pool.map(self._extracted, jobs))
            jobs = [self._admitted(job, now) if _open(job) else job for job in jobs]
            jobs = self._stored(jobs, now)
        except BaseException as error:
            self._ended([job if job.error else replace(job, error=_failure(error)) for job in jobs])
            raise
        # 5. Record the outcome.
        self._ended(jobs)
        return [_as_first(job, jobs) for job in jobs]

    def _without_repetitions(self, jobs: Sequence[_Job]) -> list[_Job]:
        """Mark samples that are enrolled already, in the store or earlier in the batch."""
        seen: dict[tuple[str, bytes], int] = {}
        result = []
        for number, job in enumerate(jobs):
            if job.picture is None:
                result.append(job)
                continue
            digest = self._deployment.sample_digest(job.picture)
            pseudonym = self._deployment.pseudonym(job.subject)
            stored = self._deployment.store.samples(self._gallery, self._purpose.name, pseudonym)
            first = seen.setdefault((job.subject, digest), number)
            repeats = first if first != number else None
            result.append(replace(job, known=digest in stored or repeats is not None, repeats=repeats))
        return result

    def _authorised(self, job: _Job, now: datetime) -> _Job:
        deployment, purpose = self._deployment, self._purpose
        release = find_release(self._releases, job.subject, purpose.name, now)
        enrolment = facts.Enrolment(
            subject=job.subject,
            purpose=purpose,
            releases=self._releases,
            gallery_purpose=deployment.gallery_purpose(self._gallery),
            expires=retention.expiry(now, purpose, release, deployment.standard, deployment.jurisdiction),
            sample=facts.Sample(
                source_kind(job.path),
                was_probe=job.picture is not None and deployment.was_probe(job.picture),
            ),
            pack_verified=deployment.pipeline.verified,
        )
        context = facts.enrol_context(enrolment, deployment.standard, deployment.jurisdiction, now)
        happening = self._happening(job)
        try:
            self._desk.authorise("enrol", context, happening)
        except PolicyRefusal as refusal:
            return replace(job, error=self._explained(refusal, job, now))
        return replace(job, facts=enrolment)

    def _explained(self, refusal: PolicyRefusal, job: _Job, now: datetime) -> PolicyRefusal:
        """Say of a missing release what is wrong with those that were handed in."""
        why = explain_missing(self._releases, job.subject, self._purpose.name, now) if refusal.rule == "C1" else ""
        return PolicyRefusal(refusal.rule, f"{why.rstrip('.')}." if why else refusal.reason, refusal.remedy)

    def _happening(self, job: _Job) -> Happening:
        # The sample's digest would tell whoever has the picture whom it was about, so it is the subject's.
        sample = job.picture.digest.hex() if job.picture else None
        details = {"purpose": self._purpose.name, "gallery": self._gallery}
        return Happening("enrol", details, {job.subject: {"sample_sha256": sample}})

    def _begun(self, jobs: Sequence[_Job]) -> list[_Job]:
        going = [job for job in jobs if _open(job)]
        happenings = [self._happening(job) for job in going]
        entries = iter(self._desk.journal.write(Phase.BEGIN, happenings) if happenings else [])
        return [replace(job, entry=next(entries).index) if _open(job) else job for job in jobs]

    def _extracted(self, job: _Job) -> _Job:
        if not _open(job) or job.picture is None:
            return job
        try:
            face, _ = self._deployment.pipeline.principal(job.picture)
            sample = self._deployment.pipeline.samples(job.picture, [face])[0]
            floors = self._deployment.standard.parameters.enrolment_floors
            quality.require_floors(sample.quality.components, floors, job.path.name)
        except FacewardError as error:
            return replace(job, error=error)
        return replace(job, sample=sample)

    def _admitted(self, job: _Job, now: datetime) -> _Job:
        if job.sample is None or job.facts is None:
            return job
        deployment = self._deployment
        shortfalls = quality.check_floors(
            job.sample.quality.components, deployment.standard.parameters.enrolment_floors
        )
        context = facts.admit_context(job.facts, not shortfalls, deployment.standard, deployment.jurisdiction, now)
        try:
            self._desk.authorise("admit", context, self._happening(job))
        except PolicyRefusal as refusal:
            return replace(job, error=refusal)
        return job

    def _stored(self, jobs: Sequence[_Job], now: datetime) -> list[_Job]:
        going = [job for job in jobs if _open(job)]
        new = [self._new_reference(job, now) for job in going]
        references = iter(self._deployment.gallery(self._gallery).enrol(new, now) if new else [])
        return [replace(job, reference=next(references)) if _open(job) else job for job in jobs]

    def _new_reference(self, job: _Job, now: datetime) -> NewReference:
        if job.picture is None or job.sample is None or job.facts is None or job.facts.expires is None:
            raise AssertionError("only admitted samples become references")
        release = find_release(self._releases, job.subject, self._purpose.name, now)
        notice = notices.Notice(
            subject=job.subject,
            purpose=self._purpose,
            controller=self._deployment.config.controller,
            contact=self._deployment.config.contact,
            enrolled=now,
            expires=job.facts.expires,
            signed_on=release.signed_on if release else None,
        )
        record: JSONObject = {
            "subject": job.subject,
            "basis": self._purpose.basis.value,
            "source": {"kind": "file", "name": printable(job.path.name), "sha256": job.picture.digest.hex()},
            "release": release.to_json() if release and release_needed_for(self._deployment, self._purpose) else None,
            "operator": self._deployment.operator,
            "quality": dict(job.sample.quality.components),
            "notice": notices.notice_text(notice, self._deployment.jurisdiction),
        }
        return NewReference(
            subject=self._deployment.pseudonym(job.subject),
            purpose=self._purpose.name,
            features=job.sample.features,
            record=record,
            sample=self._deployment.sample_digest(job.picture),
            expires=job.facts.expires,
        )

    def _ended(self, jobs: Sequence[_Job]) -> None:
        begun = [job for job in jobs if job.entry is not None]
        happenings = [Happening("enrol", self._outcome(job), {job.subject: _about(job)}) for job in begun]
        if begun:
            self._desk.journal.write(Phase.END, happenings, [job.entry for job in begun])

    @staticmethod
    def _outcome(job: _Job) -> JSONObject:
        if job.error is not None:
            return {"outcome": "rejected", "reason": type(job.error).__name__}
        return {"outcome": "enrolled", "notice": "written"}

    def result(self, job: _Job) -> EnrolledSample:
        """Report a job that has ended."""
        expires = job.facts.expires if job.facts else None
        return EnrolledSample(
            picture=str(job.path),
            subject=job.subject,
            outcome="already-enrolled" if job.known else "rejected" if job.error else "enrolled",
            reference=job.reference,
            expires=to_rfc3339(expires) if expires and job.reference else None,
            reason=str(job.error) if job.error else None,
            exit_code=job.error.exit_code if job.error else 0,
            quality=job.sample.quality.components if job.sample else {},
            entry=job.entry,
        )


def release_needed_for(deployment: Deployment, purpose: Purpose) -> bool:
    """Tell whether a purpose's basis needs a release under the standard or the law of the place."""
    return deployment.jurisdiction.release_required or release_needed(purpose.basis, deployment.standard.parameters)


def _open(job: _Job) -> bool:
    return job.error is None and not job.known


def _as_first(job: _Job, jobs: Sequence[_Job]) -> _Job:
    """Give a repetition of a sample that was rejected the reason of the first."""
    error = None if job.repeats is None else jobs[job.repeats].error
    return job if error is None else replace(job, known=False, error=error)


def _about(job: _Job) -> JSONObject:
    return {"reference": job.reference} if job.reference else {"reason": printable(str(job.error))}


def _failure(error: BaseException) -> FacewardError:
    return error if isinstance(error, FacewardError) else FacewardError(type(error).__name__)


def _read(item: tuple[Path, str]) -> _Job:
    path, subject = item
    if is_address(path):
        # Left for rule P5 to refuse, so that the attempt is in the log.
        return _Job(path, subject)
    try:
        return _Job(path, subject, picture=decode(read_file(path), path.name, ANALYSIS_PIXELS))
    except FacewardError as error:
        return _Job(path, subject, error=error)
