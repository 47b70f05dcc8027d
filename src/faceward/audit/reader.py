"""Reading a log: entries, openings, checkpoints and proofs, each from one snapshot."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, open_checkpoint
from faceward.audit.cosigned import read_cosigned
from faceward.audit.entries import Entry, Phase
from faceward.audit.note import parse_note
from faceward.audit.proof import EntryProof
from faceward.audit.receipt import Receipt
from faceward.audit.schema import translated
from faceward.audit.sealed import OpeningsReader, SealedOpening
from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from faceward.audit.entries import Opening
    from faceward.audit.note import Verifier

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint that witnesses cosigned, parsed and as a note."""

    checkpoint: Checkpoint
    note: str

    def weight(self) -> tuple[int, int]:
        """Return what decides between two: the number of signatures, then the size."""
        return len(parse_note(self.note).signatures), self.checkpoint.size


class LogReader(OpeningsReader):
    """What `Log` offers without a signing key. Threads may share it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._verifier: Verifier | None = None

    @property
    def size(self) -> int:
        """Number of entries, of all processes."""
        return self._stored_checkpoint().size

    @property
    def origin(self) -> str:
        """Identity of the log: the name of its key."""
        return self._stored_checkpoint().origin

    def checkpoint(self) -> str:
        """Return the current signed checkpoint (C2SP tlog-checkpoint)."""
        with self._lock, translated(self._path):
            row = self._db.execute("SELECT note FROM checkpoint").fetchone()
        if row is None:
            raise IntegrityError(f"the log {self._path} has no checkpoint; restore it from a backup")
        return str(row[0])

    def entry(self, index: int) -> Entry:
        """Return one entry.

        Raises:
            UsageError: There is none of this index.
            IntegrityError: The stored entry was altered.
        """
        return self._entry(self._check_index(index))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Entry]]:
        """Iterate over (index, entry) in order, reading in chunks.

        Raises:
            IntegrityError: A stored entry was altered.
        """
        for number, leaf in self.leaves(start, stop):
            yield number, self._decode(number, leaf)

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Iterate over (index, leaf data) in order, reading in chunks."""
        start, stop = max(start, 0), self.size if stop is None else min(stop, self.size)
        query = "SELECT number, leaf FROM entries WHERE number >= ? AND number < ? ORDER BY number LIMIT ?"
        while start < stop:
            with self._lock, translated(self._path):
                rows = self._db.execute(query, (start, stop, _CHUNK)).fetchall()
            yield from rows
            if len(rows) < _CHUNK:
                return
            start = rows[-1][0] + 1

    def unfinished(self, start: int = 0) -> tuple[int, ...]:
        """Return the indexes, from `start` on, of entries that begin an operation which no entry ends."""
        begun: dict[int, None] = {}
        for number, entry in self.entries(start):
            if entry.phase is Phase.BEGIN:
                begun[number] = None
            elif entry.phase is Phase.END and entry.refers is not None:
                begun.pop(entry.refers, None)
        return tuple(begun)

    def openings(self, index: int) -> tuple[SealedOpening, ...]:
        """Return the sealed openings of one entry that were not deleted.

        Raises:
            UsageError: There is no such entry.
        """
        return self.sealed_openings(self._check_index(index))

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the inclusion proof of an entry in the tree of a size, by default the current one.

        Raises:
            UsageError: There is no such entry or size.
        """
        with self._reading():
            size = self._check_size(size)
            return merkle.inclusion_proof(self._check_index(index), size, self._node)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the tree of size `new`, by default the current, continues that of size `old`.

        Raises:
            UsageError: There are no such sizes.
        """
        with self._reading():
            return merkle.consistency_proof(old, self._check_size(new), self._node)

    def proof(self, index: int, since: int) -> EntryProof:
        """Return an entry with the proofs for somebody who saw the log last when it had a size of `since`.

        Raises:
            UsageError: There is no such entry.
            IntegrityError: The log is shorter than what was seen of it.
        """
        with self._reading():
            note = self.checkpoint()
            size = Checkpoint.from_body(parse_note(note).text).size
            if since > size:
                raise IntegrityError(
                    f"the log has {size} entries where {since} were seen; it was rolled back: restore it"
                )
            inclusion = merkle.inclusion_proof(index, size, self._node)
            (leaf,) = self._db.execute("SELECT leaf FROM entries WHERE number = ?", (index,)).fetchone() or (b"",)
            return EntryProof(leaf, index, inclusion, note, since, merkle.consistency_proof(since, size, self._node))

    def continues(self, size: int, root: bytes) -> bool:
        """Return whether the log begins with all entries of one that had this size and root hash."""
        with self._reading():
            stored = self._stored_checkpoint()
            if size > stored.size:
                return False
            try:
                # Proven against the checkpoint, since a stored hash alone may have been altered.
                proof = merkle.consistency_proof(size, stored.size, self._node)
                merkle.verify_consistency(size, stored.size, proof, root, stored.root)
            except IntegrityError:
                return False
        return True

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree of a size, by default the current one.

        Raises:
            UsageError: There is no such size.
        """
        with self._reading():
            return merkle.tree_root(self._check_size(size), self._node)

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return the hashes of `count` complete subtrees over `2^level` entries each, from the `first` on."""
        with self._reading():
            return [self._node(level, index) for index in range(first, first + count)]

    def cosigned(self) -> tuple[CosignedCheckpoint, ...]:
        """Return the checkpoints kept that witnesses cosigned, the smallest tree first.

        The latest cosignature of each witness is on one of them; cosignatures are as they were when they were kept.

        Raises:
            IntegrityError: What was stored is not of this log, or the log was rolled back behind it.
        """
        found = []
        for note in read_cosigned(self._path):
            kept = open_checkpoint(note, self._verifier) if self._verifier else _unverified(note)
            with self._reading():
                if kept.size > self.size or kept.origin != self.origin or kept.root != self.root(kept.size):
                    raise IntegrityError(
                        f"the log {self._path} does not continue the checkpoint of size {kept.size} that witnesses "
                        "cosigned; restore the log"
                    )
            found.append(CosignedCheckpoint(kept, note))
        return tuple(found)

    def receipt(self, index: int, openings: Mapping[str, Opening] | None = None) -> Receipt:
        """Return a receipt for one entry, for somebody to keep.

        It stands under the checkpoint that most witnesses cosigned, of these the latest, of those that cover the entry;
        else under the current one.

        Args:
            index: The entry.
            openings: By slot, the openings that its holder may see.

        Raises:
            UsageError: There is no such entry or slot, or an opening does not open its commitment.
        """
        with self._reading():
            covering = [one for one in self.cosigned() if index < one.checkpoint.size]
            return self._receipt(index, openings or {}, max(covering, key=CosignedCheckpoint.weight, default=None))

    def receipts(
        self, wanted: Sequence[tuple[int, Mapping[str, Opening]]]
    ) -> tuple[tuple[Receipt, ...], tuple[bytes, ...]]:
        """Return receipts of several entries, with their openings, under one or two checkpoints.

        Returns:
            The receipts, those that it covers under the checkpoint that most witnesses cosigned, the others under the
            current one; and the proof that this continues that.
        """
        with self._reading():
            anchor = max(self.cosigned(), key=CosignedCheckpoint.weight, default=None)
            known = 0 if anchor is None else anchor.checkpoint.size
            made = tuple(
                self._receipt(index, openings, anchor if index < known else None) for index, openings in wanted
            )
            both = any(index < known for index, _ in wanted) and any(index >= known for index, _ in wanted)
            return made, merkle.consistency_proof(known, self._check_size(None), self._node) if both else ()

    def _receipt(self, index: int, openings: Mapping[str, Opening], under: CosignedCheckpoint | None) -> Receipt:
        size, note = (self.size, self.checkpoint()) if under is None else (under.checkpoint.size, under.note)
        entry = self.entry(index)
        return Receipt.for_entry(entry, index, merkle.inclusion_proof(index, size, self._node), note, openings)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Hold one snapshot; within a transaction already, that one."""
        with self._lock, translated(self._path):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def _node(self, level: int, index: int) -> bytes:
        position = merkle.stored_position(level, index)
        row = self._db.execute("SELECT hash FROM nodes WHERE position = ?", (position,)).fetchone()
        if row is None:
            raise IntegrityError(f"the log {self._path} lacks the hash {position}; restore it from a backup")
        return bytes(row[0])

    def _stored_checkpoint(self) -> Checkpoint:
        return _unverified(self.checkpoint())

    def _check_size(self, size: int | None) -> int:
        stored = self.size
        if size is None:
            return stored
        if not 0 <= size <= stored:
            raise UsageError(f"the log never had a size of {size}; its size is {stored}")
        return size

    def _check_index(self, index: int) -> int:
        if not 0 <= index < self.size:
            raise UsageError(f"the log has no entry {index}; its size is {self.size}")
        return index

    def _entry(self, index: int) -> Entry:
        with self._lock, translated(self._path):
            row = self._db.execute("SELECT leaf FROM entries WHERE number = ?", (index,)).fetchone()
        if row is None:
            raise IntegrityError(f"the log {self._path} lacks entry {index}; restore it from a backup")
        return self._decode(index, row[0])

    def _decode(self, index: int, leaf: bytes) -> Entry:
        try:
            return Entry.decode(leaf)
        except IntegrityError as error:
            raise IntegrityError(f"entry {index} of the log {self._path}: {error}") from error


def _unverified(note: str) -> Checkpoint:
    return Checkpoint.from_body(parse_note(note).text)
