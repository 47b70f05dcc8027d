"""Where a human should look at redacted footage: short, and the most important first. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceward.core.footage_results import Stretch
from faceward.core.words import plural
from faceward.video.footage_keeping import Visible
from faceward.video.footage_tracks import Track

KINDS = ("kept", "abrupt", "gap", "faint", "crowd", "small", "cut")
"""What is to be looked at, the most important first."""

MOST_LISTED = 60
"""Places that are listed for each ten minutes of footage, begun or whole."""
_LISTED_FOR = 600.0
_LONG_GAP = 0.6
_FAINT = 0.3
_SMALL = 16.0
_CROWD = 12
_INSIDE = 0.5
_JOINED = 2.0
# A single find that the detector half believes is most often no face.
_CERTAIN_ENOUGH = 0.3
_RUN_UP, _AFTERMATH = 0.5, 1.5


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to be concerned about.

    Attributes:
        tracks: All tracks.
        visible: What stays visible.
        cuts: Times of the first frames after cuts.
        start: Time of the first frame, which counts as zero in what is written.
        end: Time of the last.
    """

    tracks: Sequence[Track]
    visible: Sequence[Visible]
    cuts: Sequence[float]
    start: float
    end: float


def concerns(shown: Shown) -> tuple[tuple[Stretch, ...], int]:
    """Return where to look, the most important first, at most as `MOST_LISTED` says, and how many more there are."""
    found = [*_kept(shown), *_of_tracks(shown), *_crowds(shown), *_cuts(shown)]
    joined = [one for kind in KINDS for one in _joined([other for other in found if other.kind == kind])]
    listed = [
        Stretch(one.kind, max(0.0, one.start - shown.start), min(one.end, shown.end) - shown.start, one.says)
        for one in joined
    ]
    most = MOST_LISTED * max(1, math.ceil((shown.end - shown.start) / _LISTED_FOR))
    return tuple(listed[:most]), max(0, len(listed) - most)


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Join stretches of one kind that nearly touch and say the same, since they are looked at in one go."""
    result: list[Stretch] = []
    for one in sorted(stretches, key=lambda stretch: (stretch.start, stretch.end)):
        last = result[-1] if result else None
        if last is not None and last.says == one.says and one.start - last.end < _JOINED:
            result[-1] = Stretch(last.kind, last.start, max(last.end, one.end), last.says)
        else:
            result.append(one)
    return result


def _kept(shown: Shown) -> Iterator[Stretch]:
    for one in shown.visible:
        yield Stretch("kept", one.start, one.end, f"{one.subject} stays visible: is it really them, and they alone?")


def _of_tracks(shown: Shown) -> Iterator[Stretch]:
    for track in shown.tracks:
        faint = track.best < _CERTAIN_ENOUGH
        if not faint:
            yield from _gaps(track)
            yield from _ends(track)
        if faint:
            says = "what is hidden here was hardly taken for a face: is a clearer one near it?"
            yield Stretch("faint", track.times[0], track.times[-1], says)
        elif track.height < _SMALL:
            says = "faces are very small here: are there more, smaller still, that could be recognised?"
            yield Stretch("small", track.times[0], track.times[-1], says)


def _gaps(track: Track) -> Iterator[Stretch]:
    for first, second in track.gaps():
        if second - first > _LONG_GAP:
            yield Stretch(
                "gap", first, second, "a face was not found for a while and its way is guessed: is it covered?"
            )


def _ends(track: Track) -> Iterator[Stretch]:
    """Say where a face appears or vanishes in the middle of the picture: it may have turned, or the detector failed."""
    if track.begins < track.times[0] and _inside(track, 0) and track.times[0] - track.shot[0] > _RUN_UP:
        says = "a face appears inside the picture: does it show before?"
        yield Stretch("abrupt", track.times[0] - _AFTERMATH, track.times[0], says)
    if track.ends > track.times[-1] and _inside(track, -1) and track.shot[1] - track.times[-1] > _RUN_UP:
        says = "a face vanishes inside the picture: does it show again?"
        yield Stretch("abrupt", track.times[-1], track.times[-1] + _AFTERMATH, says)


def _inside(track: Track, place: int) -> bool:
    x0, y0, x1, y1 = (float(value) for value in track.faces[place][:4])
    near = _INSIDE * (x1 - x0)
    return x0 > near and y0 > near and x1 < track.size[0] - near and y1 < track.size[1] - near


def _crowds(shown: Shown) -> Iterator[Stretch]:
    steps = sorted([(track.times[0], 1) for track in shown.tracks] + [(track.times[-1], -1) for track in shown.tracks])
    count, since, most = 0, 0.0, 0
    for seconds, change in steps:
        before, count = count, count + change
        if before < _CROWD <= count:
            since, most = seconds, count
        most = max(most, count)
        if count < _CROWD <= before:
            yield Stretch("crowd", since, seconds, f"up to {plural(most, 'face')} at a time: is one left over?")


def _cuts(shown: Shown) -> Iterator[Stretch]:
    """Say where a shot begins or ends with faces: what flashes up for a frame is seen by nobody but whoever looks."""
    for cut, following in itertools.pairwise([*shown.cuts, shown.end]):
        near = [t for t in shown.tracks if t.begins <= cut + _INSIDE and t.ends >= cut - _INSIDE]
        if near and following > cut:
            says = "another shot begins, with faces: is each covered from its first frame on?"
            yield Stretch("cut", cut - _INSIDE, cut + _INSIDE, says)
