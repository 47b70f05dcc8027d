"""SQLite files as they are at one moment, read while others go on writing to them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from faceward.core.errors import EnvironmentFailure, IntegrityError

_BUSY_SECONDS = 10.0


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise IntegrityError(f"{path}: is damaged; it cannot be backed up") from error
        raise EnvironmentFailure(f"{path}: cannot be read: {error}; wait for other processes and repeat") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def log_held(path: Path) -> Iterator[None]:
    """Let nobody append to the log for a moment."""
    with _translated(path):
        connection = _connect(path, "rw")
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()


@contextmanager
def pinned(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold a connection that goes on seeing a file as it is now."""
    with _translated(path):
        connection = _connect(path, "ro")
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            yield connection
        finally:
            connection.close()


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Write what a connection sees to a new file, mode 0600, with no journal beside it."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with _translated(target):
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
