"""The custodian's clock, which never runs back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from faceward.core.errors import EnvironmentFailure

SLACK = timedelta(seconds=5)
"""How far the machine's clock may be behind the latest time that was acted at: clocks are adjusted all the time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def ticks(moment: datetime) -> int:
    """Return microseconds since 1970, UTC."""
    return (moment - _EPOCH) // _TICK


def moment_of(count: int) -> datetime:
    """Return the moment that `ticks` counted."""
    return _EPOCH + count * _TICK


def forward(now: datetime, last: datetime) -> datetime:
    """Return the time to act at: the machine's, but never before the last.

    Raises:
        EnvironmentFailure: The machine's clock was set back by more than five seconds.
    """
    if last - now > SLACK:
        behind = int((last - now).total_seconds())
        raise EnvironmentFailure(
            f"the clock of the custodian's machine runs {behind} s behind what it showed before; set it right, "
            "or let two people restart the custodian with the clock as it is"
        )
    return max(now, last)
