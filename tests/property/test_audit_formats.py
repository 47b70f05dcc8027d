"""Formats: what is written is read again, and nothing that is read raises anything but the project's errors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from faceward.audit.entries import Commitment, Entry, Opening, Phase, commit
from faceward.audit.merkle import leaf_hash
from faceward.audit.note import Signer, Verifier, open_note, parse_note, sign_note
from faceward.audit.receipt import Content, Receipt
from faceward.audit.verifier import verify_receipt
from faceward.core.errors import FacewardError

SIGNER = Signer("example.org/log", b"\7" * 32)
DIGEST, OPENING = commit({"subject": "Ada", "n": [1, None, True]})
ENTRY = Entry(
    datetime(2026, 1, 2, tzinfo=UTC),
    "enrol",
    Phase.END,
    3,
    (Commitment("details", DIGEST), Commitment("subject/1", DIGEST)),
)
CHECKPOINT = sign_checkpoint(Checkpoint(SIGNER.name, 1, leaf_hash(ENTRY.encode())), SIGNER)
RECEIPT = Receipt.for_entry(ENTRY, 0, (), CHECKPOINT, {"details": OPENING}).encode()

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
entries = st.builds(
    Entry,
    st.datetimes(datetime(2000, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.from_regex(r"\A[a-z][a-z0-9.-]{0,63}\Z"),
    st.sampled_from(Phase),
    st.integers(0, 2**53 - 1),
    st.lists(
        st.builds(
            Commitment, st.from_regex(r"\A[a-z][a-z-]{0,31}(/[1-9][0-9]{0,5})?\Z"), st.binary(min_size=32, max_size=32)
        ),
        unique_by=lambda c: c.slot,
        max_size=5,
    ).map(tuple),
)


def mutated(original: str) -> st.SearchStrategy[str]:
    """Cut, insert and replace in a valid text, so that fuzzing gets past the first line."""

    def change(at: int, drop: int, insert: str) -> str:
        at %= len(original)
        return original[:at] + insert + original[at + drop :]

    return st.builds(change, st.integers(0, 10**6), st.integers(0, 40), st.text(max_size=6))


@given(entries)
def test_entries_round_trip(entry: Entry) -> None:
    assert Entry.decode(entry.encode()) == entry


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_openings_round_trip(details: dict[str, object]) -> None:
    digest, opening = commit(details)  # type: ignore[arg-type]
    again = Opening.decode(opening.encode())
    assert again.opens(digest)
    assert again.encode() == opening.encode()


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])))
def test_notes_round_trip(text: str) -> None:
    note = sign_note(text + "\n", [SIGNER])
    assert open_note(note, [SIGNER.verifier]).text == text + "\n"
    assert parse_note(note).encode() == note


@given(
    st.integers(0, 2**53 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
    st.none() | st.binary(),
)
def test_receipts_round_trip(index: int, proof: tuple[bytes, ...], extra: bytes | None) -> None:
    receipt = Receipt(index, proof, CHECKPOINT, extra)
    assert Receipt.parse(receipt.encode()) == receipt


def quiet(parse: object, data: object) -> None:
    try:
        parse(data)  # type: ignore[operator]
    except FacewardError as error:
        message = str(error)
        assert message
        assert "\n" not in message


@given(st.binary() | mutated(ENTRY.encode().decode()).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_entry_parser_is_quiet(data: bytes) -> None:
    quiet(Entry.decode, data)


@given(json_values)
def test_json_readers_are_quiet(value: object) -> None:
    for parse in (Entry.from_json, Opening.from_json):
        quiet(parse, value)


@given(st.binary() | mutated(OPENING.encode().decode()).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_opening_parser_is_quiet(data: bytes) -> None:
    quiet(Opening.decode, data)
    quiet(Content.decode, data)


@given(st.text() | mutated(SIGNER.verifier.vkey))
def test_vkey_parser_is_quiet(text: str) -> None:
    quiet(Verifier.from_vkey, text)


@given(st.text() | mutated(CHECKPOINT))
def test_checkpoint_parsers_are_quiet(text: str) -> None:
    quiet(parse_note, text)
    quiet(Checkpoint.from_body, text)
    quiet(lambda t: open_checkpoint(t, SIGNER.verifier), text)


@given(st.text() | mutated(RECEIPT))
def test_receipt_parser_is_quiet(text: str) -> None:
    quiet(Receipt.parse, text)
    quiet(lambda t: verify_receipt(t, SIGNER.verifier.vkey), text)


@given(mutated(RECEIPT).filter(lambda t: t != RECEIPT))
def test_no_changed_receipt_says_something_else(text: str) -> None:
    """A change may be harmless (a second signature of an unknown key); what is proven never changes."""
    try:
        report = verify_receipt(text, SIGNER.verifier.vkey)
    except FacewardError:
        return
    assert report.entry == ENTRY
    assert report.index == 0
    assert all(details == OPENING.details for details in report.opened.values())


def test_the_receipt_itself_verifies() -> None:
    report = verify_receipt(RECEIPT, SIGNER.verifier.vkey)
    assert report.opened == {"details": OPENING.details}
    with pytest.raises(FacewardError):
        verify_receipt(RECEIPT, Signer("example.org/log", b"\6" * 32).verifier.vkey)
