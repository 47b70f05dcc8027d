"""Frames of cameras, from decoders in processes of their own.

with Feeds([FeedSpec("door", "rtsp://camera.local/stream")]) as feeds:
for item in feeds.poll(1.0):
if isinstance(item, Frame):
...
feeds.release(item)
"""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.video.backoff import Backoff, Patience
from faceward.video.decoder_process import DecoderProcess
from faceward.video.feed_checks import believable, check_specs
from faceward.video.frames import FeedCounts, FeedNews, FeedSpec, Frame
from faceward.video.orders import Order
from faceward.video.ring import Ring, Taken
from faceward.video.source_files import is_live

__all__ = ["FeedCounts", "FeedNews", "FeedSpec", "Feeds", "Frame"]

_LOOK = 0.25
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Feed:
    spec: FeedSpec
    ring: Ring
    every: bool
    garbage: bool = False


@dataclass(slots=True)
class _Group:
    feeds: list[_Feed]
    order: Order
    backoff: Backoff
    process: DecoderProcess | None = None
    failing: bool = False


class Feeds:
    """The frames of several cameras, newest first where the reader is slow. Used by one thread; others may release.

    Args:
        specs: The cameras.
        per_worker: How many share a decoder.
        patience: How long is waited for what.
        still: For how many seconds a picture must be the same to be told as frozen.

    Raises:
        UsageError: Two cameras have one name, or a number is out of its bounds.
        BadInput: A file is not there.
        EnvironmentFailure: A decoder cannot be started.
    """

    def __init__(
        self, specs: Iterable[FeedSpec], per_worker: int = 4, *, patience: Patience | None = None, still: float = 30.0
    ) -> None:
        given = check_specs(specs, per_worker)
        self._patience = patience or Patience()
        self._feeds: dict[str, _Feed] = {}
        self._groups: list[_Group] = []
        self._selector = selectors.DefaultSelector()
        self._releasing = threading.Lock()
        try:
            for spec, every in given:
                self._feeds[spec.camera] = _Feed(spec, Ring.make(spec.max_pixels), every)
            feeds = list(self._feeds.values())
            for first in range(0, len(feeds), per_worker):
                group = feeds[first : first + per_worker]
                order = Order(tuple(feed.spec for feed in group), self._patience, still)
                self._groups.append(_Group(group, order, Backoff(self._patience)))
                self._start(self._groups[-1], order)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def poll(self, timeout: float) -> list[Frame | FeedNews]:
        """Return what came, at once when something is there.

        Of a camera that plays at its own speed it is the newest frame; older ones that were not taken are dropped.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            News and frames; news of an end come after the camera's last frames. Each frame is to be released.
        """
        end = time.monotonic() + timeout
        while True:
            found = self._collect(time.monotonic())
            left = end - time.monotonic()
            if found or left <= 0:
                return found
            self._selector.select(min(left, _LOOK))

    def want(self, camera: str, every: bool) -> None:
        """Have all frames of a camera sent at its rate, also those without motion, or these no more."""
        self._feed(camera).ring.want(every)

    def release(self, frame: Frame) -> None:
        """Overwrite a frame with zeros and give its memory back; its pixels are not to be looked at again."""
        with self._releasing:
            if frame.camera in self._feeds:
                self._feeds[frame.camera].ring.release(frame.slot, frame.number)

    def counts(self) -> Mapping[str, FeedCounts]:
        """Return what was done with the frames of each camera."""
        return {name: FeedCounts(**feed.ring.counts()) for name, feed in self._feeds.items()}

    def decoders(self) -> tuple[int, ...]:
        """Return the numbers of the processes that decode."""
        return tuple(group.process.pid for group in self._groups if group.process is not None)

    def close(self) -> None:
        """End the decoders, and overwrite all shared memory with zeros."""
        running = [group.process for group in self._groups if group.process is not None]
        for process in running:
            process.ask_to_end()
        for group in self._groups:
            self._end(group)
        self._selector.close()
        with self._releasing:
            for feed in self._feeds.values():
                feed.ring.clear(held=True)
                feed.ring.close()
            self._feeds, self._groups = {}, []

    def _start(self, group: _Group, order: Order) -> None:
        process = DecoderProcess(order, [feed.ring for feed in group.feeds])
        try:
            self._selector.register(process.news, selectors.EVENT_READ)
            self._selector.register(process.wake, selectors.EVENT_READ)
        except BaseException:
            self._let_go(process)
            raise
        group.process, group.failing = process, False
        group.backoff.connected(time.monotonic())

    def _end(self, group: _Group) -> None:
        if group.process is not None:
            self._let_go(group.process)
            group.process = None

    def _let_go(self, process: DecoderProcess) -> None:
        for descriptor in (process.news, process.wake):
            with suppress(KeyError):
                self._selector.unregister(descriptor)
        process.close()

    def _collect(self, now: float) -> list[Frame | FeedNews]:
        begun: list[Frame | FeedNews] = []
        frames: list[Frame | FeedNews] = []
        over: list[Frame | FeedNews] = []
        for group in self._groups:
            if group.process is None:
                over += self._start_again(group, now)
                continue
            for news in group.process.read():
                (begun if news.state in {"connected", "resized"} else over).append(news)
            doubted = False
            for feed in group.feeds:
                good, bad = self._taken(feed, now)
                frames += good
                over += bad
                doubted |= bool(bad) and is_live(feed.spec.source)
            if how := group.process.ended(now):
                over += self._lost(group, how, now)
            elif doubted:
                # Taken over; or this machine's clock was set, which one that begins anew takes up.
                group.process.kill()
                over += self._lost(group, "said what none says", now)
        return begun + frames + over

    def _taken(self, feed: _Feed, now: float) -> tuple[list[Frame], list[FeedNews]]:
        """Return the frames of a camera; those that say what none of ours would are dropped, which is told."""
        good: list[Frame] = []
        dropped = 0
        for taken in feed.ring.take(every=feed.every):
            if believable(taken, time.time(), now, live=is_live(feed.spec.source)):
                good.append(_frame(feed.spec.camera, taken))
                continue
            dropped += 1
            with self._releasing:
                feed.ring.release(taken.slot, taken.number)
        if not dropped or feed.garbage:
            feed.garbage = feed.garbage and not good
            return good, []
        feed.garbage = True
        message = "its decoder hands over frames of no time or place; they are dropped, check the camera"
        return good, [FeedNews(feed.spec.camera, "garbage", message, datetime.now(UTC))]

    def _lost(self, group: _Group, how: str, now: float) -> list[Frame | FeedNews]:
        said = group.process.read() if group.process is not None else []
        self._end(group)
        for feed in group.feeds:
            # What the reader looks at stays until it is released.
            feed.ring.clear(held=False)
        group.backoff.heard(now)
        group.backoff.lost(now)
        return [*said, *_all_lost(group, f"its decoder {how} and is started again")]

    def _start_again(self, group: _Group, now: float) -> list[Frame | FeedNews]:
        if not group.backoff.due(now):
            return []
        try:
            self._start(group, Order(group.order.specs, group.order.patience, group.order.still, again=True))
        except (EnvironmentFailure, OSError) as problem:
            # What the machine lacks now it may have later; the other cameras go on meanwhile.
            group.backoff.lost(now)
            told, group.failing = group.failing, True
            why = problem if isinstance(problem, EnvironmentFailure) else f"the machine refuses ({problem.strerror})"
            return [] if told else _all_lost(group, f"its decoder is not started again yet: {why}")
        return []

    def _feed(self, camera: str) -> _Feed:
        if camera not in self._feeds:
            raise UsageError(f"no feed of a camera {camera!r}; give one that was asked for")
        return self._feeds[camera]


def _all_lost(group: _Group, message: str) -> list[Frame | FeedNews]:
    now = datetime.now(UTC)
    return [FeedNews(feed.spec.camera, "lost", message, now) for feed in group.feeds]


def _frame(camera: str, taken: Taken) -> Frame:
    return Frame(
        camera,
        taken.number,
        _EPOCH + timedelta(seconds=taken.captured),
        taken.received,
        taken.pixels,
        taken.motion,
        taken.slot,
    )
