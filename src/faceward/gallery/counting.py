"""How many a gallery holds, counted once for each of its states: every search asks, and counting reads every row."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from faceward.protection.database import Database

_LAST = 2**63 - 1
# Galleries, purposes and packs that are asked about in turn; more only costs counting again.
_MOST = 1024


@dataclass(frozen=True, slots=True)
class _Known:
    """A number, and when it holds: in one generation of the gallery, from `since` to before `until` (microseconds)."""

    generation: int
    since: int
    until: int
    number: int


class Counted:
    """Numbers that follow from a gallery's references, kept until the gallery changes or one of its references ends.

    A gallery's generation is counted up with every change, by whichever process, and read anew each time. Threads may
    share it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], _Known] = {}
        self._lock = threading.Lock()

    def number(self, sql: str, parameters: tuple[str, int, str | None, str | None], database: Database) -> int:
        """Return what a statement counts of a gallery.

        Args:
            sql: The statement, which returns one number.
            parameters: Of the statement: the gallery, the moment in microseconds, the purpose and the pack.
            database: The store's file.
        """
        with database.snapshot() as connection:
            return self._number(connection, sql, parameters)

    def _number(
        self, connection: sqlite3.Connection, sql: str, parameters: tuple[str, int, str | None, str | None]
    ) -> int:
        gallery, moment, *narrowed = parameters
        row = connection.execute("SELECT generation FROM gallery WHERE name = ?", (gallery,)).fetchone()
        if row is None:
            return 0
        generation, place = int(row[0]), (sql, gallery, *narrowed)
        with self._lock:
            known = self._known.get(place)
        if known is not None and known.generation == generation and known.since <= moment < known.until:
            return known.number
        number = int(connection.execute(sql, parameters).fetchone()[0])
        # The first to end of any gallery: sooner than needed is no harm, and quickly found.
        first = connection.execute("SELECT min(expires) FROM reference WHERE expires > ?", (moment,)).fetchone()[0]
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[place] = _Known(generation, moment, _LAST if first is None else int(first), number)
        return number
