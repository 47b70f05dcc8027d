"""A gallery in use: enrol, search, verify, renew, erase, recover."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceward.core.errors import FacewardError, UsageError
from faceward.gallery import probing, recovery, renewal
from faceward.gallery.index import GalleryIndex
from faceward.gallery.results import Enrolment, Erasure, Recovery
from faceward.gallery.store import GalleryInfo, ReferenceStore, StoredReference
from faceward.gallery.vault import LoadedPurpose, Vault
from faceward.protection.scheme import Features, Hit, ProtectionScheme, SubjectKey
from faceward.protection.sealed import SealedScheme, open_record, seal_record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from faceward.core.canonical import JSONObject, JSONValue
    from faceward.protection.keys import KeyStore

SCHEMES: Mapping[str, ProtectionScheme] = {"sealed": SealedScheme(GalleryIndex)}


class Gallery:
    """One gallery; threads may share it.

    Every reference has a key of its own, which belongs to one subject: erasing a subject destroys all of its
    keys, and the end of one reference's term is as final as an erasure. Keys are written before references
    and destroyed before them, so a process killed at any instant leaves nothing that can be opened and should
    not be, and `recover` sweeps the rest.

    Args:
        name: An existing gallery.
        store: Where references lie.
        keys: The deployment's key store.
        schemes: Protection schemes by mode.
        pack: Identifier of the pack in use: what it takes in and compares; the gallery's own if None.

    Raises:
        UsageError: There is no such gallery, or none of the schemes is of its mode.
    """

    def __init__(
        self,
        name: str,
        store: ReferenceStore,
        keys: KeyStore,
        schemes: Mapping[str, ProtectionScheme] = SCHEMES,
        pack: str | None = None,
    ) -> None:
        info = store.gallery(name)
        if info.mode not in schemes:
            raise UsageError(f"the gallery {name!r} needs the mode {info.mode}, which is not available here")
        self._vault = Vault(replace(info, pack=pack or info.pack), store, keys, schemes[info.mode])
        self._loaded: dict[str, LoadedPurpose] = {}
        self._lock = threading.RLock()

    @classmethod
    def create(cls, info: GalleryInfo, store: ReferenceStore, keys: KeyStore) -> Gallery:
        """Set up a gallery: its key first, so that repeating an interrupted set-up completes it.

        Raises:
            UsageError: It exists, or its mode is unknown.
        """
        if info.mode not in SCHEMES:
            raise UsageError(f"there is no protection mode {info.mode!r}; use one of {', '.join(SCHEMES)}")
        keys.create_gallery_key(info.name)
        store.add_gallery(info)
        return cls(info.name, store, keys)

    @property
    def info(self) -> GalleryInfo:
        """The gallery's name and form."""
        return self._vault.info

    def enrol(self, enrolments: Sequence[Enrolment], now: datetime) -> list[str]:
        """Store references, all or none.

        Args:
            enrolments: What to enrol.
            now: The moment of enrolment, UTC.

        Returns:
            The identifiers of the references, in the order of the enrolments.

        Raises:
            PolicyRefusal: A sample was a probe before (rule E4).
            UsageError: Features, record, digests or term are not usable.
            EnvironmentFailure: The machine failed; nothing was enrolled.
        """
        keys, info = self._vault.keys, self._vault.info
        if not enrolments:
            return []
        with keys.guard.shared():
            drawn = keys.create_subject_keys(info.name, len(enrolments))
            try:
                references = [self._seal(e, k, now) for e, k in zip(enrolments, drawn, strict=True)]
                self._vault.store.add(references)
            except FacewardError:
                # What cannot be destroyed now is pending, and recovery sweeps it.
                with suppress(FacewardError):
                    keys.destroy([key_id for key_id, _ in drawn])
                raise
            keys.set_pending([key_id for key_id, _ in drawn], pending=False)
        return [reference.reference_id for reference in references]

    def search(
        self,
        probe: Features,
        *,
        purpose: str,
        threshold: float,
        k: int,
        now: datetime,
        without: frozenset[str] = frozenset(),
    ) -> tuple[Hit, ...]:
        """Compare a probe with every subject of a purpose: their unexpired references of the gallery's pack, fused.

        Args:
            probe: Features, shape (d,), float32, of length 0.5 to 1.
            purpose: Name of the purpose.
            threshold: Lowest score that counts, -1 to 1.
            k: Most subjects to return, at least 1.
            now: The moment of the search, UTC.
            without: Identifiers of references that are not to count, such as suspended ones.

        Returns:
            The best subjects at or above the threshold, best first; empty means *unknown*.

        Raises:
            PackMismatch: The probe has another dimension than the references.
            UsageError: The probe's length is out of range, or threshold or k is out of range.
            IntegrityError: A reference does not authenticate; the message names it.
        """
        probes = np.asarray(probe)[np.newaxis]
        return self.search_many(probes, purpose=purpose, threshold=threshold, k=k, now=now, without=without)[0]

    def search_many(
        self,
        probes: Features,
        *,
        purpose: str,
        threshold: float,
        k: int,
        now: datetime,
        without: frozenset[str] = frozenset(),
    ) -> list[tuple[Hit, ...]]:
        """Compare several probes, shape (m, d), in one product; see `search`."""
        with self._lock:
            loaded = self._loaded.setdefault(purpose, LoadedPurpose(self._vault, purpose))
            return loaded.current(now, without).search(probes, threshold, k)

    def search_reference(
        self, probe: StoredReference, *, threshold: float, k: int, now: datetime, without: frozenset[str] = frozenset()
    ) -> tuple[Hit, ...]:
        """Compare a reference of this gallery with every subject of its purpose, its own too; see `search`.

        Raises:
            IntegrityError: It does not authenticate, or its key was destroyed.
        """
        with probing.opened(self._vault, probe) as features:
            return self.search(features, purpose=probe.purpose, threshold=threshold, k=k, now=now, without=without)

    def verify(self, probe: Features, *, subject: bytes, purpose: str, threshold: float, now: datetime) -> Hit | None:
        """Compare a probe with one subject's references only, fused; no other reference is opened.

        Returns:
            The subject, where the score is at or above the threshold, or None.

        Raises:
            UsageError: The subject has no unexpired reference of the gallery's pack for the purpose.
            PackMismatch: The probe has another dimension.
            IntegrityError: A reference does not authenticate; the message names it.
        """
        mine = self._vault.store.by_subject(subject, gallery=self.info.name)
        usable = [one for one in mine if one.purpose == purpose and one.pack == self.info.pack and one.expires > now]
        comparator = self._vault.scheme.comparator()
        try:
            comparator.add(self._vault.protected(usable))
            if not len(comparator):
                raise UsageError(
                    f"the subject has no valid reference of the pack {self.info.pack} for {purpose!r} in "
                    f"{self.info.name!r}; enrol it first, or migrate the gallery"
                )
            hits = comparator.search(np.asarray(probe)[np.newaxis], threshold, 1)[0]
        finally:
            comparator.drop()
        return hits[0] if hits else None

    def record(self, reference: StoredReference) -> dict[str, JSONValue]:
        """Open the record of a reference.

        Raises:
            IntegrityError: It does not authenticate, or its key was destroyed.
        """
        key = self._vault.keys.subject_key(reference.key_id)
        return open_record(reference.record, SubjectKey(key, reference.binding("record")))

    def renew(self, subject: bytes) -> tuple[str, ...]:
        """Protect a subject's references anew under fresh keys and destroy the old ones; see `renewal.renew`."""
        with self._lock:
            return renewal.renew(self._vault, subject)

    def migrate(self, was: StoredReference, features: Features, record: JSONObject) -> None:
        """Put features of the gallery's pack in the place of a reference's; see `renewal.migrate`."""
        with self._lock:
            renewal.migrate(self._vault, was, features, record)

    def erase(self, subject: bytes) -> Erasure:
        """Erase a subject from this gallery: keys first, which also ends every copy and backup (rule T2)."""
        return self._erase(lambda: self._vault.store.by_subject(subject, gallery=self.info.name))

    def erase_references(self, reference_ids: Collection[str]) -> Erasure:
        """Erase some references.

        Raises:
            UsageError: A reference does not exist or is in another gallery.
        """

        def found() -> list[StoredReference]:
            mine = [self._vault.store.reference(reference_id) for reference_id in reference_ids]
            for reference in mine:
                if reference.gallery != self.info.name:
                    raise UsageError(f"the reference {reference.reference_id} is in the gallery {reference.gallery!r}")
            return mine

        return self._erase(found)

    def erase_expired(self, now: datetime) -> Erasure:
        """Erase every reference whose term has ended (rule T1)."""
        return self._erase(lambda: self._vault.store.expired(now, gallery=self.info.name))

    def rotate(self) -> int:
        """Give the gallery a new key and rewrap its subjects' keys; return how many."""
        return self._vault.keys.rotate_gallery(self.info.name)

    def recover(self) -> Recovery:
        """Sweep what a killed process left, and wipe the journals; call it when a deployment is opened.

        Raises:
            EnvironmentFailure: The machine failed; repeat it.
        """
        return recovery.recover(self._vault)

    def check(self) -> None:
        """Open every reference and record once.

        Raises:
            IntegrityError: One does not authenticate, or its key is lost; the message names it.
        """
        self._vault.check()

    def lock(self) -> None:
        """Overwrite every opened reference in memory; the next search opens them again."""
        with self._lock:
            for loaded in self._loaded.values():
                loaded.drop()
            self._loaded.clear()

    def _erase(self, found: Callable[[], Sequence[StoredReference]]) -> Erasure:
        keys = self._vault.keys
        with self._lock, keys.guard.shared():
            # Read in here, so that nobody gives one of them another key in between.
            references = found()
            erasure = Erasure(tuple(r.reference_id for r in references), tuple(r.key_id for r in references))
            keys.destroy(erasure.key_ids)
            for loaded in self._loaded.values():
                loaded.forget(erasure.reference_ids)
            self._vault.store.delete(erasure.reference_ids)
        return erasure

    def _seal(self, enrolment: Enrolment, drawn: tuple[str, bytes], now: datetime) -> StoredReference:
        key_id, key = drawn
        blank = StoredReference(
            reference_id=secrets.token_hex(16),
            subject=enrolment.subject,
            gallery=self.info.name,
            purpose=enrolment.purpose,
            pack=self.info.pack,
            key_id=key_id,
            created=now,
            expires=enrolment.expires,
            sealed=b"",
            record=b"",
            sample=enrolment.sample,
        )
        return replace(
            blank,
            sealed=self._vault.scheme.protect(enrolment.features, SubjectKey(key, blank.binding("features"))),
            record=seal_record(enrolment.record, SubjectKey(key, blank.binding("record"))),
        )
