"""What a watch has come to, camera by camera."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from faceward.core.clock import to_rfc3339
from faceward.core.errors import FacewardError
from faceward.core.watch_results import LiveCamera, LiveState
from faceward.video import ledger_words
from faceward.video.figures import Figures, Latencies, Summary, too_slow
from faceward.video.frames import FeedCounts
from faceward.video.ports import Event

if TYPE_CHECKING:
    from faceward.core.watch_results import WatchTerms
    from faceward.policy.cameras import Camera
    from faceward.video.frames import FeedNews
    from faceward.video.pool import Done
    from faceward.video.ports import Held
    from faceward.video.reporting import Reported
    from faceward.video.tracks import Ended

_NEWS = 20
_SMOOTHING = 0.2


class Ledger:
    """Counts of one watch.

    Args:
        gallery: The list.
        purpose: Its purpose.
        cameras: The cameras.
    """

    def __init__(self, gallery: str, purpose: str, cameras: Sequence[Camera]) -> None:
        self._gallery, self._purpose = gallery, purpose
        self.figures = {camera.name: Figures() for camera in cameras}
        self._cameras = {
            camera.name: LiveCamera(camera.name, camera.place, camera.branch, since=to_rfc3339(datetime.now(UTC)))
            for camera in cameras
        }
        self._looks, self._alerts = Latencies(), Latencies()
        self._news: deque[str] = deque(maxlen=_NEWS)
        self._before: dict[str, FeedCounts] = {}
        self._started, self._began = datetime.now(UTC), 0.0
        self._fpir, self._subjects, self._lost = 0.0, 0, 0
        self._entry, self._expected, self._slow = 0, 0.0, False

    def begin(self, terms: WatchTerms, now: float) -> None:
        """Note on which terms the watch began, and when, on the monotonic clock."""
        self._fpir, self._subjects, self._began = terms.fpir, terms.subjects, now

    def news(self, news: FeedNews) -> None:
        """Note what became of a camera."""
        # A camera that came back at another size is connected still.
        self._cameras[news.camera] = replace(
            self._cameras[news.camera], state=news.state, message=news.message, since=to_rfc3339(news.time)
        )

    def note(self, message: str) -> None:
        """Note a message, to be shown."""
        self._news.append(message)

    def looked(self, done: Done) -> None:
        """Count a frame that was looked at."""
        looked, figures = done.looked, self.figures[done.camera]
        if looked is None:
            return
        figures.compared += looked.fresh
        figures.sightings += len(looked.sightings)
        if not looked.frames:
            return
        latency = done.finished - done.received
        figures.looked_at += 1
        figures.alive, figures.captured = looked.alive, done.captured
        figures.latency = (
            latency if figures.latency is None else figures.latency + _SMOOTHING * (latency - figures.latency)
        )
        if looked.whole:
            figures.whole = done.finished
        self.ends(done.camera, looked.ended)
        self._looks.add(latency)

    def ends(self, camera: str, ended: Ended) -> None:
        """Count tracks of a camera that ended."""
        self.figures[camera].tracks += ended.tracks

    def reported(self, reported: Reported) -> Event | None:
        """Count what became of a sighting, and return what is told of it; None of one that repeats another."""
        figures, camera = self.figures[reported.camera], reported.camera
        self._lost += reported.given_up
        if reported.alert is not None:
            figures.alerts += 1
            self._alerts.add(reported.latency)
            details = {**reported.alert.to_json(), "latency_ms": round(reported.latency * 1000)}
            return Event("alert", ledger_words.alert(reported.alert), camera, details)
        if reported.given_up:
            return Event("lost", ledger_words.lost(camera, reported.error), camera)
        if reported.suppressed:
            figures.suppressed += 1
            return Event("suppressed", ledger_words.suppressed(camera), camera)
        if reported.error is None:
            figures.repeated += 1
        return None

    def slow(self, counts: Mapping[str, FeedCounts]) -> Event | None:
        """Return what is told once, when too many frames that were to be looked at were dropped; else None."""
        dropped = sum(each.dropped for each in counts.values())
        if self._slow or not too_slow(self._sum("looked_at"), dropped):
            return None
        self._slow = True
        return Event("slow", ledger_words.TOO_SLOW)

    def reopened(self, counts: Mapping[str, FeedCounts]) -> None:
        """Keep what the feeds counted, which are closed and opened anew."""
        self._before = {name: _sum(self._before.get(name, FeedCounts()), each) for name, each in counts.items()}

    def counts(self, counts: Mapping[str, FeedCounts], passed_over: Mapping[str, int]) -> dict[str, FeedCounts]:
        """Return what the feeds counted, frames that were handed over and never looked at among those dropped."""
        whole = {name: _sum(self._before.get(name, FeedCounts()), each) for name, each in counts.items()}
        return {name: replace(each, dropped=each.dropped + passed_over.get(name, 0)) for name, each in whole.items()}

    def state(self, counts: Mapping[str, FeedCounts], when: datetime, held: Held | None) -> LiveState:
        """Return how the watch stands.

        Args:
            counts: What the feeds counted.
            when: The time, UTC.
            held: The watch on record; None while the machine does not allow one.
        """
        if held is not None:
            with suppress(FacewardError):
                self._entry, self._expected, self._fpir = held.entry, held.expected_per_day, held.terms.fpir
        return LiveState(
            entry=self._entry,
            gallery=self._gallery,
            purpose=self._purpose,
            started=to_rfc3339(self._started),
            written=to_rfc3339(when),
            cameras=tuple(self._camera(name, counts.get(name, FeedCounts())) for name in self.figures),
            compared=self._sum("compared"),
            alerts=self._sum("alerts"),
            repeated=self._sum("repeated"),
            suppressed=self._sum("suppressed"),
            fpir=self._fpir,
            expected_false_alerts_per_day=self._expected,
            news=tuple(self._news),
            comparing=held is not None,
        )

    def _camera(self, name: str, counts: FeedCounts) -> LiveCamera:
        figures = self.figures[name]
        return replace(
            self._cameras[name],
            captured=None if figures.captured is None else to_rfc3339(datetime.fromtimestamp(figures.captured, UTC)),
            decoded=counts.decoded,
            looked_at=figures.looked_at,
            gated=counts.gated,
            dropped=counts.dropped,
            reconnects=counts.reconnects,
            tracks=figures.alive,
            compared=figures.compared,
            alerts=figures.alerts,
            latency=None if figures.latency is None else round(figures.latency * 1000, 1),
        )

    def _sum(self, name: str) -> int:
        return sum(int(getattr(figures, name)) for figures in self.figures.values())

    def summary(self, counts: Mapping[str, FeedCounts], interruptions: int, now: float) -> Summary:
        """Return what the whole came to."""
        return Summary(
            seconds=now - self._began,
            cameras=len(self.figures),
            frames=self._sum("looked_at"),
            tracks=self._sum("tracks"),
            compared=self._sum("compared"),
            alerts=self._sum("alerts"),
            repeated=self._sum("repeated"),
            suppressed=self._sum("suppressed"),
            lost=self._lost,
            dropped=sum(each.dropped for each in counts.values()),
            interruptions=interruptions,
            latency=(self._looks.quantile(0.5), self._looks.quantile(0.99)),
            alert_latency=(self._alerts.quantile(0.5), self._alerts.quantile(0.99)),
        )

    def begun(self) -> str:
        """Say what is watched."""
        return ledger_words.begun(self.figures, self._subjects, self._gallery, self._fpir)


def _sum(one: FeedCounts, other: FeedCounts) -> FeedCounts:
    return FeedCounts(*(getattr(one, each.name) + getattr(other, each.name) for each in fields(FeedCounts)))
