"""Strict readers of the small encodings: one spelling for each value, so nothing signed can be re-spelt."""

from __future__ import annotations

import base64
import binascii
import json
import re

from faceward.core.canonical import JSONObject, JSONValue, canonical_json
from faceward.core.errors import IntegrityError

MAX_NUMBER = 2**53 - 1
"""Largest index or size: what JSON numbers carry exactly (RFC 8785 §3.2.2.3)."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")


def encode_base64(data: bytes) -> str:
    """Encode in standard Base 64 with padding (RFC 4648 §4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, what: str, length: int | None = None) -> bytes:
    """Decode standard Base 64 (RFC 4648 §4) in its only canonical spelling.

    Args:
        text: The encoded text.
        what: What it is, for the message.
        length: Number of bytes that it must hold, if known.

    Raises:
        IntegrityError: Another alphabet, stray bits, white space or another length.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise IntegrityError(f"{what} is not Base 64; get an unaltered copy") from error
    if encode_base64(data) != text:
        raise IntegrityError(f"{what} is not in canonical Base 64; get an unaltered copy")
    if length is not None and len(data) != length:
        raise IntegrityError(f"{what} has {len(data)} bytes instead of {length}; get an unaltered copy")
    return data


def decode_decimal(text: str, what: str) -> int:
    """Decode ASCII decimal digits without sign or leading zeroes, up to 2^53 - 1.

    Raises:
        IntegrityError: Another form, or a larger number.
    """
    if _DECIMAL.fullmatch(text) is None or int(text) > MAX_NUMBER:
        raise IntegrityError(f"{what} is not a plain decimal number; get an unaltered copy")
    return int(text)


def to_canonical(value: JSONValue, what: str) -> bytes:
    """Encode as canonical JSON (RFC 8785).

    Raises:
        IntegrityError: A number that JSON cannot carry, a broken string, or nesting without end.
    """
    try:
        return canonical_json(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise IntegrityError(f"{what} cannot be written as canonical JSON; remove what is not plain data") from error


def _parse_integer(digits: str) -> int | float:
    # RFC 8785 writes large floating-point numbers without a fraction; they are read as what they were.
    number = int(digits)
    return number if abs(number) <= MAX_NUMBER else float(digits)


def from_canonical(data: bytes, what: str) -> JSONObject:
    """Decode a JSON object that is in canonical form (RFC 8785), and refuse any other spelling.

    Raises:
        IntegrityError: Not JSON, not an object, or not the canonical bytes of what it says.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_int=_parse_integer)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{what} is not JSON; get an unaltered copy") from error
    if not isinstance(value, dict):
        raise IntegrityError(f"{what} is not a JSON object; get an unaltered copy")
    # Byte equality also refuses duplicate keys, NaN, white space and numbers that lose precision.
    if to_canonical(value, what) != data:
        raise IntegrityError(f"{what} is not in canonical form; get an unaltered copy")
    return value
