"""Fields of a case read strictly, beside those of `policy.strict`."""

from __future__ import annotations

from datetime import datetime

from faceward.core.clock import from_rfc3339
from faceward.core.errors import UsageError
from faceward.policy.strict import Table

MAX_TEXT = 4000


def tables(table: Table, key: str) -> tuple[Table, ...]:
    """Return a list of tables; other values are refused."""
    value = table.value(key)
    if not isinstance(value, list):
        raise table.error(f"{key!r} must be a list of tables")
    return tuple(Table(item, f"{key} {number}", table.error) for number, item in enumerate(value, 1))


def whole(table: Table, key: str) -> int:
    """Return a whole number, 0 or more."""
    number = table.number(key)
    if number < 0 or number != int(number):
        raise table.error(f"{key!r} must be a whole number, 0 or more")
    return int(number)


def optional_text(table: Table, key: str) -> str | None:
    """Return a text, or None where it is null."""
    return None if table.value(key) is None else table.text(key)


def moment(table: Table, key: str) -> datetime:
    """Return a moment, UTC."""
    try:
        return from_rfc3339(table.text(key))
    except (ValueError, OverflowError):
        raise table.error(f"{key!r} must be a moment (RFC 3339) with its time zone") from None


def box(table: Table, key: str) -> tuple[float, float, float, float]:
    """Return a box: four numbers from 0 to 1."""
    value = table.value(key)
    numbers = [item for item in value if isinstance(item, int | float)] if isinstance(value, list) else []
    if len(numbers) != 4 or not all(0 <= number <= 1 for number in numbers):
        raise table.error(f"{key!r} must be four numbers from 0 to 1")
    x0, y0, x1, y1 = (float(number) for number in numbers)
    return x0, y0, x1, y1


def check_text(text: str, what: str, *, empty: bool = False) -> str:
    """Return a text of a case, or refuse it: too long, or empty where words are asked for."""
    stripped = text.strip()
    if not stripped and not empty:
        raise UsageError(f"{what} is empty; write a sentence")
    if len(stripped) > MAX_TEXT:
        raise UsageError(f"{what} is longer than {MAX_TEXT} characters; shorten it")
    return stripped
