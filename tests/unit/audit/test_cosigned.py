"""The file of cosignatures beside the log, and what receipts make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.cosignature import Cosigner, verify_cosignatures
from faceward.audit.cosigned import cosigned_path, keep_cosignatures, read_cosigned
from faceward.audit.entries import Commitment, Entry, Opening, Phase, commit
from faceward.audit.log import Log, Record
from faceward.audit.merkle import verify_consistency
from faceward.audit.note import Signer, parse_note
from faceward.audit.verifier import verify_receipt
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

ONE, TWO = Cosigner("witness.example.org/one", bytes(32)), Cosigner("witness.example.net/two", bytes(range(32)))


def grow(log: Log, now: datetime, count: int = 1) -> None:
    log.append([Record(Entry(now, "enrol", Phase.NOTE))] * count, now)


def cosign(log: Log, now: datetime, *witnesses: Cosigner) -> str:
    note = log.checkpoint()
    keep_cosignatures(log.path, note, [w.cosign(parse_note(note).text, now) for w in witnesses])
    return note


def names(note: str) -> list[str]:
    return [s.name for s in parse_note(note).signatures]


def test_witnesses_of_one_checkpoint_add_up(log: Log, now: datetime) -> None:
    assert log.cosigned() == ()
    grow(log, now)
    cosign(log, now, ONE)
    cosign(log, now, TWO)
    cosign(log, now, ONE)
    [note] = read_cosigned(log.path)
    assert sorted(names(note)) == sorted(["example.org/log", ONE.verifier.name, TWO.verifier.name])


def test_L3_the_latest_of_each_witness_is_kept(log: Log, now: datetime) -> None:
    grow(log, now)
    small = cosign(log, now, ONE)
    grow(log, now)
    cosign(log, now, TWO)
    log_name = "example.org/log"
    assert list(map(names, read_cosigned(log.path))) == [[log_name, ONE.verifier.name], [log_name, TWO.verifier.name]]
    # What comes late for an older tree takes nothing from a later one.
    keep_cosignatures(log.path, small, [TWO.cosign(parse_note(small).text, now)])
    assert [one.checkpoint.size for one in log.cosigned()] == [1, 2]
    # Nobody needs the old one any more, once as many cosigned a later.
    grow(log, now)
    cosign(log, now, ONE, TWO)
    assert [one.checkpoint.size for one in log.cosigned()] == [3]


def test_L3_where_one_witness_fails_receipts_stand_under_what_both_cosigned(log: Log, now: datetime) -> None:
    grow(log, now)
    both = cosign(log, now, ONE, TWO)
    for _ in range(3):
        grow(log, now)
        cosign(log, now, ONE)
    assert [one.checkpoint.size for one in log.cosigned()] == [1, 4]
    assert parse_note(log.receipt(0).checkpoint).text == parse_note(both).text
    assert len(parse_note(log.receipt(0).checkpoint).signatures) == 3
    assert names(log.receipt(2).checkpoint) == ["example.org/log", ONE.verifier.name]


def test_a_file_of_an_earlier_version_is_read(log: Log, now: datetime) -> None:
    grow(log, now)
    note = cosign(log, now, ONE)
    [kept] = read_cosigned(log.path)
    cosigned_path(log.path).write_text(kept, encoding="utf-8")
    assert [one.note for one in log.cosigned()] == [kept]
    keep_cosignatures(log.path, note, [TWO.cosign(parse_note(note).text, now)])
    assert len(log.cosigned()) == 1


def test_several_receipts_stand_under_two_checkpoints_that_are_tied(log: Log, now: datetime) -> None:
    grow(log, now, 5)
    cosign(log, now, ONE)
    assert log.receipts([(1, {}), (4, {})])[1] == ()
    grow(log, now, 6)
    (old, new), proof = log.receipts([(1, {}), (9, {})])
    first, second = (Checkpoint.from_body(parse_note(one.checkpoint).text) for one in (old, new))
    assert (first.size, second.size) == (5, 11)
    verify_consistency(5, 11, proof, first.root, second.root)


def test_L3_a_receipt_under_4_kB_carries_two_witnesses(log: Log, now: datetime, signer: Signer) -> None:
    digests: dict[str, bytes] = {}
    openings: dict[str, Opening] = {}
    details = {
        "reason": "Fire drill: who is still inside the building",
        "operator": "somebody",
        "standard": "0" * 64,
        "purpose": "door",
        "gallery": "door",
        "pack": "1" * 64,
        "probe": "2" * 64,
    }
    for slot in ("details", "subject/0"):
        digests[slot], openings[slot] = commit(details)
    grow(log, now, 500)
    entry = Entry(now, "identify", Phase.NOTE, None, tuple(Commitment(s, d) for s, d in digests.items()))
    (index,) = log.append([Record(entry)], now)
    grow(log, now, 600)
    cosign(log, now, ONE, TWO)
    grow(log, now, 10)
    receipt = log.receipt(index, {"subject/0": openings["subject/0"]})
    text = receipt.encode()
    # As large as it would be in a log of 2^30 entries.
    assert len(text.encode()) + (30 - len(receipt.proof)) * 45 < 4096
    report = verify_receipt(text, signer.verifier.vkey)
    assert (report.index, report.checkpoint.size) == (index, 1101)
    assert len(verify_cosignatures(receipt.checkpoint, [ONE.verifier, TWO.verifier])) == 2


def test_an_entry_that_no_witness_saw_has_the_current_checkpoint(log: Log, now: datetime, signer: Signer) -> None:
    grow(log, now, 3)
    cosign(log, now, ONE)
    grow(log, now)
    assert log.receipt(3).checkpoint == log.checkpoint()
    assert verify_receipt(log.receipt(2).encode(), signer.verifier.vkey).checkpoint.size == 3


@pytest.mark.parametrize("damage", [b"", b"\xff", b"no note\n", b"x" * 1_100_000, b"{", b'{"notes":[""]}'])
def test_a_damaged_file_is_refused(log: Log, now: datetime, damage: bytes) -> None:
    grow(log, now)
    cosigned_path(log.path).write_bytes(damage)
    with pytest.raises(IntegrityError, match="delete it"):
        log.receipt(0)


def test_a_folder_in_its_place_is_said(log: Log) -> None:
    cosigned_path(log.path).mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot be read"):
        log.cosigned()
    note = log.checkpoint()
    cosigned_path(log.path).rmdir()
    log.path.parent.joinpath("gone").mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        keep_cosignatures(log.path.parent / "absent" / "log.db", note, [])


def test_L1_a_log_behind_its_cosigned_checkpoint_is_found(log: Log, now: datetime, signer: Signer) -> None:
    grow(log, now, 3)
    for size, root in ((5, bytes(32)), (2, bytes(32))):
        note = sign_checkpoint(Checkpoint("example.org/log", size, root), signer)
        keep_cosignatures(log.path, note, [ONE.cosign(parse_note(note).text, now)])
        with pytest.raises(IntegrityError, match="does not continue"):
            log.receipt(0)
        cosigned_path(log.path).unlink()
    other = sign_checkpoint(Checkpoint("example.org/log", 0, bytes(32)), Signer("example.org/log", bytes(32)))
    keep_cosignatures(log.path, other, [ONE.cosign(parse_note(other).text, now)])
    with pytest.raises(IntegrityError, match="not signed by"):
        log.cosigned()


def test_an_entry_too_long_to_publish_is_not_appended(log: Log, now: datetime) -> None:
    entry = Entry(now, "enrol", Phase.NOTE, None, tuple(Commitment(f"subject/{n}", bytes(32)) for n in range(1200)))
    with pytest.raises(UsageError, match="cannot be published"):
        log.append([Record(entry)], now)
    assert log.size == 0
