"""Draining the outbox: a thread that finds out what is to be sent, and one for each channel that sends it.

However many processes run one, one of them sends; where it dies, the next one goes on. A channel that does not answer
holds up no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from faceward.core.errors import FacewardError
from faceward.operations.channels import Channels
from faceward.operations.outbox import Outbox
from faceward.operations.system import System
from faceward.outbound.lane import Lane, Sender, Tell
from faceward.outbound.webhook import Terms, WebhookSender
from faceward.policy.channel_targets import WEBHOOK
from faceward.policy.channels import Channel
from faceward.policy.deliveries import Pace

EVERY = 2.0
"""Seconds between two looks at what is to be sent."""

PATIENCE = 5.0
"""Seconds in which what is left is sent when the courier is stopped."""

_SLICE = 0.2
# Seconds in which an attempt that was abandoned ends; one that resolves a name ends when that does.
_LAST = 3.0


class Courier:
    """Sends alerts by the channels of a deployment as long as it runs: a context manager, or to be started and stopped.

    Args:
        system: The open deployment. Nobody has to be signed in: what was authorised is the channel.
        tell: Tells the operator a line; called by several threads.
        every: Seconds between two looks at what is to be sent.
        pace: When to try again.
    """

    def __init__(
        self, system: System, tell: Tell | None = None, *, every: float = EVERY, pace: Pace | None = None
    ) -> None:
        self._channels: Channels = system.channels
        self._tell: Tell = tell or _nothing
        self._every, self._pace = every, pace or Pace()
        self._wake, self._ended, self._abandoned = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._told = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; a courier that runs goes on."""
        if self._thread is None:
            self._ended.clear()
            self._abandoned.clear()
            self._thread = threading.Thread(target=self._run, name="faceward-courier", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look at once what is to be sent, as after an alert was raised."""
        self._wake.set()

    def stop(self, patience: float = PATIENCE) -> None:
        """Send what can be sent at once, and end. What is left stays in the outbox.

        Args:
            patience: Seconds that it may take; after them attempts that are under way are abandoned.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ended.set()
        self._wake.set()
        thread.join(patience)
        self._abandoned.set()
        thread.join(_LAST)

    def _run(self) -> None:
        while True:
            try:
                with self._channels.outbox(self._pace) as outbox:
                    if outbox is not None:
                        self._drain(outbox)
            except FacewardError as error:
                self._say(str(error))
            if self._ended.is_set():
                return
            self._sleep()

    def _drain(self, outbox: Outbox) -> None:
        lanes: dict[str, Lane] = {}
        leaving: list[Lane] = []
        try:
            while True:
                # Asked before: what was raised until the end was asked for is to be sent still.
                ending = self._ended.is_set()
                leaving = [lane for lane in (*leaving, *self._look(outbox, lanes)) if lane.alive]
                if ending:
                    return
                self._sleep()
        finally:
            for lane in lanes.values():
                lane.finish()
            # The lease is held until nobody sends any more.
            for lane in (*lanes.values(), *leaving):
                while not lane.join(_SLICE) and not self._abandoned.is_set():
                    pass
            for lane in (*lanes.values(), *leaving):
                lane.join(_LAST / 2)

    def _look(self, outbox: Outbox, lanes: dict[str, Lane]) -> list[Lane]:
        """Bring lanes in line with the channels, and have them look; return those that are to leave."""
        try:
            wanted = {channel.identifier: channel for channel in outbox.collect()}
        except FacewardError as error:
            # A full disk may have room again, and a busy file may be free.
            self._say(str(error))
            return []
        self._told = ""
        gone = [lanes.pop(identifier) for identifier in lanes.keys() - wanted.keys()]
        for lane in gone:
            lane.finish(gone=True)
        for identifier, channel in wanted.items():
            if identifier not in lanes or not lanes[identifier].alive:
                lanes[identifier] = Lane(channel, outbox, self._maker(channel, outbox), self._tell)
                lanes[identifier].start()
            lanes[identifier].wake()
        return gone

    def _maker(self, channel: Channel, outbox: Outbox) -> Callable[[], Sender]:
        def make() -> Sender:
            secret, terms = self._channels.secrets(channel.name), Terms(ended=self._abandoned.is_set)
            if channel.kind == WEBHOOK:
                return WebhookSender(channel, secret, outbox.now, terms)
            # Where no broker is spoken to, its library need not be there.
            from faceward.outbound.mqtt import MqttSender  # noqa: PLC0415

            return MqttSender(channel, secret, terms)

        return make

    def _sleep(self) -> None:
        self._wake.wait(self._every)
        self._wake.clear()

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)


def _nothing(_: str) -> None:
    pass
