"""What leaves of an alert, and in which order: pure. No name, no picture, no features and no score ever does.

Each channel has a queue for each alert that it is told of. It says what the channel was told last, so that whatever
differs from that is the next event; nothing has to be written in the moment in which an alert is raised or its review
goes on, and a crash at any moment loses none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from faceward.core.canonical import JSONValue, canonical_json, sha256_hex
from faceward.core.errors import IntegrityError
from faceward.policy.channels import Channel, told_details
from faceward.policy.strict import Table

Data = Mapping[str, JSONValue]

RAISED, CHANGED, ENDED = "alert.raised", "alert.changed", "alert.ended"
TEST = "channel.test"
WAITING, IN_REVIEW, CONFIRMED, DISMISSED = "waiting", "in-review", "confirmed", "dismissed"
OPEN_STATES = frozenset({WAITING, IN_REVIEW})
"""States in which an alert waits for people."""

NOTICES = {
    CONFIRMED: "Lead only: two trained people agree. No evidence of identity; no action may rest on it alone.",
    DISMISSED: "Dismissed: nobody is to act on it.",
    "ended": "No longer kept where it was raised: delete what you hold of it.",
}
_WAITS = "Lead only: it waits for two trained people, and nobody is to act on it before they agree."
_ID_DIGITS = 32
_EVENT = ("identifier", "type", "made", "number", "data", "before")
_QUEUE = ("channel", "alert", "count", "told", "ended", "events")


@dataclass(frozen=True, slots=True)
class Fact:
    """An alert as far as it may leave.

    Attributes:
        alert: Its identifier.
        entry: Index of the log entry that announced it.
        camera: Which camera saw them.
        captured: When, RFC 3339.
        fpir: Rate at which somebody who is not on the list brings about an alert.
        state: `waiting`, `in-review`, `confirmed` or `dismissed`.
        flags: `impossible-travel` (rule W5), or nothing.
        details: Of `channels.DETAILS` what is known, by name.
    """

    alert: str
    entry: int
    camera: str
    captured: str
    fpir: float
    state: str
    flags: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a purpose was alarmed falsely.

    Attributes:
        purpose: Its name.
        rate: False alerts a face, 0 to 1.
        accepted: How often it accepts to be.
        halted: Whether it is above that, so that nothing is searched for it (rule W6).
    """

    purpose: str
    rate: float
    accepted: float
    halted: bool


