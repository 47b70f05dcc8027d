from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.clock import SystemClock, from_rfc3339, to_rfc3339
from faceward.core.duration import format_duration, parse_duration


@given(st.integers(-(10**16), 10**16))
def test_moments_are_written_and_read_back(microseconds: int) -> None:
    moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert from_rfc3339(to_rfc3339(moment)) == moment


def test_a_moment_is_written_in_UTC_whatever_its_zone() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    assert to_rfc3339(moment) == "2026-01-02T01:04:05.000006Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-02T03:04:05", "2026-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_rfc3339(text)


def test_the_machines_clock_is_in_UTC() -> None:
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("24h", 24), ("90d", 2160), ("2w", 336), ("12m", 8640), ("2y", 17520), (" 1 H ", 1), ("100y", 876000)],
)
def test_terms_are_numbers_and_units(text: str, hours: int) -> None:
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "d", "5", "0d", "-1d", "1.5d", "1 day", "101y", "9999999h", "1d1h", "\u0665x"])
def test_what_is_no_term_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="term"):
        parse_duration(text)


@given(st.integers(1, 36500 * 24))
def test_a_term_of_whole_hours_is_written_and_read_back(hours: int) -> None:
    span = timedelta(hours=hours)
    assert parse_duration(format_duration(span)) == span
