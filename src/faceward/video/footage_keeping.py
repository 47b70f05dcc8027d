"""Which parts of which tracks stay visible: those in which a kept subject is recognised again and again.

A track is divided where it could pass from one person to another: where the face was unseen for a while, and where it
met another face. Each piece is divided into segments of some seconds, of which the best sample is compared. A piece is
its subject's if two of its samples match, or its only one does at a tenth of the accepted rate; one blurred frame can
look like anybody. What was compared and did not match stays hidden, in a piece that is its subject's too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faceward.core.faces import Box, Face, FloatArray
from faceward.video.footage_tracks import BOX, CONFIDENCE, LANDMARKS, Track

_UNSEEN = 0.5
_MEETING = 0.05
_SEGMENT = 4.0
_FEWEST = 3
_LARGE = 80.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a track for which one sample speaks.

    Attributes:
        track: Number of the track.
        piece: Number of the piece that it is part of.
        start: When it begins, seconds.
        end: When it ends.
        seconds: When its best sample was found.
        face: The face that was found then.
    """

    track: int
    piece: int
    start: float
    end: float
    seconds: float
    face: Face


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comparing a segment's sample gave: the subject that matched best, or None where none did."""

    subject: str | None
    score: float = 0.0
    clear: bool = False


@dataclass(frozen=True, slots=True)
class Visible:
    """A stretch of a track that stays visible."""

    track: int
    start: float
    end: float
    subject: str
    score: float


def segments(tracks: Sequence[Track]) -> list[Segment]:
    """Divide tracks into segments, in the order of their samples' times."""
    found: list[Segment] = []
    pieces = itertools.count()
    for number, track in enumerate(tracks):
        for first, last in _pieces(number, track, tracks):
            piece = next(pieces)
            span = track.times[last] - track.times[first]
            count = min(last - first + 1, max(_FEWEST, math.ceil(span / _SEGMENT)))
            bounds = np.linspace(first, last + 1, count + 1).round().astype(int)
            for low, high in itertools.pairwise(bounds.tolist()):
                best = max(range(low, high), key=lambda i: _promise(track.faces[i]))
                # A segment reaches to the next one of its piece, so that nothing between them flickers.
                end = track.times[min(high, last)]
                found.append(Segment(number, piece, track.times[low], end, track.times[best], _face(track.faces[best])))
    return sorted(found, key=lambda one: one.seconds)


def _pieces(number: int, track: Track, tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Return first and last index of each piece; finds at which the face meets another belong to none."""
    others = [other for i, other in enumerate(tracks) if i != number and _together(track, other)]
    pieces: list[tuple[int, int]] = []
    start: int | None = None
    for i, seconds in enumerate(track.times):
        broken = start is not None and seconds - track.times[i - 1] > _UNSEEN
        meets = any(_meets(track.faces[i][BOX], other, seconds) for other in others)
        if start is not None and (broken or meets):
            pieces.append((start, i - 1))
            start = None
        if start is None and not meets:
            start = i
    if start is not None:
        pieces.append((start, len(track.times) - 1))
    return pieces


def _together(track: Track, other: Track) -> bool:
    return other.begins <= track.times[-1] and other.ends >= track.times[0]


def _meets(corners: FloatArray, other: Track, seconds: float) -> bool:
    found = other.box(seconds)
    return found is not None and Box(*(float(v) for v in corners)).overlap(found[0]) > _MEETING


def _promise(face: FloatArray) -> float:
    """Rank a find by what its sample will be worth: sure, large, and seen from the front."""
    eyes = abs(float(face[LANDMARKS][2] - face[LANDMARKS][0]))
    width, height = float(face[2] - face[0]), float(face[3] - face[1])
    frontal = min(1.0, eyes / max(1.0, 0.4 * width))
    return float(face[CONFIDENCE]) * min(1.0, height / _LARGE) * frontal


def _face(row: FloatArray) -> Face:
    box = Box(*(float(value) for value in row[BOX]))
    return Face(box, np.ascontiguousarray(row[LANDMARKS].reshape(5, 2)), float(row[CONFIDENCE]))


def comparisons(samples: int) -> float:
    """Return among how many comparisons the accepted rate is shared out, for each template and so many samples.

    Of n samples of a stranger, np match on average at a rate p; so in a piece at most np / 2 of strangers have two that
    do, however alike the samples are (Markov's inequality).
    """
    return samples / 2


def decide(found: Sequence[Segment], verdicts: Mapping[int, Verdict]) -> list[Visible]:
    """Decide what stays visible.

    Args:
        found: The segments.
        verdicts: By the segment's place in `found`; those that could not be compared are absent.
    """
    pieces: dict[int, list[int]] = {}
    for place, segment in enumerate(found):
        pieces.setdefault(segment.piece, []).append(place)
    wanted: list[Visible] = []
    for places in pieces.values():
        subject = _subject(places, verdicts)
        if subject is not None:
            wanted += _stretches(places, found, verdicts, subject)
    return _once_at_a_time(wanted)


def _subject(places: Sequence[int], verdicts: Mapping[int, Verdict]) -> str | None:
    named = [verdicts[place] for place in places if place in verdicts and verdicts[place].subject is not None]
    counts = {subject: sum(one.subject == subject for one in named) for subject in {one.subject for one in named}}
    if len(counts) != 1:
        # Nobody, or samples of one stay that name two people.
        return None
    [(subject, count)] = counts.items()
    alone = sum(place in verdicts for place in places) == 1 and named[0].clear
    return subject if count >= 2 or alone else None


def _stretches(
    places: Sequence[int], found: Sequence[Segment], verdicts: Mapping[int, Verdict], subject: str
) -> list[Visible]:
    """Return the segments that match, and those that could not be compared between two that do."""
    matched = [place in verdicts and verdicts[place].subject == subject for place in places]
    scores = [verdicts[place].score for place, yes in zip(places, matched, strict=True) if yes]
    result = []
    for i, place in enumerate(places):
        between = any(matched[:i]) and any(matched[i + 1 :]) and place not in verdicts
        if matched[i] or between:
            one = found[place]
            result.append(Visible(one.track, one.start, one.end, subject, max(scores)))
    return result


def _once_at_a_time(wanted: Sequence[Visible]) -> list[Visible]:
    """Leave out what would show one subject in two places at a time: the better match counts."""
    chosen: list[Visible] = []
    for one in sorted(wanted, key=lambda visible: -visible.score):
        if not any(
            other.subject == one.subject
            and other.track != one.track
            and other.start <= one.end
            and one.start <= other.end
            for other in chosen
        ):
            chosen.append(one)
    return sorted(chosen, key=lambda visible: (visible.start, visible.track))