@dataclass(frozen=True, slots=True)
class Board:
    """How cameras and rates stand, for what shows states and not events.

    Attributes:
        cameras: Names of the cameras, those of alerts too.
        waiting: Alerts that wait for people, in the order in which they were raised.
        rates: By purpose, those that were searched for.
    """

    cameras: tuple[str, ...] = ()
    waiting: tuple[Fact, ...] = ()
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a channel is to be told of an alert, once.

    Attributes:
        identifier: `msg_` and 32 hexadecimal digits; the same at each attempt, so that a receiver knows it again.
        type: `alert.raised`, `alert.changed`, `alert.ended` or `channel.test`.
        made: When it came about, RFC 3339.
        number: Its place in the order of the channel's events.
        data: The alert as it is now.
        before: The alert as the channel was told of it before, or None.
    """

    identifier: str
    type: str
    made: str
    number: int
    data: Data
    before: Data | None = None

    def body(self) -> bytes:
        """Return the message as webhooks carry it and as brokers publish it, canonical JSON."""
        return canonical_json({"type": self.type, "timestamp": self.made, "data": self.data})

    def to_json(self) -> Data:
        """Return an object that `from_json` reads back equal."""
        return {name: getattr(self, name) for name in _EVENT}

    @classmethod
    def from_json(cls, value: object) -> Event:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored event", IntegrityError)
        table.only(_EVENT)
        texts = {name: table.text(name) for name in ("identifier", "type", "made")}
        number, before = int(table.number("number")), table.value("before")
        return cls(**texts, number=number, data=_data(table.value("data")), before=_optional(before))


@dataclass(frozen=True, slots=True)
class Queue:
    """What a channel was told of an alert, and what it is still to be told.

    Attributes:
        channel: Identifier of the channel.
        alert: Identifier of the alert.
        count: Events that there have been.
        told: The alert as the latest event tells it.
        ended: The alert is no longer kept; the last event says so.
        events: What is still to be sent, in order.
    """

    channel: str
    alert: str
    count: int
    told: Data
    ended: bool
    events: tuple[Event, ...]

    def to_json(self) -> Data:
        """Return an object that `from_json` reads back equal."""
        return {**{name: getattr(self, name) for name in _QUEUE}, "events": [one.to_json() for one in self.events]}

    @classmethod
    def from_json(cls, value: object) -> Queue:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored queue", IntegrityError)
        table.only(_QUEUE)
        events = table.value("events")
        if not isinstance(events, list):
            raise table.error("'events' must be a list")
        return cls(
            channel=table.text("channel"),
            alert=table.text("alert"),
            count=int(table.number("count")),
            told=_data(table.value("told")),
            ended=table.flag("ended"),
            events=tuple(Event.from_json(one) for one in events),
        )

    @property
    def done(self) -> bool:
        """Whether nothing of it has to be remembered any more."""
        return self.ended and not self.events

    def following(self, data: Data, made: str, number: int) -> Queue:
        """Return the queue after the alert has become something else."""
        event = _event(self, CHANGED if self.count else RAISED, data, made, number)
        return replace(self, count=self.count + 1, told=data, events=(*self.events, event))

    def over(self, made: str, number: int) -> Queue:
        """Return the queue after the alert has gone: what was not sent by now is not sent any more."""
        data = {"alert": self.alert, "camera": self.told["camera"], "state": "ended", "notice": NOTICES["ended"]}
        event = _event(self, ENDED, data, made, number)
        return replace(self, count=self.count + 1, told=data, ended=True, events=(event,))

    def without(self, event: Event) -> Queue:
        """Return the queue after an event was delivered or given up."""
        return replace(self, events=tuple(one for one in self.events if one.identifier != event.identifier))


def new_queue(channel: Channel, alert: str) -> Queue:
    """Return the queue of an alert that a channel was told nothing of."""
    return Queue(channel.identifier, alert, 0, {}, ended=False, events=())


def told(fact: Fact, channel: Channel) -> Data:
    """Return what a channel is told of an alert: the least, and what it was set up to tell beside that."""
    query = urlencode({"state": "all", "camera": fact.camera})
    link = {"link": f"{channel.origin}/alerts?{query}"} if channel.origin else {}
    return {
        "alert": fact.alert,
        "camera": fact.camera,
        "captured": fact.captured,
        "fpir": fact.fpir,
        "state": fact.state,
        "flags": list(fact.flags),
        "lead_only": True,
        "notice": NOTICES.get(fact.state, _WAITS),
        **told_details(fact.details, channel.details),
        **link,
    }


def trial_event(identifier: str, made: str) -> Event:
    """Return an event that tells nothing but that the channel works."""
    return Event(identifier, TEST, made, 0, {"notice": "A test of this channel: nobody was seen."})


def message_id(*parts: JSONValue) -> str:
    """Return the identifier of a message that these parts make out."""
    return f"msg_{sha256_hex(canonical_json([*parts]))[:_ID_DIGITS]}"


def _event(queue: Queue, kind: str, data: Data, made: str, number: int) -> Event:
    # What it says is part of it: after an older backup was restored, the same count may stand for something else.
    identifier = message_id(queue.channel, queue.alert, queue.count, kind, data)
    return Event(identifier, kind, made, number, data, queue.told or None)


def _optional(value: object) -> Data | None:
    return None if value is None else _data(value)


def _data(value: object) -> Data:
    if not isinstance(value, dict):
        raise IntegrityError("what is kept of an alert that leaves is damaged; restore gallery.db from a backup")
    return value
