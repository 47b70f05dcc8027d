"""From looks to tracks: one person's stay in one shot, without gaps, and where their face is at any time.

All looks are there before any track is made, so that a track is followed forwards and backwards in time. Where nothing
was found, boxes are interpolated and grow with what is not known. Pure; nothing here reads a picture.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from faceward.core.faces import Box, FloatArray
from faceward.vision.redact import THRESHOLD

BOX, CONFIDENCE, LANDMARKS = slice(0, 4), 4, slice(5, 15)
"""Columns of a face: corners in pixels, the detector's score, five landmarks x then y."""

LONGEST_GAP = 2.0
"""Seconds for which a face may stay unseen within one track."""
_FAR = 1e6
_REACH = 0.8
_REACH_A_SECOND = 3.0
_FARTHEST = 4.0
_WEAK_REACH = 0.7
_MOST_GROWTH = 1.9
# How boxes grow where nothing was found: a share of the size on each side, for each second beyond a look's interval.
_GROWTH, _MOST_GROWN, _SURE = 0.35, 0.45, 0.2
_VELOCITY_SPAN = 0.5
_LONG_REACH, _SHORT_REACH, _EDGE_REACH = 1.0, 0.4, 2.0
_SLOWER = 1.4
_WELL_SEEN = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """What one run of the detector found.

    Attributes:
        seconds: Time of the frame.
        faces: Shape (n, 15); see `BOX`, `CONFIDENCE`, `LANDMARKS`.
        within: Where it was looked: faces with their centres in here are found; None for all of the picture.
    """

    seconds: float
    faces: FloatArray
    within: Box | None = None

    def covers(self, face: FloatArray) -> bool:
        """Tell whether a face, shape (15,), is where it was looked."""
        part = self.within
        x, y = _centre(face[BOX])
        return part is None or bool(part.x0 <= x <= part.x1 and part.y0 <= y <= part.y1)


