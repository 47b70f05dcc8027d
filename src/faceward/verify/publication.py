"""A published log checked whole: every hash is recomputed from the entries (C2SP tlog-tiles)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, open_checkpoint, open_kept
from faceward.audit.cosignature import CosignatureVerifier, Cosigned, verify_cosignatures
from faceward.audit.files import read_file, read_text
from faceward.audit.history import History
from faceward.audit.tiles import (
    CHECKPOINT_FILE,
    MAX_LEAF_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    decode_bundle,
    encode_bundle,
    is_tile_path,
)
from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceward.audit.note import Verifier

MAX_NOTE_BYTES = 64 * 1024
_MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_LEAF_BYTES)
_WIDTH = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class PublicationReport:
    """What a published log was found to hold.

    Attributes:
        checkpoint: The signed size and root, which the entries were found to have.
        cosigned: A cosignature of each witness that was asked for.
        history: What the entries say.
        earlier: Size of the earlier checkpoint that the log was found to continue, or None if none was given.
        beyond: Tiles that this checkpoint does not cover, by path in the folder; not checked.
        unknown: What else lies in the folder and is no part of a log, by path; names that begin with a dot are drafts.
    """

    checkpoint: Checkpoint
    cosigned: tuple[Cosigned, ...]
    history: History
    earlier: int | None
    beyond: tuple[str, ...]
    unknown: tuple[str, ...]


def verify_publication(
    folder: Path, verifier: Verifier, witnesses: Sequence[CosignatureVerifier] = (), earlier: str | None = None
) -> PublicationReport:
    """Check a published folder offline.

    Args:
        folder: A copy of what the log serves.
        verifier: The log's public key, from a source other than the folder.
        witnesses: Keys of witnesses; each must have cosigned.
        earlier: A signed checkpoint that somebody kept; the log must continue it.

    Raises:
        BadInput: The folder or a file cannot be read.
        IntegrityError: Something was altered, cut off, rolled back or forked, or a witness is missing.
    """
    # 1. The checkpoint is signed by the log and cosigned by every named witness.
    note = read_text(folder / CHECKPOINT_FILE, MAX_NOTE_BYTES, "checkpoint")
    checkpoint = open_checkpoint(note, verifier)
    cosigned = verify_cosignatures(note, witnesses)
    kept = None if earlier is None else open_kept(earlier, verifier)
    if kept is not None and kept.size > checkpoint.size:
        raise IntegrityError(
            f"{checkpoint.size} entries are published, a checkpoint of size {kept.size} was kept; it was rolled back"
        )
    # 2. The entries have its root, and every tile is what they make.
    walk = _Walk(folder, checkpoint.size, kept)
    walk.run()
    if walk.root != checkpoint.root:
        raise IntegrityError("the published entries and tiles do not have the root that was signed; they were altered")
    left = walk.unchecked()
    return PublicationReport(
        checkpoint=checkpoint,
        cosigned=cosigned,
        history=walk.history,
        earlier=kept.size if kept else None,
        beyond=tuple(path for path in left if is_tile_path(path)),
        unknown=tuple(path for path in left if not is_tile_path(path)),
    )


class _Walk:
    """One pass over the bundles, rebuilding tree and tiles beside them."""

    def __init__(self, folder: Path, size: int, kept: Checkpoint | None) -> None:
        self._folder, self._size, self._kept = folder, size, kept
        self._frontier = merkle.Frontier()
        self._levels: list[list[bytes]] = []
        self._indexes: list[int] = []
        self._checked: set[Path] = set()
        self.history = History()

    @property
    def root(self) -> bytes:
        return self._frontier.root()

    def run(self) -> None:
        self._check_kept()
        for first in range(0, self._size, TILE_WIDTH):
            width = min(TILE_WIDTH, self._size - first)
            for leaf in self._bundle(first // TILE_WIDTH, width):
                self.history.read(self._frontier.size, leaf)
                for level, hashed in enumerate(self._frontier.append(merkle.leaf_hash(leaf))):
                    if level % TILE_HEIGHT == 0:
                        self._add(level // TILE_HEIGHT, hashed)
                self._check_kept()
        for level in range(len(self._levels)):
            if self._levels[level]:
                self._flush(level)

    def unchecked(self) -> tuple[str, ...]:
        """Return what lies in the folder that no check has touched."""
        found = []
        for where, folders, files in os.walk(self._folder):
            # Drafts of a publisher; a link to a folder is not entered, and so is said.
            folders[:] = [name for name in folders if not name.startswith(".")]
            linked = [name for name in folders if (Path(where) / name).is_symlink()]
            paths = (Path(where) / name for name in (*files, *linked) if not name.startswith("."))
            found += [str(path.relative_to(self._folder)) for path in paths if path not in self._checked]
        return tuple(sorted(path for path in found if path != CHECKPOINT_FILE))

    def _check_kept(self) -> None:
        kept = self._kept
        if kept is not None and kept.size == self._frontier.size and kept.root != self._frontier.root():
            raise IntegrityError(
                f"the published log is not the one whose checkpoint of size {kept.size} was kept: "
                "an entry before that was altered and the log signed anew"
            )

    def _bundle(self, index: int, width: int) -> tuple[bytes, ...]:
        copies = self._copies(None, index)
        # The full bundle stands in for a partial one that is no longer there.
        source = width if width in copies else TILE_WIDTH
        if source not in copies:
            raise self._missing(Tile(None, index, width))
        leaves = decode_bundle(self._read(copies[source], _MAX_BUNDLE_BYTES), source)[:width]
        self._compare(copies, width, lambda part: encode_bundle(leaves[:part]))
        return leaves

    def _add(self, level: int, hashed: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._indexes.append(0)
        self._levels[level].append(hashed)
        if len(self._levels[level]) == TILE_WIDTH:
            self._flush(level)

    def _flush(self, level: int) -> None:
        hashes, index = self._levels[level], self._indexes[level]
        self._levels[level], self._indexes[level] = [], index + 1
        copies = self._copies(level, index)
        if not any(width >= len(hashes) for width in copies):
            raise self._missing(Tile(level, index, len(hashes)))
        self._compare(copies, len(hashes), lambda part: b"".join(hashes[:part]))

    def _copies(self, level: int | None, index: int) -> dict[int, Path]:
        """Return the files of one tile by width: the full one, and the partial ones of smaller trees."""
        full = self._folder / Tile(level, index).path
        found = {TILE_WIDTH: full} if full.is_file() else {}
        partials = full.with_name(full.name + ".p")
        if partials.is_dir():
            found |= {
                int(path.name): path
                for path in partials.iterdir()
                if _WIDTH.fullmatch(path.name) and int(path.name) < TILE_WIDTH
            }
        return found

    def _compare(self, copies: dict[int, Path], width: int, expected: Callable[[int], bytes]) -> None:
        """Check every copy; of one that is wider than the tree, what the tree covers."""
        for part, path in copies.items():
            data, wanted = self._read(path, _MAX_BUNDLE_BYTES), expected(min(part, width))
            if data != wanted and (part <= width or not data.startswith(wanted)):
                raise IntegrityError(f"{path.relative_to(self._folder)} is not what the entries make; it was altered")
            if part <= width:
                self._checked.add(path)

    @staticmethod
    def _read(path: Path, limit: int) -> bytes:
        return read_file(path, limit, "tile")

    def _missing(self, tile: Tile) -> IntegrityError:
        return IntegrityError(f"{tile.path} is missing; {self._size} entries were signed; the publication was cut off")
