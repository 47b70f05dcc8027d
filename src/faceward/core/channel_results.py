"""What is shown of a channel by which alerts leave: no secret, and nobody's name."""

from __future__ import annotations

from dataclasses import dataclass, fields

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel and how it stands.

    Attributes:
        name: Its name.
        kind: `webhook` or `mqtt`.
        place: Scheme, host and port that it leads to; no path, no user.
        details: What is sent beside the least: `place`, `branch`, `gallery`, `purpose`.
        origin: Where its links lead; empty where it sends none.
        prefix: First part of a broker's topics; empty for a webhook.
        discovery: Home Assistant's prefix for discovery; may be empty.
        frigate: Whether Frigate-shaped events are sent too.
        insecure: Whether what is sent may be read on its way.
        since: When it was added, RFC 3339.
        state: `new` where nothing was sent yet, `working`, `failing`, or `closed`: the receiver wants nothing more.
        reason: Why the last attempt failed; may be empty.
        failing: Since when it fails, RFC 3339, or None.
        following: When it is tried again, RFC 3339, or None.
        latest: When something was last delivered, RFC 3339, or None.
        waiting: Events that wait to be sent.
        delivered: Events that were delivered.
        given_up: Events that could not be delivered within three days.
    """

    name: str
    kind: str
    place: str
    details: tuple[str, ...]
    origin: str
    prefix: str
    discovery: str
    frigate: bool
    insecure: bool
    since: str
    state: str
    reason: str
    failing: str | None
    following: str | None
    latest: str | None
    waiting: int
    delivered: int
    given_up: int

    def to_json(self) -> JSONDict:
        """Return the channel."""
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, "details": list(self.details)}


@dataclass(frozen=True, slots=True)
class ChannelTest:
    """What came of a test message.

    Attributes:
        name: The channel.
        place: Where it leads.
        reopened: Whether the receiver had asked for nothing more before, and takes alerts again.
    """

    name: str
    place: str
    reopened: bool

    def to_json(self) -> JSONDict:
        """Return what came of it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}
