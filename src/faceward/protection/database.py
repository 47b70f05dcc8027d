"""One way to open a SQLite file: durable, wiped on deletion, migrated, and with errors people can act on.

SQLite drops a process's locks on a file when *any* descriptor on it is closed (POSIX advisory locks), so
nothing here opens the database file beside SQLite while a connection lives.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError
from faceward.core.schema import deviation
from faceward.core.wal import emptied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_CAUSES = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and repeat",
    sqlite3.SQLITE_IOERR: "the disk refused to read or write; check its space and health and repeat",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the folder and its permissions",
    sqlite3.SQLITE_READONLY: "it cannot be written; check its permissions",
    sqlite3.SQLITE_PERM: "it cannot be accessed; check its permissions",
    sqlite3.SQLITE_NOMEM: "there is no memory left; close other programs and repeat",
}
# Deleted values are looked for in the whole file; a sample is enough where thousands go together, because
# SQLite wipes them all in the same way.
_SCANNED = 16
_SMALLEST = 512
_PRAGMAS = (
    # FULL: a commit that was reported survives a power cut.
    "PRAGMA synchronous = FULL",
    # Deleted cells are overwritten with zeros in the pages themselves.
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    # Intermediate results never reach a temporary file.
    "PRAGMA temp_store = MEMORY",
)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a SQLite file holds.

    Attributes:
        what: Name for messages, for example `the key store`.
        application_id: Number in the file's header that says whose file it is.
        migrations: The statements that lead to version 1, 2, …; numbered by their place, never edited once
            released.
    """

    what: str
    application_id: int
    migrations: tuple[tuple[str, ...], ...]


