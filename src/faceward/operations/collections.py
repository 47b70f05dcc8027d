"""Galleries as programs keep them: created for a purpose, listed, filled by subjects' names, searched and deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import FacewardError, UsageError
from faceward.core.names import check_name, normal_name
from faceward.core.results import DetectionResult, IdentificationResult, VerificationResult
from faceward.core.sources import Source
from faceward.gallery.store import StoredReference
from faceward.operations import (
    collection_users,
    complaints,
    evidence,
    gallery_end,
    identification,
    pairs,
    purposes,
    reference_search,
    upkeep,
)
from faceward.operations.collection_users import Users
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.identification import SearchRequest
from faceward.operations.journal import Happening
from faceward.operations.pairs import Pair
from faceward.operations.reference_search import ReferenceSearch
from faceward.policy.facts import rights_context
from faceward.policy.purposes import Purpose
from faceward.policy.quality import Floor
from faceward.vision.images import decode, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS

_COLLECTION = "collection"


@dataclass(frozen=True, slots=True)
class KeptGallery:
    """A gallery with what a program has noted of it.

    Attributes:
        name: Its name.
        purpose: The purpose that it serves.
        created: When it was created, UTC.
        tags: What the program has noted.
    """

    name: str
    purpose: str
    created: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamedReference:
    """A reference with the name of its subject.

    Attributes:
        reference: The reference.
        subject: Whose it is.
    """

    reference: StoredReference
    subject: str


class Collections:
    """The galleries of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def create(self, name: str, purpose: str, tags: Mapping[str, str]) -> KeptGallery:
        """Create a gallery for a purpose.

        Args:
            name: Its name.
            purpose: A registered purpose.
            tags: What the program notes of it.

        One whose creation was interrupted is completed. Of several who create one name at once, one does.

        Raises:
            UsageError: There is one of this name.
            PolicyRefusal: The purpose is not registered (P1), or whoever acts may not (K2).
        """
        name, deployment = check_name(name, "gallery"), self._deployment
        taken = UsageError(f"the gallery {name!r} exists; choose another name")
        with evidence.changing(deployment):
            begun = deployment.gallery_purpose(name)
            if begun is not None and name in self.names():
                raise taken
            known = deployment.purpose(normal_name(purpose))
            if begun is not None and (known is None or known.name != begun):
                # Creating it was interrupted, and what it is for had been decided.
                raise taken
            # First, so that whoever repeats what was interrupted here finds no gallery without what was to be noted.
            noted: JSONObject = {"created": to_rfc3339(deployment.now()), "tags": dict(tags)}
            deployment.keep(_COLLECTION, name, noted)
            try:
                purposes.ensure_gallery(deployment, self._desk, name, known)
            except FacewardError:
                if deployment.gallery_note(name) is None:
                    deployment.store.delete_document(_COLLECTION, name)
                raise
            if known is None or deployment.gallery_purpose(name) != known.name:
                # An enrolment has created it meanwhile, for something else.
                raise taken
            return self.get(name)

    def get(self, name: str) -> KeptGallery:
        """Return a gallery.

        Raises:
            UsageError: There is none of this name.
        """
        purpose = self._deployment.gallery_purpose(name)
        if purpose is None:
            raise UsageError(f"no gallery {name!r}; create it first")
        noted = self._deployment.kept(_COLLECTION, name)
        if not isinstance(noted, dict):
            return KeptGallery(name, purpose, self._deployment.store.gallery(name).created)
        tags = noted["tags"]
        shown = {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}
        return KeptGallery(name, purpose, from_rfc3339(str(noted["created"])), shown)

    def names(self) -> tuple[str, ...]:
        """Return the galleries' names, sorted."""
        return tuple(sorted(info.name for info in purposes.galleries(self._deployment)))

    def delete(self, name: str) -> int:
        """Delete a gallery; see `operations.gallery_end.delete`."""
        erased = gallery_end.delete(self._deployment, self._desk, name)
        collection_users.forget_all(self._deployment, name)
        self._deployment.store.delete_document(_COLLECTION, name)
        return erased

    def count(self, name: str) -> int:
        """Return how many references in force a gallery holds."""
        return self._deployment.store.count(name, self._deployment.now())

    def users(self, name: str) -> Users:
        """Return the users of a gallery."""
        return Users(self._deployment, self._desk, name)

    def purpose(self, name: str) -> Purpose | None:
        """Return a registered purpose, or None."""
        return self._deployment.purpose(normal_name(name))

    def pseudonym(self, subject: str) -> bytes:
        """Return the keyed digest under which a subject is stored, 32 bytes."""
        return self._deployment.pseudonym(check_name(subject, "subject"))

    @property
    def pack(self) -> str:
        """Identifier of the model pack in use."""
        return self._deployment.pipeline.identifier

    @property
    def enrolment_floors(self) -> tuple[Floor, ...]:
        """What a reference's quality must reach (rule E2)."""
        return self._deployment.standard.parameters.enrolment_floors

    @property
    def probe_floors(self) -> tuple[Floor, ...]:
        """What a probe's quality must reach."""
        return self._deployment.standard.parameters.probe_floors

    def ids(self, name: str) -> tuple[str, ...]:
        """Return the identifiers of a gallery's references in force, sorted."""
        upkeep.expire(self._deployment, self._desk)
        return tuple(sorted(self._deployment.store.reference_ids(name, self._deployment.now())))

    def references(self, name: str, ids: Collection[str]) -> tuple[StoredReference, ...]:
        """Return references of a gallery; those that are not there are passed over."""
        found = []
        for one in ids:
            try:
                reference = self._deployment.store.reference(one)
            except UsageError:
                continue
            if reference.gallery == name and reference.expires > self._deployment.now():
                found.append(reference)
        return tuple(found)

    def named(self, name: str, ids: Collection[str]) -> tuple[NamedReference, ...]:
        """Return references of a gallery with the names of their subjects; that they were read is in the log.

        Raises:
            PolicyRefusal: Whoever acts may not (K2).
        """
        references = self.references(name, ids)
        details: JSONObject = {"galleries": [name], "gallery": name, "references": len(references)}
        with self._desk.operation("show", rights_context(), Happening("subject.show", details)) as act:
            gallery = act.gallery(name)
            gone = self._deployment.keys.destroyed([one.key_id for one in references])
            return tuple(
                NamedReference(one, str(gallery.record(one)["subject"])) for one in references if one.key_id not in gone
            )

    def delete_references(self, name: str, ids: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Erase references; see `operations.gallery_end.erase_references`."""
        return gallery_end.erase_references(self._deployment, self._desk, name, ids)

    def enrolled(self, name: str, subject: str, picture: Source) -> StoredReference | None:
        """Return the reference of a subject that was made of a picture, or None."""
        sample = self._deployment.sample_digest(decode(read_file(picture), picture.name, ANALYSIS_PIXELS))
        mine = self._deployment.store.by_subject(self.pseudonym(subject), gallery=name)
        return next((one for one in mine if one.sample == sample), None)

    def search(self, picture: Source, request: SearchRequest) -> IdentificationResult:
        """Search a gallery with a picture; see `operations.identification.identify`."""
        upkeep.expire(self._deployment, self._desk)
        return identification.identify(self._deployment, self._desk, picture, request)

    def search_reference(self, reference: str, request: SearchRequest) -> ReferenceSearch:
        """Search a gallery with one of its references; see `operations.reference_search.search`."""
        upkeep.expire(self._deployment, self._desk)
        return reference_search.search(self._deployment, self._desk, reference, request)

    def fmr_of(self, purpose: str, score: float) -> float:
        """Return the false-match rate of a threshold at a score, by the calibration that the purpose relies on.

        Raises:
            UsageError: No such purpose is registered, or there is no calibration.
        """
        known = self._deployment.purpose(normal_name(purpose))
        if known is None:
            raise UsageError(f"no purpose {purpose!r} is registered")
        return evidence.calibration(self._deployment, known).fmr_of(score)

    def detect(self, picture: Source) -> DetectionResult:
        """Find faces; see `operations.pairs.detect`."""
        return pairs.detect(self._deployment, self._desk, picture)

    def compare(self, pair: Pair) -> pairs.PairResult:
        """Compare the faces of two pictures; see `operations.pairs.compare`."""
        return pairs.compare(self._deployment, self._desk, pair)

    def verify_pair(self, pair: Pair, fmr: float | None = None) -> VerificationResult:
        """Compare the most prominent faces of two pictures; see `operations.pairs.verify`."""
        return pairs.verify(self._deployment, self._desk, pair, fmr)

    def held(self, subject: str) -> tuple[StoredReference, ...]:
        """Return a subject's references in force, unopened; that is not written to what the log tells of them."""
        upkeep.expire(self._deployment, self._desk)
        return tuple(self._deployment.store.by_subject(self.pseudonym(subject)))

    def not_held(self, operation: str, subject: str, purpose: str | None = None) -> None:
        """Record that somebody asked about a subject of whom nothing is held that they may reach."""
        self._desk.unknown(Happening(operation, {"purpose": purpose}, {check_name(subject, "subject"): {}}))

    def pending(self, subject: str) -> bool:
        """Tell whether a complaint or a request of a subject is open, or they or a reference of theirs suspended."""
        return complaints.pending(self._deployment, check_name(subject, "subject"))
