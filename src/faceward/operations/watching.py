"""Watching cameras for those on a list: one authorised period after the other, each announced and ended in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.core.faces import FloatArray
from faceward.core.watch_results import AlertView, WatchTerms
from faceward.gallery.fusion import fuse
from faceward.operations import raising, upkeep, watch_counts, watch_grounds, watch_period
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.raising import Period, Sighting
from faceward.operations.search_log import COUNT
from faceward.operations.suspension import suspended
from faceward.operations.watch_counts import Counts, Totals
from faceward.operations.watch_grounds import WatchRequest
from faceward.operations.watch_period import Running
from faceward.operations.watcher import Watcher
from faceward.policy import watching as policy
from faceward.protection.scheme import Hit

__all__ = ["Sighting", "WatchRequest", "Watcher", "Watching"]

_MOST_HITS = 5
_FATAL = (PolicyRefusal, EnvironmentFailure, IntegrityError)
# Who interrupts a watch ends it as it should end.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)


class Watching:
    """A watch that goes on until it is closed or refused; see `Watcher`. Use it as a context manager.

    What it compares with lies open in memory only between a period's beginning and its end. Whatever ends the watch
    overwrites it, and from then on every method raises what ended it.

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
        self._lock = threading.RLock()
        self._running: Running | None = None
        self._failure: Exception | None = None
        self._counts = Counts(monotonic())
        self._fpir = self._begun = self._looked = self._told = 0.0

    def __enter__(self) -> Self:
        with self._lock:
            self._begin()
            self._looked = self._told = self._begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            running, self._running = self._running, None
            self._failure = self._failure or UsageError("the watch has ended; begin another one")
            if running is None:
                return
            failed = None if isinstance(error, _ENDS) else error
            if failed is None:
                self._finish(running)
            else:
                running.end(self._counts.period(), failed)

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
                self._fpir = running.terms.fpir
                if now - self._told >= policy.COUNTED:
                    self._tell(running, now)
                if now - self._begun >= policy.period(self._deployment.standard.parameters.custody.lease):
                    self._running = None
                    self._finish(running)
                    self._begin()
                self._looked = now
        except Exception as error:
            self._halt(error)
            raise

    def compare(self, features: FloatArray) -> tuple[Hit, ...]:
        """See `Watcher.compare`."""
        with self._lock:
            running = self._going()
            if self._monotonic() - self._looked > policy.STALE:
                # The watch goes on once somebody looks again.
                raise PolicyRefusal(
                    "W7", "nobody has looked for two seconds whether recognition was stopped.", "Let the watch go on."
                )
            probe = fuse(np.atleast_2d(features))
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
        with self._lock:
            running = self._going()
            try:
                # What held half a second ago may have ended.
                rests = watch_grounds.grounds(self._deployment, self._desk, self._request, own=1)
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

    def _begin(self) -> None:
        begun = self._monotonic()
        self._running = watch_period.begin(self._deployment, self._desk, self._request)
        self._begun, self._fpir = begun, self._running.terms.fpir

    def _finish(self, running: Running) -> None:
        """End a period as it should end, with all that was counted."""
        try:
            self._tell(running, self._monotonic())
        finally:
            running.end(self._counts.period())

    def _tell(self, running: Running, now: float) -> None:
        """Count in the log the faces that passed since it was told last (rule W6)."""
        self._told = now
        faces = self._counts.untold()
        if faces:
            cameras: dict[str, JSONValue] = {**faces}
            details: JSONObject = {
                "purpose": self._request.purpose,
                "gallery": self._request.gallery,
                "period": running.act.entry,
                "faces": sum(faces.values()),
                "cameras": cameras,
            }
            self._desk.journal.write(Phase.NOTE, [Happening(COUNT, details)])

    def _halt(self, error: Exception) -> None:
        """End the watch for good; nothing is compared from here on, and a list whose end has come is destroyed."""
        with self._lock:
            self._failure = self._failure or error
            running, self._running = self._running, None
            if running is not None:
                running.lock()
        if running is not None:
            running.end(self._counts.period(), error)
        if isinstance(error, PolicyRefusal) and error.rule == "W3":
            # The next turn of the clock does it too, where this cannot.
            with suppress(FacewardError):
                upkeep.expire(self._deployment, self._desk)


def _kind(raised: raising.Raised) -> str:
    if raised.alert is not None:
        return watch_counts.ALERTS
    return watch_counts.SUPPRESSED if raised.suppressed else watch_counts.REPEATED
