"""The sealed openings that lie beside a log's entries."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.schema import key_tag, translated

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
    from typing import Self


@dataclass(frozen=True, slots=True)
class SealedOpening:
    """The opening of one commitment, sealed by the caller.

    Attributes:
        slot: The commitment's slot in the same entry.
        key_id: Opaque identifier of the sealing key, never a name.
        sealed: Ciphertext.
    """

    slot: str
    key_id: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class PlacedOpening:
    """A sealed opening and where it lies.

    Attributes:
        row: Its number among all openings of the log; later ones have larger numbers.
        entry: Index of its entry.
        opening: The opening.
    """

    row: int
    entry: int
    opening: SealedOpening


class OpeningsReader:
    """The part of a log's reader that knows openings. Threads may share it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._db = connection
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._path

    def sealed_openings(self, index: int) -> tuple[SealedOpening, ...]:
        """Return the sealed openings of an entry, if there is one, that were not deleted."""
        query = "SELECT slot, key_id, sealed FROM openings WHERE entry = ? AND blank = 0 ORDER BY slot"
        with self._lock, translated(self._path):
            rows = self._db.execute(query, (index,)).fetchall()
        return tuple(SealedOpening(slot, str(key_id, "utf-8", "replace"), sealed) for slot, key_id, sealed in rows)

    def entries_of(self, key_id: str) -> tuple[int, ...]:
        """Return the indexes of entries that have an opening sealed by a key, in order."""
        query = "SELECT DISTINCT entry FROM openings WHERE key_tag = ? AND blank = 0 AND key_id = ? ORDER BY entry"
        with self._lock, translated(self._path):
            rows = self._db.execute(query, (key_tag(key_id.encode()), key_id.encode())).fetchall()
        return tuple(number for (number,) in rows)

    def entries_with(self, slot: str, start: int = 0) -> tuple[int, ...]:
        """Return the indexes of entries, from `start` on, that have an opening in a slot, in order."""
        query = "SELECT entry FROM openings WHERE entry >= ? AND slot = ? AND blank = 0 ORDER BY entry"
        with self._lock, translated(self._path):
            return tuple(number for (number,) in self._db.execute(query, (start, slot)))

    def last_opening(self, key_id: str) -> PlacedOpening | None:
        """Return the latest opening sealed by a key, or None. In `Log.append`'s `records`, it stays the latest."""
        query = (
            "SELECT id, entry, slot, sealed FROM openings"
            " WHERE key_tag = ? AND blank = 0 AND key_id = ? ORDER BY id DESC LIMIT 1"
        )
        with self._lock, translated(self._path):
            row = self._db.execute(query, (key_tag(key_id.encode()), key_id.encode())).fetchone()
        return None if row is None else PlacedOpening(row[0], row[1], SealedOpening(row[2], key_id, row[3]))

    def latest_rows(self, after: int = 0) -> dict[str, int]:
        """Return, for each key that sealed openings after the one of a number, the number of its latest."""
        query = "SELECT key_id, max(id) FROM openings WHERE id > ? AND blank = 0 GROUP BY key_id"
        with self._lock, translated(self._path):
            return {str(key_id, "utf-8", "replace"): row for key_id, row in self._db.execute(query, (after,))}