@dataclass(slots=True)
class Track:
    """One person's stay in one shot.

    Attributes:
        times: When the face was found, seconds, ascending.
        faces: What was found then; rows as in `Look`.
        shot: First and last time of the shot.
        size: Width and height of the picture.
    """

    times: list[float]
    faces: list[FloatArray]
    shot: tuple[float, float]
    size: tuple[int, int]
    begins: float = field(default=0.0)
    ends: float = field(default=0.0)

    @property
    def best(self) -> float:
        """The highest score that the detector gave."""
        return max(float(face[CONFIDENCE]) for face in self.faces)

    @property
    def height(self) -> float:
        """Median height of the face in pixels."""
        heights = sorted(float(face[3] - face[1]) for face in self.faces)
        # NumPy's would load its masked arrays, which takes longer than all medians of a short clip.
        return (heights[(len(heights) - 1) // 2] + heights[len(heights) // 2]) / 2

    def gaps(self) -> Iterator[tuple[float, float]]:
        """Iterate over the stretches between neighbouring finds."""
        yield from itertools.pairwise(self.times)

    def velocity(self, *, end: bool) -> FloatArray:
        """Return how the centre moves at the track's beginning or end, pixels a second, shape (2,)."""
        order = range(len(self.times) - 1, -1, -1) if end else range(len(self.times))
        chosen = [i for i in order if abs(self.times[i] - self.times[order[0]]) <= _VELOCITY_SPAN]
        far, near = chosen[-1], chosen[0]
        span = self.times[near] - self.times[far]
        if abs(span) < 1e-6:
            return np.zeros(2, dtype=np.float32)
        apart = _centre(self.faces[near][BOX]) - _centre(self.faces[far][BOX])
        return np.asarray(apart / span, dtype=np.float32)

    def box(self, seconds: float) -> tuple[Box, Box] | None:
        """Return where the face is at a time: its own box, and the box that it is certainly within.

        Returns:
            None where the track does not reach.
        """
        if not self.begins - 1e-6 <= seconds <= self.ends + 1e-6:
            return None
        after = bisect.bisect_left(self.times, seconds - 1e-6)
        if after == len(self.times):
            return self._beyond(seconds, end=True)
        if after == 0 and seconds < self.times[0] - 1e-6:
            return self._beyond(seconds, end=False)
        if abs(self.times[after] - seconds) <= 1e-6 or after == 0:
            own = self.faces[after][BOX]
            return _box(own), _box(own)
        return self._between(seconds, after)

    def _between(self, seconds: float, after: int) -> tuple[Box, Box]:
        first, second = self.times[after - 1], self.times[after]
        share = (seconds - first) / (second - first)
        own = self.faces[after - 1][BOX] * (1 - share) + self.faces[after][BOX] * share
        unseen = min(seconds - first, second - seconds)
        return _box(own), _grown(own, unseen)

    def _beyond(self, seconds: float, *, end: bool) -> tuple[Box, Box]:
        """Return the box after the last or before the first find: going on as before, or standing still."""
        near = self.faces[-1 if end else 0][BOX]
        unseen = seconds - self.times[-1 if end else 0]
        away = self.velocity(end=end) * unseen
        moved = near + np.concatenate([away, away])
        both = np.concatenate([np.minimum(near[:2], moved[:2]), np.maximum(near[2:], moved[2:])])
        return _box(moved), _grown(both, abs(unseen))


def _centre(box: FloatArray) -> FloatArray:
    return np.asarray((box[:2] + box[2:]) / 2, dtype=np.float32)


def _box(corners: FloatArray) -> Box:
    return Box(*(float(value) for value in corners))


def _grown(corners: FloatArray, unseen: float) -> Box:
    more = min(_MOST_GROWN, _GROWTH * max(0.0, unseen - _SURE))
    across, down = more * (corners[2] - corners[0]), more * (corners[3] - corners[1])
    return _box(corners + np.array([-across, -down, across, down], dtype=np.float32))


def sizes(faces: FloatArray) -> FloatArray:
    """Return the side of a square as large as each box, shape (n,), in pixels."""
    area = np.maximum(1.0, (faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1]))
    return np.asarray(np.sqrt(area), dtype=np.float32)


def follow(
    looks: Sequence[Look], cuts: Sequence[float], extent: tuple[float, float], size: tuple[int, int]
) -> list[Track]:
    """Make tracks of looks; none crosses a cut.

    Args:
        looks: In the order of time.
        cuts: Times of the first frames after cuts.
        extent: Times of the first and the last frame.
        size: Width and height of the picture in pixels.
    """
    tracks: list[Track] = []
    bounds = [-math.inf, *cuts, math.inf]
    for start, stop in itertools.pairwise(bounds):
        inside = [look for look in looks if start <= look.seconds < stop]
        if inside:
            shot = (max(start, extent[0]), min(stop, extent[1]) if stop != math.inf else extent[1])
            tracks += _shot_tracks(inside, shot, size)
    for track in tracks:
        _extend(track)
    return sorted(tracks, key=lambda track: (track.begins, track.times[0]))


def _shot_tracks(looks: Sequence[Look], shot: tuple[float, float], size: tuple[int, int]) -> list[Track]:
    tracks: list[Track] = []
    free = [set(range(len(look.faces))) for look in looks]
    alive: list[Track] = []
    for number, look in enumerate(looks):
        alive = [track for track in alive if look.seconds - track.times[-1] <= LONGEST_GAP]
        sure = [row for row, face in enumerate(look.faces) if face[CONFIDENCE] >= THRESHOLD]
        # Whoever was not looked for must not be given another's face.
        here = [track for track in alive if look.covers(track.faces[-1])]
        taken = _assign(here, look, sure, _REACH)
        left = [track for track in here if id(track) not in {id(one) for one, _ in taken}]
        weak = [row for row, face in enumerate(look.faces) if face[CONFIDENCE] < THRESHOLD]
        taken += _assign([t for t in left if look.seconds - t.times[-1] <= _WELL_SEEN], look, weak, _WEAK_REACH)
        for track, row in taken:
            track.times.append(look.seconds)
            track.faces.append(look.faces[row])
            free[number].discard(row)
        for row in sure:
            if row in free[number]:
                free[number].discard(row)
                made = Track([look.seconds], [look.faces[row]], shot, size)
                tracks.append(made)
                alive.append(made)
    for track in tracks:
        _follow_back(track, looks, free)
    return tracks


def _assign(tracks: Sequence[Track], look: Look, rows: Sequence[int], reach: float) -> list[tuple[Track, int]]:
    """Pair tracks with faces of a look, the nearest pair first."""
    pairs = sorted(
        (cost, i, row)
        for i, track in enumerate(tracks)
        for row in rows
        if (cost := _distance(track, look, row, reach)) < _FAR
    )
    chosen: list[tuple[Track, int]] = []
    taken: set[int] = set()
    given: set[int] = set()
    for _, i, row in pairs:
        if i not in taken and row not in given:
            taken.add(i)
            given.add(row)
            chosen.append((tracks[i], row))
    return chosen


def _distance(track: Track, look: Look, row: int, reach: float) -> float:
    unseen = look.seconds - track.times[-1]
    last, new = track.faces[-1][BOX], look.faces[row][BOX]
    steady = _centre(last)
    moving = steady + track.velocity(end=True) * min(unseen, _VELOCITY_SPAN)
    return _apart((last, new), (steady, moving), min(_FARTHEST, reach + _REACH_A_SECOND * unseen))


def _apart(boxes: tuple[FloatArray, FloatArray], guesses: Sequence[FloatArray], reach: float) -> float:
    both = sizes(np.stack(boxes))
    scale = float(both.mean())
    growth = abs(math.log(float(both[1] / both[0])))
    away = min(float(np.hypot(*(_centre(boxes[1]) - guess))) for guess in guesses) / scale
    return _FAR if away > reach or growth > math.log(_MOST_GROWTH) else away + growth


def _follow_back(track: Track, looks: Sequence[Look], free: Sequence[set[int]]) -> None:
    """Add to a track's beginning the faint finds of the looks before it, which begin no track by themselves."""
    at = bisect.bisect_left([look.seconds for look in looks], track.times[0])
    for number in range(at - 1, -1, -1):
        look, first = looks[number], track.times[0]
        if first - look.seconds > _WELL_SEEN:
            return
        near = track.faces[0][BOX]
        guess = _centre(near) + track.velocity(end=False) * (look.seconds - first)
        reach = min(_FARTHEST, _WEAK_REACH + _REACH_A_SECOND * (first - look.seconds))
        rows = sorted(free[number])
        cost = [_apart((near, look.faces[row][BOX]), (_centre(near), guess), reach) for row in rows]
        if cost and min(cost) < _FAR:
            row = rows[cost.index(min(cost))]
            free[number].discard(row)
            track.times.insert(0, look.seconds)
            track.faces.insert(0, look.faces[row])


def _extend(track: Track) -> None:
    """Let a track begin before its first find and end after its last, within its shot."""
    well = len(track.times) >= 3 or track.best >= _WELL_SEEN
    for end in (False, True):
        reach = _LONG_REACH if well else _SHORT_REACH
        leaves = _seconds_to_edge(track, end=end)
        if leaves <= _EDGE_REACH and well:
            # With a margin: who slows down must not show at the very edge.
            reach = leaves * _SLOWER + _SURE
        if end:
            track.ends = min(track.shot[1], track.times[-1] + reach)
        else:
            track.begins = max(track.shot[0], track.times[0] - reach)


def _seconds_to_edge(track: Track, *, end: bool) -> float:
    """Return after how long the face is out of the picture, if it goes on as it does."""
    box = track.faces[-1 if end else 0][BOX]
    speed = track.velocity(end=end) * (1 if end else -1)
    width, height = track.size
    times = [math.inf]
    for axis, length in ((0, width), (1, height)):
        if speed[axis] > 0:
            times.append((length - box[axis]) / float(speed[axis]))
        elif speed[axis] < 0:
            times.append(box[axis + 2] / -float(speed[axis]))
    return max(0.0, min(times))
