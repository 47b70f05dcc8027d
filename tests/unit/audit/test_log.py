from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from faceward.audit import log as log_module
from faceward.audit import merkle, schema
from faceward.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from faceward.audit.entries import Commitment, Entry, Phase, commit
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.audit.sealed import SealedOpening
from faceward.audit.verifier import verify_log, verify_receipt
from faceward.core.canonical import sha256_hex
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def begin(now: datetime, operation: str = "enrol") -> Record:
    return Record(Entry(now, operation, Phase.BEGIN))


def end(now: datetime, of: int, operation: str = "enrol") -> Record:
    return Record(Entry(now, operation, Phase.END, of))


def sealed(now: datetime, key_id: str, blob: bytes, slot: str = "details") -> Record:
    entry = Entry(now, "enrol", Phase.NOTE, None, (Commitment(slot, bytes(32)),))
    return Record(entry, (SealedOpening(slot, key_id, blob),))


def test_a_new_log_is_empty_and_signed(log: Log, signer: Signer) -> None:
    checkpoint = open_checkpoint(log.checkpoint(), signer.verifier)
    assert (checkpoint.size, checkpoint.root) == (0, merkle.EMPTY_ROOT)
    assert (log.size, log.origin, list(log.entries())) == (0, "example.org/log", [])


