"""Invariants: a blob opens to the same bytes under the same binding only; a parser raises IntegrityError only."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError
from faceward.protection.codec import Binding, decode, encode
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal, seal_record, unseal

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.sampled_from(
    ['"', "\\", '"key_id":"', '","reference_id":"', "\x00", "\x7f", "\u202e", '{"key_id":""}']
)
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
BINDINGS = st.builds(Binding, st.sampled_from(["features", "record"]), IDS, IDS, NAMES, NAMES, NAMES)
KEYS = st.binary(min_size=32, max_size=32)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(NAMES, children, max_size=3),
    max_leaves=8,
)


@given(BINDINGS)
def test_associated_data_are_canonical_json_whatever_the_names(binding: Binding) -> None:
    fields = {name: getattr(binding, name) for name in Binding.__dataclass_fields__}
    assert binding.associated_data() == canonical_json(fields)


@given(st.binary(max_size=200), BINDINGS, KEYS)
def test_what_is_sealed_opens(plain: bytes, binding: Binding, key: bytes) -> None:
    blob = seal(plain, SubjectKey(key, binding))
    assert unseal(blob, SubjectKey(key, binding)) == plain
    assert encode(decode(blob)) == blob


@given(st.binary(max_size=64), BINDINGS, BINDINGS, KEYS)
def test_no_other_binding_opens(plain: bytes, binding: Binding, other: Binding, key: bytes) -> None:
    blob = seal(plain, SubjectKey(key, binding))
    if binding != other:
        with pytest.raises(IntegrityError):
            unseal(blob, SubjectKey(key, other))


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda tail: b"FWB\x01\x01" + tail))
def test_a_parser_raises_nothing_but_integrity_errors(data: bytes) -> None:
    with contextlib.suppress(IntegrityError):
        assert encode(decode(data)) == data
    with pytest.raises(IntegrityError):
        unseal(data, SubjectKey(b"k" * 32, Binding("record", "a" * 32, "b" * 32, "g", "p", "q")))


@given(st.dictionaries(NAMES, JSON, max_size=4), BINDINGS, KEYS)
def test_records_come_back(record: dict[str, object], binding: Binding, key: bytes) -> None:
    opener = SubjectKey(key, replace(binding, kind="record"))
    blob = seal_record(record, opener)  # type: ignore[arg-type]
    assert open_record(blob, opener) == record
    assert (len(blob) - 33) % 256 == 0
