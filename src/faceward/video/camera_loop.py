"""One camera in a decoder: opened, watched by the gate, opened again, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from faceward.core.errors import FacewardError
from faceward.core.faces import Box
from faceward.video.attention import Garbage, Pace, Sizes, Stillness
from faceward.video.backoff import Backoff
from faceward.video.conversion import Conversion
from faceward.video.frames import FeedSpec, State
from faceward.video.gate import MotionGate
from faceward.video.masks import Mask
from faceward.video.opened import Broken, Decoded, Opened, Options, Silent, TooLarge
from faceward.video.orders import Order
from faceward.video.ring import Ring
from faceward.video.source_files import is_live
from faceward.video.sources import open_source
from faceward.video.stream_clock import StreamClock

_FULL = 0.002


@dataclass(frozen=True, slots=True)
class Outside:
    """What a camera's loop has around it.

    Attributes:
        tell: Takes news.
        wake: Tells the reader that a frame is ready.
        stop: Set when it is to end.
    """

    tell: Callable[[State, str], None]
    wake: Callable[[], None]
    stop: threading.Event


@dataclass(slots=True)
class _Connection:
    opened: Opened
    clock: StreamClock
    base: float
    start: tuple[float, float] | None = None
    heard: float = 0.0


class CameraLoop:
    """Runs one camera in one thread.

    Args:
        spec: The camera.
        order: The patience that is had with it.
        ring: Where its frames go.
        outside: News, and when to end.
    """

    def __init__(self, spec: FeedSpec, order: Order, ring: Ring, outside: Outside) -> None:
        self._spec, self._order, self._ring, self._outside = spec, order, ring, outside
        self.backoff = Backoff(order.patience)
        self._options = Options(spec.rate, order.patience.stall, order.patience.stall)
        self._conversion = Conversion(spec.max_pixels)
        self._mask = Mask(spec.zones)
        self._gate = MotionGate()
        self._stillness = Stillness(order.still)
        self._garbage = Garbage()
        self._pace = Pace(spec.rate)
        self._sizes = Sizes()
        self._size = (0, 0)
        self._connections = 0
        self._last = 0.0
        self._frames = 0
        self._said = ""
        self._awaited = ""
        self._every = not spec.paced and not is_live(spec.source)

    def run(self) -> None:
        """Show the camera's frames until it ends or is to end."""
        while not self._outside.stop.is_set():
            try:
                over = self._connect()
            except Exception as problem:  # noqa: BLE001 - one camera's fault must not end its neighbours
                over = self._lost(f"its decoder failed ({type(problem).__name__}); the source is opened again")
            if over:
                return

    def _connect(self) -> bool:
        """Open the source and play it; return whether it is over for good."""
        try:
            opened = open_source(self._spec.source, self._options)
        except FacewardError as problem:
            return self._too_large(problem) if isinstance(problem, TooLarge) else self._lost(str(problem))
        try:
            self._frames = 0
            self._began(opened)
            self._play(opened)
            note = opened.note()
        except Silent as problem:
            if not self._frames and opened.live:
                return self._barren(opened)
            if not self.backoff.silent:
                self._tell("stalled", str(problem))
            return self._lost(str(problem), told=True)
        except TooLarge as problem:
            # What it holds is let go of before it is waited for.
            opened.close()
            return self._too_large(problem)
        except FacewardError as problem:
            note = opened.note()
            return self._lost(note if note and not opened.live else str(problem))
        finally:
            opened.close()
        if self._outside.stop.is_set():
            return True
        if opened.live:
            return self._lost("the stream ended; it is opened again")
        if self._spec.loop and self._frames:
            return False
        self._tell("ended", f"the end was reached{': ' if note else ''}{note}")
        return True

    def _began(self, opened: Opened) -> None:
        self.backoff.connected(time.monotonic())
        if (self._connections or self._order.again) and opened.live:
            self._ring.count("reconnects")
        # A file that begins again is no news.
        if self._awaited:
            self._awaited = opened.about
        elif not self._connections or opened.live:
            self._tell("connected", opened.about)
        self._connections += 1
        self._said = ""

    def _barren(self, opened: Opened) -> bool:
        """Wait for a camera that sends something of which no picture can be made, each time longer."""
        # Told once, and `connected` only with the first picture that comes.
        if not self._awaited:
            self._tell("garbage", "it answers, and no picture can be made of what comes; check the camera")
        self._awaited = opened.about
        return self._lost("no picture", told=True)

    def _too_large(self, problem: TooLarge) -> bool:
        # Told once, and not at every try.
        if is_live(self._spec.source) and str(problem) != self._said:
            self._tell("garbage", str(problem))
        return self._lost(str(problem), told=True, harmful=True)

    def _lost(self, message: str, *, told: bool = False, harmful: bool = False) -> bool:
        """Wait until the next try; return whether there is none, as of a file."""
        retry = self.backoff.lost(time.monotonic(), harmful=harmful)
        if not is_live(self._spec.source):
            self._tell("ended", message)
            return True
        # A camera that is off all night is told once, and not at every try.
        if not told and message != self._said:
            self._tell("lost", message)
        self._said = message
        return self._outside.stop.wait(max(0.0, retry - time.monotonic()))

    def _play(self, opened: Opened) -> None:
        now = time.monotonic()
        live = opened.live and not opened.paced
        # A file that begins again goes on where its time was, however fast it was read.
        start = time.time() if opened.live else max(time.time(), self._last + opened.period)
        connection = _Connection(opened, StreamClock(live=live, period=opened.period), start - now, heard=now)
        self._pace = Pace(self._spec.rate)
        for item in opened.frames(lambda stamp: self._early(connection, stamp)):
            if isinstance(item, Broken):
                self._broken(connection, item)
            else:
                self._frame(connection, item)
            # This name would keep the frame in memory for as long as nothing comes.
            del item
            if self._outside.stop.is_set():
                return

    def _early(self, connection: _Connection, stamp: float) -> bool:
        expected = connection.clock.expects(stamp)
        return expected is not None and self._pace.early(expected)

    def _broken(self, connection: _Connection, item: Broken) -> None:
        if self._garbage.broken(item.arrived):
            self._tell("garbage", "what comes cannot be decoded; check the camera and its network")
        if connection.opened.live and item.arrived - connection.heard > self._order.patience.stall:
            raise Silent("nothing that comes can be decoded; the source is opened again")

    def _frame(self, connection: _Connection, item: Decoded) -> None:
        self._ring.count("decoded")
        self.backoff.heard(item.arrived)
        connection.heard = item.arrived
        self._frames += 1
        if self._awaited:
            self._tell("connected", self._awaited)
            self._awaited = ""
        captured = connection.clock.captured(item.stamp, connection.base + item.arrived)
        if not self._pace.due(captured):
            return
        self._last = captured
        received = item.arrived
        if connection.opened.paced and not self._every:
            received = self._wait_until_due(connection, captured)
        self._look(item, captured, received)

    def _wait_until_due(self, connection: _Connection, captured: float) -> float:
        now = time.monotonic()
        if connection.start is None:
            connection.start = now, captured
        due = connection.start[0] + captured - connection.start[1]
        if due > now:
            self._outside.stop.wait(due - now)
        return max(due, now)

    def _look(self, item: Decoded, captured: float, received: float) -> None:
        self._size = self._conversion.size(item.frame)
        if self._sizes.changed(self._size):
            self._gate.reset()
        news = self._sizes.news(time.monotonic())
        if news:
            self._tell("resized", news)
        motion = self._motion(item, captured)
        self._ring.count("looked_at")
        if not motion and not self._ring.wanted:
            self._ring.count("gated")
            return
        pixels = self._conversion.rgb(item.frame)
        self._mask.apply(pixels)
        slot = self._slot()
        if slot is not None:
            self._ring.commit(slot, pixels, captured, received, motion)
            self._outside.wake()

    def _motion(self, item: Decoded, captured: float) -> tuple[Box, ...]:
        small = self._conversion.small(item.frame)
        self._mask.apply(small)
        frozen = self._stillness.changed(small, captured)
        if frozen is not None:
            words = "the same picture for long; check the camera" if frozen else "the picture moves again"
            self._tell("frozen" if frozen else "connected", words)
        return self._gate.moving(small, self._size, captured)

    def _slot(self) -> int | None:
        number = self._ring.next_number()
        while (slot := self._ring.begin(number, wait=self._every)) is None:
            if not self._every:
                # The reader holds them all.
                self._ring.count("dropped")
                return None
            if self._outside.stop.wait(_FULL):
                return None
        return slot

    def _tell(self, state: State, message: str) -> None:
        self._outside.tell(state, message)
