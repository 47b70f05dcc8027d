"""What a store of references holds and promises. SQLite is one; any other has to pass `tests/contract`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.protection.codec import Binding, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

PSEUDONYM_BYTES = 32
DIGEST_BYTES = 32
# Rule T1's outer bound, with the two leap days that five years can hold; a standard sets a shorter one.
MAX_RETENTION = timedelta(days=5 * 365 + 2)


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A reference as it lies in the store: nothing in it names a subject to a reader without keys.

    Attributes:
        reference_id: 32 lower-case hexadecimal digits, random.
        subject: 32-byte keyed digest (HMAC-SHA256) of the subject's name.
        gallery: Name of the gallery.
        purpose: Name of the purpose.
        pack: Identifier of the model pack that extracted the features.
        key_id: Identifier of the subject's key.
        created: When it was enrolled, UTC.
        expires: From when on it is no longer compared, UTC; at most five years after `created`.
        sealed: Protected features.
        record: Sealed JSON: subject's name, basis, source, evidence, quality.
        sample: 32-byte keyed digest of the sample, by which an interrupted enrolment of a folder resumes.
    """

    reference_id: str
    subject: bytes
    gallery: str
    purpose: str
    pack: str
    key_id: str
    created: datetime
    expires: datetime
    sealed: bytes = field(repr=False)
    record: bytes = field(repr=False)
    sample: bytes = field(repr=False)

    def binding(self, kind: Kind) -> Binding:
        """Return what the sealed features or the sealed record are bound to."""
        return Binding(
            kind,
            self.reference_id,
            self.key_id,
            self.gallery,
            self.pack,
            self.purpose,
            self.subject.hex(),
            to_rfc3339(self.expires),
        )


