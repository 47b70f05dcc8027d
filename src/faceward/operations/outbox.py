"""The outbox: what each channel is still to be told of alerts, in order, until it was told or it is too late.

Nothing is queued in the moment in which an alert is raised: whoever drains the outbox compares the alerts with what
each channel was told last. So neither a crash there nor one here loses an alert. An event is marked after it was
delivered; a crash between sends it again, with the same identifier (at least once).

One process at a time has an outbox (`Channels.outbox`); its threads share it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.operations.channel_store import ChannelStore
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening, Journal
from faceward.policy.alert_events import Board, Event, Fact, Queue, new_queue, told
from faceward.policy.channels import Channel
from faceward.policy.deliveries import Line, Pace

DELIVERED, GIVEN_UP, CLOSED = "channel.delivered", "channel.give-up", "channel.closed"
# How many events one log entry names at most; more go into further ones.
_NAMED = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something could not be delivered.

    Attributes:
        reason: In our own words; nothing that the receiver sent, no address and no secret.
        pause: How long the receiver asks to wait, or None.
        closed: Whether the receiver wants nothing more.
    """

    reason: str
    pause: timedelta | None = None
    closed: bool = False


class Source(Protocol):
    """What there is to tell; see `alert_facts`."""

    def facts(self) -> Iterable[Fact]:
        """Return the alerts as they are now."""

    def board(self) -> Board:
        """Return how cameras and rates stand now."""


@dataclass(slots=True)
class _Known:
    """What the outbox holds in memory; on disk it is the same."""

    channels: dict[str, Channel] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    queues: dict[tuple[str, str], Queue] = field(default_factory=dict)


