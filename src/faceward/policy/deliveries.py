"""When to try again: how a channel stands after each attempt. Pure; time and chance are passed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError
from faceward.policy.strict import Table

# Two to this power is more than any longest pause; a larger power would only be a larger number.
_MOST_DOUBLINGS = 32
_TIMES = ("failing", "following", "latest")
_KEYS = ("attempts", *_TIMES, "closed", "reason", "delivered", "given_up", "noted")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait, and when to give up.

    Attributes:
        first: Pause after the first failure.
        longest: Longest pause; each is twice the one before.
        asked: Longest pause that a receiver may ask for.
        give_up: An event that could not be delivered for so long is given up.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)
    asked: timedelta = timedelta(hours=1)
    give_up: timedelta = timedelta(days=3)

    def pause(self, attempts: int, chance: float, asked: timedelta | None = None) -> timedelta:
        """Return how long to wait after failures.

        Args:
            attempts: How many in a row, at least 1.
            chance: Uniform from 0 to 1; senders that failed together do not come back together.
            asked: What the receiver asked for, or None.

        Returns:
            Half to the whole of the doubled pause, and no less than what was asked for within its bound.
        """
        whole = min(self.longest, self.first * (1 << min(attempts - 1, _MOST_DOUBLINGS)))
        drawn = whole * (0.5 + 0.5 * min(1.0, max(0.0, chance)))
        return drawn if asked is None else max(drawn, min(asked, self.asked))


@dataclass(frozen=True, slots=True)
class Line:
    """How a channel stands.

    Attributes:
        attempts: Failures in a row.
        failing: Since when, or None.
        following: When to try again, or None for at once.
        latest: When something was last delivered, or None.
        closed: Whether the receiver asked for nothing more (410).
        reason: Why the last attempt failed; empty after a success. Of our own words, nothing of the receiver's.
        delivered: Events that were delivered.
        given_up: Events that were not.
        noted: Day on which the log last said that something was delivered, `YYYY-MM-DD`; may be empty.
    """

    attempts: int = 0
    failing: datetime | None = None
    following: datetime | None = None
    latest: datetime | None = None
    closed: bool = False
    reason: str = ""
    delivered: int = 0
    given_up: int = 0
    noted: str = ""

    @property
    def state(self) -> str:
        """`closed`, `failing`, `working`, or `new` where nothing was tried yet."""
        if self.closed:
            return "closed"
        if self.attempts:
            return "failing"
        return "new" if self.latest is None else "working"

    def succeeded(self, now: datetime, *, events: int = 1) -> Line:
        """Return how it stands after a success; `events` is 0 where nothing but a connection succeeded."""
        return replace(
            self,
            attempts=0,
            failing=None,
            following=None,
            closed=False,
            reason="",
            latest=now if events else self.latest,
            delivered=self.delivered + events,
        )

    def failed(self, now: datetime, reason: str, pause: timedelta, *, closed: bool = False) -> Line:
        """Return how it stands after a failure; `closed` where the receiver asked for nothing more."""
        return replace(
            self,
            attempts=self.attempts + 1,
            failing=self.failing or now,
            following=now + pause,
            reason=reason,
            closed=self.closed or closed,
        )

    def wait(self, now: datetime, pace: Pace) -> timedelta | None:
        """Return how long to wait before the next attempt; zero for none, None where nothing is sent any more."""
        if self.closed:
            return None
        left = timedelta(0) if self.following is None else self.following - now
        # A clock that was set back must not keep a channel waiting for longer than any pause.
        return timedelta(0) if left > max(pace.longest, pace.asked) else max(timedelta(0), left)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        plain = {name: getattr(self, name) for name in _KEYS}
        return {**plain, **{name: None if plain[name] is None else to_rfc3339(plain[name]) for name in _TIMES}}

    @classmethod
    def from_json(cls, value: object) -> Line:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored state of a channel", IntegrityError)
        table.only(_KEYS)
        try:
            times = {name: None if table.value(name) is None else from_rfc3339(table.text(name)) for name in _TIMES}
        except ValueError as error:
            raise table.error(str(error)) from None
        return cls(
            **times,
            attempts=int(table.number("attempts")),
            closed=table.flag("closed"),
            reason=table.text("reason"),
            delivered=int(table.number("delivered")),
            given_up=int(table.number("given_up")),
            noted=table.text("noted"),
        )
