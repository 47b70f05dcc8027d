"""Backups of a deployment in use: two files, of which the one that opens the other exists once (rule T2).

The *archive* holds the gallery and the log, all of it sealed; the *key part* holds what opens them. Each new backup
puts its key part in the place of the former one, so that no archive on a shelf opens whom an erasure has ended since.

All SQLite files are read as of one moment. The log's lock is held while the moment is fixed, so that the log ends with
what the others know of it. The copying comes after: others read and write meanwhile. What destroys, such as an erasure,
waits until it is done, since SQLite's write-ahead logs cannot be emptied while they are read; after 10 seconds it says
that deleted bytes remain, and is to be repeated.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from faceward.audit.checkpoint import Checkpoint
from faceward.audit.entries import Phase
from faceward.audit.note import parse_note
from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.core.results import JSONDict
from faceward.operations import backup_files as files
from faceward.operations.config import (
    CONFIG_FILE,
    CUSTODIAN_FILE,
    GALLERY_FILE,
    KEYS_FILE,
    LOG_FILE,
    VKEY_FILE,
    read_config,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.snapshots import copy_database, log_held, pinned
from faceward.operations.staging import staging
from faceward.protection.age import HEADER

SECRET = "documents"  # noqa: S105 - the name of a secret, not one
"""The secret in the key store that a backup's manifests are authenticated under."""

BACKUP = "backup"
"""The operation of the entry that says that one was made."""

_IN_ARCHIVE = frozenset({GALLERY_FILE, LOG_FILE, VKEY_FILE, CONFIG_FILE, "log.cosigned"})
# What SQLite and locks leave beside the files, and the programs of a running service.
_PASSING = ("-wal", "-shm", "-journal", ".guard", ".tmp", ".part", ".sock", ".pid")
# Sessions and links of a running service: what ended since must not begin again.
_LEFT_OUT = frozenset({"service.db"})
_FOLDER = ".faceward-backup"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Places:
    """Where a backup goes.

    Attributes:
        archive: A new file.
        keys: The key part, which replaces that of the backup before; in another folder.
        recipients: age recipients that both are encrypted to; none leaves them as they are.
    """

    archive: Path
    keys: Path
    recipients: tuple[str, ...] = ()

    def check(self) -> None:
        """Check that a backup may be put there.

        Raises:
            UsageError: The archive exists, both would lie in one folder, or the key part would replace another file.
            EnvironmentFailure: A folder cannot be reached.
        """
        try:
            if self.archive.exists():
                raise UsageError(f"{self.archive}: exists already; give each archive a name of its own")
            if self.archive.resolve().parent == self.keys.resolve().parent:
                raise UsageError(
                    "archive and key part would lie in one folder, where one copy takes both; keep --keys elsewhere"
                )
            if self.keys.exists() and not _is_part(self.keys):
                raise UsageError(
                    f"{self.keys}: is no key part of a backup, and is not overwritten; choose another name"
                )
        except OSError as error:
            raise EnvironmentFailure(f"{error.filename}: {error.strerror}; check the path and permissions") from None