@dataclass(frozen=True, slots=True)
class GalleryInfo:
    """A gallery's name and form.

    Attributes:
        name: Its name.
        mode: Protection mode of its references.
        pack: Identifier of the model pack of its references.
        created: When it was set up, UTC.
    """

    name: str
    mode: str
    pack: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a store holds.

    Attributes:
        galleries: Galleries.
        subjects: Distinct pseudonyms.
        references: References, expired ones included.
    """

    galleries: int
    subjects: int
    references: int


class ReferenceStore(Protocol):
    """A durable store shared by processes.

    Every method raises EnvironmentFailure where the machine fails (full disk, no permission, busy) and
    IntegrityError where stored bytes are damaged. A method that changes something does so wholly or not at
    all.
    """

    def add_gallery(self, info: GalleryInfo) -> None:
        """Set up a gallery.

        Raises:
            UsageError: There is one of that name.
        """
        ...

    def gallery(self, name: str) -> GalleryInfo:
        """Return a gallery.

        Raises:
            UsageError: There is none of that name.
        """
        ...

    def galleries(self) -> list[GalleryInfo]:
        """Return all galleries by name."""
        ...

    def generation(self, gallery: str) -> int:
        """Return the number of changes that the gallery's references have seen.

        Raises:
            UsageError: There is no such gallery.
        """
        ...

    def add(self, references: Sequence[StoredReference]) -> None:
        """Store references of one gallery, all or none, and count its generation up by one.

        Raises:
            PolicyRefusal: A sample was a probe before (rule E4).
            UsageError: A reference is malformed, of another gallery than the first, or there already.
            PackMismatch: The gallery is of another pack.
        """
        ...

    def replace(self, references: Sequence[StoredReference]) -> None:
        """Give stored references other keys, sealed features and records, all or none; the rest must be the same.

        Only the pack may be another too, if it is the gallery's now. The gallery's generation is counted up.

        Raises:
            UsageError: A reference is not stored, or they are of several galleries.
            PackMismatch: A reference's pack is neither the one it was stored with nor the gallery's.
        """
        ...

    def use_pack(self, pack: str) -> int:
        """Let every gallery take references of this pack from now on, and compare those alone (ADR 0022).

        Returns:
            How many galleries were of another; their generations are counted up, their references stay as they are.
        """
        ...

    def references(
        self, gallery: str, now: datetime, *, purpose: str | None = None, pack: str | None = None, after: int = 0
    ) -> Iterator[StoredReference]:
        """Iterate over unexpired references in the order they were added.

        Args:
            gallery: The gallery.
            now: References that expire at or before this moment are left out.
            purpose: Only references of this purpose.
            pack: Only references of this pack.
            after: Only references added since the gallery had this generation.
        """
        ...

    def reference_ids(
        self, gallery: str, now: datetime, *, purpose: str | None = None, pack: str | None = None
    ) -> frozenset[str]:
        """Return the identifiers of unexpired references."""
        ...

    def count(self, gallery: str, now: datetime, *, purpose: str | None = None, pack: str | None = None) -> int:
        """Return the number of unexpired references."""
        ...

    def subjects(self, gallery: str, now: datetime, *, purpose: str, pack: str) -> int:
        """Return the number of subjects with an unexpired reference; quick enough to be asked at every search."""
        ...

    def reference(self, reference_id: str) -> StoredReference:
        """Return one reference, expired or not.

        Raises:
            UsageError: There is none.
        """
        ...

    def by_subject(self, subject: bytes, *, gallery: str | None = None) -> list[StoredReference]:
        """Return a subject's references, expired ones included, in the order they were added."""
        ...

    def samples(self, gallery: str, purpose: str, subject: bytes) -> frozenset[bytes]:
        """Return the digests of the samples that a subject's references of the gallery's pack came from."""
        ...

    def keys(self, gallery: str) -> dict[str, str]:
        """Return the key of every reference of a gallery: reference identifier to key identifier."""
        ...

    def expired(self, now: datetime, *, gallery: str | None = None) -> list[StoredReference]:
        """Return references that expired at or before this moment."""
        ...

    def delete(self, reference_ids: Collection[str]) -> int:
        """Delete references, count their galleries' generations up and wipe the bytes from the files.

        Returns:
            How many existed. Repeating it is safe and finishes a deletion that was interrupted.
        """
        ...

    def put_document(self, kind: str, name: str, content: bytes) -> None:
        """Keep a named document (a purpose, for example), replacing one of that kind and name."""
        ...

    def add_document(self, kind: str, name: str, content: bytes) -> bytes:
        """Keep a named document unless there is one of that kind and name; return the one that is there now."""
        ...

    def document(self, kind: str, name: str) -> bytes:
        """Return a document.

        Raises:
            UsageError: There is none of that kind and name.
        """
        ...

    def documents(self, kind: str, start: str = "") -> dict[str, bytes]:
        """Return the documents of a kind by name: all, or those whose name starts so."""
        ...

    def delete_document(self, kind: str, name: str, content: bytes | None = None) -> None:
        """Forget a document, if given only one of this content; one that does not exist is passed over."""
        ...

    def remember_probe(self, when: datetime, *digests: bytes) -> None:
        """Remember 32-byte keyed digests of a probe's sample, all at once; the first time counts (rule E4)."""
        ...

    def is_probe(self, digest: bytes) -> bool:
        """Say whether a sample was a probe."""
        ...

    def counts(self) -> Counts:
        """Return how much is stored."""
        ...

    def check(self) -> None:
        """Verify the store's structure.

        Raises:
            IntegrityError: Something does not hold.
        """
        ...

    def close(self) -> None:
        """Close the store."""
        ...


def check_reference(reference: StoredReference) -> StoredReference:
    """Return the reference, or refuse it.

    Raises:
        UsageError: A digest has another length, or the reference does not expire within five years (rule T1).
    """
    name = reference.reference_id
    if len(reference.subject) != PSEUDONYM_BYTES or len(reference.sample) != DIGEST_BYTES:
        raise UsageError(f"the reference {name} has a digest that is not 32 bytes; give HMAC-SHA256 digests")
    if not timedelta(0) < reference.expires - reference.created <= MAX_RETENTION:
        raise UsageError(f"the reference {name} must expire within five years of its enrolment; shorten its term")
    return reference
