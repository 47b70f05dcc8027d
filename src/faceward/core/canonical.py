"""Canonical bytes: one encoding for everything that is hashed, signed or bound."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import rfc8785

JSONValue: TypeAlias = "str | int | float | bool | Sequence[JSONValue] | Mapping[str, JSONValue] | None"
JSONObject: TypeAlias = Mapping[str, JSONValue]


def canonical_json(value: JSONValue) -> bytes:
    """Encode as JSON Canonicalization Scheme (RFC 8785), UTF-8."""
    return rfc8785.dumps(value)


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 digest (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 digest as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
