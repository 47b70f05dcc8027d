"""What a watch counts, in memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from faceward.core.results import JSONDict

_LONGEST = 60_000
# Of so many frames that were to be looked at so large a share may be dropped; of fewer frames nothing is said.
_FEWEST, _DROPPED = 50, 0.3


def too_slow(looked_at: int, dropped: int) -> bool:
    """Tell whether so many frames were dropped that people's tracks break, and one person is counted as several.

    Args:
        looked_at: Frames that were looked at.
        dropped: Frames that were to be looked at too, and were left out rather than lag.
    """
    return looked_at + dropped >= _FEWEST and dropped > _DROPPED * (looked_at + dropped)


class Latencies:
    """Latencies in whole milliseconds, up to a minute."""

    def __init__(self) -> None:
        self._counts = np.zeros(_LONGEST + 1, dtype=np.int64)

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[min(_LONGEST, max(0, round(seconds * 1000)))] += 1

    def quantile(self, share: float) -> float | None:
        """Return the milliseconds that a share of them did not exceed; None where there are none."""
        total = int(self._counts.sum())
        if not total:
            return None
        return float(np.searchsorted(np.cumsum(self._counts), max(1, np.ceil(share * total))))


@dataclass(slots=True)
class Figures:
    """What one camera of a watch has come to.

    Attributes:
        looked_at: Frames in which faces were looked for.
        tracks: Tracks that ended.
        alive: Tracks that go on.
        compared: Tracks that were compared.
        sightings: Tracks that matched.
        alerts: Alerts raised.
        repeated: Sightings that raised none, since one was raised just before.
        suppressed: Sightings that raised none, since nobody gets there in that time (rule W5).
        latency: Seconds from a frame's arrival to what was made of it, a running mean.
        captured: When the latest frame was taken, seconds since the epoch.
        whole: When a whole frame was searched last, on the monotonic clock.
    """

    looked_at: int = 0
    tracks: int = 0
    alive: int = 0
    compared: int = 0
    sightings: int = 0
    alerts: int = 0
    repeated: int = 0
    suppressed: int = 0
    latency: float | None = None
    captured: float | None = None
    whole: float = field(default=float("-inf"))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a watch came to.

    Attributes:
        seconds: How long it was.
        cameras: How many cameras.
        frames: Frames in which faces were looked for.
        tracks: Tracks, of which those that are alive at the end are a part.
        compared: Tracks that were compared.
        alerts: Alerts raised.
        repeated: Sightings that raised none, since one was raised just before.
        suppressed: Sightings that raised none, since nobody gets there in that time (rule W5).
        lost: Sightings that could not be put on record.
        dropped: Frames that were left out rather than lag.
        interruptions: How often the machine interrupted it.
        latency: Milliseconds from a frame's arrival to what was made of it: median and 99 %; None where there was none.
        alert_latency: Milliseconds from a frame's arrival to the alert on record, likewise.
    """

    seconds: float
    cameras: int
    frames: int
    tracks: int
    compared: int
    alerts: int
    repeated: int
    suppressed: int
    lost: int
    dropped: int
    interruptions: int
    latency: tuple[float | None, float | None]
    alert_latency: tuple[float | None, float | None]

    @property
    def too_slow(self) -> bool:
        """Whether the machine was too slow for the cameras; see `too_slow`."""
        return too_slow(self.frames, self.dropped)

    def to_json(self) -> JSONDict:
        """Return the object of the last line of `faceward watch --json`."""
        return {
            "seconds": round(self.seconds, 1),
            "cameras": self.cameras,
            "frames": self.frames,
            "tracks": self.tracks,
            "compared": self.compared,
            "alerts": self.alerts,
            "repeated": self.repeated,
            "suppressed": self.suppressed,
            "lost": self.lost,
            "dropped": self.dropped,
            "too_slow": self.too_slow,
            "interruptions": self.interruptions,
            "latency_ms": {"median": self.latency[0], "p99": self.latency[1]},
            "alert_latency_ms": {"median": self.alert_latency[0], "p99": self.alert_latency[1]},
        }
