"""One channel at work: a thread that tells it what the outbox holds, in order, and waits when it does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from faceward.core.errors import FacewardError
from faceward.operations.outbox import Failure, Outbox
from faceward.outbound.errors import NotDelivered
from faceward.policy.alert_events import Board, Event
from faceward.policy.channels import Channel

Tell = Callable[[str], None]
"""Tells the operator a line."""

# Longest sleep without a look at the outbox, where nothing wakes the thread.
_IDLE = 60.0
# Pause where this machine, not the receiver, is at fault: the disk is full, a file is busy.
_OWN_FAULT = 5.0


class Sender(Protocol):
    """Speaks to one receiver; see `webhook` and `mqtt`."""

    def present(self, board: Board) -> bool:
        """Bring states up to date, where the receiver keeps any; return whether it was spoken to."""

    def send(self, event: Event) -> None:
        """Deliver an event."""

    def close(self, *, gone: bool = False) -> None:
        """End; `gone` where the channel was removed."""


class Lane:
    """A channel's thread.

    Args:
        channel: The channel.
        outbox: What is to be sent.
        make: Makes what speaks to the receiver.
        tell: Tells the operator a line.
    """

    def __init__(self, channel: Channel, outbox: Outbox, make: Callable[[], Sender], tell: Tell) -> None:
        self.channel = channel
        self._outbox, self._make, self._tell = outbox, make, tell
        self._sender: Sender | None = None
        self._wake, self._finishing, self._gone = threading.Event(), threading.Event(), threading.Event()
        # Delivered, and not written down yet, since the disk would not: marked later, not sent again.
        self._unmarked: set[str] = set()
        self._told, self._broken = "", False
        self._thread = threading.Thread(
            target=self._run, name=f"faceward-channel-{channel.identifier[:8]}", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    def finish(self, *, gone: bool = False) -> None:
        """Send what can be sent at once, and end; of a channel that is gone nothing more is sent."""
        if gone:
            self._gone.set()
        self._finishing.set()
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                # Asked before: what was queued until the end was asked for is to be sent still.
                finishing = self._finishing.is_set()
                pause = 0.0 if self._gone.is_set() else self._turn()
                if finishing:
                    break
                self._wake.wait(pause)
        finally:
            if self._sender is not None:
                self._sender.close(gone=self._gone.is_set())

    def _turn(self) -> float:
        """Send what there is; return for how long to sleep."""
        identifier = self.channel.identifier
        wait = self._outbox.wait(identifier)
        if wait is None or wait > 0:
            return _IDLE if wait is None else min(_IDLE, wait)
        try:
            self._speak(identifier)
        except NotDelivered as failure:
            return self._failed(Failure(failure.reason, failure.pause, failure.closed))
        except FacewardError as error:
            self._say(f"{error}")
            return _OWN_FAULT
        except Exception as error:  # noqa: BLE001 - a defect met with one channel must not end it unseen, nor others
            return self._failed(Failure(f"unexpected {type(error).__name__}"))
        return _IDLE

    def _speak(self, identifier: str) -> None:
        if self._sender is None:
            self._sender = self._make()
        if self._sender.present(self._outbox.board()):
            self._outbox.connected(identifier)
            self._answers()
        while not self._gone.is_set():
            event = self._outbox.following(identifier)
            if event is None:
                break
            if event.identifier not in self._unmarked:
                self._sender.send(event)
                self._unmarked.add(event.identifier)
            self._outbox.delivered(identifier, event)
            self._answers()
            self._unmarked.discard(event.identifier)

    def _failed(self, failure: Failure) -> float:
        self._broken = True
        try:
            line = self._outbox.failed(self.channel.identifier, failure)
        except FacewardError as error:
            self._say(f"{error}")
            return _OWN_FAULT
        if line.closed:
            self._say(f"{failure.reason}; nothing more is sent there until a test arrives: faceward channel test")
        else:
            self._say(f"{failure.reason}; each alert is tried again for three days")
        wait = self._outbox.wait(self.channel.identifier)
        return _IDLE if wait is None else min(_IDLE, wait)

    def _answers(self) -> None:
        if self._broken:
            self._told, self._broken = "", False
            self._tell(f"channel {self.channel.name}: it answers again")

    def _say(self, text: str) -> None:
        # The same again and again, with each attempt, would hide everything else.
        if text != self._told:
            self._told = text
            self._tell(f"channel {self.channel.name}: {text}")
