"""Watching cameras for those on a list: one authorised period after the other, each announced and ended in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

import numpy as np

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.core.faces import FloatArray
from faceward.core.watch_results import AlertView, WatchTerms
from faceward.gallery.fusion import fuse
from faceward.operations import raising, upkeep, watch_counts, watch_grounds
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.raising import Period, Sighting
from faceward.operations.search_log import COUNT
from faceward.operations.suspension import suspended
from faceward.operations.watch_counts import Counts, Totals
from faceward.operations.watch_grounds import WATCH, Grounds, WatchRequest
from faceward.operations.watcher import Watcher
from faceward.policy import watching as policy
from faceward.protection.scheme import Hit

__all__ = ["Sighting", "WatchRequest", "Watcher", "Watching"]

_MOST_HITS = 5
# What an interrupted watch ends with is no failure of it.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)
_FIRST = ("W7", "W6", "W3", "W8")


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
        self._stack = ExitStack()
        self._act: Act | None = None
        self._rests: Grounds | None = None
        self._terms: WatchTerms | None = None
        self._failure: Exception | None = None
        self._counts = Counts(monotonic())
        self._begun = self._looked = self._told = 0.0

    def __enter__(self) -> Self:
        with self._lock:
            self._begin()
            self._looked = self._told = self._begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._failure is None and error is not None and not isinstance(error, _ENDS):
                self._end(error)
            elif self._failure is None:
                self._end()
            self._failure = self._failure or UsageError("the watch has ended; begin another one")

    @property
    def terms(self) -> WatchTerms:
        """On which terms tracks are compared now."""
        with self._lock:
            self._going()
            if self._terms is None:
                raise AssertionError("a period that began has terms")
            return self._terms

    @property
    def entry(self) -> int:
        """Index of the log entry that announced the period under way."""
        return self._going()[0].entry

    @property
    def totals(self) -> Totals:
        """What was counted since it began."""
        return self._counts.totals()

    @property
    def expected_per_day(self) -> float:
        """False alerts a day that the terms make of the traffic of the last hour."""
        fpir = 0.0 if self._terms is None else self._terms.fpir
        return self._counts.expected(fpir, self._monotonic())

    def check(self) -> None:
        """See `Watcher.check`."""
        self._going()
        try:
            self._deployment.log.require_writable()
            # From here on what is seen counts; what was waited for before is no look.
            now = self._monotonic()
            rests = self._looked_up()
            with self._lock:
                self._going()
                self._rests, self._terms = rests, watch_grounds.terms(self._deployment, rests)
                if now - self._told >= policy.COUNTED:
                    self._tell(now)
                if now - self._begun >= policy.period(self._deployment.standard.parameters.custody.lease):
                    self._end()
                    self._begin()
                self._looked = now
        except Exception as error:
            self._halt(error)
            raise

    def compare(self, features: FloatArray) -> tuple[Hit, ...]:
        """See `Watcher.compare`."""
        with self._lock:
            act, _ = self._going()
            terms = self.terms
            if self._monotonic() - self._looked > policy.STALE:
                raise PolicyRefusal(
                    "W7", "nobody has looked for two seconds whether recognition was stopped.", "Let the watch go on."
                )
            probe = fuse(np.atleast_2d(features))
            try:
                return self._search(act, probe[np.newaxis], terms)
            except (PolicyRefusal, EnvironmentFailure, IntegrityError) as error:
                self._halt(error)
                raise
            finally:
                probe.fill(0)

    def _search(self, act: Act, probes: FloatArray, terms: WatchTerms) -> tuple[Hit, ...]:
        out = suspended(self._deployment, self._deployment.now())
        gallery = act.gallery(self._request.gallery)
        [hits] = gallery.search_many(
            probes,
            purpose=self._request.purpose,
            threshold=terms.threshold,
            k=_MOST_HITS + len(out.subjects),
            now=self._deployment.now(),
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
            act, _ = self._going()
            try:
                # What held half a second ago may have ended.
                rests = watch_grounds.grounds(self._deployment, self._desk, self._request, own=1)
                terms = self.terms
                expected = self._counts.expected(terms.fpir, self._monotonic(), further=1)
                period = Period(act, self._request, rests, terms, expected)
                raised = raising.raise_alert(self._deployment, self._desk, period, sighting)
            except (PolicyRefusal, EnvironmentFailure, IntegrityError) as error:
                self._halt(error)
                raise
            if raised.alert is not None:
                kind = watch_counts.ALERTS
            else:
                kind = watch_counts.SUPPRESSED if raised.suppressed else watch_counts.REPEATED
            self._counts.sighted(sighting.camera, kind, self._monotonic())
            return raised.alert

    def _going(self) -> tuple[Act, Grounds]:
        """Return the period under way and what it rests on; raises what ended the watch."""
        with self._lock:
            if self._act is None or self._rests is None:
                raise self._failure or UsageError("the watch has not begun; use it as a context manager")
            return self._act, self._rests

    def _looked_up(self) -> Grounds:
        """Return what the watch rests on now, if that lets it go on; a refusal is logged.

        Raises:
            PolicyRefusal: It does not.
        """
        rests = watch_grounds.grounds(self._deployment, self._desk, self._request, own=1)
        happening = watch_grounds.happening(self._desk, self._request, rests)
        refusals = self._desk.refusals(WATCH, rests.context, happening)
        if refusals:
            # What speaks of cameras says more than what follows from the same cause for every search.
            refusal = min(refusals, key=lambda one: _FIRST.index(one.rule) if one.rule in _FIRST else len(_FIRST))
            with suppress(EnvironmentFailure):
                self._desk.deny(happening, refusal)
            raise refusal
        return rests

    def _begin(self) -> None:
        """Begin a period: authorised and recorded, with the list's key lent by the custodian."""
        deployment, request = self._deployment, self._request
        upkeep.expire(deployment, self._desk)
        rests = watch_grounds.grounds(deployment, self._desk, request)
        watch_grounds.require_list(self._desk, request, rests)
        happening = watch_grounds.happening(self._desk, request, rests)
        self._begun = self._monotonic()
        stack = ExitStack()
        act = stack.enter_context(self._desk.operation(WATCH, rests.context, happening, rests.named.held))
        try:
            act.gallery(request.gallery)
            terms = watch_grounds.terms(deployment, rests)
        except BaseException as error:
            self._close(stack, error)
            raise
        self._stack, self._act, self._rests, self._terms = stack, act, rests, terms

    def _tell(self, now: float) -> None:
        """Count in the log the faces that passed since it was told last (rule W6)."""
        self._told = now
        faces = self._counts.untold()
        if faces and self._act is not None:
            cameras: dict[str, JSONValue] = {**faces}
            details: JSONObject = {
                "purpose": self._request.purpose,
                "gallery": self._request.gallery,
                "period": self._act.entry,
                "faces": sum(faces.values()),
                "cameras": cameras,
            }
            self._desk.journal.write(Phase.NOTE, [Happening(COUNT, details)])

    def _end(self, error: BaseException | None = None) -> None:
        """End the period under way, with what was counted in it; what was opened is overwritten whatever comes."""
        act, stack = self._act, self._stack
        self._act, self._stack = None, ExitStack()
        if act is None:
            return
        try:
            if error is None:
                self._act = act
                self._tell(self._monotonic())
        finally:
            self._act = None
            self._outcome(act)
            self._close(stack, error)

    def _outcome(self, act: Act) -> None:
        terms = self._terms
        act.outcome["cameras"] = self._counts.period()
        if terms is not None:
            act.outcome.update(
                {
                    "operating_point": terms.threshold,
                    "fpir": terms.fpir,
                    "references": terms.references,
                    "subjects": terms.subjects,
                }
            )

    def _close(self, stack: ExitStack, error: BaseException | None) -> None:
        """Close a period's operation and lock the list."""
        try:
            if error is None:
                stack.close()
            else:
                # The operation raises it again once its end is recorded; whoever ends the period knows of it.
                with suppress(FacewardError, type(error)):
                    stack.__exit__(type(error), error, error.__traceback__)
        finally:
            # A list that is gone has nothing open.
            with suppress(UsageError):
                self._deployment.gallery(self._request.gallery).lock()

    def _halt(self, error: Exception) -> None:
        """End the watch for good; nothing is compared from here on, and a list whose end has come is destroyed."""
        with self._lock:
            if self._failure is None:
                self._failure = error
                self._end(error)
        if isinstance(error, PolicyRefusal) and error.rule == "W3":
            # The next turn of the clock does it too, where this cannot.
            with suppress(FacewardError):
                upkeep.expire(self._deployment, self._desk)
