"""The custodian's state: authenticated as a whole, durable, shared between processes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, UsageError
from faceward.custody.errors import Replayed
from faceward.custody.state import State

KEY = bytes(range(32))


def alter(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM kept WHERE kind = 'used'",
        "DELETE FROM kept",
        "UPDATE kept SET value = CAST(replace(value, '1', '2') AS BLOB) WHERE kind = 'used'",
        "UPDATE kept SET name = name || '0' WHERE kind = 'used'",
        "INSERT INTO kept VALUES ('spent', 'a', CAST('{\"count\":0}' AS BLOB))",
        "UPDATE head SET value = CAST(replace(value, '\"stopped\":true', '\"stopped\":false') AS BLOB)",
        "UPDATE head SET tag = zeroblob(32)",
        "DELETE FROM head",
        "CREATE TRIGGER keep AFTER UPDATE ON head BEGIN SELECT 1; END",
    ],
)
def test_L2_a_state_edited_by_hand_is_refused(bench: Any, statement: str) -> None:
    bench.create()
    bench.custody.release(bench.enrol())
    bench.custody.stop()
    path = bench.custody.path
    bench.custody.close()
    State.open(path, KEY).close()
    alter(path, statement)
    with pytest.raises(IntegrityError, match="altered"):
        State.open(path, KEY)


def test_L2_a_state_edited_under_a_running_custodian_is_refused(bench: Any) -> None:
    bench.create()
    shown = bench.enrol()
    alter(bench.custody.path, "DELETE FROM kept WHERE kind = 'used'")
    with pytest.raises(IntegrityError, match="altered"):
        bench.custody.release(shown)


def test_L2_rows_of_an_older_copy_do_not_fit(bench: Any, tmp_path: Path) -> None:
    bench.create()
    bench.custody.release(bench.enrol())
    path = bench.custody.path
    with closing(sqlite3.connect(path)) as connection:
        old = connection.execute("SELECT value, tag FROM head").fetchone()
    bench.custody.release(bench.enrol())
    bench.custody.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE head SET value = ?, tag = ?", old)
    with pytest.raises(IntegrityError, match="altered"):
        State.open(path, KEY)


def test_a_state_belongs_to_its_master_key(bench: Any, tmp_path: Path) -> None:
    path = bench.custody.path
    bench.custody.close()
    with pytest.raises(IntegrityError, match="another master key"):
        State.open(path, bytes(32))
    with pytest.raises(UsageError):
        State.open(path, b"short")
    with pytest.raises(UsageError, match="exists"):
        State.create(path, KEY)
    with pytest.raises(IntegrityError, match="missing"):
        State.open(tmp_path / "none.db", KEY)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_refused_turn_set_is_gone(tmp_path: Path) -> None:
    state = State.create(tmp_path / "s.db", KEY)

    def refused() -> None:
        with state.turn() as turn:
            turn.put("kind", "name", {"a": 1})
            turn.head = replace(turn.head, size=9)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        refused()
    with state.turn() as turn:
        assert turn.get("kind", "name") is None
        assert turn.head.size == 0
        turn.put("kind", "name", {"a": 2})
        assert turn.all("kind") == {"name": {"a": 2}}
    with state.turn() as turn:
        turn.put("kind", "other", {"a": 3})
        turn.drop("kind", "name")
        assert turn.all("kind") == {"other": {"a": 3}}
    state.close()
    state = State.open(tmp_path / "s.db", KEY)
    with state.turn() as turn:
        assert turn.all("kind") == {"other": {"a": 3}}
    state.close()


def test_two_that_share_a_state_see_each_others_turns(tmp_path: Path) -> None:
    one = State.create(tmp_path / "s.db", KEY)
    two = State.open(tmp_path / "s.db", KEY)

    def count(state: State) -> None:
        for _ in range(40):
            with state.turn() as turn:
                row = turn.get("spent", "x") or {"count": 0}
                turn.put("spent", "x", {"count": int(str(row["count"])) + 1})

    threads = [threading.Thread(target=count, args=(state,)) for state in (one, two, one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for state in (one, two):
        with state.turn() as turn:
            assert turn.get("spent", "x") == {"count": 160}
        state.close()


def test_L2_two_custodians_on_one_state_give_one_key_for_one_entry(bench: Any, kit: Any) -> None:
    bench.create()
    path = bench.custody.path
    other = kit.Custodian(State.open(path, KEY), kit.Keyring(KEY), bench.clock, load_terms=kit.load)
    recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"})
    bench.custody.release(bench.show(recorded))
    with pytest.raises(Replayed):
        other.release(bench.show(recorded))
    other.release(bench.enrol())
    assert other.status() == bench.custody.status()
    # A change that one of them makes holds for the other at once.
    other.stop()
    assert bench.custody.status().stopped
    other.close()


def test_uses_are_kept_only_as_long_as_an_entry_is_fresh(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceward.custody.custodian._PRUNE_EVERY", 1)
    bench.create()
    edge = bench.record("enrol", {"operator": "ann", "gallery": "door"})
    bench.custody.release(bench.show(edge))
    bench.clock.move(seconds=120)
    for _ in range(3):
        bench.custody.release(bench.enrol())
    # To the second at which it could still be presented.
    with pytest.raises(Replayed):
        bench.custody.release(bench.show(edge))
    bench.clock.move(seconds=121)
    bench.custody.release(bench.enrol())
    with bench.custody._state.turn() as turn:
        assert len(turn.all("used")) == 1
    bench.reopen()
