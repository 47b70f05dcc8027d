"""Time is passed in. Only this adapter reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the current time comes from."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC, to the microsecond."""
        return datetime.now(tz=UTC)


def to_rfc3339(moment: datetime) -> str:
    """Format a timezone-aware moment as RFC 3339 in UTC with microseconds (`2026-01-02T03:04:05.000006Z`)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> datetime:
    """Parse what `to_rfc3339` wrote.

    Raises:
        ValueError: The text is not such a moment, or has no timezone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no timezone")
    return moment.astimezone(UTC)
