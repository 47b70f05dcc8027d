"""What a watch counts: tracks, alerts, and how much traffic there is. Threads may share it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.operations.journal import Happening, Journal
from faceward.operations.search_log import COUNT
from faceward.operations.watch_grounds import WatchRequest
from faceward.policy.watching import per_day

_BUCKET = 60.0
_HOUR = 3600.0
TRACKS, ALERTS, REPEATED, SUPPRESSED = "tracks", "alerts", "repeated", "suppressed"
_KINDS = (TRACKS, ALERTS, REPEATED, SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a watch has counted since it began.

    Attributes:
        compared: Tracks that were compared, those that became alerts among them.
        alerts: Alerts.
        repeated: Sightings that raised none because one was raised just before.
        suppressed: Sightings that raised none because of impossible travel.
    """

    compared: int = 0
    alerts: int = 0
    repeated: int = 0
    suppressed: int = 0


class Counts:
    """Counts of one watch: since it began, in the period under way, and since the log was told.

    Args:
        began: When it began, seconds of the monotonic clock.
    """

    def __init__(self, began: float) -> None:
        self._lock = threading.Lock()
        self._began = began
        self._totals: Counter[str] = Counter()
        self._period: Counter[tuple[str, str]] = Counter()
        # Tracks that nobody became an alert of; those that did are faces of their alerts' own entries.
        self._untold: Counter[str] = Counter()
        self._traffic: deque[tuple[float, int]] = deque()

    def passed(self, camera: str, tracks: int, now: float) -> None:
        """Count tracks that were compared and are nobody's on the list."""
        with self._lock:
            self._count(camera, TRACKS, tracks, now)
            self._untold[camera] += tracks

    def sighted(self, camera: str, kind: str, now: float) -> None:
        """Count a track that matched: an alert, a repetition, or one that was suppressed.

        A repetition is no face more: the same person before the same camera would hide false alerts of others. One that
        was suppressed is a face without an alert, since nobody is to look at it.
        """
        with self._lock:
            self._count(camera, TRACKS, 1, now)
            self._totals[kind] += 1
            self._period[camera, kind] += 1
            if kind == SUPPRESSED:
                self._untold[camera] += 1

    def _count(self, camera: str, kind: str, number: int, now: float) -> None:
        self._totals[kind] += number
        self._period[camera, kind] += number
        if self._traffic and now - self._traffic[-1][0] < _BUCKET:
            begun, before = self._traffic.pop()
            self._traffic.append((begun, before + number))
        else:
            self._traffic.append((now, number))
        while self._traffic and now - self._traffic[0][0] >= _HOUR:
            self._traffic.popleft()

    def expected(self, fpir: float, now: float, further: int = 0) -> float:
        """Return how many false alerts a day a rate makes of the traffic of the last hour, or of less if less is seen.

        Args:
            fpir: Rate at which the track of somebody who is not on the list brings about an alert.
            now: Seconds of the monotonic clock.
            further: Tracks that are not counted yet.
        """
        with self._lock:
            tracks = further + sum(number for begun, number in self._traffic if now - begun < _HOUR)
        over = min(_HOUR, max(_BUCKET, now - self._began))
        return per_day(tracks, timedelta(seconds=over), fpir)

    def totals(self) -> Totals:
        """Return what was counted since the watch began."""
        with self._lock:
            counted = self._totals
            return Totals(counted[TRACKS], counted[ALERTS], counted[REPEATED], counted[SUPPRESSED])

    def untold(self) -> dict[str, int]:
        """Return by camera the faces that the log was not told of yet."""
        with self._lock:
            return {camera: number for camera, number in sorted(self._untold.items()) if number}

    def told(self, faces: Mapping[str, int]) -> None:
        """Note that the log was told of faces; those that passed meanwhile are still to be told."""
        with self._lock:
            self._untold.subtract(faces)

    def period(self) -> JSONObject:
        """Return what was counted in the period that ends, by camera; the next one begins at zero."""
        with self._lock:
            counted, self._period = self._period, Counter()
        cameras: dict[str, JSONValue] = {
            camera: {kind: counted[camera, kind] for kind in _KINDS} for camera in sorted({name for name, _ in counted})
        }
        return cameras


def tell(journal: Journal, request: WatchRequest, period: int, counts: Counts) -> None:
    """Count in the log the faces that passed since it was told last (rule W6).

    Args:
        journal: Where it is recorded.
        request: What is watched.
        period: Index of the log entry that announced the period under way.
        counts: What was counted; what cannot be written stays untold.

    Raises:
        EnvironmentFailure: The log cannot be written.
    """
    faces = counts.untold()
    if not faces:
        return
    cameras: dict[str, JSONValue] = {**faces}
    details: JSONObject = {
        "purpose": request.purpose,
        "gallery": request.gallery,
        "period": period,
        "faces": sum(faces.values()),
        "cameras": cameras,
    }
    journal.write(Phase.NOTE, [Happening(COUNT, details)])
    counts.told(faces)
