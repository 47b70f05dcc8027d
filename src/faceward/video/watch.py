"""Watching cameras for those on a list: the loop that joins feeds, recognition, the watch on record and the live board.

One thread asks twice a second whether the watch may go on (rule W7), takes frames from the feeds and tells what
happens; others look at the frames (`video.pool`), and one more puts sightings on record (`video.reporting`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from faceward.core.errors import EnvironmentFailure, FacewardError, PolicyRefusal, UsageError
from faceward.core.watch_results import WatchTerms
from faceward.video import ledger_words
from faceward.video.figures import Summary
from faceward.video.frames import FeedCounts, FeedNews, FeedSpec
from faceward.video.holding import Holder
from faceward.video.ledger import Ledger
from faceward.video.open_sources import OpenSources
from faceward.video.pool import Done, Pool
from faceward.video.ports import Event, Order, Ports
from faceward.video.recogniser import Recogniser
from faceward.video.reporting import Reported, Reporter
from faceward.video.showing import Showing
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
        self._holder = Holder(ports.opening, self._shut)
        self._reporter: Reporter
        self._pool: Pool
        self._looking = False
        self._views: dict[str, View] = {}
        self._sources = OpenSources(ports)
        self._running: set[str] = set()
        self._wanted: dict[str, bool] = {}
        self._stated = self._renewed = self._read = 0.0
        self._showing = Showing(self._tell)

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
            self._views.update((camera.name, self._view(camera.rate, terms)) for camera in self._order.cameras)
            self._ledger.begin(terms, now)
            stack.callback(self._sources.close)
            self._open_feeds(self._sources.read())
            self._reporter = Reporter()
            stack.callback(self._reporter.close)
            waiting = self._views if self._order.patient else ()
            self._pool = Pool([Recogniser(each) for each in networks], self._views, self._sources.release, waiting)
            stack.callback(self._pool.close)
            self._looking = True
            self._open()
            self._tell(Event("begun", self._ledger.begun(), details=terms.to_json()))
            try:
                while self._goes_on() and not ends():
                    self._step()
            except FacewardError:
                self._break_off()
                self._summarise()
                raise
            self._finish()
            return self._summarise()

    def _view(self, rate: float, terms: WatchTerms) -> View:
        return View(rate, self._ports.networks[0].confidence, terms.dwell, terms.most_comparisons)

    def _summarise(self) -> Summary:
        summary = self._ledger.summary(self._counts(), self._holder.interruptions, time.monotonic())
        self._tell(Event("ended", ledger_words.ended(summary), details=summary.to_json()))
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
        for came in self._sources.feeds.poll(_POLL):
            if isinstance(came, FeedNews):
                self._news(came)
            else:
                self._pool.offer(came)
        self._take()
        self._want(now)
        self._state(now)
        self._renew(now)
        self._read_again(now)

    def _open_feeds(self, specs: tuple[FeedSpec, ...]) -> None:
        self._sources.open(specs)
        self._running = {spec.camera for spec in specs}
        self._wanted.clear()

    def _read_again(self, now: float) -> None:
        """Open the cameras anew where they were configured otherwise; one that was removed ends the watch (W8).

        Raises:
            UsageError: Recordings were configured otherwise: to begin them anew would look at them twice.
            BadInput: No camera is left that can be opened.
        """
        if now - self._read < _READ_EVERY:
            return
        self._read = now
        changed = self._sources.changed()
        if changed is None:
            return
        if self._order.patient:
            raise UsageError("a camera was configured otherwise meanwhile; begin the watch anew")
        for camera, error in changed.failed.items():
            self._tell(Event("camera", f"{camera}: {error}", camera, {"state": "ended"}))
        # All frames are given back to the feeds that they came from.
        self._pool.rest()
        self._take()
        self._ledger.reopened(self._sources.feeds.counts())
        self._begin_views(changed.names)
        self._open_feeds(changed.usable)
        self._open()
        self._tell(Event("camera", "the cameras were configured otherwise and begin anew"))

    def _begin_views(self, names: frozenset[str]) -> None:
        """Follow nobody on from what a camera showed before it was configured otherwise."""
        watcher = self._holder.watcher
        for camera in self._order.cameras:
            if camera.name in names and watcher is not None:
                self._end_tracks(camera.name, self._views[camera.name])
                self._views[camera.name] = self._view(camera.rate, watcher.terms)

    def _guarded(self, step: Callable[[], FacewardError | None]) -> FacewardError | None:
        """Take a step of the holder; where it ends the watch, nothing is looked at from that instant on."""
        try:
            return step()
        except BaseException:
            self._shut()
            raise

    def _shut(self) -> None:
        if self._looking:
            self._pool.shut()
            self._reporter.shut()

    def _open(self) -> None:
        watcher = self._holder.watcher
        if watcher is not None:
            self._pool.open(watcher)
            self._reporter.open(watcher)

    def _interrupted(self, error: FacewardError | None) -> None:
        if error is None:
            return
        self._shut()
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
            self._showing.show(lambda: self._ports.board.write_preview(done.camera, preview))
        self._failed(done.error, done.comparer)

    def _failed(self, error: BaseException | None, held: object) -> None:
        """Interrupt the watch where that is what failed; a late failure of one before it says nothing of this one."""
        if error is not None and not isinstance(error, EnvironmentFailure | PolicyRefusal):
            raise error
        if error is not None and held is not None and held is self._holder.watcher:
            self._interrupted(self._holder.interrupt(error, time.monotonic()))

    def _reported(self, reported: Reported) -> None:
        self._told(reported)
        if reported.error is not None:
            self._failed(reported.error, reported.held)

    def _told(self, reported: Reported) -> None:
        event = self._ledger.reported(reported)
        if event is not None:
            self._tell(event)

    def _want(self, now: float) -> None:
        """Ask for frames without motion where tracks are alive, and where nobody has looked for a while."""
        for name, figures in self._ledger.figures.items():
            wanted = bool(figures.alive) or now - figures.whole > _LOOK_EVERY
            if self._wanted.get(name) is not wanted and name in self._running:
                self._wanted[name] = wanted
                self._sources.feeds.want(name, wanted)

    def _state(self, now: float) -> None:
        if now - self._stated < _STATE_EVERY:
            return
        self._stated = now
        counts = self._counts()
        slow = self._ledger.slow(counts)
        if slow is not None:
            self._tell(slow)
        state = self._ledger.state(counts, datetime.now(UTC), self._holder.watcher)
        self._showing.show(lambda: self._ports.board.write_state(state))

    def _counts(self) -> dict[str, FeedCounts]:
        return self._ledger.counts(self._sources.feeds.counts(), self._pool.passed_over)

    def _renew(self, now: float) -> None:
        if self._ports.renew is not None and now - self._renewed >= _RENEW_EVERY:
            self._renewed = now
            try:
                self._ports.renew()
            except FacewardError as error:
                self._failed(error, self._holder.watcher)

    def _finish(self) -> None:
        """Look at no further frame, put on record what was seen, and count the tracks that are left."""
        self._pool.finish()
        self._take()
        self._reporter.close()
        self._take()
        for name, view in self._views.items():
            self._end_tracks(name, view)
        self._state(float("inf"))

    def _end_tracks(self, name: str, view: View) -> None:
        ended, watcher = view.tracks.end(), self._holder.watcher
        self._ledger.ends(name, ended)
        if ended.unknown and watcher is not None:
            watcher.compared(name, ended.unknown)

    def _break_off(self) -> None:
        """Look at nothing further where the watch may not go on, and tell what will not be put on record."""
        self._holder.end()
        self._pool.close()
        for done in self._pool.take():
            for sighting in done.looked.sightings if done.looked is not None else ():
                self._reporter.add(sighting, done.received)
        # There is no watch any more, so that all that waits is given up.
        self._reporter.close()
        for reported in self._reporter.take():
            self._told(reported)

    def _tell(self, event: Event) -> None:
        self._ledger.note(event.message)
        self._ports.tell(event)
