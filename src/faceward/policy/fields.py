"""Fields that signed objects share, each read in its only spelling, so that nothing signed can be re-spelt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.policy.strict import Table

VERSION = 1
"""Version of the signed objects."""
MAX_ORIGIN = 255
"""Most characters of a deployment's name, the origin of its log."""


def check_head(table: Table, keys: Collection[str]) -> None:
    """Refuse unknown keys and another version.

    Raises:
        FacewardError: The table's own error.
    """
    table.only(keys)
    version = table.value("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise table.error("'version' must be a whole number")
    if version != VERSION:
        raise table.error("it is of a newer version than this program reads; upgrade")


def moment(table: Table, key: str) -> datetime:
    """Return a moment, UTC, in the only spelling that `to_rfc3339` writes.

    Raises:
        FacewardError: The table's own error.
    """
    text = table.text(key)
    try:
        found = from_rfc3339(text)
        if to_rfc3339(found) == text:
            return found
    except (ValueError, OverflowError):
        pass
    raise table.error(f"{key!r} is not a moment such as 2026-01-02T03:04:05.000006Z")


def person_name(table: Table, key: str) -> str:
    """Return a person's name as it is kept.

    Raises:
        FacewardError: The table's own error.
    """
    text = table.text(key)
    try:
        if check_name(text, "person") == text:
            return text
    except (UsageError, UnicodeError):
        pass
    raise table.error(f"{key!r} is not a person's name as it is kept")


def line(table: Table, key: str, most: int) -> str:
    """Return a text of one line, which may be empty.

    Args:
        table: Where it stands.
        key: Its key.
        most: Most characters.

    Raises:
        FacewardError: The table's own error.
    """
    text = table.text(key)
    if len(text) > most or not text.isprintable():
        raise table.error(f"{key!r} is no line of at most {most} characters")
    return text
