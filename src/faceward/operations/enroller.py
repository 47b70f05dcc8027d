"""Carrying batches of pictures to references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.core.names import printable
from faceward.core.reports import EnrolledSample
from faceward.core.sources import Source
from faceward.gallery.results import Enrolment as NewReference
from faceward.operations import consent, grounds
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.grounds import Grounds
from faceward.operations.jobs import Job, about, as_first, failure, low_quality, read
from faceward.operations.journal import Happening
from faceward.operations.recognition import source_kind
from faceward.policy import facts, notices, quality, retention
from faceward.policy.consent import explain_missing, find_release
from faceward.policy.purposes import Purpose


class Enroller:
    """Carries batches of pictures through the steps of `context.Desk.operation`."""

    def __init__(self, deployment: Deployment, desk: Desk, purpose: Purpose, handed_in: Grounds, gallery: str) -> None:
        self._deployment, self._desk, self._purpose = deployment, desk, purpose
        self._grounds, self._gallery = handed_in, gallery

    def run(self, pictures: Sequence[tuple[Source, str]]) -> list[Job]:
        """Enrol one batch; every job comes back ended, in the order given."""
        deployment = self._deployment
        now = deployment.now()
        jobs = list(deployment.pool.map(read, pictures))
        jobs = self._compared(jobs)
        # 1. Authorise, before any features are extracted (rule C1).
        jobs = [self._authorised(job, now) for job in jobs]
        # 2. Record.
        self._noted(jobs)
        jobs = self._begun(jobs)
        # 3. and 4. Act: extract, admit by quality (rule E2), store all that were admitted in one transaction.
        try:
            jobs = list(deployment.pool.map(self._extracted, jobs))
            now = deployment.now()
            jobs = [self._admitted(job, now) if job.open else job for job in jobs]
            jobs = self._stored(jobs, now)
        except BaseException as error:
            self._ended([job if job.error else replace(job, error=failure(error)) for job in jobs])
            raise
        # 5. Record the outcome.
        self._ended(jobs)
        return [as_first(job, jobs) for job in jobs]

    def _compared(self, jobs: Sequence[Job]) -> list[Job]:
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

    def _asked(self, job: Job, now: datetime) -> facts.Enrolment:
        """State the facts of a job as they are at a moment."""
        deployment, purpose = self._deployment, self._purpose
        releases = consent.in_effect(deployment, job.subject, self._grounds.releases)
        release = find_release(releases, job.subject, purpose.name, now)
        # A reference may be shown to the system again; what was a probe first may not become one.
        probed = job.picture is not None and not job.known and deployment.was_probe(job.picture)
        return facts.Enrolment(
            subject=job.subject,
            purpose=purpose,
            releases=releases,
            gallery_purpose=deployment.gallery_purpose(self._gallery),
            expires=retention.expiry(now, purpose, release, deployment.standard, deployment.jurisdiction),
            sample=facts.Sample(source_kind(job.path), was_probe=probed),
            pack_verified=deployment.pipeline.verified,
            entry=grounds.entry(deployment, self._desk, self._grounds, self._about(job)),
            objected=grounds.objected(deployment, self._grounds, job.subject),
        )

    def _about(self, job: Job) -> tuple[str, str, str, str | None]:
        sample = job.picture.digest.hex() if job.picture else None
        return job.subject, self._purpose.name, self._gallery, sample

    def _authorised(self, job: Job, now: datetime) -> Job:
        if job.error is not None or job.repeats is not None:
            return job
        asked = self._asked(job, now)
        context = facts.enrol_context(asked, self._deployment.standard, self._deployment.jurisdiction, now)
        try:
            self._desk.authorise("enrol", context, self._happening(job))
        except PolicyRefusal as refusal:
            return replace(job, known=False, error=self._explained(refusal, job, now))
        return replace(job, facts=asked)

    def _explained(self, refusal: PolicyRefusal, job: Job, now: datetime) -> PolicyRefusal:
        """Say of a missing release what is wrong with those that were handed in."""
        if refusal.rule != "C1":
            return refusal
        ended = consent.ended_by(self._deployment, job.subject, self._purpose.name)
        if ended is not None and find_release(self._grounds.releases, job.subject, self._purpose.name, now):
            reason = f"the release was ended by the {ended}."
            return PolicyRefusal(refusal.rule, reason, "Hand in a release that the subject has signed since.")
        why = explain_missing(self._grounds.releases, job.subject, self._purpose.name, now)
        return PolicyRefusal(refusal.rule, f"{why.rstrip('.')}." if why else refusal.reason, refusal.remedy)

    def _happening(self, job: Job) -> Happening:
        # The sample's digest would tell whoever has the picture whom it was about, so it is the subject's.
        sample = job.picture.digest.hex() if job.picture else None
        details = {"purpose": self._purpose.name, "gallery": self._gallery}
        return Happening("enrol", details, {job.subject: {"sample_sha256": sample}})

    def _noted(self, jobs: Sequence[Job]) -> None:
        """Record of samples that are enrolled already that they were handed in again."""
        again = [job for job in jobs if job.known and job.repeats is None and job.error is None]
        happenings = [
            Happening("enrol", {**self._happening(job).details, "outcome": "already-enrolled"}, {job.subject: {}})
            for job in again
        ]
        if happenings:
            self._desk.journal.write(Phase.NOTE, happenings)

    def _begun(self, jobs: Sequence[Job]) -> list[Job]:
        going = [job for job in jobs if job.open]
        happenings = [self._desk.announced(self._happening(job)) for job in going]
        entries = iter(self._desk.journal.write(Phase.BEGIN, happenings) if happenings else [])
        return [replace(job, begun=next(entries)) if job.open else job for job in jobs]

    def _extracted(self, job: Job) -> Job:
        if not job.open or job.picture is None:
            return job
        try:
            face, _ = self._deployment.pipeline.principal(job.picture)
            return replace(job, sample=self._deployment.pipeline.samples(job.picture, [face])[0])
        except FacewardError as error:
            return replace(job, error=error)

    def _admitted(self, job: Job, now: datetime) -> Job:
        """Ask again, now that the quality is known and time has passed."""
        if job.sample is None:
            return job
        deployment = self._deployment
        components, floors = job.sample.quality.components, deployment.standard.parameters.enrolment_floors
        asked = self._asked(job, now)
        acceptable = not quality.check_floors(components, floors)
        context = facts.admit_context(asked, acceptable, deployment.standard, deployment.jurisdiction, now)
        try:
            self._desk.authorise("admit", context, self._happening(job))
        except PolicyRefusal as refusal:
            return replace(job, error=low_quality(job, floors) if refusal.rule == "E2" else refusal)
        return replace(job, facts=asked)

    def _stored(self, jobs: Sequence[Job], now: datetime) -> list[Job]:
        going = [job for job in jobs if job.open]
        new = [self._new_reference(job, now) for job in going]
        references = iter(self._enrolled(going, new, now))
        stored = [replace(job, reference=next(references)) if job.open else job for job in jobs]
        return [self._kept(job) if job.reference else job for job in stored]

    def _kept(self, job: Job) -> Job:
        """Take back what rests on a release that was ended while it was being stored, in whatever process (rule C2)."""
        if job.reference is None or not grounds.ended(self._deployment, self._grounds, job.subject, self._purpose.name):
            return job
        self._deployment.gallery(self._gallery).erase_references([job.reference])
        refusal = PolicyRefusal("C2", "the release was ended meanwhile.", "Ask the subject for a new one.")
        return replace(job, reference=None, error=refusal)

    def _enrolled(self, jobs: Sequence[Job], new: Sequence[NewReference], now: datetime) -> list[str]:
        if not jobs or jobs[0].begun is None:
            return []
        # One release serves the transaction; each picture has an entry of its own beside it.
        act = self._desk.act(jobs[0].begun)
        try:
            return act.gallery(self._gallery).enrol(new, now)
        finally:
            act.end()

    def _new_reference(self, job: Job, now: datetime) -> NewReference:
        if job.picture is None or job.sample is None or job.facts is None or job.facts.expires is None:
            raise AssertionError("only admitted samples become references")
        release = find_release(job.facts.releases, job.subject, self._purpose.name, now)
        needed = consent.needs_release(self._deployment, self._purpose.name)
        if release and needed:
            consent.note_release(self._deployment, job.subject, release)
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
            "release": release.to_json() if release and needed else None,
            "operator": self._deployment.operator,
            "quality": dict(job.sample.quality.components),
            "notice": notices.notice_text(notice, self._deployment.jurisdiction, self._grounds.exemption),
            "entry": self._grounds.entry,
        }
        return NewReference(
            subject=self._deployment.pseudonym(job.subject),
            purpose=self._purpose.name,
            features=job.sample.features,
            record=record,
            sample=self._deployment.sample_digest(job.picture),
            expires=job.facts.expires,
        )

    def _ended(self, jobs: Sequence[Job]) -> None:
        begun = [job for job in jobs if job.entry is not None]
        happenings = [Happening("enrol", self._outcome(job), {job.subject: about(job)}) for job in begun]
        if begun:
            self._desk.journal.write(Phase.END, happenings, [job.entry for job in begun])

    def _outcome(self, job: Job) -> JSONObject:
        if job.error is not None:
            return {"outcome": "rejected", "reason": type(job.error).__name__}
        exemption = self._grounds.exemption
        return {"outcome": "enrolled", "notice": "written" if exemption is None else f"exempt: {exemption}"}

    def result(self, job: Job) -> EnrolledSample:
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
