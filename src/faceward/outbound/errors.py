"""Why something could not be delivered."""

from __future__ import annotations

from datetime import timedelta


class NotDelivered(Exception):
    """A receiver could not be told.

    Attributes:
        reason: In our own words: nothing that the receiver sent, no path, no user and no secret.
        pause: How long the receiver asks to wait, or None.
        closed: Whether the receiver wants nothing more (410).
    """

    def __init__(self, reason: str, *, pause: timedelta | None = None, closed: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.pause, self.closed = reason, pause, closed