class Database:
    """A connection that may be shared by threads; processes each open their own.

    Args:
        path: The file.
        schema: What it must hold.
        create: Make the file; otherwise it must exist.
        busy_seconds: How long to wait for another process's transaction.

    Raises:
        UsageError: `create`, and the file is already set up.
        IntegrityError: The file is missing, damaged, foreign or of a newer version.
        EnvironmentFailure: No permission, no space, or busy for too long.
    """

    def __init__(self, path: Path, schema: Schema, *, create: bool = False, busy_seconds: float = 10.0) -> None:
        self.path = path
        self._schema = schema
        self._patience = busy_seconds
        self._lock = threading.RLock()
        if create:
            self._create_file()
        elif not path.exists():
            raise IntegrityError(f"{schema.what} {path} is missing; restore it from its backup")
        with self._translated():
            self._connection = sqlite3.connect(
                path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare(create)
        except FacewardError:
            self._connection.close()
            raise

    def _create_file(self) -> None:
        try:
            # SQLite gives the WAL and its index the mode of the database.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            # SQLite takes a file shorter than its header for an empty one, and would overwrite it.
            if 0 < self.path.stat().st_size < _SMALLEST:
                raise UsageError(f"{self.path} already exists; choose another place or remove it") from None
        except OSError as error:
            raise EnvironmentFailure(
                f"{self._schema.what} {self.path} cannot be created ({error.strerror}); check the folder"
            ) from error

    def _prepare(self, create: bool) -> None:
        name, latest = f"{self._schema.what} {self.path}", len(self._schema.migrations)
        with self._translated():
            # Before anything else: what was planted in the file must not act on what follows.
            self._connection.execute("PRAGMA trusted_schema = OFF")
            self._connection.execute("BEGIN DEFERRED")
            application, version = self._pragma("application_id"), self._pragma("user_version")
            tables = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            known = tuple(sql for statements in self._schema.migrations[:version] for sql in statements)
            wrong = deviation(self._connection, known)
            self._connection.execute("COMMIT")
            fresh = (application, version, tables) == (0, 0, 0)
            if create and not fresh:
                raise UsageError(f"{name} already exists; choose another place or remove it")
            if not fresh and application != self._schema.application_id:
                raise IntegrityError(f"{self.path} is not {self._schema.what} of faceward; check the path")
            if version > latest:
                raise IntegrityError(f"{name} has the newer version {version}; upgrade faceward to open it")
            if fresh and not create:
                raise IntegrityError(f"{name} is empty; restore it from its backup or set up the deployment again")
            if wrong is not None:
                raise IntegrityError(f"{name} was altered: {wrong}; restore it from its backup")
            self._connection.execute("PRAGMA journal_mode = WAL")
            for pragma in _PRAGMAS:
                self._connection.execute(pragma)
        if version < latest:
            self._migrate()

    def _migrate(self) -> None:
        with self.transaction() as connection:
            # Another process may have migrated while this one waited for the lock.
            version = self._pragma("user_version")
            for statements in self._schema.migrations[version:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self._schema.application_id}")
            connection.execute(f"PRAGMA user_version = {len(self._schema.migrations)}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Run a block as one write transaction; any error rolls everything back.

        Args:
            durable: Whether it is to outlive a power cut when this returns. Otherwise it does with the next one that
                is: the write-ahead log keeps their order. Either way it outlives the process.

        Raises:
            IntegrityError: The file is damaged, or a constraint does not hold.
            EnvironmentFailure: Full disk, no permission, or busy for too long.
        """
        with self._lock:
            if not durable:
                self._synchronous("NORMAL")
            try:
                with self._block("BEGIN IMMEDIATE") as connection:
                    yield connection
            finally:
                if not durable:
                    self._synchronous("FULL")

    def _synchronous(self, mode: str) -> None:
        # Outside of a transaction, where alone SQLite allows it.
        with self._translated():
            self._connection.execute(f"PRAGMA synchronous = {mode}")

    def state(self) -> tuple[int, int]:
        """Return what is another after each commit, of this connection or of any other process; cheap to ask.

        Raises:
            IntegrityError: The file is damaged.
            EnvironmentFailure: It cannot be read.
        """
        with self._lock, self._translated():
            # The first counts what others commit, the second what this connection changes.
            return self._pragma("data_version"), self._connection.total_changes

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Run a block of reads that all see the same state.

        Raises:
            IntegrityError: The file is damaged.
            EnvironmentFailure: It cannot be read.
        """
        with self._block("BEGIN DEFERRED") as connection:
            yield connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return what one query finds; a query alone sees one state without a transaction around it.

        Raises:
            IntegrityError: The file is damaged.
            EnvironmentFailure: It cannot be read.
        """
        with self._lock:
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                raise self._failure(error) from error

    @contextmanager
    def _block(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def wipe_journal(self) -> None:
        """Move everything into the database file and cut the write-ahead log to nothing.

        After a deletion this removes the last old page images from the files.

        Raises:
            EnvironmentFailure: Another process reads the file at this moment, and did for as long as we
                waited.
        """
        with self._lock, self._translated():
            empty = emptied(self._connection, self._patience)
        if not empty:
            raise EnvironmentFailure(
                f"deleted bytes remain beside {self.path} while another process reads; stop it and repeat"
            )

    def wipe(self, deleted: Sequence[bytes]) -> None:
        """Wipe the journal, and check that deleted bytes are gone from the file, free pages included.

        Raises:
            EnvironmentFailure: As for `wipe_journal`.
            IntegrityError: Deleted bytes are still there.
        """
        self.wipe_journal()
        if not deleted:
            return
        with self._lock, self._translated():
            contents = self._connection.serialize()
        if any(value in contents for value in deleted[:_SCANNED]):
            raise IntegrityError(f"deleted bytes are still in {self.path}; check that its SQLite wipes what it deletes")

    def check(self) -> None:
        """Verify the file's structure, constraints and references between tables.

        Raises:
            IntegrityError: Something does not hold.
        """
        with self.snapshot() as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
            if found != ["ok"] or connection.execute("PRAGMA foreign_key_check").fetchone():
                raise IntegrityError(f"{self._schema.what} {self.path} is damaged; restore it from its backup")

    def close(self) -> None:
        """Close the connection; a closed database cannot be used again."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> FacewardError:
        name = f"{self._schema.what} {self.path}"
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BUSY:
            return EnvironmentFailure(f"{name} is busy with another process; wait for it and repeat")
        if code in _CAUSES:
            return EnvironmentFailure(f"{name}: {_CAUSES[code]}")
        if code in _DAMAGED:
            return IntegrityError(f"{name} is damaged or not a database; restore it from its backup")
        if isinstance(error, sqlite3.IntegrityError):
            return IntegrityError(f"{name} refuses the change ({error}); check that its parts belong together")
        if isinstance(error, sqlite3.ProgrammingError):
            return UsageError(f"{name} is closed; open it again")
        return IntegrityError(f"{name} does not have the form expected ({error}); restore it from its backup")
