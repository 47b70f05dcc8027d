from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from faceward.core.wal import emptied


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0.01, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        yield connection


def test_the_journal_is_cut_to_nothing(database: sqlite3.Connection, tmp_path: Path) -> None:
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    assert emptied(database, 0.0)
    assert (tmp_path / "a.db-wal").stat().st_size == 0


def test_a_reader_that_stays_is_told_of(database: sqlite3.Connection, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]
        database.execute("INSERT INTO t VALUES (2)")
        assert not emptied(database, 0.05)
        reader.execute("COMMIT")
    assert emptied(database, 0.05)


class Contended:
    """A connection beside a process that empties the log for a while, which SQLite does not wait for."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def execute(self, _sql: str) -> Contended:
        self.refusals -= 1
        return self

    def fetchone(self) -> tuple[int, int, int]:
        return (1 if self.refusals >= 0 else 0, 0, 0)


def test_another_process_that_does_the_same_is_waited_for() -> None:
    assert emptied(Contended(3), 5.0)  # type: ignore[arg-type]
    assert not emptied(Contended(1000), 0.05)  # type: ignore[arg-type]
