"""Motion, found in a small grey picture against a running background: whether a frame pays for a detector, and where.

The picture is cut into cells of 8 by 8 pixels. A cell moves where it differs from the background, on the mean of its
pixels, by more than its own noise explains. The background follows what is calm within seconds and what moves within a
minute, so that dawn is no motion and a parked car stops being it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceward.core.faces import Box, FloatArray, ImageArray

WIDTH = 160
_CELL = 8
_FLOOR = 4.0
_CEILING = 10.0
_NOISES = 2.5
_SUDDEN = 0.6
_CALM_SECONDS = 4.0
_MOVING_SECONDS = 40.0
_NOISE_SECONDS = 10.0
_FIRST_NOISE = 2.0
_MOST_SHARE = 0.5
_NONE = np.zeros((0, 0), np.float32)


def small_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of a frame's small picture: whole cells, at most about `WIDTH` wide."""
    shrink = min(1.0, WIDTH / width)
    # A strip that is much higher than wide stays small, too.
    return _whole(width * shrink), _whole(min(4 * WIDTH, height * shrink))


def _whole(side: float) -> int:
    return max(1, round(side / _CELL)) * _CELL


class MotionGate:
    """The background of one camera's view; `reset` where the view becomes another."""

    def __init__(self) -> None:
        self._background: FloatArray = _NONE
        self._noise: FloatArray = _NONE
        self._seen = 0.0

    def reset(self) -> None:
        """Forget the background; the next picture is motion everywhere."""
        self._background = _NONE

    def moving(self, small: ImageArray, size: tuple[int, int], now: float) -> tuple[Box, ...]:
        """Return where a picture moves against the ones before it.

        Args:
            small: Shape (h, w), uint8, both multiples of 8: the frame in grey at `small_size`.
            size: Width and height of the frame in pixels, in which the boxes are.
            now: When it was taken, in seconds, growing.

        Returns:
            Boxes around what moves with a cell's margin; one of the whole frame for the first picture and where the
            light changed at once, none where nothing moves.
        """
        everything = (Box(0.0, 0.0, float(size[0]), float(size[1])),)
        if self._background.shape != small.shape:
            self._begin(small, now)
            return everything
        passed, self._seen = max(0.0, now - self._seen), now
        difference = small - self._background
        change = _cells(np.abs(difference))
        moving = change > np.clip(_NOISES * self._noise, _FLOOR, _CEILING)
        # A cell that never rests (leaves, a screen) may count as noisy, but never so noisy that a person is lost in it.
        heard = np.minimum(change, _CEILING / _NOISES)
        self._noise += np.float32(min(_MOST_SHARE, passed / _NOISE_SECONDS)) * (heard - self._noise)
        if np.count_nonzero(moving) > _SUDDEN * moving.size:
            self._background = small.astype(np.float32)
            return everything
        self._follow(difference, moving, passed)
        if not moving.any():
            return ()
        return tuple(_frame_box(region, moving.shape, size) for region in _regions(moving))

    def _begin(self, small: ImageArray, now: float) -> None:
        self._background = small.astype(np.float32)
        self._noise = np.full((small.shape[0] // _CELL, small.shape[1] // _CELL), _FIRST_NOISE, np.float32)
        self._seen = now

    def _follow(self, difference: FloatArray, moving: npt.NDArray[np.bool_], passed: float) -> None:
        calm = min(_MOST_SHARE, passed / _CALM_SECONDS)
        if moving.any():
            share = np.where(moving, np.float32(min(_MOST_SHARE, passed / _MOVING_SECONDS)), np.float32(calm))
            rows, columns = moving.shape
            by_cell = difference.reshape(rows, _CELL, columns, _CELL)
            by_cell *= share[:, None, :, None]
        else:
            difference *= np.float32(calm)
        self._background += difference


_ONES = np.ones(_CELL, np.float32)


def _cells(values: FloatArray) -> FloatArray:
    # As products with a matrix of ones this takes a third of the time of a reshaped mean.
    height, width = values.shape
    along = values.reshape(-1, _CELL) @ _ONES
    down: FloatArray = along.reshape(height // _CELL, _CELL, width // _CELL).sum(axis=1)
    down *= np.float32(1 / _CELL**2)
    return down


Cells = tuple[int, int, int, int]
"""A rectangle of cells: rows from and to, columns from and to, ends exclusive."""


def _regions(moving: npt.NDArray[np.bool_]) -> list[Cells]:
    """Return rectangles around what moves, none of which touches another or nearly does."""
    found: list[Cells] = []
    rows, columns = np.nonzero(moving)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        added = (row, row + 1, column, column + 1)
        # Cells come row by row, so that most of them lengthen the rectangle that was last.
        while (near := next((other for other in reversed(found) if _near(other, added)), None)) is not None:
            found.remove(near)
            added = (
                min(near[0], added[0]),
                max(near[1], added[1]),
                min(near[2], added[2]),
                max(near[3], added[3]),
            )
        found.append(added)
    return sorted(found)


def _near(one: Cells, other: Cells) -> bool:
    # One calm cell between two still belongs: a dark coat before a dark wall moves only at its edges.
    return one[0] <= other[1] + 1 and other[0] <= one[1] + 1 and one[2] <= other[3] + 1 and other[2] <= one[3] + 1


def _frame_box(region: Cells, cells: tuple[int, ...], size: tuple[int, int]) -> Box:
    top, bottom, first, last = region
    down, across = size[1] / cells[0], size[0] / cells[1]
    return Box(
        max(0.0, (first - 1) * across),
        max(0.0, (top - 1) * down),
        min(float(size[0]), (last + 1) * across),
        min(float(size[1]), (bottom + 1) * down),
    )