def _is_part(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(512)
    return start.startswith((HEADER, files.MANIFEST.encode() + b"\0"))


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made.

    Attributes:
        identifier: The same in both parts, 32 hexadecimal digits.
        made: When, RFC 3339.
        archive: The file of what is sealed.
        archive_sha256: Its digest.
        keys: The file of what opens it.
        keys_sha256: Its digest.
        log_size: Number of log entries it holds.
    """

    identifier: str
    made: str
    archive: Path
    archive_sha256: str
    keys: Path
    keys_sha256: str
    log_size: int

    def to_json(self) -> JSONDict:
        """Return the object that is printed."""
        return {
            "backup": self.identifier,
            "made": self.made,
            "archive": {"file": str(self.archive), "sha256": self.archive_sha256},
            "keys": {"file": str(self.keys), "sha256": self.keys_sha256},
            "log_size": self.log_size,
        }


def back_up(deployment: Deployment, desk: Desk, places: Places) -> Backup:
    """Back a deployment up while it is in use, and say so in the log.

    Raises:
        UsageError: See `Places.check`.
        EnvironmentFailure: A file cannot be read or written, or the log was busy for 10 s.
    """
    made = make(deployment.home, places, lambda _: deployment.lasting_secret(SECRET), deployment.now())
    record(desk, made)
    return made


def record(desk: Desk, made: Backup) -> None:
    """Say in the log that a backup was made, and by which digests its files are known."""
    details: JSONObject = {
        "backup": made.identifier,
        "archive": made.archive_sha256,
        "keys": made.keys_sha256,
        "log_size": made.log_size,
    }
    desk.journal.write(Phase.NOTE, [desk.announced(Happening(BACKUP, details))])


def make(home: Path, places: Places, secret: Callable[[Path], bytes], moment: datetime) -> Backup:
    """Make a backup; whole or not at all, save that the key part comes second.

    Args:
        home: The deployment's folder, which other processes may be using.
        places: Where it goes.
        secret: Returns the secret `SECRET`, given a folder with copies of the key store and the master key's file.
        moment: The time, UTC.

    Raises:
        UsageError: See `Places.check`, or another backup is under way there.
        EnvironmentFailure: A file cannot be read or written.
    """
    places.check()
    config = read_config(home)
    with ExitStack() as stack:
        sealed = stack.enter_context(staging(places.archive.parent / _FOLDER, "backup"))
        opening = stack.enter_context(staging(places.keys.parent / _FOLDER, "backup"))
        try:
            _snapshot(home, sealed, opening)
            seen = _checkpoint(sealed / LOG_FILE)
            identifier, made = secrets.token_hex(16), to_rfc3339(moment)
            digests = []
            for part, folder in ((files.ARCHIVE, sealed), (files.KEYS, opening)):
                names = sorted(path.name for path in folder.iterdir())
                inside = {name: files.contained(folder / name) for name in names}
                manifest = files.Manifest(part, identifier, config.origin, made, seen.size, seen.root.hex(), inside)
                tag = files.manifest_tag(manifest, secret(opening))
                digests.append(files.pack(folder, manifest, tag, folder / f".{part}", places.recipients))
            if places.archive.exists():
                raise UsageError(f"{places.archive}: exists already; give each archive a name of its own")
            files.put(sealed / f".{files.ARCHIVE}", places.archive)
            # Second: until here the former key part and its archive are a pair.
            files.put(opening / f".{files.KEYS}", places.keys)
        except OSError as error:
            where = error.filename or places.archive
            raise EnvironmentFailure(f"{where}: {error.strerror}; check space and permissions") from None
    return Backup(identifier, made, places.archive, digests[0], places.keys, digests[1], seen.size)


def _snapshot(home: Path, sealed: Path, opening: Path) -> None:
    names = sorted(path.name for path in home.iterdir() if path.is_file() and _lasting(path.name))
    databases = [name for name in names if name.endswith(".db")]
    plain = [name for name in names if name not in databases]
    # The gallery before the keys: a key that a reference needs is written before it.
    databases.sort(key=lambda name: (name == LOG_FILE, name == CUSTODIAN_FILE, name != GALLERY_FILE, name))
    for _ in range(_TRIES):
        with ExitStack() as stack:
            before = {name: (home / name).read_bytes() for name in plain}
            with log_held(home / LOG_FILE):
                held = {name: stack.enter_context(pinned(home / name)) for name in databases}
            # What could have come between: a change of the master key, or of a gallery's key at the custodian.
            steady = before == {name: (home / name).read_bytes() for name in plain if (home / name).exists()}
            if not steady or _custodied(home / KEYS_FILE) != _rows(held[KEYS_FILE]):
                continue
            for name, connection in held.items():
                copy_database(connection, _home_of(name, sealed, opening) / name)
            for name, data in before.items():
                target = _home_of(name, sealed, opening) / name
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(data)
            return
    raise EnvironmentFailure(f"{home}: its keys are being changed; wait for it and repeat")


def _home_of(name: str, sealed: Path, opening: Path) -> Path:
    # What is not known to be sealed goes with the keys.
    return sealed if name in _IN_ARCHIVE else opening


def _lasting(name: str) -> bool:
    return name not in _LEFT_OUT and not name.startswith(".") and not name.endswith(_PASSING)


def _custodied(path: Path) -> list[tuple[str, str]]:
    with pinned(path) as connection:
        return _rows(connection)


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'custodied'").fetchone():
        return []
    return connection.execute("SELECT gallery, key_id FROM custodied ORDER BY gallery").fetchall()


def _checkpoint(log: Path) -> Checkpoint:
    with pinned(log) as connection:
        [(note,)] = connection.execute("SELECT note FROM checkpoint").fetchall()
    return Checkpoint.from_body(parse_note(note).text)
