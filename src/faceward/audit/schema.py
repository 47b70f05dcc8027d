"""The log's SQLite file: its schema, how it is opened, and its failures in the project's own errors."""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError
from faceward.core.files import sync_folder
from faceward.core.schema import deviation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA_VERSION = 1
APPLICATION_ID = 0x4657_4C47  # "FWLG"
BUSY_SECONDS = 10.0

# Dense inserts only: this also stops INSERT OR REPLACE, which fires no delete trigger. The openings alone can
# be blanked, because they may be personal; they are outside the tree.
SCHEMA = """
CREATE TABLE entries (number INTEGER PRIMARY KEY, leaf BLOB NOT NULL, ends INTEGER) STRICT;
CREATE UNIQUE INDEX entries_ends ON entries (ends) WHERE ends IS NOT NULL;
CREATE TABLE nodes (position INTEGER PRIMARY KEY, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;
CREATE TABLE checkpoint (only INTEGER PRIMARY KEY CHECK (only = 1), note TEXT NOT NULL) STRICT;
CREATE TABLE openings (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    slot TEXT NOT NULL,
    key_tag INTEGER NOT NULL,
    blank INTEGER NOT NULL,
    key_id BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX openings_place ON openings (entry, slot);
CREATE INDEX openings_key ON openings (key_tag);
CREATE TRIGGER entries_append BEFORE INSERT ON entries
    WHEN NEW.number IS NOT (SELECT coalesce(max(number) + 1, 0) FROM entries)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER entries_update BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER nodes_append BEFORE INSERT ON nodes
    WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM nodes)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER nodes_update BEFORE UPDATE ON nodes
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER nodes_delete BEFORE DELETE ON nodes
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""

_FAILURES = {
    sqlite3.SQLITE_BUSY: "another process keeps it busy; try again when that has finished",
    sqlite3.SQLITE_LOCKED: "another process keeps it busy; try again when that has finished",
    sqlite3.SQLITE_FULL: "the disk is full; free some space and repeat",
    sqlite3.SQLITE_READONLY: "it cannot be written; give this user write access to the file and its folder",
    sqlite3.SQLITE_PERM: "permission was denied; give this user access to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; give this user access to the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; check its space, quota and health, and repeat",
    sqlite3.SQLITE_NOMEM: "memory ran out; close other programs and repeat",
    sqlite3.SQLITE_INTERRUPT: "the operation was interrupted; repeat it",
}


def translate(error: sqlite3.Error, path: Path) -> FacewardError:
    """Return the project's error for one of SQLite's (result codes: sqlite.org/rescode.html)."""
    if isinstance(error, sqlite3.ProgrammingError):
        return UsageError(f"the log {path} is closed; open it again")
    # The low byte is the primary result code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in _FAILURES:
        return EnvironmentFailure(f"the log {path}: {_FAILURES[code]}")
    return IntegrityError(f"the log {path} is damaged or no log ({error}); restore it from a backup")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into EnvironmentFailure or IntegrityError."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


def key_tag(key_id: bytes) -> int:
    """Return 63 bits of SHA-256 of a key's identifier, by which its openings are found."""
    return int.from_bytes(hashlib.sha256(key_id).digest()[:8], "big") >> 1


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Open an existing log and check that it is one of this version.

    Raises:
        IntegrityError: No log, damaged, or written by a newer version.
        EnvironmentFailure: No permission, or busy.
    """
    if not _is_file(path):
        raise IntegrityError(f"there is no log at {path}; give its path or restore it from a backup")
    with translated(path):
        connection = _connect_readonly(path) if readonly else _connect(path, "rw")
        try:
            _check_version(connection, path)
            check_schema(connection, path)
            if not readonly:
                prepare_writer(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise EnvironmentFailure(f"the log {path} cannot be reached ({error.strerror}); give access to it") from error


def prepare_writer(connection: sqlite3.Connection) -> None:
    """Set what a writer needs: WAL, an fsync at each commit, and blanking of what is freed."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?{mode if '=' in mode else 'mode=' + mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = _decode_text
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _decode_text(data: bytes) -> str:
    # Damaged text must reach the strict readers, not raise in the middle of a query.
    return data.decode("utf-8", "surrogateescape")


def _connect_readonly(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # A reader of a WAL database wants a -shm file beside it. On read-only media there can be none, and
        # without a -wal file the database is complete by itself.
        unwritable = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
        wal = path.with_name(path.name + "-wal")
        if not unwritable or not os.access(path, os.R_OK) or (wal.exists() and wal.stat().st_size):
            raise
        return _connect(path, "mode=ro&immutable=1")
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise IntegrityError(f"{path} is not a log; give the path of log.db or restore it from a backup")
    if version > SCHEMA_VERSION:
        raise IntegrityError(
            f"the log {path} is of version {version}, this program knows {SCHEMA_VERSION}; update the program"
        )
    if version != SCHEMA_VERSION:
        raise IntegrityError(f"the log {path} has the unknown version {version}; restore it from a backup")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the file holds the log's tables, indexes and triggers, and nothing else.

    Raises:
        IntegrityError: It does not, and so was altered.
    """
    wrong = deviation(connection, (SCHEMA,))
    if wrong is not None:
        raise IntegrityError(f"the log {path} was altered: {wrong}; restore it from a backup")


def create_file(path: Path, first_checkpoint: str) -> None:
    """Create an empty log that is either whole or absent, whenever the process dies.

    Raises:
        FileExistsError: Something is at the path.
        EnvironmentFailure: No permission, or the disk is full.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with translated(path), closing(_connect(draft, "rw")) as connection:
            prepare_writer(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.executescript(f"BEGIN;{SCHEMA}COMMIT;")
            connection.execute("INSERT INTO checkpoint VALUES (1, ?)", (first_checkpoint,))
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        # A link, unlike a rename, never replaces the log of another process.
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
