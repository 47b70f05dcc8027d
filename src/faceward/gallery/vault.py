"""A gallery's store, keys and scheme together, and its references in memory as they change."""

from __future__ import annotations

import heapq
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from faceward.core.errors import IntegrityError, UsageError
from faceward.protection.scheme import Comparator, ProtectedReference, ProtectionScheme, SubjectKey
from faceward.protection.sealed import open_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from faceward.gallery.store import GalleryInfo, ReferenceStore, StoredReference
    from faceward.protection.keys import KeyStore

_BATCH = 4096
# Nothing has expired yet at this moment.
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Vault:
    """What a gallery is made of.

    Attributes:
        info: Its name and form.
        store: Where its references lie.
        keys: What opens them.
        scheme: How they are protected.
    """

    info: GalleryInfo
    store: ReferenceStore
    keys: KeyStore
    scheme: ProtectionScheme

    def subject_keys(self, references: Sequence[StoredReference]) -> dict[str, bytes]:
        """Return the keys of references by key identifier, without those destroyed on purpose.

        Raises:
            IntegrityError: A key is missing that was never destroyed; the message names the reference.
        """
        found = dict(self.keys.subject_keys(self.info.name, {reference.key_id for reference in references}))
        missing = [reference for reference in references if reference.key_id not in found]
        destroyed = self.keys.destroyed(reference.key_id for reference in missing)
        for reference in missing:
            if reference.key_id not in destroyed:
                raise IntegrityError(
                    f"the key of the reference {reference.reference_id} is lost; erase the reference and enrol again"
                )
        return found

    def protected(self, references: Sequence[StoredReference]) -> Iterator[ProtectedReference]:
        """Bring references and keys together, without those whose key was destroyed; see `subject_keys`."""
        found = self.subject_keys(references)
        for reference in references:
            if reference.key_id in found:
                opener = SubjectKey(found[reference.key_id], reference.binding("features"))
                yield ProtectedReference(reference.subject, reference.sealed, opener)

    def check(self) -> None:
        """Open every reference and record once, expired ones included.

        Raises:
            IntegrityError: One does not authenticate, or its key is lost; the message names it.
        """
        rows = self.store.references(self.info.name, _EARLIEST)
        while batch := list(islice(rows, _BATCH)):
            found = self.subject_keys(batch)
            # Features of several packs, of which one may be on its way to another, do not fit one comparator.
            for pack in {row.pack for row in batch}:
                comparator = self.scheme.comparator()
                try:
                    comparator.add(self.protected([row for row in batch if row.pack == pack]))
                finally:
                    comparator.drop()
            for row in batch:
                if row.key_id in found:
                    open_record(row.record, SubjectKey(found[row.key_id], row.binding("record")))


class LoadedPurpose:
    """A gallery's references of one purpose, opened for comparison and following every change.

    Args:
        vault: The gallery.
        purpose: Name of the purpose.
    """

    def __init__(self, vault: Vault, purpose: str) -> None:
        self._vault = vault
        self._purpose = purpose
        self._comparator: Comparator = vault.scheme.comparator()
        self._key_of: dict[str, str] = {}
        self._expiries: list[tuple[datetime, str]] = []
        self._generation = 0
        self._destructions = 0
        self._now: datetime | None = None
        # References that are known but not compared for the time being; what was open of them is overwritten.
        self._without: frozenset[str] = frozenset()

    def current(self, now: datetime, without: frozenset[str] = frozenset()) -> Comparator:
        """Return a comparator that holds exactly the references that count at this moment.

        Another process's enrolments and erasures are seen here; a reference whose key was destroyed is gone
        even if its row is still there.

        Args:
            now: The moment, UTC.
            without: Identifiers of references that do not count now, such as suspended ones; they may again later.

        Raises:
            IntegrityError: A reference does not authenticate or its key is lost; the message names it.
        """
        if self._now is not None and now < self._now:
            # Expired references were forgotten; an earlier moment needs them again.
            self.drop()
        self._now = now
        self._expire(now)
        self._forget_destroyed()
        self._leave_out(without)
        generation = self._vault.store.generation(self._vault.info.name)
        if generation != self._generation:
            self._follow(now)
            # Rows younger than this may be in already; they are recognised the next time.
            self._generation = generation
        return self._comparator

    def forget(self, reference_ids: Iterable[str]) -> None:
        """Overwrite references at once, without waiting for the next search; unknown ones are passed over."""
        held = [name for name in reference_ids if self._key_of.pop(name, None) is not None]
        self._comparator.remove(held)

    def drop(self) -> None:
        """Overwrite and forget everything; the next call of `current` loads it again."""
        self._comparator.drop()
        self._key_of.clear()
        self._expiries.clear()
        self._generation, self._destructions, self._now = 0, 0, None
        self._without = frozenset()

    def _leave_out(self, without: frozenset[str]) -> None:
        if without == self._without:
            return
        back = {name for name in self._without - without if name in self._key_of}
        self._comparator.remove(without - self._without)
        self._without = without
        rows = []
        for name in sorted(back):
            # Another process may have erased it; then `_follow` finds out.
            with suppress(UsageError):
                rows.append(self._vault.store.reference(name))
        try:
            self._take(rows)
        except BaseException:
            self.drop()
            raise

    def _expire(self, now: datetime) -> None:
        while self._expiries and self._expiries[0][0] <= now:
            self.forget([heapq.heappop(self._expiries)[1]])

    def _forget_destroyed(self) -> None:
        self._destructions, gone = self._vault.keys.destroyed_since(self._destructions)
        if gone:
            self.forget([name for name, key_id in self._key_of.items() if key_id in gone])

    def _follow(self, now: datetime) -> None:
        store, name = self._vault.store, self._vault.info.name
        pack = self._vault.info.pack
        rows = store.references(name, now, purpose=self._purpose, pack=pack, after=self._generation)
        while batch := list(islice(rows, _BATCH)):
            # A renewed reference comes back under another key.
            self._take([row for row in batch if self._key_of.get(row.reference_id) != row.key_id])
        if store.count(name, now, purpose=self._purpose, pack=pack) != len(self._key_of):
            stored = store.reference_ids(name, now, purpose=self._purpose, pack=pack)
            self.forget([held for held in self._key_of if held not in stored])

    def _take(self, rows: Sequence[StoredReference]) -> None:
        self.forget([row.reference_id for row in rows])
        usable = list(self._vault.protected(rows))
        self._comparator.add([reference for reference in usable if reference.reference_id not in self._without])
        taken = {reference.reference_id for reference in usable}
        for row in rows:
            if row.reference_id in taken:
                self._key_of[row.reference_id] = row.key_id
                heapq.heappush(self._expiries, (row.expires, row.reference_id))