class Outbox:
    """What is to be sent. All methods may be called by several threads.

    Args:
        deployment: The deployment.
        source: What there is to tell.
        pace: When to try again.
        chance: Returns a number from 0 to 1, each time another.
    """

    def __init__(
        self,
        deployment: Deployment,
        source: Source,
        pace: Pace,
        chance: Callable[[], float],
    ) -> None:
        self._deployment, self._source = deployment, source
        self._pace, self._chance = pace, chance
        self._store, self._journal = ChannelStore(deployment), Journal(deployment)
        self._lock = threading.RLock()
        self._known = _Known(lines=self._store.lines(), queues=self._store.queues())

    def now(self) -> datetime:
        """Return the current time, UTC."""
        return self._deployment.now()

    def collect(self) -> tuple[Channel, ...]:
        """Queue what channels are to be told by now, give up what is too old, and return the channels.

        Raises:
            IntegrityError: A document was altered.
            EnvironmentFailure: The disk is full, or a file cannot be read or written.
        """
        with self._lock:
            self._known.channels = {one.identifier: one for one in self._store.all()}
            self._forget_gone()
            if self._known.channels:
                current = {one.alert: one for one in self._source.facts()}
                for channel in self._known.channels.values():
                    self._refresh(channel.identifier)
                    self._queue(channel, current)
                    self._give_up(channel)
            return tuple(self._known.channels.values())

    def board(self) -> Board:
        """Return how cameras and rates stand now."""
        with self._lock:
            return self._source.board()

    def line(self, identifier: str) -> Line:
        """Return how a channel stands."""
        with self._lock:
            return self._known.lines.get(identifier, Line())

    def wait(self, identifier: str) -> float | None:
        """Return seconds until a channel may be tried; 0 for at once, None where nothing is sent by it any more."""
        left = self.line(identifier).wait(self.now(), self._pace)
        return None if left is None else left.total_seconds()

    def following(self, identifier: str) -> Event | None:
        """Return what a channel is to be told next, or None."""
        with self._lock:
            if identifier not in self._known.channels:
                return None
            waiting = [event for _, event in self._waiting(identifier)]
            return min(waiting, key=_order, default=None)

    def delivered(self, identifier: str, event: Event) -> None:
        """Note that a channel was told of an event.

        Raises:
            EnvironmentFailure: It cannot be written down; the event is still to be marked, not to be sent again.
        """
        with self._lock:
            if identifier not in self._known.channels:
                return
            self._strike(identifier, [event])
            now = self.now()
            line = self.line(identifier).succeeded(now)
            day = f"{now:%Y-%m-%d}"
            if line.noted != day:
                line = replace(line, noted=day)
                self._note(DELIVERED, identifier, {"delivered": line.delivered})
            self._keep_line(identifier, line)

    def connected(self, identifier: str) -> None:
        """Note that a channel answers, where it had failed."""
        with self._lock:
            line = self.line(identifier)
            if line.attempts and identifier in self._known.channels:
                self._keep_line(identifier, line.succeeded(self.now(), events=0))

    def failed(self, identifier: str, failure: Failure) -> Line:
        """Note that a channel could not be told; return how it stands.

        Raises:
            EnvironmentFailure: It cannot be written down.
        """
        with self._lock:
            before = self.line(identifier)
            pause = self._pace.pause(before.attempts + 1, self._chance(), failure.pause)
            line = before.failed(self.now(), failure.reason, pause, closed=failure.closed)
            if identifier not in self._known.channels:
                return line
            if line.closed and not before.closed:
                self._note(CLOSED, identifier, {"reason": failure.reason})
            self._keep_line(identifier, line)
            return line

    def _forget_gone(self) -> None:
        for channel, alert in [key for key in self._known.queues if key[0] not in self._known.channels]:
            self._store.forget(channel, alert)
            del self._known.queues[channel, alert]
        for identifier in self._known.lines.keys() - self._known.channels.keys():
            self._store.forget_line(identifier)
            del self._known.lines[identifier]

    def _refresh(self, identifier: str) -> None:
        """Read again how a channel stands that does not work: a test by another process may have found that it does."""
        if self.line(identifier).attempts:
            self._known.lines[identifier] = self._store.line(identifier)

    def _queue(self, channel: Channel, current: dict[str, Fact]) -> None:
        now = to_rfc3339(self.now())
        for fact in sorted(current.values(), key=lambda one: one.entry):
            queue = self._known.queues.get((channel.identifier, fact.alert))
            if queue is None and fact.entry < channel.first:
                continue
            queue = queue or new_queue(channel, fact.alert)
            data = told(fact, channel)
            if queue.told != data:
                self._keep_queue(queue.following(data, now, self._number(channel.identifier)))
        for queue in [one for one in self._known.queues.values() if one.channel == channel.identifier]:
            if not queue.ended and queue.alert not in current:
                self._keep_queue(queue.over(now, self._number(channel.identifier)))

    def _give_up(self, channel: Channel) -> None:
        limit = self.now() - self._pace.give_up
        old = [event for _, event in self._waiting(channel.identifier) if from_rfc3339(event.made) <= limit]
        for start in range(0, len(old), _NAMED):
            some = sorted(old, key=_order)[start : start + _NAMED]
            line = self.line(channel.identifier)
            named: list[JSONValue] = [event.identifier for event in some]
            alerts: list[JSONValue] = [event.data.get("alert") for event in some]
            self._note(GIVEN_UP, channel.identifier, {"events": named, "alerts": alerts, "reason": line.reason})
            self._strike(channel.identifier, some)
            self._keep_line(channel.identifier, replace(line, given_up=line.given_up + len(some)))

    def _strike(self, identifier: str, events: Iterable[Event]) -> None:
        gone = {event.identifier: event for event in events}
        for queue, event in self._waiting(identifier):
            if event.identifier in gone:
                self._keep_queue(self._known.queues[queue.channel, queue.alert].without(event))

    def _waiting(self, identifier: str) -> list[tuple[Queue, Event]]:
        queues = [one for one in self._known.queues.values() if one.channel == identifier]
        return [(queue, event) for queue in queues for event in queue.events]

    def _number(self, identifier: str) -> int:
        return 1 + max((event.number for _, event in self._waiting(identifier)), default=0)

    def _keep_queue(self, queue: Queue) -> None:
        # The disk first: what it refuses must not be believed.
        self._store.keep_queue(queue)
        if queue.done:
            self._known.queues.pop((queue.channel, queue.alert), None)
        else:
            self._known.queues[queue.channel, queue.alert] = queue

    def _keep_line(self, identifier: str, line: Line) -> None:
        self._store.keep_line(identifier, line)
        self._known.lines[identifier] = line

    def _note(self, operation: str, identifier: str, details: dict[str, JSONValue]) -> None:
        channel = self._known.channels[identifier]
        about = {"channel": channel.name, "kind": channel.kind, "place": channel.place, **details}
        self._journal.write(Phase.NOTE, [Happening(operation, about)])


def _order(event: Event) -> int:
    return event.number
