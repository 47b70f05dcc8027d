"""Canonical JSON is what the library for RFC 8785 writes, whichever way it was made."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.canonical import canonical_json

numbers = st.integers() | st.floats(allow_nan=True) | st.sampled_from([2**53 - 1, 2**53, -(2**53), 1e21, -0.0])
scalars = st.none() | st.booleans() | numbers | st.text() | st.text(st.characters())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.text("ab\ud7ff\ue000😀"), inner)
    ),
    max_leaves=12,
)


@given(values)
def test_every_value_is_written_or_refused_as_by_the_library(value: Any) -> None:
    try:
        wanted = rfc8785.dumps(value)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        with pytest.raises(type(error)):
            canonical_json(value)
        return
    assert canonical_json(value) == wanted


@pytest.mark.parametrize("character", [chr(code) for code in (*range(0x80), 0x2028, 0xFEFF, 0x1F600)])
def test_every_character_is_escaped_as_by_the_library(character: str) -> None:
    assert canonical_json({"a": character, "b": [character]}) == rfc8785.dumps({"a": character, "b": [character]})


def test_what_is_no_plain_data_goes_to_the_library() -> None:
    assert canonical_json({"b": 1, "a": 2.5, "\ue000": [], "😀": ()}) == rfc8785.dumps(
        {"b": 1, "a": 2.5, "\ue000": [], "😀": []}
    )
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json({"a": 2**60})
