"""Parts of a view that nothing may see: blacked out before anything else gets the picture (W10)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from faceward.core.faces import ImageArray
from faceward.video.frames import Zone

_FINER = 4

Run = tuple[int, int, int]
"""A row, the first column and the column after the last."""


class Mask:
    """What zones leave of a picture: the inside of every polygon to look at, without the polygons that opted out.

    A pixel that a border only touches is black. Each size is worked out once.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._look = [zone.points for zone in zones if zone.kind == "look"]
        self._out = [zone.points for zone in zones if zone.kind != "look"]
        self._runs: dict[tuple[int, int], tuple[Run, ...]] = {}

    def apply(self, pixels: ImageArray) -> None:
        """Paint what nothing may see black, in place.

        Args:
            pixels: Shape (height, width) or (height, width, 3), uint8, writable, upright.
        """
        if not self._look and not self._out:
            return
        size = pixels.shape[1], pixels.shape[0]
        if size not in self._runs:
            # Only the sizes in use: a camera that keeps changing its own must not fill the memory.
            self._runs = dict(list(self._runs.items())[-3:])
            self._runs[size] = _runs(self.hidden(size))
        for row, first, last in self._runs[size]:
            pixels[row, first:last] = 0

    def hidden(self, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Return what is painted black in a picture of this width and height: shape (height, width)."""
        hidden = np.zeros((size[1], size[0]), bool)
        if self._look:
            hidden |= _painted(self._look, size).min(axis=(1, 3)) == 0
        if self._out:
            hidden |= _painted(self._out, size).max(axis=(1, 3)) > 0
        return hidden


def _painted(polygons: Sequence[tuple[tuple[float, float], ...]], size: tuple[int, int]) -> ImageArray:
    # Drawn at four times the size, shape (height, 4, width, 4), so that a border is found in every pixel it touches.
    canvas = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    draw = ImageDraw.Draw(canvas)
    for points in polygons:
        draw.polygon([(x * canvas.width, y * canvas.height) for x, y in points], fill=255, outline=255)
    return np.asarray(canvas).reshape(size[1], _FINER, size[0], _FINER)


def _runs(hidden: npt.NDArray[np.bool_]) -> tuple[Run, ...]:
    padded = np.zeros((hidden.shape[0], hidden.shape[1] + 2), np.int8)
    padded[:, 1:-1] = hidden
    rows, columns = np.nonzero(np.diff(padded, axis=1))
    # Changes come in pairs: into the dark and out of it.
    pairs = zip(rows[::2].tolist(), columns[::2].tolist(), columns[1::2].tolist(), strict=True)
    return tuple(pairs)
