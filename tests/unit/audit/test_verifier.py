from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.entries import Commitment, Entry, Opening, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer, sign_note
from faceward.audit.receipt import Receipt
from faceward.audit.sealed import SealedOpening
from faceward.audit.verifier import verify_log, verify_receipt
from faceward.core.errors import BadInput, IntegrityError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

OPENING = Opening(b"s" * 32, {"subject": "Ada"})
COMMITMENTS = (Commitment("details", OPENING.digest()), Commitment("subject/0", bytes(32)))


def fill(log: Log, now: datetime, pairs: int = 6) -> None:
    opening = SealedOpening("details", "k" * 32, b"sealed")
    for number in range(pairs):
        at = now + timedelta(seconds=number)
        (begun,) = log.append([Record(Entry(at, "verify", Phase.BEGIN, None, COMMITMENTS), (opening,))], at)
        log.append([Record(Entry(at, "verify", Phase.END, begun, COMMITMENTS), (opening,))], at)


@pytest.fixture
def filled(log: Log, now: datetime) -> Log:
    fill(log, now)
    return log


def alter(path: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """Do what somebody with the file but without the key can do."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(*((statement,) if isinstance(statement, str) else statement))
        for _, sql in triggers:
            # One on a table that is gone cannot be put back.
            with suppress(sqlite3.OperationalError):
                database.execute(sql)


def rebuild(path: Path, entries: list[Entry], signer: Signer) -> None:
    """Do what somebody with the file and the key can do: sign another history."""
    leaves = [entry.encode() for entry in entries]
    bare = [number for number, entry in enumerate(entries) if not entry.commitments]
    frontier, nodes = merkle.Frontier(), []
    for leaf in leaves:
        nodes += frontier.append(merkle.leaf_hash(leaf))
    note = sign_checkpoint(Checkpoint(signer.name, len(leaves), frontier.root()), signer)
    alter(
        path,
        "DELETE FROM entries",
        "DELETE FROM nodes",
        # Those of the entries that stay are kept, as a forger would.
        (
            "DELETE FROM openings WHERE entry >= ? OR entry IN (SELECT value FROM json_each(?))",
            (len(leaves), json.dumps(bare)),
        ),
        *(("INSERT INTO entries VALUES (?, ?, NULL)", pair) for pair in enumerate(leaves)),
        *(("INSERT INTO nodes VALUES (?, ?)", pair) for pair in enumerate(nodes)),
        ("UPDATE checkpoint SET note = ?", (note,)),
    )


def test_a_sound_log(filled: Log, path: Path, signer: Signer, now: datetime) -> None:
    filled.append([Record(Entry(now, "identify", Phase.BEGIN)), Record(Entry(now, "enrol", Phase.DENIED))], now)
    report = verify_log(path, signer.verifier.vkey)
    assert report.checkpoint.size == 14
    assert report.operations == {
        ("verify", Phase.BEGIN): 6,
        ("verify", Phase.END): 6,
        ("identify", Phase.BEGIN): 1,
        ("enrol", Phase.DENIED): 1,
    }
    assert (report.unfinished, report.backwards, report.sealed_openings, report.earlier) == ((12,), (), 12, None)
    text = "\n".join(report.lines())
    assert "14 entries" in text
    assert "never ended: entries 12." in text


def test_an_empty_log(log: Log, path: Path, signer: Signer) -> None:
    assert verify_log(path, signer.verifier.vkey, log.checkpoint()).earlier == 0


def test_a_long_list_is_cut(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    log.append([Record(Entry(now, "verify", Phase.BEGIN))] * 13, now)
    assert "8, 9 and 3 more." in "\n".join(verify_log(path, signer.verifier.vkey).lines())


def test_a_clock_that_was_set_back_is_reported(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    for step in (0, -59, 3 * 60, 30, 200):
        log.append([Record(Entry(now + timedelta(minutes=step), "verify", Phase.NOTE))], now + timedelta(days=1))
    report = verify_log(path, signer.verifier.vkey)
    assert report.backwards == (3,)
    assert "set back" in "\n".join(report.lines())


def test_the_verifier_writes_nothing(filled: Log, path: Path, signer: Signer) -> None:
    filled.close()
    before = path.read_bytes()
    verify_log(path, signer.verifier.vkey)
    assert path.read_bytes() == before


@pytest.mark.parametrize("index", range(12))
def test_an_edited_entry_is_named(filled: Log, path: Path, signer: Signer, now: datetime, index: int) -> None:
    other = Entry(now, "verify", Phase.NOTE).encode()
    alter(path, ("UPDATE entries SET leaf = ? WHERE number = ?", (other, index)))
    with pytest.raises(IntegrityError, match=rf"^entry {index} does not fit"):
        verify_log(path, signer.verifier.vkey)


@pytest.mark.parametrize("position", range(22))
def test_an_edited_hash_is_found(filled: Log, path: Path, signer: Signer, position: int) -> None:
    alter(path, ("UPDATE nodes SET hash = zeroblob(32) WHERE position = ?", (position,)))
    with pytest.raises(IntegrityError, match="does not fit the stored hashes"):
        verify_log(path, signer.verifier.vkey)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM entries WHERE number = 5", "entry 5 is missing"),
        ("DELETE FROM entries WHERE number = 0", "entry 0 is missing"),
        ("DELETE FROM entries WHERE number = 11", "entry 11 is missing: 12 were signed"),
        ("INSERT INTO entries VALUES (-1, x'00', NULL)", "entry 0 is missing"),
        ("INSERT INTO entries VALUES (12, x'00', NULL)", "entry 12 .* never signed"),
        ("INSERT INTO nodes VALUES (99, zeroblob(32))", "more hashes"),
        ("DELETE FROM checkpoint", "no checkpoint"),
        ("UPDATE checkpoint SET note = ''", "signed note"),
        ("UPDATE checkpoint SET note = CAST(x'ff0a0a' AS TEXT)", "signed note"),
        ("UPDATE checkpoint SET note = replace(note, '12', '11')", "signature of example.org/log is wrong"),
        ("UPDATE openings SET entry = 99 WHERE entry = 11", "the details of entry 11 were deleted"),
        ("INSERT INTO openings VALUES (NULL, 99, 'details', 1, 0, x'00', x'00')", "stored for entry 99"),
        ("UPDATE openings SET entry = -1 WHERE entry = 11", "stored for entry -1"),
        ("UPDATE openings SET slot = 'other' WHERE entry = 11", "entry 11 has an opening"),
        ("UPDATE openings SET slot = 'subject/0' WHERE entry = 11", "the details of entry 11 were deleted"),
        ("DELETE FROM openings WHERE entry = 11", "the details of entry 11 were deleted"),
        ("DELETE FROM openings", "the details of entry 0 were deleted"),
        ("UPDATE openings SET blank = 1 WHERE entry = 4", "the details of entry 4 were deleted"),
        ("UPDATE openings SET sealed = x'' WHERE entry = 4", "the details of entry 4 were deleted"),
        ("DROP TABLE openings", "altered: it lacks the index 'openings_key'"),
        ("DROP TABLE entries", "altered: it lacks the index 'entries_ends'"),
        ("DROP INDEX openings_place", "altered: it lacks the index 'openings_place'"),
        ("CREATE TABLE more (x)", "altered: it holds a table 'more'"),
        ("CREATE VIEW more AS SELECT 1", "altered: it holds a view 'more'"),
        ("CREATE INDEX more ON entries (leaf)", "altered: it holds an index 'more'"),
        (
            "CREATE TRIGGER more AFTER INSERT ON openings BEGIN DELETE FROM openings WHERE id = NEW.id; END",
            "altered: it holds a trigger 'more' that does not belong there",
        ),
    ],
)
def test_damage_is_found(filled: Log, path: Path, signer: Signer, statement: str, reason: str) -> None:
    alter(path, statement)
    with pytest.raises(IntegrityError, match=reason):
        verify_log(path, signer.verifier.vkey)


def test_columns_of_other_types_are_found(filled: Log, path: Path, signer: Signer) -> None:
    alter(path, "DROP TABLE entries", "CREATE TABLE entries (number, leaf)", "INSERT INTO entries VALUES ('x', 1.5)")
    for read in (lambda: verify_log(path, signer.verifier.vkey), lambda: Log.open(path, signer)):
        with pytest.raises(IntegrityError, match="its table 'entries' is not as it was made"):
            read()


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("openings", "i AS entry, 'x' AS slot, 0 AS blank, x'' AS sealed"),
        ("checkpoint", "i AS note"),
        ("entries", "i AS number, x'' AS leaf"),
    ],
)
def test_a_view_without_end_in_the_place_of_a_table_is_not_read(
    filled: Log, path: Path, signer: Signer, table: str, columns: str
) -> None:
    filled.close()
    endless = (
        "CREATE VIEW {} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT {} FROM n WHERE i > 1"
    )
    alter(path, f"DROP TABLE {table}", endless.format(table, columns))
    begun = time.monotonic()
    for read in (
        lambda: verify_log(path, signer.verifier.vkey),
        lambda: Log.open(path, signer),
        lambda: Log.open(path),
    ):
        with pytest.raises(IntegrityError, match="was altered"):
            read()
    assert time.monotonic() - begun < 5


def test_cutting_off_the_end_is_found(filled: Log, path: Path, signer: Signer) -> None:
    alter(
        path,
        "DELETE FROM openings WHERE entry >= 8",
        "DELETE FROM entries WHERE number >= 8",
        ("DELETE FROM nodes WHERE position >= ?", (merkle.stored_count(8),)),
    )
    with pytest.raises(IntegrityError, match="entry 8 is missing: 12 were signed"):
        verify_log(path, signer.verifier.vkey)


def test_hashes_recomputed_without_the_key_are_found(filled: Log, path: Path, signer: Signer, now: datetime) -> None:
    entries = [entry for _, entry in filled.entries()]
    note = filled.checkpoint()
    entries[3] = Entry(now, "verify", Phase.END, 2)
    rebuild(path, entries, signer)
    alter(path, ("UPDATE checkpoint SET note = ?", (note,)))
    with pytest.raises(IntegrityError, match="altered together with its hashes"):
        verify_log(path, signer.verifier.vkey)


def test_L3_a_history_signed_anew_is_found_with_a_kept_checkpoint(
    filled: Log, path: Path, signer: Signer, now: datetime
) -> None:
    kept = filled.checkpoint()
    entries = [entry for _, entry in filled.entries()]
    entries[3] = Entry(now, "verify", Phase.END, 2)
    rebuild(path, [*entries, Entry(now, "verify", Phase.NOTE)], signer)
    assert verify_log(path, signer.verifier.vkey).checkpoint.size == 13
    with pytest.raises(IntegrityError, match="checkpoint of size 12 was kept"):
        verify_log(path, signer.verifier.vkey, kept)


def test_L3_a_rollback_is_found_with_a_kept_checkpoint(
    log: Log, path: Path, signer: Signer, now: datetime, tmp_path: Path
) -> None:
    fill(log, now, 2)
    early = log.checkpoint()
    log.close()
    copy = tmp_path / "backup.db"
    shutil.copy(path, copy)
    with Log.open(path, signer) as again:
        fill(again, now, 2)
        kept = again.checkpoint()
    assert verify_log(path, signer.verifier.vkey, early).earlier == 4
    assert "continues the checkpoint of size 4" in "\n".join(verify_log(path, signer.verifier.vkey, early).lines())
    shutil.copy(copy, path)
    assert verify_log(path, signer.verifier.vkey).checkpoint.size == 4
    with pytest.raises(IntegrityError, match="entry 4 is missing: a checkpoint of size 8 was kept"):
        verify_log(path, signer.verifier.vkey, kept)


@pytest.mark.parametrize(
    ("third", "reason"),
    [
        (("verify", Phase.END, 1), "entry 2 ends entry 1"),
        (("enrol", Phase.END, 0), "entry 2 ends entry 0"),
        (("verify", Phase.NOTE, 2), "entry 2 refers to the later entry 2"),
        (("verify", Phase.END, 5), "entry 2 refers to the later entry 5"),
    ],
)
def test_a_writer_that_breaks_the_order_is_found(
    log: Log, path: Path, signer: Signer, now: datetime, third: tuple[str, Phase, int], reason: str
) -> None:
    first = [Entry(now, "verify", Phase.BEGIN), Entry(now, "verify", Phase.NOTE)]
    rebuild(path, [*first, Entry(now, *third)], signer)
    with pytest.raises(IntegrityError, match=reason):
        verify_log(path, signer.verifier.vkey)


def test_an_operation_ended_twice_is_found(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    end = Entry(now, "verify", Phase.END, 0)
    rebuild(path, [Entry(now, "verify", Phase.BEGIN), end, end], signer)
    with pytest.raises(IntegrityError, match="entry 2 ends entry 0"):
        verify_log(path, signer.verifier.vkey)


def test_a_signed_leaf_that_is_no_entry_is_named(log: Log, path: Path, signer: Signer) -> None:
    leaf = b'{"subject":"Ada"}'
    hashed = merkle.leaf_hash(leaf)
    note = sign_checkpoint(Checkpoint(signer.name, 1, hashed), signer)
    alter(
        path,
        ("INSERT INTO entries VALUES (0, ?, NULL)", (leaf,)),
        ("INSERT INTO nodes VALUES (0, ?)", (hashed,)),
        ("UPDATE checkpoint SET note = ?", (note,)),
    )
    with pytest.raises(IntegrityError, match="entry 0: the log entry is malformed"):
        verify_log(path, signer.verifier.vkey)


def test_keys_and_checkpoints_of_others(filled: Log, path: Path, signer: Signer) -> None:
    other = Signer(signer.name, b"o" * 32)
    with pytest.raises(IntegrityError, match="not signed by"):
        verify_log(path, other.verifier.vkey)
    with pytest.raises(BadInput, match="verifier key"):
        verify_log(path, "no key")
    forged = sign_checkpoint(Checkpoint(signer.name, 0, merkle.EMPTY_ROOT), other)
    with pytest.raises(IntegrityError, match="not signed by"):
        verify_log(path, signer.verifier.vkey, forged)


def test_what_is_no_checkpoint_is_said_to_be_none(filled: Log, path: Path, signer: Signer) -> None:
    vkey = signer.verifier.vkey
    for text, what in (
        (filled.receipt(3).encode(), "a receipt, not a checkpoint"),
        (vkey, "a key, not a checkpoint"),
        (vkey + "\n", "a key, not a checkpoint"),
        ("", "not a checkpoint"),
        ("a letter\n", "not a checkpoint"),
        (sign_note("a letter\n", [signer]), "not a checkpoint"),
        (sign_note("a\n1\nAA==\n", [signer]), "not a checkpoint"),
        (filled.checkpoint()[:-40], "not a checkpoint"),
    ):
        with pytest.raises(BadInput, match=f"^this is {what}; give what 'faceward audit checkpoint' printed$"):
            verify_log(path, vkey, text)


def test_a_receipt_says_what_it_proves(filled: Log, signer: Signer) -> None:
    report = verify_receipt(filled.receipt(3, {"details": OPENING}).encode(), signer.verifier.vkey)
    assert report.entry == filled.entry(3)
    text = "\n".join(report.lines())
    for words in ("Entry 3 is in the log", "verify, end", "referring to entry 2", '{"subject":"Ada"}', "subject/0"):
        assert words in text
    assert "cannot prove that no other does" in text


def test_a_receipt_survives_the_growth_of_the_log(filled: Log, signer: Signer, now: datetime) -> None:
    text = filled.receipt(0).encode()
    fill(filled, now)
    assert verify_receipt(text, signer.verifier.vkey).checkpoint.size == 12


def test_altered_receipts(filled: Log, signer: Signer, now: datetime) -> None:
    vkey = signer.verifier.vkey
    receipt = filled.receipt(3, {"details": OPENING})
    with pytest.raises(IntegrityError, match="not proven"):
        verify_receipt(receipt.encode().replace("index 3", "index 2"), vkey)
    with pytest.raises(IntegrityError, match="tree of size"):
        verify_receipt(receipt.encode().replace("index 3", "index 12"), vkey)
    with pytest.raises(BadInput, match="does not carry its entry"):
        verify_receipt(Receipt(receipt.index, receipt.proof, receipt.checkpoint).encode(), vkey)
    content = receipt.content()
    assert receipt.extra is not None
    for old, new in ((b'"Ada"', b'"Eve"'), (b'"details":{"details"', b'"other":{"details"')):
        extra = receipt.extra.replace(old, new)
        with pytest.raises(IntegrityError, match="not what entry 3 commits to"):
            verify_receipt(Receipt(3, receipt.proof, receipt.checkpoint, extra).encode(), vkey)
    other = type(content)(Entry(now, "verify", Phase.NOTE), {})
    with pytest.raises(IntegrityError, match="not proven"):
        verify_receipt(Receipt(3, receipt.proof, receipt.checkpoint, other.encode()).encode(), vkey)


def test_malformed_receipts(filled: Log, signer: Signer) -> None:
    good = filled.receipt(3)
    text = good.encode()
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    for bad in (
        "",
        text.replace("@v1", "@v2"),
        head,
        head + "\n" + checkpoint,
        "\n".join([lines[0], "", checkpoint]),
        "\n".join([*lines[:2], "", checkpoint]),
        text.replace("index 3", "index 03"),
        text.replace("index 3", "index x"),
        text.replace("index 3", "extra AA==\nindex 3"),
        text.replace("extra ", "extra  "),
        "\n".join([*lines, lines[-1][:-4], "", checkpoint]),
        "\n".join([*lines, *[lines[-1]] * 63, "", checkpoint]),
        text + "\n",
        text.replace("\n", "\r\n"),
        "x" * 4_000_001,
        Receipt(3, good.proof, good.checkpoint, b"[]").encode(),
        Receipt(3, good.proof, good.checkpoint, b'{"format":"other"}').encode(),
        Receipt(3, good.proof, good.checkpoint, b'{"entry":1,"format":"faceward/receipt/v1","openings":[]}').encode(),
        Receipt(3, good.proof, good.checkpoint, b'{"entry":1,"format":"faceward/receipt/v1","openings":{}}').encode(),
    ):
        with pytest.raises(BadInput):
            verify_receipt(bad, signer.verifier.vkey)
