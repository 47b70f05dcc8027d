"""Versions of a deployment's files, and bringing them to this program's after a backup.

Opening a deployment brings older files up to date in any case, each file in one transaction. What is done here beside
that is to say it beforehand, to keep the way back, and to check afterwards.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from faceward.audit.entries import Phase
from faceward.audit.schema import SCHEMA_VERSION
from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.results import JSONDict
from faceward.custody.state import SCHEMA as CUSTODIAN_SCHEMA
from faceward.gallery.migrations import SCHEMA as GALLERY_SCHEMA
from faceward.operations.backup import SECRET, Backup, Places, make, record
from faceward.operations.config import (
    CUSTODIAN_FILE,
    GALLERY_FILE,
    KEY_FILE,
    KEYS_FILE,
    LOG_FILE,
    SESSION_GUARD,
    read_config,
)
from faceward.operations.journal import Happening
from faceward.operations.snapshots import pinned
from faceward.operations.system import System
from faceward.protection.guard import ProcessGuard
from faceward.protection.holder import MasterKeyHolder
from faceward.protection.key_schema import SCHEMA as KEYS_SCHEMA
from faceward.protection.rotation import open_keys

_LATEST = {
    GALLERY_FILE: len(GALLERY_SCHEMA.migrations),
    KEYS_FILE: len(KEYS_SCHEMA.migrations),
    CUSTODIAN_FILE: len(CUSTODIAN_SCHEMA.migrations),
    LOG_FILE: SCHEMA_VERSION,
}
_SECRET_FOLDER = ".opened"  # noqa: S105 - the name of a folder


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file's version.

    Attributes:
        name: The file.
        present: Its version.
        latest: The one that this program writes.
    """

    name: str
    present: int
    latest: int

    @property
    def state(self) -> str:
        """`current`, `older`, or `newer` than this program knows."""
        if self.present == self.latest:
            return "current"
        return "older" if self.present < self.latest else "newer"

    def to_json(self) -> JSONDict:
        """Return the object that is printed."""
        return {"file": self.name, "version": self.present, "latest": self.latest, "state": self.state}


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An upgrade that was done.

    Attributes:
        files: What was brought up to date, as it was before.
        backup: The backup from before; None where nothing was to be done.
    """

    files: tuple[FileVersion, ...]
    backup: Backup | None

    def to_json(self) -> JSONDict:
        """Return the object that is printed."""
        return {
            "files": [one.to_json() for one in self.files],
            "backup": None if self.backup is None else self.backup.to_json(),
        }


def versions(home: Path) -> tuple[FileVersion, ...]:
    """Read the versions of a deployment's files; nothing is changed, and no secret is needed.

    Raises:
        UsageError: There is no deployment.
        IntegrityError: Its description is of another format, or a file is damaged.
        EnvironmentFailure: A file cannot be read.
    """
    read_config(home)
    found = []
    for name, latest in _LATEST.items():
        if name == CUSTODIAN_FILE and not (home / name).exists():
            # A custodian of its own has his elsewhere.
            continue
        with pinned(home / name) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        found.append(FileVersion(name, version, latest))
    return tuple(found)


def upgrade(
    home: Path,
    places: Places,
    moment: datetime,
    master: Callable[[Path], MasterKeyHolder],
    opener: Callable[[Path], System],
) -> Upgraded:
    """Bring a deployment's files up to date: back up, open, which migrates, check everything, and say so in the log.

    Args:
        home: Its folder, which no other process has open.
        places: Where the backup goes.
        moment: The time, UTC.
        master: Returns what opens the master key, given its file.
        opener: Opens a deployment, given its folder.

    Raises:
        UsageError: Another process has it open, or the backup cannot be put there.
        IntegrityError: A file is newer than this program, or does not stand the checks.
        EnvironmentFailure: A file cannot be read or written.
    """
    found = versions(home)
    newer = [one.name for one in found if one.state == "newer"]
    if newer:
        raise IntegrityError(
            f"{', '.join(newer)}: written by a newer version of faceward; use that one, or restore a backup from before"
        )
    older = tuple(one for one in found if one.state == "older")
    if not older:
        return Upgraded((), None)
    with ProcessGuard(home / SESSION_GUARD).exclusive() as alone:
        if not alone:
            raise UsageError(f"{home}: is in use; stop the service and every other program that has it open")
        backup = make(home, places, lambda folder: _secret(folder, master), moment)
    with opener(home) as system:
        deployment, desk = system._deployment, system._desk  # noqa: SLF001 - one of the operations itself
        deployment.keys.check()
        deployment.store.check()
        system.verify_log()
        record(desk, backup)
        changed: JSONObject = {one.name: [one.present, one.latest] for one in older}
        desk.journal.write(Phase.NOTE, [desk.announced(Happening("upgrade", {"files": changed}))])
    return Upgraded(older, backup)


def _secret(folder: Path, master: Callable[[Path], MasterKeyHolder]) -> bytes:
    """Read the secret from copies of the copies: opening migrates, and what is backed up must stay as it was."""
    opened = folder / _SECRET_FOLDER
    shutil.rmtree(opened, ignore_errors=True)
    opened.mkdir(mode=0o700)
    for path in folder.glob(f"{KEY_FILE}*"):
        shutil.copyfile(path, opened / path.name)
    shutil.copyfile(folder / KEYS_FILE, opened / KEYS_FILE)
    keys = open_keys(opened / KEYS_FILE, master(opened / KEY_FILE))
    try:
        return keys.secret(SECRET)
    finally:
        keys.close()
        shutil.rmtree(opened)
