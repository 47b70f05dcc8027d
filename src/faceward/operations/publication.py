"""The log for outsiders: opened with its public key alone, and published as a folder."""

from __future__ import annotations

from pathlib import Path

from faceward.audit.log import Log
from faceward.audit.note import Verifier
from faceward.audit.publish import Publication, content, publish
from faceward.audit.tiles import TILE_HEIGHT, Tile
from faceward.core.errors import UsageError
from faceward.operations.config import LOG_FILE
from faceward.operations.log_files import read_vkey


def log_key(home: Path) -> Verifier:
    """Return the public key of a deployment's log.

    Raises:
        UsageError: There is no deployment.
        BadInput: Its file holds no key.
    """
    return Verifier.from_vkey(read_vkey(home))


def open_log(home: Path) -> Log:
    """Open a deployment's log for reading. Needs no secret.

    Raises:
        UsageError: There is no deployment.
        IntegrityError: The log was altered, or is signed by another key.
    """
    return Log.open(home / LOG_FILE, verifier=log_key(home))


def publish_home(home: Path, folder: Path, *, latest: bool = False) -> Publication:
    """Publish a deployment's log to a folder; see `audit.publish.publish`. Needs no secret."""
    with open_log(home) as log:
        return publish(log, folder, log_key(home), latest=latest)


def tile_of(log: Log, path: str) -> bytes:
    """Return a tile or a bundle of entries of a log as it is now (C2SP tlog-tiles); both are salted commitments (L4).

    Args:
        log: The log.
        path: Such as `tile/0/000.p/17` or `tile/entries/000`.

    Raises:
        UsageError: The path names none, or the log is not that long.
    """
    tile = Tile.at(path)
    held = log.size >> (TILE_HEIGHT * (tile.level or 0))
    if tile.index * (1 << TILE_HEIGHT) + tile.width > held:
        raise UsageError(f"there is no tile {path[:80]!r} yet: the log is shorter")
    return content(log, tile)
