"""Where one shot ends and another begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame

from faceward.core.faces import FloatArray
from faceward.video.footage_reading import Moment

_ROWS, _COLUMNS = 36, 64
# Grey levels by which two frames differ on average, brightness aside: a hand before the lens changes less, a cut more.
_LEAST = 18.0
# A cut stands out from the movement around it.
_PROMINENCE = 3.0
_MEMORY = 0.7
# A flash looks like a cut, and is over after a few frames.
_FLASH_FRAMES = 4
_SAME_AGAIN = 0.5


@dataclass(slots=True, eq=False)
class _Candidate:
    seconds: float
    before: FloatArray
    change: float
    left: int = _FLASH_FRAMES


class CutFinder:
    """Finds cuts as frames come by."""

    def __init__(self) -> None:
        self._last: FloatArray | None = None
        self._usual = 0.0
        self._open: list[_Candidate] = []
        self._found: list[float] = []

    def step(self, moment: Moment) -> tuple[float, bool]:
        """Take the next frame; return by how many grey levels it differs from the last, and whether it may be a cut.

        Whether it is one shows a few frames later; see `cuts`.
        """
        now, before = thumbnail(moment.frame), self._last
        self._last = now
        if before is None:
            return 0.0, False
        change = difference(before, now)
        cut = change > _LEAST and change > _PROMINENCE * self._usual
        over = self._flash_over(now)
        if cut and not over:
            self._open.append(_Candidate(moment.seconds, before, change))
        else:
            self._usual = _MEMORY * self._usual + (1 - _MEMORY) * change
        return change, cut

    def _flash_over(self, now: FloatArray) -> bool:
        """Tell whether the picture is what it was before what looked like a cut; settle what has waited enough."""
        flashes = [one for one in self._open if difference(one.before, now) < _SAME_AGAIN * one.change]
        self._open = [one for one in self._open if one not in flashes]
        for one in [*self._open]:
            one.left -= 1
            if not one.left:
                self._open.remove(one)
                self._found.append(one.seconds)
        return bool(flashes)

    def cuts(self) -> list[float]:
        """Return the times of the first frames after cuts."""
        return sorted([*self._found, *(one.seconds for one in self._open)])


def thumbnail(frame: VideoFrame) -> FloatArray:
    """Return a frame's brightness at 64 by 36 points, shape (36, 64)."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    down = (np.arange(_ROWS) * frame.height) // _ROWS
    across = (np.arange(_COLUMNS) * frame.width) // _COLUMNS
    return np.asarray(rows[down[:, None], across[None, :]], dtype=np.float32)


def difference(first: FloatArray, second: FloatArray) -> float:
    """Return how far two thumbnails differ on average, in grey levels, whatever their brightness."""
    apart = first - second
    return float(np.abs(apart - apart.mean()).mean())
