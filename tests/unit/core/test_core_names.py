from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.errors import UsageError
from faceward.core.names import MAX_NAME_BYTES, check_name, normal_name, printable


@pytest.mark.parametrize(
    "name", ["Ada", "Ада Лавлейс", "عائشة", "愛", "Þórr", "न‌मस्ते", "O'Brien; DROP TABLE", "😀", "../x", "a/b"]
)
def test_names_of_any_script_are_kept(name: str) -> None:
    assert check_name(f"  {name} ", "subject") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\0b", "\x1b[31m", "a\u202eb", "a\u200bb", "\ufeffa", "a\udcffb", "\ue000"]
)
def test_names_that_hide_or_inject_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="subject name") as caught:
        check_name(name, "subject")
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


def test_a_name_has_a_largest_size_in_bytes() -> None:
    assert check_name("é" * 127, "gallery") == "é" * 127
    with pytest.raises(UsageError, match=str(MAX_NAME_BYTES)):
        check_name("é" * 128, "gallery")


def test_composed_and_decomposed_names_are_one() -> None:
    assert check_name("Zoe\u0308", "subject") == check_name("Zo\u00eb", "subject") == normal_name(" Zoe\u0308 ")


@given(st.text(st.characters(codec=None), max_size=40))
def test_whatever_is_typed_can_be_looked_up_and_printed(text: str) -> None:
    assert normal_name(normal_name(text)) == normal_name(text)
    printable(text).encode()
    try:
        name = check_name(text, "subject")
    except UsageError:
        return
    assert normal_name(text) == name
    assert check_name(name, "subject") == name
