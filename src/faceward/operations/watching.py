"""Watching cameras for those on a list: one authorised period after the other, each announced and ended in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np

from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.core.faces import FloatArray
from faceward.core.watch_results import AlertView, WatchTerms
from faceward.gallery.fusion import PROBE_SHARPENING, fuse
from faceward.operations import raising, upkeep, watch_counts, watch_grounds, watch_period
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.raising import Period, Sighting
from faceward.operations.suspension import suspended
from faceward.operations.watch_counts import Counts, Totals
from faceward.operations.watch_grounds import WatchRequest
from faceward.operations.watch_period import Running
from faceward.operations.watcher import Watcher
from faceward.policy import watching as policy
from faceward.protection.scheme import Hit

__all__ = ["Sighting", "WatchRequest", "Watcher", "Watching"]

_MOST_HITS = 5
# So long, in seconds, is an alert that is being recorded waited for before what is due waits for the next look.
_PATIENT = 0.5
_FATAL = (PolicyRefusal, EnvironmentFailure, IntegrityError)
# Who interrupts a watch ends it as it should end.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)


class Watching:
    """A watch that goes on until it is closed or refused; see `Watcher`. Use it as a context manager.

    What it compares with lies open in memory only between a period's beginning and its end. Whatever ends the watch
    overwrites it, and from then on every method raises what ended it.

    Who compares holds features of people nobody looks for, and so waits for nobody but others who compare: alerts are
    recorded and periods begin under a lock of their own (rule W1).

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
        request: What is to be watched.
        monotonic: Seconds of a clock that nobody can set.
    """

    def __init__(
        self,
        deployment: Deployment,
        desk: Desk,
        request: WatchRequest,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not request.cameras:
            raise UsageError("no camera is named; name at least one")
        self._deployment, self._desk, self._request, self._monotonic = deployment, desk, request, monotonic
        # Held while something is recorded. Whoever holds it may take the other one, never the other way round.
        self._acting = threading.RLock()
        # Held for no longer than a search: what is compared with, and what ended it.
        self._lock = threading.RLock()
        self._running: Running | None = None
        self._failure: Exception | None = None
        self._counts = Counts(monotonic())
        self._fpir = self._begun = self._looked = self._told = 0.0

    def __enter__(self) -> Self:
        with self._acting:
            begun = self._monotonic()
            running = watch_period.begin(self._deployment, self._desk, self._request)
            with self._lock:
                self._use(running, begun)
                self._told = begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)

    def end(self, reason: BaseException | None = None) -> None:
        """End the watch; nothing is compared from here on. An alert that is being recorded is waited for.

        A reason of ours is raised again to whoever waits to compare or to raise an alert: where the machine failed,
        a sighting that waited is refused as the machine's failure, and can be handed to the next watch.

        Args:
            reason: Why, which the log says too; None, or an interruption, ends it as it should end.

        Raises:
            EnvironmentFailure: Its end cannot be recorded; never where a reason is given.
        """
        failed = None if isinstance(reason, _ENDS) else reason
        told = failed if isinstance(failed, FacewardError) else UsageError("the watch has ended; begin another one")
        running = self._close(told)
        if running is None:
            return
        with self._acting:
            if failed is None:
                self._finish(running)
            else:
                self._failed(running, failed)

    @property
    def terms(self) -> WatchTerms:
        """On which terms tracks are compared now."""
        return self._going().terms

    @property
    def entry(self) -> int:
        """Index of the log entry that announced the period under way."""
        return self._going().act.entry

    @property
    def totals(self) -> Totals:
        """What was counted since it began."""
        return self._counts.totals()

    @property
    def expected_per_day(self) -> float:
        """False alerts a day that the terms make of the traffic of the last hour."""
        return self._counts.expected(self._fpir, self._monotonic())

    def check(self) -> None:
        """See `Watcher.check`."""
        self._going()
        try:
            self._deployment.log.require_writable()
            # From here on what is seen counts; what was waited for before is no look.
            now = self._monotonic()
            rests = watch_period.still(self._deployment, self._desk, self._request)
            with self._lock:
                running = self._going()
                running.terms = watch_grounds.terms(self._deployment, rests)
                self._fpir, self._looked = running.terms.fpir, now
            self._record(now)
        except Exception as error:
            self._halt(error)
            raise

    def _record(self, now: float) -> None:
        """Count in the log, and begin the next period, where it is time for either."""
        age, lease = now - self._begun, self._deployment.standard.parameters.custody.lease
        if age < policy.period(lease) and now - self._told < policy.COUNTED:
            return
        # The key is lent no longer than its lease, so that no alert is waited out beyond it.
        if not self._acting.acquire(timeout=-1 if age >= lease.total_seconds() else _PATIENT):
            return
        try:
            running = self._going()
            if now - self._told >= policy.COUNTED:
                self._tell(running, now)
            if age >= policy.period(lease):
                self._next(running)
        finally:
            self._acting.release()

    def _next(self, before: Running) -> None:
        """Begin the next period, then end the one before, so that who compares waits for neither."""
        begun = self._monotonic()
        running = watch_period.begin(self._deployment, self._desk, self._request)
        with self._lock:
            failure = self._failure
            if failure is None:
                self._use(running, begun)
        if failure is not None:
            running.end({}, failure)
            raise failure
        self._finish(before)

    def compare(self, features: FloatArray) -> tuple[Hit, ...]:
        """See `Watcher.compare`."""
        with self._lock:
            running = self._going()
            if self._monotonic() - self._looked > policy.STALE:
                # The watch goes on once somebody looks again.
                raise PolicyRefusal(
                    "W7", "nobody has looked for two seconds whether recognition was stopped.", "Let the watch go on."
                )
            probe = fuse(np.atleast_2d(features), PROBE_SHARPENING)
            try:
                return self._search(running, probe[np.newaxis])
            except _FATAL as error:
                failed = error
            finally:
                probe.fill(0)
        # Out here, so that who compares in another thread does not wait for the log to be told.
        self._halt(failed)
        raise failed

    def _search(self, running: Running, probes: FloatArray) -> tuple[Hit, ...]:
        now = self._deployment.now()
        out = suspended(self._deployment, now)
        [hits] = running.act.gallery(self._request.gallery).search_many(
            probes,
            purpose=self._request.purpose,
            threshold=running.terms.threshold,
            k=_MOST_HITS + len(out.subjects),
            now=now,
            without=out.references,
        )
        return out.without(hits)[:_MOST_HITS]

    def compared(self, camera: str, tracks: int = 1) -> None:
        """See `Watcher.compared`."""
        if tracks > 0:
            self._counts.passed(camera, tracks, self._monotonic())

    def alert(self, sighting: Sighting) -> AlertView | None:
        """See `Watcher.alert`."""
        with self._acting:
            running = self._going()
            try:
                # What held half a second ago may have ended.
                rests = watch_grounds.grounds(self._deployment, self._desk, self._request, own=1)
                self._going()
                expected = self._counts.expected(running.terms.fpir, self._monotonic(), further=1)
                period = Period(running.act, self._request, rests, running.terms, expected)
                raised = raising.raise_alert(self._deployment, self._desk, period, sighting)
            except _FATAL as error:
                failed = error
            else:
                self._counts.sighted(sighting.camera, _kind(raised), self._monotonic())
                return raised.alert
        self._halt(failed)
        raise failed

    def _going(self) -> Running:
        """Return the period under way; raises what ended the watch."""
        with self._lock:
            if self._running is None:
                raise self._failure or UsageError("the watch has not begun; use it as a context manager")
            return self._running

    def _use(self, running: Running, begun: float) -> None:
        """Compare within a period from here on; the caller holds the lock."""
        self._running, self._begun, self._fpir = running, begun, running.terms.fpir
        # Whoever began it looked whether it may be.
        self._looked = begun

    def _close(self, told: Exception) -> Running | None:
        """Let nothing be compared from here on and overwrite what was opened; return the period that is to end."""
        with self._lock:
            self._failure = self._failure or told
            running, self._running = self._running, None
            if running is not None:
                running.lock()
        return running

    def _finish(self, running: Running) -> None:
        """End a period as it should end, with all that was counted."""
        try:
            self._tell(running, self._monotonic())
        finally:
            running.end(self._counts.period())

    def _tell(self, running: Running, now: float) -> None:
        """Count in the log the faces that passed since it was told last (rule W6)."""
        watch_counts.tell(self._desk.journal, self._request, running.act.entry, self._counts)
        self._told = now

    def _failed(self, running: Running, error: BaseException) -> None:
        """End a period that failed, with what was counted as far as the log takes it."""
        with suppress(FacewardError):
            # A log that takes nothing is waited for once and not twice.
            self._deployment.log.require_writable()
            self._tell(running, self._monotonic())
        running.end(self._counts.period(), error)

    def _halt(self, error: Exception) -> None:
        """End the watch for good; nothing is compared from here on, and a list whose end has come is destroyed."""
        running = self._close(error)
        if running is not None:
            with self._acting:
                self._failed(running, error)
        if isinstance(error, PolicyRefusal) and error.rule == "W3":
            # The next turn of the clock does it too, where this cannot.
            with suppress(FacewardError):
                upkeep.expire(self._deployment, self._desk)


def _kind(raised: raising.Raised) -> str:
    if raised.alert is not None:
        return watch_counts.ALERTS
    return watch_counts.SUPPRESSED if raised.suppressed else watch_counts.REPEATED
