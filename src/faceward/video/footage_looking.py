"""The first pass: where faces are, looked for in as few frames as will do, and where the footage cuts.

A look is one run of the detector. Looks are about a sixth of a second apart; where it is not clear which face of one
is which of the next, frames between them are looked at too, halving the stretch until it is. Once a second and after
each cut a look is thorough: small pictures are enlarged, large ones searched at their full resolution.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from faceward.core.faces import Box, FloatArray, ImageArray
from faceward.video.footage_cuts import CutFinder
from faceward.video.footage_reading import Moment
from faceward.video.footage_tracks import CONFIDENCE, Look, sizes
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort, Pipeline

# What is this likely a face continues the track of one that was seen surely; it begins none.
WEAK = 0.06
_INTERVAL = 0.17
_THOROUGH_EVERY = 1.0
# A quick look takes pictures at most this long; a thorough one enlarges small ones, but not beyond so many pixels.
_QUICK_SIDE = 1280
_ENLARGED_PIXELS = 600_000
_LARGEST_ENLARGEMENT = 2.0
# Grey levels by which the picture may change, summed over frames, before it is looked at again.
_MOTION = 45.0
_MOST_BETWEEN = 7
_MOST_BUFFERED = 200_000_000
# What changes in a sixth of a second by more than this is no longer the same face for certain: shares of its size.
_NEAR, _FAR, _LIKE = 0.75, 4.0, 1.5
# Fainter and smaller faces come and go with the picture's noise: looking between the looks would settle nothing.
_CERTAIN, _PLAIN_HEIGHT = 0.25, 14.0
# Between looks it is searched around what is not clear, by this much of the faces' sizes; the detector is shown more,
# unless that were most of the picture. A face so near to the edge of what it is shown may be cut by it.
_AROUND, _BESIDE, _WORTH, _NEAR_EDGE = 1.0, 2.5, 0.7, 0.15


@dataclass(slots=True)
class Survey:
    """What the first pass found.

    Attributes:
        looks: In the order of time.
        cuts: Times of the first frames after a cut.
        frames: How many frames there are.
        first: Time of the first frame.
        last: Time of the last.
    """

    looks: list[Look] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    frames: int = 0
    first: float = 0.0
    last: float = 0.0


class Looker:
    """Looks at frames of one size with one pipeline; threads may share it."""

    def __init__(self, pipeline: Pipeline, size: tuple[int, int]) -> None:
        self._pipeline, self.size = pipeline, size
        longest = max(size)
        self.quick = min(1.0, _QUICK_SIDE / longest)
        self.thorough = max(1.0, min(_LARGEST_ENLARGEMENT, math.sqrt(_ENLARGED_PIXELS / (size[0] * size[1]))))

    def look(self, moment: Moment, *, thorough: bool) -> Look:
        """Find faces in a frame."""
        return Look(moment.seconds, self._found(moment, (0, 0, *self.size), self.thorough if thorough else self.quick))

    def look_within(self, moment: Moment, open_: FloatArray) -> Look:
        """Find faces in the part of a frame around those of which it is not clear which is which.

        Args:
            moment: The frame.
            open_: These faces of the looks before and after, shape (n, 15).
        """
        sides = sizes(open_)[:, None]
        inner, outer = (
            np.concatenate([(open_[:, :2] - share * sides).min(axis=0), (open_[:, 2:4] + share * sides).max(axis=0)])
            for share in (_AROUND, _BESIDE)
        )
        x0, y0 = (max(0, math.floor(side / 2) * 2) for side in outer[:2])
        x1, y1 = (min(most, math.ceil(side / 2) * 2) for side, most in zip(outer[2:], self.size, strict=True))
        if x1 <= x0 or y1 <= y0 or (x1 - x0) * (y1 - y0) > _WORTH * self.size[0] * self.size[1]:
            return self.look(moment, thorough=False)
        faces = self._found(moment, (x0, y0, x1, y1), self.quick)
        within = Box(*(float(side) for side in inner))
        faces = faces[~_cut(faces, (x0, y0, x1, y1), self.size)]
        found = Look(moment.seconds, faces, within)
        return replace(found, faces=faces[_covered(found, faces)])

    def _found(self, moment: Moment, part: tuple[int, int, int, int], ratio: float) -> FloatArray:
        """Return the faces in a part of a frame, searched at a scale, shape (n, 15), in pixels of the frame."""
        pixels = rgb(moment.frame, ratio)
        across, down = self.size[0] / pixels.shape[1], self.size[1] / pixels.shape[0]
        left, top = (int(side / one) for side, one in zip(part[:2], (across, down), strict=True))
        right, bottom = (math.ceil(side / one) for side, one in zip(part[2:], (across, down), strict=True))
        pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
        found = self._pipeline.detect(Picture(pixels, 1.0, b"", "frame"), Effort.ALL, WEAK)
        rows = np.array(
            [[f.box.x0, f.box.y0, f.box.x1, f.box.y1, f.confidence, *f.landmarks.reshape(-1)] for f in found],
            dtype=np.float32,
        ).reshape(-1, 15)
        for columns, origin, scale in (([0, 2, *range(5, 15, 2)], left, across), ([1, 3, *range(6, 15, 2)], top, down)):
            rows[:, columns] = (rows[:, columns] + origin) * scale
        return rows

    def unsettled(self, first: Look, second: Look) -> FloatArray:
        """Return the faces of two looks of which it is not clear which is which, shape (n, 15).

        It is not where a face has no counterpart nearby, but one farther off that could be it: it moves fast, or people
        pass one another. What comes or goes alone is covered by its track, which reaches beyond its finds.
        """
        before, after = _unanswered(first, second, self.quick), _unanswered(second, first, self.quick)
        if not len(before) or not len(after):
            return before[:0]
        away, ratio = _apart(before, after)
        could = (away < _FAR) & (ratio < _LIKE) & (ratio > 1 / _LIKE)
        return np.concatenate([before[could.any(axis=1)], after[could.any(axis=0)]])


def _covered(look: Look, faces: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which faces are where it was looked."""
    return np.array([look.covers(face) for face in faces], dtype=np.bool_)


