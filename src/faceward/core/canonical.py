"""Canonical bytes: one encoding for everything that is hashed, signed or bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import rfc8785

JSONValue: TypeAlias = "str | int | float | bool | Sequence[JSONValue] | Mapping[str, JSONValue] | None"
JSONObject: TypeAlias = Mapping[str, JSONValue]


_LARGEST = 2**53 - 1
# One encoder for all; `json.dumps` with options would make one at each call.
_PLAIN = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


def canonical_json(value: JSONValue) -> bytes:
    """Encode as JSON Canonicalization Scheme (RFC 8785), UTF-8.

    Most of what is encoded here has no floats and no key beyond ASCII. For that the interpreter's own encoder writes
    the same bytes, several times faster; everything else goes to the library.
    """
    if _is_plain(value):
        text = _PLAIN.encode(value)
        if not _has_surrogates(text):
            return text.encode()
    return rfc8785.dumps(value)


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        # Keys are sorted by UTF-16 code units (RFC 8785 §3.2.3), which for ASCII is their order here.
        items: dict[object, object] = value  # type: ignore[assignment]
        return all(type(key) is str and key.isascii() and _is_plain(item) for key, item in items.items())
    if kind is list or kind is tuple:
        return all(_is_plain(item) for item in value)  # type: ignore[attr-defined]
    return kind is int and -_LARGEST <= value <= _LARGEST  # type: ignore[operator]


def _has_surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 digest (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 digest as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
