"""Who is in the picture at a time: which faces are covered then, and which stay visible. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceward.core.faces import Box
from faceward.video.footage_covering import Hidden
from faceward.video.footage_keeping import Visible
from faceward.video.footage_tracks import Track

_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Scene:
    """One frame's faces.

    Attributes:
        hidden: The faces to cover.
        kept: Own boxes of those that stay visible.
        ended: Numbers of tracks that are over.
    """

    hidden: tuple[Hidden, ...]
    kept: tuple[Box, ...]
    ended: tuple[int, ...]


class Cast:
    """All tracks, asked in the order of time.

    Attributes:
        hidden: How many tracks are hidden from beginning to end.
    """

    def __init__(self, tracks: Sequence[Track], visible: Sequence[Visible]) -> None:
        self._tracks = tracks
        self._free = {number: _free(tracks[number], visible, number) for number in {one.track for one in visible}}
        self._coming = sorted(range(len(tracks)), key=lambda number: -tracks[number].begins)
        self._present: list[int] = []
        self.hidden = len(tracks) - len(self._free)

    def at(self, seconds: float) -> Scene:
        """Return who is there; call it with later and later times."""
        while self._coming and self._tracks[self._coming[-1]].begins <= seconds + _EPSILON:
            self._present.append(self._coming.pop())
        ended = [number for number in self._present if self._tracks[number].ends < seconds - _EPSILON]
        self._present = [number for number in self._present if number not in ended]
        hidden: list[Hidden] = []
        kept: list[Box] = []
        for number in self._present:
            track = self._tracks[number]
            boxes = track.box(seconds)
            if boxes is None:
                continue
            own, within = boxes
            if not any(start - _EPSILON <= seconds <= end + _EPSILON for start, end in self._free.get(number, ())):
                hidden.append(Hidden(number, own, within))
            elif track.times[0] - _EPSILON <= seconds <= track.times[-1] + _EPSILON:
                kept.append(own)
        return Scene(tuple(hidden), tuple(kept), tuple(ended))


def _free(track: Track, visible: Sequence[Visible], number: int) -> list[tuple[float, float]]:
    """Return when a track is not covered: while it is visible, and where nothing was found of it beside that."""
    mine = sorted((one for one in visible if one.track == number), key=lambda one: one.start)
    spans: list[tuple[float, float, str]] = []
    for one in mine:
        last = spans[-1] if spans else None
        if last is not None and last[2] == one.subject and not _found_between(track, last[1], one.start):
            spans[-1] = (last[0], one.end, one.subject)
        else:
            spans.append((one.start, one.end, one.subject))
    return [
        (
            track.begins if start <= track.times[0] + _EPSILON else start,
            track.ends if end >= track.times[-1] - _EPSILON else end,
        )
        for start, end, _ in spans
    ]


def _found_between(track: Track, start: float, end: float) -> bool:
    return any(start + _EPSILON < seconds < end - _EPSILON for seconds in track.times)
