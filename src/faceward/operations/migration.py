"""A gallery's references made anew with the pack in use, from the very pictures that were enrolled (ADR 0022)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from faceward.core.canonical import JSONObject, JSONValue, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import BadInput, EnvironmentFailure, UsageError
from faceward.core.faces import Sample
from faceward.core.names import normal_name
from faceward.core.pack_results import MigrationResult, NotMigrated
from faceward.gallery.search import Gallery
from faceward.gallery.store import StoredReference
from faceward.operations import gallery_notes, reviews
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy import facts, quality
from faceward.vision.images import SUFFIXES, decode, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS

MIGRATE = "gallery.migrate"
Progress = Callable[[int, int], None]
# References worked on under one log entry: a lease of the gallery's key lasts long enough for them.
_BATCH = 32
_SIMULATED_BATCH = 1000


@dataclass(slots=True)
class _Tally:
    migrated: int = 0
    superseded: int = 0
    simulated: int = 0
    ask_again: list[NotMigrated] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Job:
    """One reference on its way; without a sample, `lacking` says why."""

    was: StoredReference
    record: dict[str, JSONValue] = field(repr=False)
    sample: Sample | None = None
    lacking: str = ""

    @property
    def subject(self) -> str:
        return str(self.record["subject"])

    @property
    def source(self) -> Mapping[str, JSONValue]:
        source = self.record.get("source")
        return source if isinstance(source, Mapping) else {}


def migrate(
    deployment: Deployment, desk: Desk, gallery: str, samples: Path | None, progress: Progress | None = None
) -> MigrationResult:
    """Make references of other packs anew with the pack in use; say whom to ask again.

    A picture counts only if its file has the SHA-256 that was recorded at enrolment, and its pixels the digest that
    lies with the reference: what was never enrolled does not get in this way. Identifier, subject, purpose, term and
    record of a reference stay. What an interrupted call has done is done; repeating it goes on from there.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded, batch by batch.
        gallery: The gallery.
        samples: Folder with the pictures, looked through with its sub-folders; None where there are none.
        progress: Told how many references are done.

    Raises:
        UsageError: There is no such gallery.
        BadInput: There is no such folder.
        PolicyRefusal: A rule refuses it; what was migrated before stays so.
        IntegrityError: A stored reference does not authenticate.
    """
    gallery = normal_name(gallery)
    named_for = deployment.gallery_purpose(gallery)
    if named_for is None:
        raise UsageError(f"no gallery {gallery!r}; list them with 'gallery list'")
    files = {} if samples is None else _by_digest(samples)
    now, pack, tally = deployment.now(), deployment.pipeline.identifier, _Tally()
    context = facts.purpose_context(deployment.purpose(named_for), deployment.standard)
    waiting: list[str] = []
    simulated: list[str] = []
    for one in deployment.store.references(gallery, now):
        if one.pack != pack:
            # A simulated reference stands under the digest of its sample, and belongs to nobody.
            (simulated if one.subject == one.sample else waiting).append(one.reference_id)
    details: JSONObject = {"gallery": gallery, "purpose": named_for, "pack": pack}
    for start in range(0, len(waiting), _BATCH):
        happening = Happening(MIGRATE, {**details, "references": len(waiting[start : start + _BATCH])})
        with desk.operation(MIGRATE, context, happening) as act:
            _Batch(deployment, act, act.gallery(gallery), files).run(waiting[start : start + _BATCH], tally)
        if progress is not None:
            progress(min(start + _BATCH, len(waiting)), len(waiting))
    if simulated:
        with desk.operation(MIGRATE, context, Happening(MIGRATE, {**details, "simulated": len(simulated)})):
            for start in range(0, len(simulated), _SIMULATED_BATCH):
                deployment.gallery(gallery).erase_references(simulated[start : start + _SIMULATED_BATCH])
            tally.simulated = len(simulated)
            gallery_notes.change(deployment, gallery, "simulated", 0)
    ask_again = sorted(tally.ask_again, key=lambda one: (one.subject, one.reference))
    return MigrationResult(gallery, pack, tally.migrated, tally.superseded, tally.simulated, tuple(ask_again))


class _Batch:
    """References under one log entry."""

    def __init__(self, deployment: Deployment, act: Act, gallery: Gallery, files: Mapping[str, Path]) -> None:
        self._deployment, self._act, self._gallery, self._files = deployment, act, gallery, files
        self._told: dict[str, list[JSONValue]] = {}

    def run(self, reference_ids: list[str], tally: _Tally) -> None:
        """Migrate what can be; the closing entry tells each subject what became of each reference."""
        jobs = [job for job in map(self._job, reference_ids) if job is not None]
        for job in self._deployment.pool.map(self._extracted, jobs):
            try:
                outcome = self._done(job)
            except UsageError:
                if self._job(job.was.reference_id) == replace(job, sample=None, lacking=""):
                    raise
                # Erased or renewed by another process meanwhile.
                continue
            finally:
                if job.sample is not None:
                    job.sample.features.fill(0)
            self._count(job, outcome, tally)
        self._act.outcome["references"] = {name: sum(o == name for o in self._outcomes()) for name in _OUTCOMES}
        for subject, references in self._told.items():
            self._act.subjects[subject] = {"references": references}

    def _job(self, reference_id: str) -> _Job | None:
        with suppress(UsageError):
            was = self._deployment.store.reference(reference_id)
            return _Job(was, self._gallery.record(was))
        return None

    def _extracted(self, job: _Job) -> _Job:
        """Extract what a kept sample shows, if it is there, unaltered and good enough."""
        path = self._files.get(str(job.source.get("sha256", "")))
        if path is None:
            return replace(job, lacking="no picture with the SHA-256 recorded at enrolment was found")
        deployment = self._deployment
        try:
            data = read_file(path)
        except (BadInput, EnvironmentFailure) as error:
            return replace(job, lacking=str(error))
        try:
            picture = decode(data, path.name, ANALYSIS_PIXELS)
            if picture.digest.hex() != job.source["sha256"] or deployment.sample_digest(picture) != job.was.sample:
                return replace(job, lacking="the picture is not the one that was enrolled")
            face, _ = deployment.pipeline.principal(picture)
            sample = deployment.pipeline.samples(picture, [face])[0]
            floors = deployment.standard.parameters.enrolment_floors
            quality.require_floors(sample.quality.components, floors, path.name)
        except BadInput as error:
            return replace(job, lacking=str(error))
        return replace(job, sample=sample)

    def _done(self, job: _Job) -> str:
        was = job.was
        if was.sample in self._deployment.store.samples(was.gallery, was.purpose, was.subject):
            # The same picture was enrolled anew meanwhile.
            self._gallery.erase_references([was.reference_id])
            reviews.forget(self._deployment, was.reference_id)
            return _SUPERSEDED
        if job.sample is None:
            return _ASK
        record: JSONObject = {
            **job.record,
            "quality": dict(job.sample.quality.components),
            "migrated": {"from": was.pack, "at": to_rfc3339(self._deployment.now()), "entry": self._act.entry},
        }
        self._gallery.migrate(was, job.sample.features, record)
        return _MIGRATED

    def _count(self, job: _Job, outcome: str, tally: _Tally) -> None:
        tally.migrated += outcome == _MIGRATED
        tally.superseded += outcome == _SUPERSEDED
        if outcome == _ASK:
            name = str(job.source.get("name", ""))
            tally.ask_again.append(NotMigrated(job.subject, job.was.reference_id, name, job.lacking))
        self._told.setdefault(job.subject, []).append({"reference": job.was.reference_id, "outcome": outcome})

    def _outcomes(self) -> list[str]:
        return [str(one["outcome"]) for told in self._told.values() for one in told if isinstance(one, Mapping)]


_MIGRATED, _SUPERSEDED, _ASK = _OUTCOMES = ("migrated", "superseded", "to be asked again")


def _by_digest(folder: Path) -> dict[str, Path]:
    """Return the pictures in a folder and below by their files' SHA-256; links and unreadable ones are left out."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; name the one with the pictures that were enrolled")
    found: dict[str, Path] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            # A link is no picture that was kept, and may lead to what is none, such as a process's memory.
            if path.suffix.lower() in SUFFIXES and not path.is_symlink():
                # One file that the disk does not give back keeps nobody else from the new pack.
                with suppress(BadInput, EnvironmentFailure):
                    found.setdefault(sha256_hex(read_file(path)), path)
    return found
