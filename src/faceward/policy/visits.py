"""Subjects who come by a link that an operator gave them, to see and use their rights (rules D1, T2, C2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from faceward.core.duration import format_duration
from faceward.core.errors import PolicyRefusal, UsageError

LONGEST = timedelta(days=7)
"""How long a link can be used at most."""

USUAL = timedelta(days=1)
"""How long a link can be used where nobody says otherwise."""

STAY = timedelta(minutes=30)
"""How long whoever used a link stays signed in."""

OPERATOR = "the subject"
"""Who acted, as the log's lasting details say it: the name itself is under the subject's own key, and goes with it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A subject who came by a link.

    Attributes:
        subject: Who, as enrolled.
        entry: Index of the log entry that says that the link was made.
    """

    subject: str
    entry: int


def check_term(term: timedelta) -> timedelta:
    """Return how long a link is to be usable, if it may be so long.

    Raises:
        UsageError: It is longer than `LONGEST`, or no time at all.
    """
    if not timedelta(0) < term <= LONGEST:
        raise UsageError(f"a link can be used for at most {format_duration(LONGEST)}; give a shorter term")
    return term


def check_in_force(until: datetime, now: datetime) -> None:
    """Check that whoever used a link before it ended is still signed in, at the latest.

    Args:
        until: When the link ended, UTC.
        now: The current time, UTC.

    Raises:
        PolicyRefusal: They cannot be (K2).
    """
    if now >= until + STAY:
        raise ended()


def ended() -> PolicyRefusal:
    """Return the refusal of somebody whose link counts no more."""
    return PolicyRefusal("K2", "the link has ended, or what was held is erased.", "Ask the operator for another link.")
