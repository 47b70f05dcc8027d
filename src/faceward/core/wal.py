"""Emptying SQLite's write-ahead log, whose old page images hold what was deleted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_PAUSE_SECONDS = 0.02


def emptied(connection: sqlite3.Connection, patience: float) -> bool:
    """Move everything into the database file and cut the write-ahead log to nothing.

    SQLite waits for readers and writers by its own busy timeout, but gives up at once where another process is doing
    the same: then it is asked again.

    Args:
        connection: No transaction is open on it.
        patience: For how many seconds to ask again.

    Returns:
        Whether the log is empty; it is not where somebody has been reading all the while.

    Raises:
        sqlite3.Error: The machine failed.
    """
    deadline = time.monotonic() + patience
    while True:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
