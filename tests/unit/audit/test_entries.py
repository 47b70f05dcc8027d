from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from faceward.audit.entries import Commitment, Entry, Opening, Phase, commit
from faceward.core.errors import IntegrityError, UsageError

DETAILS = {"subject": "Ada Lovelace", "reason": "door 7", "images": ["ada.jpg"]}


def entry(now: datetime) -> Entry:
    return Entry(now, "enrol", Phase.END, 17, (Commitment("subject/0", bytes(32)), Commitment("details", b"1" * 32)))


def test_round_trip_and_order_of_slots(now: datetime) -> None:
    made = entry(now)
    assert made.slots == ("details", "subject/0")
    assert Entry.decode(made.encode()) == made
    assert json.loads(made.encode())["time"] == "2026-01-02T03:04:05.000006Z"


def test_time_is_kept_in_utc(now: datetime) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=9)))
    assert Entry(elsewhere, "verify", Phase.BEGIN).encode() == Entry(now, "verify", Phase.BEGIN).encode()


def test_L4_leaves_hold_no_personal_data(now: datetime) -> None:
    digest, opening = commit(DETAILS)
    leaf = Entry(now, "enrol", Phase.BEGIN, None, (Commitment("details", digest),)).encode()
    for word in ("Ada", "Lovelace", "door", "jpg", "subject", "reason"):
        assert word.encode() not in leaf
    assert opening.salt not in leaf
    # The same details twice cannot be linked, and cannot be guessed without the salt.
    again, _ = commit(DETAILS)
    assert again != digest
    assert hashlib.sha256(json.dumps(DETAILS).encode()).digest() != digest


@pytest.mark.parametrize(
    "operation", ["", "Ada Lovelace", "Ada", "ada lovelace", "ada@example.org", "é", "a" * 65, "1a"]
)
def test_L4_an_operation_cannot_be_a_name(now: datetime, operation: str) -> None:
    with pytest.raises(UsageError, match="no operation"):
        Entry(now, operation, Phase.NOTE)


@pytest.mark.parametrize("slot", ["", "Ada", "subject/ada", "subject/00", "a b", "subject/1/2", "a" * 33, "x\n"])
def test_L4_a_slot_cannot_be_a_name(slot: str) -> None:
    with pytest.raises(UsageError, match="no slot"):
        Commitment(slot, bytes(32))


def test_commitment_is_the_documented_hash() -> None:
    opening = Opening(b"s" * 32, {"b": 1, "a": [True, None, 1.5, "é"]})
    message = b"faceward/commitment/v1\0" + b"s" * 32 + '{"a":[true,null,1.5,"é"],"b":1}'.encode()
    assert opening.digest() == hashlib.sha256(message).digest()


def test_an_opening_opens_its_own_commitment_only() -> None:
    digest, opening = commit(DETAILS)
    assert Opening.decode(opening.encode()) == opening
    assert opening.opens(digest)
    assert not Opening(opening.salt, {**DETAILS, "reason": "door 8"}).opens(digest)
    assert not Opening(bytes(32), DETAILS).opens(digest)
    assert not opening.opens(b"")


@pytest.mark.parametrize("details", [{"x": 2**60}, {"x": float("nan")}, {"x": "\ud800"}, {"x": object()}])
def test_details_that_are_not_plain_data(details: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="canonical JSON"):
        commit(details)  # type: ignore[arg-type]


def test_bottomless_details() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(IntegrityError):
        commit({"x": nested})  # type: ignore[dict-item]
    with pytest.raises(IntegrityError):
        Opening.decode(b'{"x":' + b"[" * 100_000)


def test_refused_entries(now: datetime) -> None:
    with pytest.raises(UsageError, match="timezone"):
        Entry(now.replace(tzinfo=None), "enrol", Phase.BEGIN)
    with pytest.raises(UsageError, match="2000"):
        Entry(datetime(1970, 1, 1, tzinfo=UTC), "enrol", Phase.BEGIN)
    with pytest.raises(UsageError, match="beginning"):
        Entry(now, "enrol", Phase.END)
    with pytest.raises(UsageError, match="refer"):
        Entry(now, "enrol", Phase.NOTE, -1)
    with pytest.raises(UsageError, match="once"):
        Entry(now, "enrol", Phase.NOTE, None, (Commitment("a", bytes(32)),) * 2)
    with pytest.raises(UsageError, match="32 bytes"):
        Commitment("a", b"")
    with pytest.raises(UsageError, match="32 bytes"):
        Opening(b"", {})
    with pytest.raises(UsageError, match="nothing under"):
        entry(now).digest("other")


def test_a_newer_entry_names_both_versions(now: datetime) -> None:
    newer = entry(now).encode().replace(b'"version":1', b'"version":2')
    with pytest.raises(IntegrityError, match=r"version 2.*knows 1"):
        Entry.decode(newer)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":true'),
        (b'"version":1', b'"version":1.0'),
        (b'"version":1', b'"version":0'),
        (b'"version":1', b'"version":1,"x":1'),
        (b'"refers":17', b'"refers":true'),
        (b'"refers":17', b'"refers":null'),
        (b'"refers":17', b'"refers":"17"'),
        (b'"refers":17,', b""),
        (b'"phase":"end"', b'"phase":"stop"'),
        (b'"phase":"end"', b'"phase":1'),
        (b"05.000006Z", b"05.000006+00:00"),
        (b"05.000006Z", b"05Z"),
        (b"2026-01-02", b"2026-13-02"),
        (b"2026-01-02T", b"2026-01-02 "),
        (b'"operation":"enrol"', b'"operation":"Enrol"'),
        (b'{"commitments":{', b'{"commitments":{"z":1,'),
        (b'{"commitments":', b'{"commitments":[],"x":'),
        (b"AAA=", b"AAB="),
        (b"{", b" {"),
        (b"}", b"}\n"),
    ],
)
def test_other_spellings_are_refused(now: datetime, old: bytes, new: bytes) -> None:
    leaf = entry(now).encode()
    assert old in leaf
    with pytest.raises(IntegrityError):
        Entry.decode(leaf.replace(old, new))


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b'{"details":{}}', b'{"details":[],"salt":""}', b"\xff"])
def test_malformed_openings(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        Opening.decode(data)