def _cut(faces: FloatArray, part: tuple[int, int, int, int], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Tell which faces an edge of a part of the picture may cut: what is found of them is no face's whole box."""
    near = _NEAR_EDGE * sizes(faces)
    low = [(faces[:, axis] < part[axis] + near) & (part[axis] > 0) for axis in (0, 1)]
    high = [(faces[:, axis + 2] > part[axis + 2] - near) & (part[axis + 2] < size[axis]) for axis in (0, 1)]
    return np.asarray(np.logical_or.reduce([*low, *high]))


def _unanswered(look: Look, other: Look, quick: float) -> FloatArray:
    """Return the faces of a look that are plain to see and have no counterpart nearby in the other, shape (n, 15)."""
    faces = look.faces[_covered(other, look.faces)]
    plain = (faces[:, CONFIDENCE] >= _CERTAIN) & ((faces[:, 3] - faces[:, 1]) * quick >= _PLAIN_HEIGHT)
    if not len(other.faces) or not plain.any():
        return faces[plain]
    away, ratio = _apart(faces, other.faces)
    near = ((away < _NEAR) & (ratio < _LIKE) & (ratio > 1 / _LIKE)).any(axis=1)
    return faces[plain & ~near]


def _apart(faces: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how far faces are from others in their own sizes, and how much larger, both of shape (n, m)."""
    side = sizes(faces)[:, None]
    centres, theirs = ((rows[:, :2] + rows[:, 2:4]) / 2 for rows in (faces, others))
    away = np.hypot(*np.moveaxis(centres[:, None] - theirs[None], 2, 0)) / side
    return np.asarray(away, dtype=np.float32), np.asarray(sizes(others)[None] / side, dtype=np.float32)


def rgb(frame: VideoFrame, ratio: float = 1.0) -> ImageArray:
    """Return a frame's pixels, RGB of shape (height, width, 3), scaled."""
    width, height = (max(1, round(side * ratio)) for side in (frame.width, frame.height))
    return np.ascontiguousarray(frame.reformat(width=width, height=height, format="rgb24").to_ndarray())


class _Walk:
    """Goes through the frames, sends looks to the pool and keeps no more frames than are still to be looked at."""

    def __init__(self, looker: Looker, workers: int, pools: tuple[ThreadPoolExecutor, ThreadPoolExecutor]) -> None:
        self._looker, self._workers = looker, workers
        # Those of the second wait for what those of the first find, and would keep them from finding it.
        self._looking, self._settling = pools
        self._between: list[Moment] = []
        self._last: Future[Look] | None = None
        self._looked = self._thorough = -math.inf
        self._moved = 0.0
        self._waiting: deque[Future[list[Look]]] = deque()
        self.survey = Survey()
        size = looker.size[0] * looker.size[1] * 3 // 2
        self._most = max(0, min(_MOST_BETWEEN, _MOST_BUFFERED // (size * (2 * workers + 1)) - 1))

    def step(self, moment: Moment, *, change: float, cut: bool) -> None:
        """Take the next frame.

        Args:
            moment: The frame.
            change: How far it differs from the one before, in grey levels.
            cut: Whether another shot may begin with it.
        """
        if cut:
            self.finish_shot()
        self._moved += change
        due = (
            self._last is None
            or moment.seconds - self._looked >= _INTERVAL - 1e-6
            or len(self._between) >= self._most
            or self._moved > _MOTION
        )
        if due:
            self._look_at(moment)
        else:
            self._between.append(moment)

    def finish_shot(self) -> None:
        """Look at the last frame of a shot; what follows is another."""
        if self._between:
            self._look_at(self._between.pop())
        self._last, self._thorough = None, -math.inf

    def _look_at(self, moment: Moment) -> None:
        thorough = moment.seconds - self._thorough >= _THOROUGH_EVERY
        self._thorough = moment.seconds if thorough else self._thorough
        look = self._looking.submit(self._looker.look, moment, thorough=thorough)
        before, between = self._last, self._between
        self._last, self._between = look, []
        self._looked, self._moved = moment.seconds, 0.0
        self._waiting.append(self._settling.submit(self._settle, between, before, look))
        while len(self._waiting) > 2 * self._workers:
            self.survey.looks.extend(self._waiting.popleft().result())

    def _settle(self, between: Sequence[Moment], first: Future[Look] | None, second: Future[Look]) -> list[Look]:
        end = second.result()
        return [end] if first is None else [*self._halved(between, first.result(), end), end]

    def _halved(self, between: Sequence[Moment], first: Look, second: Look) -> list[Look]:
        unsettled = self._looker.unsettled(first, second)
        if not between or not len(unsettled):
            return []
        middle = len(between) // 2
        look = self._looker.look_within(between[middle], unsettled)
        before = self._halved(between[:middle], first, look)
        return [*before, look, *self._halved(between[middle + 1 :], look, second)]

    def finish(self) -> Survey:
        """Wait for all looks."""
        self.finish_shot()
        while self._waiting:
            self.survey.looks.extend(self._waiting.popleft().result())
        return self.survey


def survey(moments: Iterable[Moment], pipeline: Pipeline, told: Callable[[float], None]) -> Survey:
    """Look for faces in footage.

    Args:
        moments: Its frames, all of one size.
        pipeline: What finds faces.
        told: Called with the time of each frame.
    """
    workers = max(1, os.cpu_count() or 1)
    walk: _Walk | None = None
    finder = CutFinder()
    with ThreadPoolExecutor(workers) as looking, ThreadPoolExecutor(workers) as settling:
        try:
            for moment in moments:
                if walk is None:
                    looker = Looker(pipeline, (moment.frame.width, moment.frame.height))
                    walk = _Walk(looker, workers, (looking, settling))
                    walk.survey.first = moment.seconds
                change, cut = finder.step(moment)
                walk.step(moment, change=change, cut=cut)
                walk.survey.frames += 1
                walk.survey.last = moment.seconds
                told(moment.seconds)
            found = Survey() if walk is None else walk.finish()
        except BaseException:
            for pool in (looking, settling):
                pool.shutdown(wait=False, cancel_futures=True)
            raise
    found.cuts = finder.cuts()
    return found
