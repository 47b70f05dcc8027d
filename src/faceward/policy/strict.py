"""Read tables of TOML, JSON or CSV strictly: a key that is unknown, missing or of another type fails."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

from faceward.core.duration import parse_duration
from faceward.core.errors import FacewardError
from faceward.core.toml import loads_bounded

Fail = Callable[[str], FacewardError]


class Table:
    """One table, read key by key.

    Args:
        raw: What the parser returned; anything but a table is refused.
        where: Names the table in messages, for example `parameters.toml: [retention]`.
        fail: Makes the error to raise, usually the error class itself.
    """

    def __init__(self, raw: object, where: str, fail: Fail) -> None:
        if not isinstance(raw, Mapping):
            raise fail(f"{where}: expected a table of keys and values")
        self._raw: Mapping[str, object] = raw
        self._where = where
        self._fail = fail

    def only(self, known: Collection[str]) -> None:
        """Refuse every key that is not in `known`."""
        unknown = sorted(str(key) for key in self._raw if key not in known)
        if unknown:
            raise self.error(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")

    def keys(self) -> tuple[str, ...]:
        """Return the keys in their order."""
        return tuple(self._raw)

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._raw

    def error(self, problem: str) -> FacewardError:
        """Return the error to raise for this table."""
        return self._fail(f"{self._where}: {problem}")

    def value(self, key: str) -> object:
        """Return the raw value; a missing key is refused."""
        if key not in self._raw:
            raise self.error(f"the key {key!r} is missing; add it")
        return self._raw[key]

    def text(self, key: str) -> str:
        """Return a string."""
        value = self.value(key)
        if not isinstance(value, str):
            raise self.error(f"{key!r} must be text in quotes")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self.value(key)
        if not isinstance(value, bool):
            raise self.error(f"{key!r} must be true or false")
        return value

    def number(self, key: str) -> float:
        """Return a finite number."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{key!r} must be a number")
        # An integer too large for a float would raise, so it is measured before it is converted.
        if abs(value) > 1e15 or not math.isfinite(value):
            raise self.error(f"{key!r} must be a finite number of ordinary size")
        return float(value)

    def span(self, key: str) -> timedelta:
        """Return a term such as `365d`."""
        try:
            return parse_duration(self.text(key))
        except ValueError as error:
            raise self.error(f"{key!r}: {error}") from None

    def names(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self.value(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key!r} must be a list of texts")
        return tuple(value)

    def table(self, key: str) -> Table:
        """Return a table inside this one."""
        return Table(self.value(key), f"{self._where}: [{key}]", self._fail)


def decode_text(data: bytes, where: str, fail: Fail) -> str:
    """Decode UTF-8, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fail(f"{where}: not UTF-8 text; save it as UTF-8") from None


def parse_toml(data: bytes, where: str, fail: Fail) -> Mapping[str, object]:
    """Parse TOML 1.0, within the bounds of `loads_bounded`."""
    text = decode_text(data, where, fail).replace("\r\n", "\n")
    try:
        return loads_bounded(text)
    except (ValueError, RecursionError) as error:
        raise fail(f"{where}: not valid TOML ({_first_line(error)}); correct it") from None


def parse_json(data: bytes, where: str, fail: Fail) -> object:
    """Parse JSON (RFC 8259), refusing a key given twice."""
    text = decode_text(data, where, fail)

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ValueError("a key is given twice")
        return table

    try:
        parsed: object = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise fail(f"{where}: not valid JSON ({_first_line(error)}); correct it") from None
    return parsed


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or ["unreadable"])[0]
