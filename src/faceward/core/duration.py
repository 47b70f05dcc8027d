"""Terms such as `365d`, as people write them in policies and releases."""

from __future__ import annotations

import re
from datetime import timedelta

_PATTERN = re.compile(r"(\d{1,6})\s*([hdwmy])", re.IGNORECASE)
# A month and a year are fixed spans so that an expiry is the same whatever the calendar says.
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}


def parse_duration(text: str) -> timedelta:
    """Parse a number and a unit: `h`ours, `d`ays, `w`eeks, `m`onths of 30 days or `y`ears of 365.

    Raises:
        ValueError: The text has another form, is zero, or exceeds 100 years.
    """
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a term; write a number and a unit such as 24h, 90d, 12m or 2y")
    span = timedelta(hours=int(found[1]) * _HOURS[found[2].lower()])
    if not timedelta(0) < span <= timedelta(days=36500):
        raise ValueError(f"{text!r} is not a term between one hour and 100 years")
    return span


def format_duration(span: timedelta) -> str:
    """Write a span in the largest unit among hours and days that is exact."""
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
