"""Tracks: how long one lasts, and which of its samples are compared. Pure; time is passed in.

A track is one person's stay in one camera's view. It is compared when a sample first reaches the floors of quality,
and again when one is better, or about as good after a while, so that a stay costs a few comparisons and not one a
frame; the threshold rests on there being no more of them (ADR 0032, ADR 0038). At the dwell limit a track ends, whoever
stays is a track of its own from then on, and nothing is kept by which the two could be linked (rule W9).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faceward.core.watch_results import Floors

BETTER = 1.15
"""How many times as good as the best so far a sample must be to be compared at once."""
AGAIN = 0.6
"""Seconds after which one is compared also if it is only about as good: by then pose, light and focus are others."""
AS_GOOD = 0.8
"""Which share of the best so far is about as good."""
# Between these no network of this size gains from more pixels: its chip is drawn with the eyes this far apart.
_ENOUGH = 60.0
_CHEAP = ("inter_eye_distance", "pose_yaw", "pose_pitch", "pose_roll", "face_cropping")


def worth(components: Mapping[str, float]) -> float:
    """Return how good a sample is to compare, 0 to 1: its size, how frontal, how complete and how clear it is.

    Components that were not measured count as perfect, so that what is cheap to measure bounds the whole from above.

    Args:
        components: Quality components by the names of `vision.quality.COMPONENTS`.
    """
    size = min(1.0, components.get("inter_eye_distance", _ENOUGH) / _ENOUGH)
    frontal = math.cos(math.radians(components.get("pose_yaw", 0.0))) * math.cos(
        math.radians(components.get("pose_pitch", 0.0))
    )
    light = min(components.get("under_exposure", 1.0), components.get("over_exposure", 1.0))
    clear = math.sqrt(max(0.0, components.get("sharpness", 1.0)) * max(0.0, light))
    return max(0.0, size) * max(0.0, frontal) * max(0.0, components.get("face_cropping", 1.0)) * clear


def reaches(components: Mapping[str, float], floors: Floors, *, only: Iterable[str] | None = None) -> bool:
    """Tell whether a sample reaches the floors; what was not measured, or is no number, does not.

    Args:
        components: Quality components by name.
        floors: By component the least value and the greatest magnitude.
        only: Names of the floors to go by; all if None.
    """
    names = floors.keys() if only is None else floors.keys() & set(only)
    return all(_within(components.get(name, math.nan), *floors[name]) for name in names)


def cheaply_reaches(components: Mapping[str, float], floors: Floors) -> bool:
    """Tell whether what landmarks alone tell of a sample reaches the floors."""
    return reaches(components, floors, only=_CHEAP)


def _within(value: float, least: float | None, greatest: float | None) -> bool:
    # Written so that not-a-number, which compares false with everything, is below the floor.
    return (least is None or value >= least) and (greatest is None or abs(value) <= greatest)


@dataclass(slots=True)
class _Track:
    began: float
    compared: int = 0
    best: float = 0.0
    last: float = -math.inf
    matched: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """Tracks of one camera that ended.

    Attributes:
        tracks: How many.
        unknown: Of these, how many were compared and matched nobody.
    """

    tracks: int = 0
    unknown: int = 0

    def __add__(self, other: Ended) -> Ended:
        """Return both together."""
        return Ended(self.tracks + other.tracks, self.unknown + other.unknown)


class Tracks:
    """The tracks of one camera. Each camera has its own, and no two share anything (rule W9).

    Args:
        dwell: Seconds after which a track ends.
        most: How often a track is compared at most.
    """

    def __init__(self, dwell: float, most: int) -> None:
        self._dwell, self._most = dwell, most
        self._tracks: dict[int, _Track] = {}
        self._now = 0.0

    def __len__(self) -> int:
        return len(self._tracks)

    def go_on(self, alive: Iterable[int], seconds: float) -> Ended:
        """End the tracks that the tracker has lost and those at the dwell limit, and begin those that are new.

        Args:
            alive: Numbers that the tracker gives now.
            seconds: The time, by the same clock as ever.

        Returns:
            What ended. Whoever stays beyond the limit begins anew under the same number of the tracker.
        """
        self._now = seconds
        numbers = set(alive)
        gone = [n for n, track in self._tracks.items() if n not in numbers or self._over(track, seconds)]
        ended = self._ended(gone)
        for number in sorted(numbers - self._tracks.keys()):
            self._tracks[number] = _Track(seconds)
        return ended

    def end(self) -> Ended:
        """End all tracks."""
        return self._ended(list(self._tracks))

    def _ended(self, numbers: list[int]) -> Ended:
        tracks = [self._tracks.pop(number) for number in numbers]
        return Ended(len(tracks), sum(bool(track.compared) and not track.matched for track in tracks))

    def stays(self, number: int, seconds: float) -> bool:
        """Tell whether a track will go on at a time, by the same clock as ever, if its face is seen."""
        track = self._tracks.get(number)
        return track is not None and not self._over(track, seconds)

    def _over(self, track: _Track, seconds: float) -> bool:
        # A clock that went back must not keep a track alive.
        return not 0 <= seconds - track.began < self._dwell

    def wants(self, number: int, worth: float) -> bool:
        """Tell whether a sample of a track is to be compared.

        Args:
            number: The track's number.
            worth: How good the sample is, or at most is; see `worth`.
        """
        track = self._tracks.get(number)
        if track is None or track.matched or track.compared >= self._most:
            return False
        if not track.compared or worth >= BETTER * track.best:
            return True
        return self._now - track.last >= AGAIN and worth >= AS_GOOD * track.best

    def note(self, number: int, worth: float, seconds: float, *, matched: bool) -> bool:
        """Note that a sample of a track was compared, and tell whether it was the first.

        Args:
            number: The track's number.
            worth: How good the sample is; see `worth`.
            seconds: The time, by the same clock as ever.
            matched: Whether it is of somebody on the list.
        """
        track = self._tracks[number]
        track.compared += 1
        track.best = max(track.best, worth)
        track.last = seconds
        track.matched = track.matched or matched
        return track.compared == 1
