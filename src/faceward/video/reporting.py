"""Putting sightings on record, in a thread of its own: an alert may take longer than a frame may wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure

if TYPE_CHECKING:
    from faceward.core.watch_results import AlertView
    from faceward.operations.watching import Sighting
    from faceward.video.ports import Held

PATIENCE = 60.0
"""Seconds for which a sighting waits for a watch that the machine interrupted; then it is given up, which is told."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a sighting.

    Attributes:
        camera: Which camera's.
        alert: The alert; None where it repeats one, or was not put on record.
        latency: Seconds from the frame's arrival.
        error: Why it was not put on record, or None.
        given_up: Whether it never will be.
        suppressed: Whether nobody gets from where the subject was seen before to here in that time (rule W5).
        held: The watch that was to put it on record; None where there was none.
    """

    camera: str
    alert: AlertView | None
    latency: float
    error: BaseException | None = field(default=None, repr=False)
    given_up: bool = False
    suppressed: bool = False
    held: Held | None = field(default=None, repr=False)


class Reporter:
    """Hands sightings to the watch one after the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Sighting, float]] = deque()
        self._reported: deque[Reported] = deque()
        self._watcher: Held | None = None
        self._ending = self._busy = False
        self._thread = threading.Thread(target=self._work, name="report", daemon=True)
        self._thread.start()

    def open(self, watcher: Held) -> None:
        """Put sightings on record from now on."""
        with self._changed:
            self._watcher = watcher
            self._changed.notify()

    def shut(self) -> None:
        """Keep sightings waiting until `open`."""
        with self._changed:
            self._watcher = None

    def add(self, sighting: Sighting, received: float) -> None:
        """Put a sighting on record.

        Args:
            sighting: The sighting.
            received: When its frame came, on the monotonic clock.
        """
        with self._changed:
            self._waiting.append((sighting, received))
            self._changed.notify()

    def take(self) -> list[Reported]:
        """Return what became of sightings since the last call."""
        with self._changed:
            found = list(self._reported)
            self._reported.clear()
        return found

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and all that was reported was taken."""
        with self._changed:
            return not (self._waiting or self._reported or self._busy)

    def close(self) -> None:
        """Put on record what waits, where there is a watch, and end; the rest is given up, which `take` tells."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ready():
                    self._give_up_old(time.monotonic())
                    if self._ending:
                        self._give_up_old(float("inf"))
                        return
                    self._changed.wait(1.0)
                watcher, (sighting, received) = self._watcher, self._waiting.popleft()
                self._busy = True
            if watcher is None:
                raise AssertionError("there is a watch where something is ready")
            again = self._report(watcher, sighting, received)
            with self._changed:
                self._busy = False
                if again:
                    self._waiting.appendleft((sighting, received))
                    if self._watcher is watcher:
                        # Until the loop has opened another, which it may have done meanwhile.
                        self._watcher = None

    def _ready(self) -> bool:
        return bool(self._waiting) and self._watcher is not None

    def _report(self, watcher: Held, sighting: Sighting, received: float) -> bool:
        """Hand a sighting over; tell whether it is to be tried again."""
        alert: AlertView | None = None
        error: BaseException | None = None
        # Nobody else hands sightings to a watch, so what it counts meanwhile is this one.
        before = watcher.totals.suppressed
        try:
            alert = watcher.alert(sighting)
        except BaseException as raised:  # noqa: BLE001 - told to whoever asks what became of it
            error = raised
        latency, again = time.monotonic() - received, isinstance(error, EnvironmentFailure)
        given_up, suppressed = error is not None and not again, watcher.totals.suppressed > before
        told = Reported(sighting.camera, alert, latency, error, given_up, suppressed, watcher)
        with self._changed:
            self._reported.append(told)
        return again

    def _give_up_old(self, now: float) -> None:
        while self._waiting and now - self._waiting[0][1] > PATIENCE:
            sighting, received = self._waiting.popleft()
            self._reported.append(Reported(sighting.camera, None, now - received, given_up=True))
