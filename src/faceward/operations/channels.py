"""Channels by which alerts leave: added, tried and removed by operators, and logged, since receivers get personal data.

The network is elsewhere (`faceward.outbound`): here are the configuration, what is still to be sent, and the records.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject
from faceward.core.channel_results import ChannelTest, ChannelView
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.operations.alert_facts import AlertFacts
from faceward.operations.channel_store import ChannelStore
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.outbox import Outbox
from faceward.policy.alert_events import Board, Event, message_id, trial_event
from faceward.policy.channels import Channel, ChannelRequest, Secrets, new_channel
from faceward.policy.deliveries import Line, Pace
from faceward.protection.guard import ProcessGuard

ACTION = "channel.change"
ADD, REMOVE, TRY = "channel.add", "channel.remove", "channel.test"
MOST_CHANNELS = 50
_CHANGING, _DRAINING = "channels.guard", "outbox.guard"
_ID_BYTES = 16
_CHANCES = 2**32

Sender = Callable[[Channel, Secrets, Event], None]
"""Delivers an event, or raises."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A channel that is to be removed: where it leads, and what it may have left there."""

    channel: Channel
    secrets: Secrets
    board: Board


class Channels:
    """The channels of one open deployment. Methods raise as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self._store = ChannelStore(deployment)

    def add(self, request: ChannelRequest) -> ChannelView:
        """Add a channel: it is told of every alert that is raised from now on. Nothing is resolved or sent yet.

        Raises:
            UsageError: There is one of that name, there are too many, or a value cannot be used.
            PolicyRefusal: Who acts is no operator (K2); the refusal is logged.
        """
        deployment = self._deployment
        made = new_channel(request, secrets.token_hex(_ID_BYTES), deployment.log.size, deployment.now())
        with self._changing():
            known = [one.name for one in self._store.all()]
            if made.name in known:
                raise UsageError(f"there is a channel {made.name!r} already; remove it first, or choose another name")
            if len(known) >= MOST_CHANNELS:
                raise UsageError(f"there are {MOST_CHANNELS} channels; remove one first")
            # Of the address a keyed digest, by which two can be told apart.
            details = {**_described(made), "address": deployment.masked("channel", request.secrets.address.strip())}
            with self._desk.operation(ACTION, {}, Happening(ADD, details)):
                self._store.add(made, replace(request.secrets, address=request.secrets.address.strip()))
        return _view(made, Line(), 0)

    def list(self) -> tuple[ChannelView, ...]:
        """Return all channels by name, and how they stand."""
        lines, queues = self._store.lines(), self._store.queues().values()
        return tuple(
            _view(
                one,
                lines.get(one.identifier, Line()),
                sum(len(queue.events) for queue in queues if queue.channel == one.identifier),
            )
            for one in self._store.all()
        )

    def remove(self, name: str) -> ChannelView:
        """Remove a channel with its secrets and with what it was still to be told. Return what it was.

        A process that sends by it takes back what its receiver retains, once it finds out.

        Raises:
            UsageError: There is no such channel.
            PolicyRefusal: See `add`.
        """
        with self._changing():
            channel = self._store.find(name)
            view = next(one for one in self.list() if one.name == channel.name)
            with self._desk.operation(ACTION, {}, Happening(REMOVE, _described(channel))):
                self._store.remove(channel)
        return view

    def leaving(self, name: str) -> Leaving:
        """Return what it takes to take back what a channel leaves with its receiver, before the channel is removed.

        Raises:
            UsageError: There is no such channel.
        """
        board = AlertFacts(self._deployment, self._desk).board()
        return Leaving(self._store.find(name), self._store.secrets(name), board)

    def test(self, name: str, send: Sender) -> ChannelTest:
        """Send a test message by a channel. If it arrives, what waits is tried at once, also by one that was closed.

        Args:
            name: The channel.
            send: Delivers it.

        Raises:
            UsageError: There is no such channel.
            PolicyRefusal: See `add`.
            EnvironmentFailure: It could not be delivered.
        """
        channel = self._store.find(name)
        now = to_rfc3339(self._deployment.now())
        event = trial_event(message_id(channel.identifier, secrets.token_hex(_ID_BYTES)), now)
        with self._desk.operation(ACTION, {}, Happening(TRY, _described(channel))):
            send(channel, self._store.secrets(name), event)
        line = self._store.line(channel.identifier)
        if line.attempts:
            self._store.keep_line(channel.identifier, line.succeeded(self._deployment.now(), events=0))
        return ChannelTest(channel.name, channel.place, line.closed)

    def secrets(self, name: str) -> Secrets:
        """Return where a channel leads and what signs there: for sending, never for showing.

        Raises:
            UsageError: There is no such channel.
            IntegrityError: They were altered.
        """
        return self._store.secrets(name)

    @contextmanager
    def outbox(self, pace: Pace) -> Iterator[Outbox | None]:
        """Yield the outbox, or None while another process, or another thread, has it.

        Whoever dies gives it up. Draining it needs nobody's authority: what was authorised is the channel.

        Args:
            pace: When to try again.
        """
        with self._alone() as alone:
            source = AlertFacts(self._deployment, self._desk)
            yield Outbox(self._deployment, source, pace, _chance) if alone else None

    def _alone(self) -> AbstractContextManager[bool]:
        return ProcessGuard(self._deployment.home / _DRAINING).exclusive()

    def _changing(self) -> AbstractContextManager[None]:
        return ProcessGuard(self._deployment.home / _CHANGING).alone()


def _chance() -> float:
    return secrets.randbelow(_CHANCES) / _CHANCES


def _described(channel: Channel) -> JSONObject:
    return {
        "channel": channel.name,
        "kind": channel.kind,
        "place": channel.place,
        "details": [*channel.details],
        "frigate": channel.frigate,
        "insecure": channel.insecure,
    }


def _view(channel: Channel, line: Line, waiting: int) -> ChannelView:
    return ChannelView(
        name=channel.name,
        kind=channel.kind,
        place=channel.place,
        details=channel.details,
        origin=channel.origin,
        prefix=channel.prefix,
        discovery=channel.discovery,
        frigate=channel.frigate,
        insecure=channel.insecure,
        since=to_rfc3339(channel.since),
        state=line.state,
        reason=line.reason,
        failing=None if line.failing is None else to_rfc3339(line.failing),
        following=None if line.following is None else to_rfc3339(line.following),
        latest=None if line.latest is None else to_rfc3339(line.latest),
        waiting=waiting,
        delivered=line.delivered,
        given_up=line.given_up,
    )
