"""A decoder: a process that reads the streams of a few cameras, a thread each, and holds nothing else.

It is started as `python -m faceward.video.worker ORDERS NEWS WAKE RING…` with descriptors that it inherits, and ends
when the other end of ORDERS is closed, also by its reader's death. What strangers send is decoded here, away from keys
and references: there is no key, no deployment and no network of faces in this process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from contextlib import suppress

from faceward.protection.process import forbid_dumps
from faceward.video import sources
from faceward.video.camera_loop import CameraLoop, Outside
from faceward.video.confinement import confine, forget_freed_memory, ports_of
from faceward.video.frames import FeedSpec, State
from faceward.video.orders import Order, news_line
from faceward.video.ring import Ring
from faceward.video.source_files import is_live

_BEAT = 0.2
_STALE = 1.0
_GRACE = 1.5
_LATE = 2.0
_MOST_NEWS = 256


class Worker:
    """The process.

    Args:
        orders: Descriptor that the order comes from.
        news: Descriptor that news go to.
        wake: An eventfd that is counted up for each frame.
        rings: Descriptors of the rings, one a camera.
    """

    def __init__(self, orders: int, news: int, wake: int, rings: list[int]) -> None:
        self._orders, self._news, self._wake = os.fdopen(orders, "rb", buffering=0), news, wake
        os.set_blocking(news, False)
        self._order = Order.read(self._line())
        confine(len(self._order.specs), ports_of(spec.source for spec in self._order.specs))
        self._stop = threading.Event()
        self._orphan = os.getppid()
        self._backlog: deque[bytes] = deque(maxlen=_MOST_NEWS)
        self._telling = threading.Lock()
        self._cameras = [
            (spec, ring, CameraLoop(spec, self._order, ring, self._outside(spec)))
            for spec, fd in zip(self._order.specs, rings, strict=True)
            for ring in (Ring(fd, spec.max_pixels),)
        ]

    def run(self) -> None:
        """Decode until the reader wants no more or is gone."""
        threads = [threading.Thread(target=loop.run, name=spec.camera, daemon=True) for spec, _, loop in self._cameras]
        threading.Thread(target=self._until_closed, daemon=True).start()
        self._beat()
        for thread in threads:
            thread.start()
        while not self._stop.wait(_BEAT):
            self._beat()
        # Cameras allow few sessions, so each is told that this one ends; one that does not answer is not waited for.
        end = time.monotonic() + _GRACE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        for _, ring, _ in self._cameras:
            ring.clear(held=True)

    def _line(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            read = self._orders.read(65536)
            if not read:
                raise SystemExit
            line += read
        return bytes(line)

    def _until_closed(self) -> None:
        with suppress(OSError):
            while self._orders.read(4096):
                pass
        self._stop.set()

    def _beat(self) -> None:
        now = time.monotonic()
        # A child of the reader may hold the other end of ORDERS open after the reader is gone.
        if os.getppid() != self._orphan:
            self._stop.set()
        for spec, ring, loop in self._cameras:
            ring.alive = now
            if spec.paced or is_live(spec.source):
                ring.expire(now, _STALE)
            # Devices that block in the kernel; what libav reads itself is timed there.
            if is_live(spec.source) and loop.backoff.stalled(now - _LATE):
                self._tell(spec.camera, "stalled", f"nothing came for {self._order.patience.stall + _LATE:g} s")
        with self._telling:
            self._flush()

    def _outside(self, spec: FeedSpec) -> Outside:
        def tell(state: State, message: str) -> None:
            self._tell(spec.camera, state, message)

        def wake() -> None:
            with suppress(BlockingIOError):
                os.eventfd_write(self._wake, 1)

        return Outside(tell, wake, self._stop)

    def _tell(self, camera: str, state: State, message: str) -> None:
        with self._telling:
            self._backlog.append(news_line(camera, state, message, time.time()))
            self._flush()

    def _flush(self) -> None:
        # A reader that does not read must not stop a camera; a line this short is written whole or not at all.
        with suppress(BlockingIOError, BrokenPipeError):
            while self._backlog:
                os.write(self._news, self._backlog[0])
                self._backlog.popleft()


def main(arguments: list[str]) -> None:
    """Run a decoder with the descriptors that its reader named."""
    # Ctrl-C goes to all processes of a terminal; the reader ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forget_freed_memory()
    forbid_dumps()
    sources.silence()
    orders, news, wake, *rings = (int(argument) for argument in arguments)
    Worker(orders, news, wake, rings).run()
    # Threads that still wait for a camera are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
