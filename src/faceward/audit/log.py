"""The log's writer: entries, node hashes and the signed checkpoint move together, in one transaction."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from faceward.audit.entries import Entry, Phase
from faceward.audit.reader import LogReader
from faceward.audit.schema import BUSY_SECONDS, connect, create_file, key_tag, translated
from faceward.audit.sealed import SealedOpening
from faceward.audit.tiles import MAX_LEAF_BYTES
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.wal import emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Self

    from faceward.audit.note import Signer, Verifier

CLOCK_TOLERANCE = timedelta(hours=1)
"""How far in the future an entry may lie: clocks are set back, and a wrong clock must not stop the log."""
LEAST_FREE = 8 * 2**20
"""Bytes that the file system must have left for entries to come."""
_WAIT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Record:
    """An entry to append, with its sealed openings.

    Attributes:
        entry: Becomes the leaf.
        openings: Stored beside the tree; can be destroyed.
    """

    entry: Entry
    openings: tuple[SealedOpening, ...] = ()


class Log(LogReader):
    """An append-only Merkle log in one SQLite file. Threads may share it; processes may append at once.

    Use `Log.create` or `Log.open`, and close it, or use it as a context manager.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, signer: Signer | None) -> None:
        super().__init__(path, connection)
        self._signer = signer
        self._frontier = merkle.Frontier()

    @classmethod
    def create(cls, path: Path, signer: Signer) -> Self:
        """Create an empty log whose origin is the signer's name.

        Raises:
            UsageError: There is a file at the path already.
            EnvironmentFailure: The file cannot be written.
        """
        first = Checkpoint(signer.name, 0, merkle.EMPTY_ROOT)
        try:
            create_file(path, sign_checkpoint(first, signer))
        except FileExistsError as error:
            raise UsageError(f"{path} exists already; open it or choose another place") from error
        except OSError as error:
            raise EnvironmentFailure(f"cannot create the log {path}: {error.strerror}; check the folder") from error
        return cls.open(path, signer)

    @classmethod
    def open(cls, path: Path, signer: Signer | None = None, verifier: Verifier | None = None) -> Self:
        """Open an existing log.

        Args:
            path: The SQLite file.
            signer: The log's key. Without it the log is read-only: proofs work, appending is refused.
            verifier: With no signer, the key under which the stored checkpoint must verify.

        Raises:
            IntegrityError: No log, damaged, of a newer version, or its checkpoint is not this key's or does
                not fit the entries.
            EnvironmentFailure: No permission, or busy.
        """
        log = cls(path, connect(path, readonly=signer is None), signer)
        try:
            with log._reading():
                log._verifier = signer.verifier if signer else verifier
                log._frontier = log._load(log._verifier)
        except BaseException:
            log.close()
            raise
        return log

    @property
    def vkey(self) -> str | None:
        """The key under which the log must verify, by the signer's own account, or None if it is read-only."""
        return None if self._signer is None else self._signer.verifier.vkey

    @property
    def head(self) -> tuple[int, bytes]:
        """Size and root hash (32 bytes) after this process's last append, or as it was opened."""
        frontier = self._frontier
        return frontier.size, frontier.root()

    def append(self, records: Sequence[Record] | Callable[[], Sequence[Record]], now: datetime) -> tuple[int, ...]:
        """Append records in one transaction; they are durable and signed for when this returns.

        Args:
            records: May be empty. An `end` refers to a stored `begin` of its operation that has no end yet. A function
                is called once nobody else can append, so that what it makes may follow from what the log holds; an
                error of it leaves the log as it was.
            now: Current time, timezone-aware.

        Returns:
            The index of each entry.

        Raises:
            UsageError: Read-only, or an entry refers to a wrong one, lies in the future, lacks a slot, or is too long
                to be published (65,535 bytes).
            IntegrityError: The stored log was altered, rolled back or signed by another key.
            EnvironmentFailure: Busy for 10 s, or a full disk; nothing was appended.
        """
        if self._signer is None:
            raise UsageError("the log is open for reading only; open it with its signing key to append")
        with self._writing():
            frontier = self._current_frontier(self._signer.verifier)
            made = records() if callable(records) else records
            for record in made:
                _check_record(record, now)
            if not made:
                return ()
            first = frontier.size
            self._insert(made, frontier)
            checkpoint = Checkpoint(self._signer.name, frontier.size, frontier.root())
            self._db.execute("UPDATE checkpoint SET note = ?", (sign_checkpoint(checkpoint, self._signer),))
        # Only a committed edge is kept, so that a failed append leaves no trace here either.
        self._frontier = frontier
        return tuple(range(first, frontier.size))

    def require_writable(self, free: int = LEAST_FREE) -> None:
        """Check that entries could be appended now, without appending any.

        Args:
            free: Bytes that must be left on its file system.

        Raises:
            UsageError: The log is open for reading only.
            EnvironmentFailure: Another process has kept it for some seconds, there is too little space, or the file
                system takes nothing.
        """
        if self._signer is None:
            raise UsageError("the log is open for reading only; open it with its signing key to append")
        with self._lock, translated(self._path):
            # Whoever asks must not wait as long as an entry may.
            self._db.execute(f"PRAGMA busy_timeout = {round(_WAIT_SECONDS * 1000)}")
            try:
                with self._writing():
                    pass
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
        try:
            room = os.statvfs(self._path.parent)
        except OSError as error:
            raise EnvironmentFailure(f"the log {self._path} cannot be reached ({error.strerror}); check it") from error
        if room.f_flag & os.ST_RDONLY:
            raise EnvironmentFailure(f"the log {self._path}: its file system takes nothing; mount it for writing")
        if room.f_bavail * room.f_frsize < free:
            raise EnvironmentFailure(f"the log {self._path}: the disk is full; free some space and repeat")

    def delete_openings(self, key_id: str) -> int:
        """Destroy every opening sealed by one key: no byte of them stays in the database or its WAL.

        Returns:
            How many were destroyed; 0 if this was done before.

        Raises:
            UsageError: The log is open for reading only.
            EnvironmentFailure: Another process is reading, so that the WAL cannot be emptied; call it again.
        """
        if self._signer is None:
            raise UsageError("the log is open for reading only; open it with its signing key to delete")
        # Blanks of the same size are written in place. DELETE would not do, even with secure_delete: it can
        # merge pages, and old copies of the neighbours then stay in unused space, where their own deletion
        # does not reach.
        with self._writing():
            cursor = self._db.execute(
                "UPDATE openings SET blank = 1, sealed = zeroblob(length(sealed)),"
                " key_id = zeroblob(length(key_id)) WHERE key_tag = ? AND key_id = ? AND blank = 0",
                (key_tag(key_id.encode()), key_id.encode()),
            )
        with self._lock, translated(self._path):
            empty = emptied(self._db, BUSY_SECONDS)
        if not empty:
            raise EnvironmentFailure(
                f"the log {self._path} is being read and its WAL keeps traces; close the readers and repeat"
            )
        return cursor.rowcount

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _load(self, verifier: Verifier | None) -> merkle.Frontier:
        """Read the right edge, and check it against the checkpoint and the last entry."""
        try:
            stored = open_checkpoint(self.checkpoint(), verifier) if verifier else self._stored_checkpoint()
        except IntegrityError as error:
            raise IntegrityError(f"the log {self._path}: {error}") from None
        size = stored.size
        (entries,) = self._db.execute("SELECT coalesce(max(number) + 1, 0) FROM entries").fetchone()
        (nodes,) = self._db.execute("SELECT coalesce(max(position) + 1, 0) FROM nodes").fetchone()
        if entries != size or nodes != merkle.stored_count(size):
            raise IntegrityError(f"the log {self._path} has {entries} entries where {size} are signed; restore it")
        frontier = merkle.Frontier(size, [self._node(*node) for node in merkle.complete_subtrees(0, size)])
        if frontier.root() != stored.root:
            raise IntegrityError(f"the hashes of the log {self._path} do not fit its checkpoint; restore it")
        if size:
            (leaf,) = self._db.execute("SELECT leaf FROM entries WHERE number = ?", (size - 1,)).fetchone()
            if merkle.leaf_hash(leaf) != self._node(0, size - 1):
                raise IntegrityError(f"entry {size - 1} of the log {self._path} was altered; restore it")
        return frontier

    def _current_frontier(self, verifier: Verifier) -> merkle.Frontier:
        """Return the edge to append to: ours, or another process's after checking that it continues ours."""
        known = self._frontier
        if self._stored_checkpoint() == Checkpoint(verifier.name, known.size, known.root()):
            return known.copy()
        loaded = self._load(verifier)
        if loaded.size < known.size or merkle.tree_root(known.size, self._node) != known.root():
            raise IntegrityError(
                f"the log {self._path} does not continue what it held at size {known.size}; restore it"
            )
        return loaded

    def _insert(self, records: Sequence[Record], frontier: merkle.Frontier) -> None:
        first, position = frontier.size, merkle.stored_count(frontier.size)
        entries, nodes, openings = [], [], []
        for number, record in enumerate(records, first):
            leaf = record.entry.encode()
            if len(leaf) > MAX_LEAF_BYTES:
                raise UsageError(f"an entry of {len(leaf)} bytes cannot be published; the limit is {MAX_LEAF_BYTES}")
            entries.append((number, leaf, self._ends(record.entry, number, records, first)))
            for hashed in frontier.append(merkle.leaf_hash(leaf)):
                nodes.append((position, hashed))
                position += 1
            for opening in record.openings:
                key_id = opening.key_id.encode()
                openings.append((number, opening.slot, key_tag(key_id), key_id, opening.sealed))
        try:
            self._db.executemany("INSERT INTO entries VALUES (?, ?, ?)", entries)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                raise UsageError("an operation has ended already; end each beginning once") from error
            raise
        self._db.executemany("INSERT INTO nodes VALUES (?, ?)", nodes)
        self._db.executemany(
            "INSERT INTO openings (entry, slot, key_tag, blank, key_id, sealed) VALUES (?, ?, ?, 0, ?, ?)",
            openings,
        )

    def _ends(self, entry: Entry, number: int, records: Sequence[Record], first: int) -> int | None:
        """Return the index of the beginning that the entry ends, or None if it ends none."""
        if entry.refers is None:
            return None
        if entry.refers >= number:
            raise UsageError(f"entry {number} cannot refer to {entry.refers}; refer to an earlier entry")
        if entry.phase is not Phase.END:
            return None
        begun = records[entry.refers - first].entry if entry.refers >= first else self._entry(entry.refers)
        if begun.phase is not Phase.BEGIN or begun.operation != entry.operation:
            raise UsageError(f"entry {entry.refers} does not begin {entry.operation!r}; refer to its beginning")
        return entry.refers


def _check_record(record: Record, now: datetime) -> None:
    if record.entry.time > now + CLOCK_TOLERANCE:
        raise UsageError("an entry lies in the future; check the clock and repeat")
    slots = [opening.slot for opening in record.openings]
    if len(set(slots)) != len(slots) or not set(slots) <= set(record.entry.slots):
        raise UsageError("each opening needs a slot of its own among the entry's commitments")
