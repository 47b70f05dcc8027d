"""Publishing a log as a folder of plain files that any web server can serve (C2SP tlog-tiles).

At every instant the folder holds a checkpoint together with all tiles of its tree, or no checkpoint yet: new files
are written beside the old ones, the checkpoint takes the place of the old one last, and only then is anything
removed that the new tree no longer needs.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.checkpoint import Checkpoint, open_checkpoint
from faceward.audit.cosigned import MAX_NOTE_FILE, size_of, with_signatures
from faceward.audit.files import failures_named, read_text, replace_file
from faceward.audit.note import parse_note
from faceward.audit.strict import decode_decimal
from faceward.audit.tiles import CHECKPOINT_FILE, TILE_HEIGHT, TILE_WIDTH, Tile, encode_bundle, new_tiles
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError
from faceward.core.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faceward.audit.note import Verifier
    from faceward.audit.reader import LogReader

_STAGING = ".staging"
_ENTERED = 0o755
# Within it: up to which size partial tiles were removed, while a publication is being finished.
_SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published.

    Attributes:
        checkpoint: The tree that readers now see.
        before: Size of the tree that they saw before, or None if there was none.
        written: Number of tiles and bundles that were written.
        cosigners: Names of the keys other than the log's that signed the checkpoint.
        waiting: Number of entries in the log that the publication does not cover yet.
    """

    checkpoint: Checkpoint
    before: int | None
    written: int
    cosigners: tuple[str, ...]
    waiting: int


def publish(log: LogReader, folder: Path, verifier: Verifier, *, latest: bool = False) -> Publication:
    """Bring a folder up to date with the log.

    Published is the latest checkpoint that witnesses cosigned, if there is one and it is not behind what the folder
    holds, else the log's current one; with every cosignature of it that is known.

    Args:
        log: The log, open for reading at least.
        folder: Made if it is not there; its parent must be.
        verifier: The log's public key.
        latest: Publish the current checkpoint even if no witness has seen it yet.

    Raises:
        IntegrityError: The folder holds another log, or what this log does not continue.
        EnvironmentFailure: It cannot be written, or another process is publishing to it.
    """
    with failures_named(folder), _locked(folder):
        # 1. What readers see now is of this log; what a killed publisher was still to remove from it goes.
        before = _published(log, folder, verifier)
        known = before.size if before else 0
        _sweep(folder, known)
        # 2. Choose the checkpoint.
        current = log.checkpoint()
        note = _choose(log, current, size_of(current) if latest else known)
        chosen = open_checkpoint(note, verifier)
        if chosen.size < known:
            raise IntegrityError(f"{folder} holds {known} entries, the log only {chosen.size}; it was rolled back")
        # 3. Everything that it needs is durable before it is there.
        tiles = list(new_tiles(known, chosen.size))
        _write(log, folder, tiles)
        # 4. Readers see it; what is to be removed then is known whatever happens.
        replace_file(folder / _STAGING / _SWEEP, str(known).encode())
        sync_folder(folder / _STAGING)
        replace_file(folder / CHECKPOINT_FILE, note.encode(), folder / _STAGING)
        sync_folder(folder)
        # 5. Partial tiles give way to full ones.
        _sweep(folder, chosen.size)
    return Publication(
        checkpoint=chosen,
        before=before.size if before else None,
        written=len(tiles),
        cosigners=tuple(s.name for s in parse_note(note).signatures if s.key_id != verifier.key_id),
        waiting=open_checkpoint(current, verifier).size - chosen.size,
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder alone, with an empty place for drafts."""
    _make_folders(folder, folder)
    staging = folder / _STAGING
    staging.mkdir(exist_ok=True)
    handle = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentFailure(f"{folder}: another process is publishing there; repeat it later") from None
        # Left by a process that was killed.
        for draft in staging.iterdir():
            if draft.name != _SWEEP:
                draft.unlink()
        yield
    finally:
        os.close(handle)


def _published(log: LogReader, folder: Path, verifier: Verifier) -> Checkpoint | None:
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    try:
        published = open_checkpoint(read_text(path, MAX_NOTE_FILE, "checkpoint"), verifier)
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error}") from error
    if published.size > log.size:
        raise IntegrityError(f"{folder} holds {published.size} entries, the log only {log.size}; it was rolled back")
    if log.root(published.size) != published.root:
        raise IntegrityError(
            f"the log does not continue what {folder} holds at size {published.size}; it was rewritten"
        )
    return published


def _choose(log: LogReader, current: str, known: int) -> str:
    """Return the latest cosigned checkpoint, if it reaches a size, or the current one, with every cosignature."""
    cosigned = log.cosigned()
    if cosigned and cosigned[-1].checkpoint.size >= known:
        return cosigned[-1].note
    return with_signatures(current, [one.note for one in cosigned])


def _write(log: LogReader, folder: Path, tiles: list[Tile]) -> None:
    touched: set[Path] = set()
    for tile in tiles:
        path = folder / tile.path
        _make_folders(folder, path.parent)
        replace_file(path, content(log, tile), folder / _STAGING)
        # All of them, because a process that was killed may have made a folder and not got so far.
        touched.update(folder / parent for parent in path.relative_to(folder).parents)
    for parent in touched:
        sync_folder(parent)


def _make_folders(folder: Path, wanted: Path) -> None:
    """Make folders below the publication's that everybody may enter, whatever the umask."""
    for parent in reversed([wanted, *wanted.parents]):
        if parent.is_relative_to(folder) and not parent.exists():
            parent.mkdir()
            parent.chmod(_ENTERED)


def content(log: LogReader, tile: Tile) -> bytes:
    """Return the bytes of one tile or bundle of a log."""
    first = tile.index * TILE_WIDTH
    if tile.level is None:
        return encode_bundle([leaf for _, leaf in log.leaves(first, first + tile.width)])
    return b"".join(log.hashes(tile.level * TILE_HEIGHT, first, tile.width))


def _sweep(folder: Path, size: int) -> None:
    """Remove the partial tiles that gave way to full ones between the size noted before and this one."""
    noted = folder / _STAGING / _SWEEP
    if not noted.exists():
        return
    first = min(_noted(noted), size)
    for tile in new_tiles(first, size):
        partials = folder / f"{tile.path}.p"
        if tile.width == TILE_WIDTH and partials.is_dir():
            for partial in partials.iterdir():
                partial.unlink()
            partials.rmdir()
    noted.unlink()


def _noted(path: Path) -> int:
    try:
        return decode_decimal(read_text(path, 32, "note of a publisher"), "the note of a publisher")
    except FacewardError:
        # Damaged: everything is looked through.
        return 0