def test_only_its_owner_reads_the_file(log: Log, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_create_never_replaces(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    log.append([begin(now)], now)
    with pytest.raises(UsageError, match="exists already"):
        Log.create(path, signer)
    assert log.size == 1
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("log.db")) == []


def test_create_without_a_folder(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(EnvironmentFailure, match="cannot create"):
        Log.create(tmp_path / "absent" / "log.db", signer)


def test_entries_come_back_in_order(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    first = log.append([begin(now), begin(now, "verify")], now)
    second = log.append([end(now, 0), end(now, 1, "verify"), begin(now)], now)
    assert (first, second, log.append([], now)) == ((0, 1), (2, 3, 4), ())
    assert [e.phase for _, e in log.entries()] == ["begin", "begin", "end", "end", "begin"]
    assert [i for i, _ in log.entries(1, 4)] == [1, 2, 3]
    assert log.entry(3) == Entry(now, "verify", Phase.END, 1)
    assert log.unfinished() == (4,)
    log.close()
    with Log.open(path, signer) as again:
        assert again.size == 5
        assert again.append([end(now, 4)], now) == (5,)
        assert again.unfinished() == ()


def test_an_end_may_follow_its_begin_in_one_batch(log: Log, now: datetime) -> None:
    assert log.append([begin(now), end(now, 0)], now) == (0, 1)


def test_many_entries_are_read_in_chunks(log: Log, now: datetime) -> None:
    log.append([begin(now)] * 1300, now)
    assert [i for i, _ in log.entries(3, 10**30)] == list(range(3, 1300))
    assert list(log.entries(2**70)) == []


@pytest.mark.parametrize("index", [-1, 2, 2**70])
def test_absent_entries(log: Log, now: datetime, index: int) -> None:
    log.append([begin(now)] * 2, now)
    for read in (log.entry, log.openings, log.inclusion, log.receipt):
        with pytest.raises(UsageError, match=rf"the log has no entry {index}; its size is 2"):
            read(index)
    for size in (-1, 3):
        with pytest.raises(UsageError, match="never had a size"):
            log.inclusion(0, size)
        with pytest.raises(UsageError):
            log.consistency(0, size)


def test_refused_references_leave_nothing_behind(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    log.append([begin(now), Record(Entry(now, "enrol", Phase.NOTE)), begin(now), end(now, 2)], now)
    for refused, reason in (
        (end(now, 0, "verify"), "does not begin"),
        (end(now, 1), "does not begin"),
        (end(now, 2), "ended already"),
        (end(now, 4), "earlier entry"),
        (end(now, 9), "earlier entry"),
        (Record(Entry(now, "enrol", Phase.NOTE, 4)), "earlier entry"),
        (Record(Entry(now + timedelta(hours=2), "enrol", Phase.NOTE)), "future"),
        (Record(Entry(now, "enrol", Phase.NOTE), (SealedOpening("details", "k", b""),)), "slot"),
    ):
        with pytest.raises(UsageError, match=reason):
            log.append([refused, begin(now)], now)
    with pytest.raises(UsageError, match="ended already"):
        log.append([end(now, 0), end(now, 0)], now)
    assert log.append([end(now, 0)], now) == (4,)
    assert verify_log(path, signer.verifier.vkey).checkpoint.size == 5


def test_proofs_hold_against_checkpoints(log: Log, signer: Signer, now: datetime) -> None:
    checkpoints = []
    for count in (1, 2, 5, 9):
        log.append([begin(now)] * count, now)
        checkpoints.append(open_checkpoint(log.checkpoint(), signer.verifier))
    for old in checkpoints:
        leaf = merkle.leaf_hash(log.entry(old.size - 1).encode())
        merkle.verify_inclusion(leaf, old.size - 1, old.size, log.inclusion(old.size - 1, old.size), old.root)
        for new in checkpoints:
            if old.size <= new.size:
                proof = log.consistency(old.size, new.size)
                merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)


def test_read_only_without_a_signer(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    log.append([begin(now)] * 3, now)
    with Log.open(path, verifier=signer.verifier) as reader:
        assert (reader.size, reader.entry(1)) == (3, log.entry(1))
        assert reader.inclusion(1) == log.inclusion(1)
        with pytest.raises(UsageError, match="reading only"):
            reader.append([begin(now)], now)
        with pytest.raises(UsageError, match="reading only"):
            reader.delete_openings("k")
        log.append([begin(now)], now)
        assert reader.size == 4
    with Log.open(path) as reader:
        assert reader.size == 4


def test_another_key_does_not_open_the_log(log: Log, path: Path, signer: Signer) -> None:
    for other in (Signer(signer.name, b"x" * 32), Signer("example.org/other", bytes(range(32)))):
        with pytest.raises(IntegrityError, match="not signed by"):
            Log.open(path, other)
        with pytest.raises(IntegrityError, match="not signed by"):
            Log.open(path, verifier=other.verifier)


def test_two_writers_in_turn(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    with Log.open(path, signer) as other:
        assert [log.append([begin(now)], now), other.append([begin(now)] * 3, now)] == [(0,), (1, 2, 3)]
        assert log.append([begin(now)], now) == (4,)
    assert verify_log(path, signer.verifier.vkey).checkpoint.size == 5


def test_threads_share_a_log(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    taken: list[int] = []

    def work() -> None:
        for _ in range(25):
            (index,) = log.append([begin(now)], now)
            log.inclusion(index)
            taken.append(index)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(100))
    assert verify_log(path, signer.verifier.vkey).checkpoint.size == 100


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET leaf = x'00'",
        "UPDATE entries SET number = number + 10",
        "DELETE FROM entries",
        "INSERT OR REPLACE INTO entries VALUES (0, x'00', NULL)",
        "INSERT INTO entries VALUES (7, x'00', NULL)",
        "UPDATE nodes SET hash = zeroblob(32)",
        "DELETE FROM nodes",
        "INSERT OR REPLACE INTO nodes VALUES (0, zeroblob(32))",
        "INSERT INTO nodes VALUES (99, zeroblob(32))",
    ],
)
def test_the_file_itself_is_append_only(log: Log, path: Path, now: datetime, statement: str) -> None:
    log.append([begin(now)] * 3, now)
    database = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)
    database.close()


def test_receipt_of_an_entry(log: Log, signer: Signer, now: datetime) -> None:
    digest, opening = commit({"subject": "Ada"})
    log.append([begin(now), Record(Entry(now, "enrol", Phase.END, 0, (Commitment("details", digest),)))], now)
    report = verify_receipt(log.receipt(1, {"details": opening}).encode(), signer.verifier.vkey)
    assert (report.index, report.opened) == (1, {"details": {"subject": "Ada"}})
    _, other = commit({"subject": "Eve"})
    with pytest.raises(UsageError, match="does not open"):
        log.receipt(1, {"details": other})
    with pytest.raises(UsageError, match="commits to nothing"):
        log.receipt(1, {"other": opening})


def test_openings_come_back(log: Log, now: datetime) -> None:
    log.append([sealed(now, "a" * 32, b"blob"), begin(now)], now)
    assert log.openings(0) == (SealedOpening("details", "a" * 32, b"blob"),)
    assert log.openings(1) == ()


def scan(folder: Path, needle: bytes) -> int:
    return sum(p.read_bytes().count(needle) for p in folder.iterdir())


def test_T2_deleted_openings_leave_no_byte(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    sizes = (1, 2, 5, 12, 40, 150, 700)
    keys = [sha256_hex(bytes([key]))[:32] for key in range(40)]
    records = []
    for number in range(800):
        key = (number * 7919) % 40
        token = f"SECRET-{key:04}-".encode()
        records.append(sealed(now, keys[key], token * sizes[number % len(sizes)], "subject/0"))
    for at in range(0, len(records), 50):
        log.append(records[at : at + 50], now)
    assert scan(path.parent, b"SECRET-0003-") > 0
    for key in sorted(range(30), key=lambda k: (k * 17) % 31):
        assert log.delete_openings(keys[key]) == 20
        assert scan(path.parent, f"SECRET-{key:04}-".encode()) == 0
        assert scan(path.parent, keys[key].encode()) == 0
    assert log.delete_openings(keys[0]) == 0
    assert log.openings(0) == ()
    assert len(log.openings(next(n for n in range(800) if (n * 7919) % 40 == 35))) == 1
    report = verify_log(path, signer.verifier.vkey)
    assert (report.sealed_openings, report.blanked_openings) == (200, 600)


def test_deletion_says_when_a_reader_keeps_traces(
    path: Path, signer: Signer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(log_module, "BUSY_SECONDS", 0.05)
    with Log.create(path, signer) as log:
        log.append([sealed(now, "k", b"SECRET" * 20)], now)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        with pytest.raises(EnvironmentFailure, match="close the readers and repeat"):
            log.delete_openings("k")
        reader.close()
        assert log.delete_openings("k") == 0
        assert scan(path.parent, b"SECRET") == 0


def test_a_busy_log_says_so(path: Path, signer: Signer, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.05)
    with Log.create(path, signer) as log:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentFailure, match="busy"):
            log.append([begin(now)], now)
        other.execute("ROLLBACK")
        other.close()
        assert log.append([begin(now)], now) == (0,)


def test_a_full_disk_says_so_and_leaves_nothing_half_written(
    log: Log, path: Path, signer: Signer, now: datetime
) -> None:
    log.append([begin(now)], now)
    (pages,) = log._db.execute("PRAGMA page_count").fetchone()
    log._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(EnvironmentFailure, match="disk is full"):
        log.append([begin(now)] * 5000, now)
    log._db.execute("PRAGMA max_page_count = 1000000")
    assert log.size == 1
    assert log.append([begin(now)], now) == (1,)
    assert verify_log(path, signer.verifier.vkey).checkpoint.size == 2


def test_a_newer_version_names_both(log: Log, path: Path, signer: Signer) -> None:
    log.close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 7")
    database.close()
    for open_it in (lambda: Log.open(path), lambda: Log.open(path, signer)):
        with pytest.raises(IntegrityError, match=r"version 7.*knows 1.*update"):
            open_it()
    with pytest.raises(IntegrityError, match=r"version 7.*knows 1.*update"):
        verify_log(path, signer.verifier.vkey)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 4000, bytes(8192)])
def test_files_that_are_no_log(path: Path, signer: Signer, content: bytes) -> None:
    path.write_bytes(content)
    for open_it in (
        lambda: Log.open(path),
        lambda: Log.open(path, signer),
        lambda: verify_log(path, signer.verifier.vkey),
    ):
        with pytest.raises(IntegrityError):
            open_it()
    assert path.read_bytes() == content


def test_other_databases_are_no_log(path: Path, signer: Signer) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE entries (x)")
    database.close()
    with pytest.raises(IntegrityError, match="not a log"):
        Log.open(path, signer)


def test_absent_and_unreadable_files(path: Path, signer: Signer) -> None:
    with pytest.raises(IntegrityError, match="no log at"):
        Log.open(path, signer)
    path.mkdir()
    with pytest.raises(IntegrityError, match="no log at"):
        Log.open(path, signer)


def test_a_closed_log_says_so(log: Log) -> None:
    log.close()
    with pytest.raises(UsageError, match="is closed"):
        log.checkpoint()


def test_a_replaced_file_is_noticed_by_a_running_writer(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    """The log is rolled back below an open writer: it must not sign a second history."""
    log.append([begin(now)] * 4, now)
    database = sqlite3.connect(path, isolation_level=None)
    for table in ("entries", "nodes"):
        database.execute(f"DROP TRIGGER {table}_delete")
    frontier = merkle.root_from_leaf_hashes([merkle.leaf_hash(begin(now).entry.encode())] * 2)
    database.execute("DELETE FROM entries WHERE number >= 2")
    database.execute("DELETE FROM nodes WHERE position >= ?", (merkle.stored_count(2),))
    note = sign_checkpoint(Checkpoint(signer.name, 2, frontier), signer)
    database.execute("UPDATE checkpoint SET note = ?", (note,))
    database.close()
    with pytest.raises(IntegrityError, match="does not continue"):
        log.append([begin(now)], now)


def test_opening_finds_what_does_not_fit(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    log.append([begin(now)] * 5, now)
    log.close()
    original = path.read_bytes()
    for statement, reason in (
        ("DELETE FROM entries WHERE number = 4", "where 5 are signed"),
        ("DELETE FROM nodes WHERE position = 7", "where 5 are signed"),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE position = 6", "do not fit its checkpoint"),
        ("UPDATE entries SET leaf = x'7b7d' WHERE number = 4", "entry 4 .* altered"),
        ("DELETE FROM checkpoint", "no checkpoint"),
        ("DROP TABLE nodes", "was altered: it lacks the table 'nodes'"),
    ):
        path.write_bytes(original)
        database = sqlite3.connect(path, isolation_level=None)
        triggers = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for trigger, _ in triggers:
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement)
        for _, sql in triggers:
            with suppress(sqlite3.OperationalError):
                database.execute(sql)
        database.close()
        with pytest.raises(IntegrityError, match=reason):
            Log.open(path, signer)


def test_reading_names_what_was_altered(log: Log, path: Path, now: datetime) -> None:
    log.append([begin(now)] * 5, now)
    database = sqlite3.connect(path, isolation_level=None)
    for trigger in ("entries_update", "entries_delete", "nodes_delete"):
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute("UPDATE entries SET leaf = x'7b7d' WHERE number = 2")
    database.execute("DELETE FROM entries WHERE number = 3")
    database.execute("DELETE FROM nodes WHERE position = 0")
    database.close()
    for read in (lambda: log.entry(2), lambda: list(log.entries())):
        with pytest.raises(IntegrityError, match=r"entry 2 of the log .* malformed"):
            read()
    with pytest.raises(IntegrityError, match="lacks entry 3"):
        log.entry(3)
    with pytest.raises(IntegrityError, match="lacks the hash 0"):
        log.inclusion(1)


def test_a_statement_that_the_file_refuses_is_no_usage_error(log: Log, path: Path, now: datetime) -> None:
    """An entry put in by other hands makes the next index collide; the writer does not go on."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("INSERT INTO entries VALUES (0, x'7b7d', NULL)")
    database.close()
    with pytest.raises(IntegrityError, match="append-only"):
        log.append([begin(now)], now)


def test_a_log_says_its_own_key_and_end(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    assert log.vkey == signer.verifier.vkey
    assert log.head == (0, merkle.EMPTY_ROOT)
    log.append([begin(now)] * 3, now)
    checkpoint = open_checkpoint(log.checkpoint(), signer.verifier)
    assert log.head == (3, checkpoint.root)
    with Log.open(path) as reader:
        assert reader.vkey is None


def test_a_log_continues_what_it_was_and_nothing_else(log: Log, path: Path, now: datetime) -> None:
    heads = [log.head]
    for number in range(9):
        log.append([begin(now + timedelta(seconds=number))], now + timedelta(seconds=number))
        heads.append(log.head)
    assert all(log.continues(*head) for head in heads)
    assert not any(log.continues(size, bytes(32)) for size, _ in heads)
    assert not log.continues(10, heads[-1][1])
    # A stored hash that was altered to fit proves nothing: it has to lead to the signed root as well.
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("DROP TRIGGER nodes_update")
    database.execute("UPDATE nodes SET hash = zeroblob(32) WHERE position = 0")
    database.close()
    assert not log.continues(1, bytes(32))


def test_records_may_follow_from_what_the_log_holds_at_that_moment(log: Log, now: datetime) -> None:
    def numbered() -> list[Record]:
        return [Record(Entry(now, f"after-{log.size}", Phase.NOTE))]

    assert [log.append(numbered, now) for _ in range(3)] == [(0,), (1,), (2,)]
    assert [entry.operation for _, entry in log.entries()] == ["after-0", "after-1", "after-2"]
    assert log.append(list, now) == ()

    def failing() -> list[Record]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        log.append(failing, now)
    assert log.append(numbered, now) == (3,)


def test_the_latest_opening_of_a_key_and_the_keys_that_changed(log: Log, now: datetime) -> None:
    def put(*keys: str) -> None:
        slots = [Commitment(f"subject/{n}", bytes(32)) for n in range(len(keys))]
        openings = tuple(SealedOpening(slot.slot, key, key.encode()) for slot, key in zip(slots, keys, strict=True))
        log.append([Record(Entry(now, "enrol", Phase.NOTE, None, tuple(slots)), openings)], now)

    assert log.last_opening("ada") is None
    put("ada", "bob")
    put("ada")
    put("bob")
    last = log.last_opening("ada")
    assert last is not None
    assert (last.row, last.entry, last.opening.slot) == (3, 1, "subject/0")
    assert log.latest_rows() == {"ada": 3, "bob": 4}
    assert log.latest_rows(3) == {"bob": 4}
    assert log.entries_with("subject/0", 1) == (1, 2)
    log.delete_openings("ada")
    assert log.last_opening("ada") is None
    assert log.latest_rows() == {"bob": 4}
    assert log.entries_with("subject/0") == (2,)
