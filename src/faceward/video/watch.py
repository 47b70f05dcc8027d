"""Watching cameras for those on a list: the loop that joins feeds, recognition, the watch on record and the live board.

One thread asks twice a second whether the watch may go on (rule W7), takes frames from the feeds and tells what
happens; others look at the frames (`video.pool`), and one more puts sightings on record (`video.reporting`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime

from faceward.core.errors import EnvironmentFailure, FacewardError, PolicyRefusal, UsageError
from faceward.video.figures import Summary
from faceward.video.frames import FeedCounts, FeedNews, FeedSpec, Frame
from faceward.video.holding import Holder
from faceward.video.ledger import Ledger
from faceward.video.pool import Done, Pool
from faceward.video.ports import Event, FeedsPort, Order, Ports
from faceward.video.recogniser import Recogniser
from faceward.video.reporting import Reported, Reporter
from faceward.video.views import View

THREADS = 2
"""Threads that look at frames; each has the networks to itself, which take some 60 MB."""
# How long the loop waits for frames at most: what else it does is done as often.
_POLL = 0.05
_STATE_EVERY = 1.0
# Nothing moves: somebody who sits there from the beginning is seen nevertheless, and the preview is of now.
_LOOK_EVERY = 5.0
_RENEW_EVERY = 6 * 3600.0
# A zone that was blacked out meanwhile must count at once, and not from the next start on (rule W10).
_READ_EVERY = 2.0


class Watch:
    """A watch of some cameras for a list.

    Args:
        order: What is watched.
        ports: What it works with.
    """

    def __init__(self, order: Order, ports: Ports) -> None:
        self._order, self._ports = order, ports
        self._ledger = Ledger(order.gallery, order.purpose, order.cameras)
        self._holder = Holder(ports.opening)
        self._reporter: Reporter
        self._pool: Pool
        self._feeds: FeedsPort
        self._opened: AbstractContextManager[FeedsPort] | None = None
        self._specs: tuple[FeedSpec, ...] = ()
        self._running: set[str] = set()
        self._wanted: dict[str, bool] = {}
        self._stated = self._renewed = self._read = 0.0
        self._board_works = True

    def run(self, ends: Callable[[], bool]) -> Summary:
        """Watch until all sources have ended, or until told to end.

        Args:
            ends: Tells whether to end now; asked many times a second.

        Raises:
            PolicyRefusal: The watch may not begin, or not go on.
            EnvironmentFailure: It cannot begin: the machine, the tracker or the log.
            IntegrityError: A network fails.
        """
        with ExitStack() as stack:
            stack.callback(self._holder.end)
            now = self._renewed = time.monotonic()
            watcher = self._holder.begin(now)
            terms, networks = watcher.terms, self._ports.networks
            views = {
                camera.name: View(camera.rate, networks[0].confidence, terms.dwell, terms.most_comparisons)
                for camera in self._order.cameras
            }
            self._ledger.begin(terms, now)
            stack.callback(self._close_feeds)
            self._open_feeds(self._ports.specs())
            self._reporter = Reporter()
            stack.callback(self._reporter.close)
            waiting = views if self._order.patient else ()
            self._pool = Pool([Recogniser(each) for each in networks], views, self._release, waiting)
            stack.callback(self._pool.close)
            self._open()
            self._tell(Event("begun", self._ledger.begun(), details=terms.to_json()))
            while self._goes_on() and not ends():
                self._step()
            self._finish(views)
            counts = self._counts()
        summary = self._ledger.summary(counts, self._holder.interruptions, time.monotonic())
        self._tell(Event("ended", self._ledger.ended(summary), details=summary.to_json()))
        return summary

    def _goes_on(self) -> bool:
        return bool(self._running) or not (self._pool.idle and self._reporter.idle)

    def _step(self) -> None:
        now = time.monotonic()
        held = self._holder.watcher
        self._interrupted(self._guarded(lambda: self._holder.step(now)))
        if self._holder.watcher is not None and self._holder.watcher is not held:
            self._open()
            self._tell(Event("resumed", "watching again"))
        for came in self._feeds.poll(_POLL):
            if isinstance(came, FeedNews):
                self._news(came)
            else:
                self._pool.offer(came)
        self._take()
        self._want(now)
        self._state(now)
        self._renew(now)
        self._read_again(now)

    def _release(self, frame: Frame) -> None:
        self._feeds.release(frame)

    def _open_feeds(self, specs: tuple[FeedSpec, ...]) -> None:
        opened = self._ports.feeds(specs)
        self._feeds = opened.__enter__()
        self._opened, self._specs = opened, specs
        self._running = {spec.camera for spec in specs}
        self._wanted.clear()

    def _close_feeds(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(None, None, None)

    def _read_again(self, now: float) -> None:
        """Open the cameras anew where they were configured otherwise; one that was removed ends the watch (W8)."""
        if now - self._read < _READ_EVERY or self._order.patient:
            return
        self._read = now
        with suppress(UsageError):
            specs = self._ports.specs()
            if specs != self._specs:
                # All frames are given back to the feeds that they came from.
                self._pool.rest()
                self._ledger.reopened(self._feeds.counts())
                self._close_feeds()
                self._open_feeds(specs)
                self._open()
                self._tell(Event("camera", "the cameras were configured otherwise and begin anew"))

    def _guarded(self, step: Callable[[], FacewardError | None]) -> FacewardError | None:
        """Take a step of the holder; where it ends the watch, nothing is looked at from that instant on."""
        try:
            return step()
        except BaseException:
            self._pool.shut()
            self._reporter.shut()
            raise

    def _open(self) -> None:
        watcher = self._holder.watcher
        if watcher is not None:
            self._pool.open(watcher)
            self._reporter.open(watcher)

    def _interrupted(self, error: FacewardError | None) -> None:
        if error is None:
            return
        self._pool.shut()
        self._reporter.shut()
        message = f"interrupted, nothing is compared: {error}; tried again in {self._holder.retry_in:g} s"
        self._tell(Event("interrupted", message, details={"retry_in": self._holder.retry_in}))

    def _news(self, news: FeedNews) -> None:
        self._ledger.news(news)
        self._tell(Event("camera", f"{news.camera}: {news.message}", news.camera, {"state": news.state}))
        if news.state == "ended":
            self._running.discard(news.camera)

    def _take(self) -> None:
        """Take what was done with frames and sightings."""
        for done in self._pool.take():
            self._done(done)
        for reported in self._reporter.take():
            self._reported(reported)

    def _done(self, done: Done) -> None:
        if done.looked is None:
            self._failed(done.error, done.comparer)
            return
        looked, watcher = done.looked, self._holder.watcher
        self._ledger.looked(done)
        if looked.ended.unknown and watcher is not None:
            watcher.compared(done.camera, looked.ended.unknown)
        for sighting in looked.sightings:
            self._reporter.add(sighting, done.received)
        if looked.preview is not None:
            preview = looked.preview
            self._show(lambda: self._ports.board.write_preview(done.camera, preview))
        self._failed(done.error, done.comparer)

    def _failed(self, error: BaseException | None, held: object) -> None:
        """Interrupt the watch where that is what failed; a late failure of one before it says nothing of this one."""
        if error is not None and not isinstance(error, EnvironmentFailure | PolicyRefusal):
            raise error
        if error is not None and held is not None and held is self._holder.watcher:
            self._interrupted(self._holder.interrupt(error, time.monotonic()))

    def _reported(self, reported: Reported) -> None:
        self._ledger.reported(reported)
        if reported.given_up:
            reason = f": {reported.error}" if isinstance(reported.error, FacewardError) else ""
            message = f"{reported.camera}: a sighting could not be put on record and is given up{reason}"
            self._tell(Event("lost", message, reported.camera))
        if reported.alert is not None:
            details = {**reported.alert.to_json(), "latency_ms": round(reported.latency * 1000)}
            self._tell(Event("alert", self._ledger.alert(reported.alert), reported.camera, details))
        if reported.error is not None:
            self._failed(reported.error, reported.held)

    def _want(self, now: float) -> None:
        """Ask for frames without motion where tracks are alive, and where nobody has looked for a while."""
        for name, figures in self._ledger.figures.items():
            wanted = bool(figures.alive) or now - figures.whole > _LOOK_EVERY
            if self._wanted.get(name) is not wanted and name in self._running:
                self._wanted[name] = wanted
                self._feeds.want(name, wanted)

    def _state(self, now: float) -> None:
        if now - self._stated < _STATE_EVERY:
            return
        self._stated = now
        state = self._ledger.state(self._counts(), datetime.now(UTC), self._holder.watcher)
        self._show(lambda: self._ports.board.write_state(state))

    def _counts(self) -> dict[str, FeedCounts]:
        return self._ledger.counts(self._feeds.counts(), self._pool.passed_over)

    def _show(self, write: Callable[[], None]) -> None:
        """Write to the board; a disk that takes nothing is told once, the log decides whether the watch goes on."""
        try:
            write()
        except FacewardError as error:
            if self._board_works:
                self._tell(Event("board", f"the live board cannot be written: {error}"))
            self._board_works = False
        else:
            self._board_works = True

    def _renew(self, now: float) -> None:
        if self._ports.renew is not None and now - self._renewed >= _RENEW_EVERY:
            self._renewed = now
            try:
                self._ports.renew()
            except FacewardError as error:
                self._failed(error, self._holder.watcher)

    def _finish(self, views: Mapping[str, View]) -> None:
        """Look at no further frame, put on record what was seen, and count the tracks that are left."""
        self._pool.close()
        self._take()
        self._reporter.close()
        self._take()
        watcher = self._holder.watcher
        for name, view in views.items():
            ended = view.tracks.end()
            self._ledger.ends(name, ended)
            if ended.unknown and watcher is not None:
                watcher.compared(name, ended.unknown)
        self._state(float("inf"))

    def _tell(self, event: Event) -> None:
        self._ledger.note(event.message)
        self._ports.tell(event)
