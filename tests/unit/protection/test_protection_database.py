from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.protection.database import Database, Schema

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

V1 = Schema("the test store", 77, (("CREATE TABLE item (value TEXT PRIMARY KEY) STRICT",),))
V2 = Schema("the test store", 77, (*V1.migrations, ("ALTER TABLE item ADD COLUMN note TEXT",)))
BROKEN = Schema("the test store", 77, (*V1.migrations, ("CREATE TABLE other (a TEXT)", "SELECT no_such_function()")))


def _insert(database: Database, values: Iterable[str]) -> None:
    with database.transaction() as connection:
        for value in values:
            connection.execute("INSERT INTO item VALUES (?)", (value,))


def test_a_database_is_durable_and_wipes_what_it_deletes(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", V1, create=True)
    pragmas = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    with database.snapshot() as connection:
        assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas} == pragmas
    database.close()
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


def test_its_state_is_another_after_each_change_by_whomever_and_after_no_reading(tmp_path: Path) -> None:
    mine, seen = Database(tmp_path / "a.db", V1, create=True), set()
    others = Database(tmp_path / "a.db", V1)
    for number, database in enumerate((mine, others, others, mine, others)):
        before = mine.state()
        assert mine.rows("SELECT count(*) FROM item") == [(number,)]
        assert others.rows("SELECT count(*) FROM item") == [(number,)]
        assert mine.state() == before
        assert before not in seen
        seen.add(before)
        _insert(database, [str(number)])
    assert mine.state() not in seen
    others.close()
    mine.close()


def test_an_older_database_is_migrated_once(tmp_path: Path) -> None:
    old = Database(tmp_path / "a.db", V1, create=True)
    with old.transaction() as connection:
        connection.execute("INSERT INTO item VALUES ('kept')")
    old.close()
    for _ in range(2):
        new = Database(tmp_path / "a.db", V2)
        with new.snapshot() as connection:
            assert connection.execute("SELECT value, note FROM item").fetchall() == [("kept", None)]
        new.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", V1, create=True).close()
    with pytest.raises(IntegrityError):
        Database(tmp_path / "a.db", BROKEN)
    again = Database(tmp_path / "a.db", V1)
    with again.snapshot() as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'other'").fetchall() == []
    again.close()


def test_a_newer_database_asks_for_an_upgrade(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", V2, create=True).close()
    with pytest.raises(IntegrityError, match="newer version 2; upgrade"):
        Database(tmp_path / "a.db", V1)


@pytest.mark.parametrize("data", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000, b"x"])
def test_garbage_is_an_integrity_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.db").write_bytes(data)
    with pytest.raises(IntegrityError):
        Database(tmp_path / "a.db", V1)
    with pytest.raises((IntegrityError, UsageError)):
        Database(tmp_path / "a.db", V1, create=True)
    assert (tmp_path / "a.db").read_bytes() == data


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("CREATE TABLE theirs (a)")
    other.commit()
    other.close()
    with pytest.raises(IntegrityError, match="not the test store of faceward"):
        Database(tmp_path / "a.db", V1)
    with pytest.raises(UsageError, match="exists"):
        Database(tmp_path / "a.db", V1, create=True)


def test_a_missing_empty_or_existing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="missing"):
        Database(tmp_path / "a.db", V1)
    assert not (tmp_path / "a.db").exists()
    (tmp_path / "a.db").touch()
    with pytest.raises(IntegrityError, match="empty"):
        Database(tmp_path / "a.db", V1)
    Database(tmp_path / "a.db", V1, create=True).close()
    with pytest.raises(UsageError, match="exists"):
        Database(tmp_path / "a.db", V1, create=True)
    with pytest.raises(EnvironmentFailure, match="cannot be created"):
        Database(tmp_path / "no" / "a.db", V1, create=True)
    with pytest.raises(EnvironmentFailure, match="cannot be opened"):
        Database(tmp_path, V1)


def test_an_error_inside_a_transaction_rolls_it_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", V1, create=True)
    with pytest.raises(ZeroDivisionError):
        _insert(database, (str(1 / n) for n in (1, 0)))
    with pytest.raises(IntegrityError, match="refuses"):
        _insert(database, ["b", "b"])
    with database.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (0,)
    database.close()


def test_a_busy_database_is_an_environment_failure(tmp_path: Path) -> None:
    first = Database(tmp_path / "a.db", V1, create=True)
    second = Database(tmp_path / "a.db", V1, busy_seconds=0.05)
    with first.transaction(), pytest.raises(EnvironmentFailure, match="busy"), second.transaction():
        pass
    first.close()
    second.close()


def test_a_full_database_is_an_environment_failure_and_holds_nothing_half_written(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", V1, create=True)
    with database.snapshot() as connection:
        connection.execute("PRAGMA max_page_count = 8")
    with pytest.raises(EnvironmentFailure, match="disk is full"):
        _insert(database, [f"{number}" + "x" * 500 for number in range(1000)])
    with database.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (0,)
    database.check()
    database.close()


def test_a_file_that_cannot_grow_is_an_environment_failure(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from faceward.core.errors import EnvironmentFailure
from faceward.protection.database import Database, Schema
schema = Schema("the test store", 77, (("CREATE TABLE item (value TEXT PRIMARY KEY) STRICT",),))
database = Database(Path(sys.argv[1]), schema)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with database.transaction() as connection:
        for number in range(1000):
            connection.execute("INSERT INTO item VALUES (?)", (f"{number}" + "x" * 500,))
except EnvironmentFailure as failure:
    print(failure)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    Database(tmp_path / "a.db", V1, create=True).close()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.db")], capture_output=True, text=True, check=True
    )
    assert "repeat" in done.stdout
    database = Database(tmp_path / "a.db", V1)
    database.check()
    with database.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (0,)
    database.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_database_without_permission_is_an_environment_failure(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", V1, create=True).close()
    (tmp_path / "a.db").chmod(0)
    with pytest.raises(EnvironmentFailure):
        Database(tmp_path / "a.db", V1)


def test_a_damaged_page_is_found_by_the_check(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", V1, create=True)
    with database.transaction() as connection:
        connection.executemany("INSERT INTO item VALUES (?)", [(f"{n:05d}" + "x" * 200,) for n in range(500)])
    database.wipe_journal()
    database.close()
    data = bytearray((tmp_path / "a.db").read_bytes())
    data[8192:8300] = os.urandom(108)
    (tmp_path / "a.db").write_bytes(data)
    again = Database(tmp_path / "a.db", V1)
    with pytest.raises(IntegrityError, match="damaged"):
        again.check()
    again.close()


def test_wiping_notices_what_is_still_there(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", V1, create=True)
    with database.transaction() as connection:
        connection.execute("INSERT INTO item VALUES ('needle-in-the-file')")
    database.wipe([b"not there"])
    with pytest.raises(IntegrityError, match="still"):
        database.wipe([b"needle-in-the-file"])
    database.close()
