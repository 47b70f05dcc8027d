"""Covering faces in frames so that all frames together tell no more of a face than one coarse picture with noise.

Many mosaics of one moving face can be averaged into a sharp picture, and noise drawn anew in each frame averages out.
So the cover of a track is made once, of six by six blocks with noise, and laid over the face in every frame, scaled to
its box. From the second frame on, nothing that is written there depends on what was below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from faceward.core.faces import Box, FloatArray
from faceward.video.footage_upright import Planes
from faceward.vision.redact import Mode

# As in pictures: see `vision.redact`.
_MARGIN = 0.2
_BLOCKS = 6
_NOISE = 24.0
_GREY = 128
# Rows give brightness and the two colours of RGB (ITU-R BT.601, limited range).
_FROM_RGB = np.array(
    [[0.257, 0.504, 0.098], [-0.148, -0.291, 0.439], [0.439, -0.368, -0.071]],
    dtype=np.float32,
)

Mask = npt.NDArray[np.bool_]
Pictures = tuple[Planes, Planes, Planes]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A face to hide in one frame.

    Attributes:
        track: Which track it is of.
        own: Its own box: here hiding wins over keeping.
        within: The box that it is certainly within; this is covered, with a margin.
    """

    track: int
    own: Box
    within: Box


class Painter:
    """Covers faces, frame after frame.

    Args:
        mode: `pixelate`, `blur` or `fill`; see `vision.redact`.
        seed: Seeds the noise; take it from a secret source, since known noise could be subtracted.
    """

    def __init__(self, mode: Mode, seed: int) -> None:
        self._mode = mode
        self._noise = np.random.default_rng(seed)
        self._covers: dict[int, Pictures] = {}

    def cover(self, planes: Pictures, hidden: Sequence[Hidden], kept: Sequence[Box]) -> None:
        """Hide faces in a frame.

        Args:
            planes: Brightness and colours, of even size, as `footage_upright.planes_of` returns them; written to.
            hidden: The faces to hide.
            kept: Own boxes of faces that stay visible, save where a hidden face's own box is.
        """
        height, width = planes[1].shape
        visible = _visible(hidden, kept, (height, width))
        frames = [_even(_with_margin(face.within)) for face in hidden]
        # All are made before any is painted: a cover must not hold what another laid down, nor miss what it hides.
        covers = [self._of(face.track, planes, frame) for face, frame in zip(hidden, frames, strict=True)]
        for frame, cover in zip(frames, covers, strict=True):
            _paint(planes, cover, frame, visible)

    def forget(self, ended: Sequence[int]) -> None:
        """Forget covers of tracks that have ended."""
        for track in ended:
            self._covers.pop(track, None)

    def _of(self, track: int, planes: Pictures, frame: tuple[int, int, int, int]) -> Pictures:
        if track not in self._covers:
            self._covers[track] = self._made(planes, frame)
        return self._covers[track]

    def _made(self, planes: Pictures, frame: tuple[int, int, int, int]) -> Pictures:
        if self._mode == "fill":
            grey = np.full((1, 1), _GREY, dtype=np.uint8)
            return grey, grey, grey
        values = np.stack([_averages(plane, frame, scale) for plane, scale in zip(planes, (2, 1, 1), strict=True)])
        values += np.tensordot(_FROM_RGB, self._noise.normal(0, _NOISE, (3, _BLOCKS, _BLOCKS)), axes=1)
        limits = np.array([235, 240, 240], dtype=np.float32)[:, None, None]
        first, second, third = np.clip(values, 16, limits).round().astype(np.uint8)
        if self._mode == "pixelate":
            return first, second, third
        return _smooth(first), _smooth(second), _smooth(third)


def _with_margin(box: Box) -> Box:
    across, down = box.width * _MARGIN, box.height * _MARGIN
    return Box(box.x0 - across, box.y0 - down, box.x1 + across, box.y1 + down)


def _even(box: Box) -> tuple[int, int, int, int]:
    """Return corners in units of two pixels, grown outwards, since colours are kept for two by two pixels."""
    x0, y0 = math.floor(box.x0 / 2), math.floor(box.y0 / 2)
    return x0, y0, max(x0 + 1, math.ceil(box.x1 / 2)), max(y0 + 1, math.ceil(box.y1 / 2))


def _visible(hidden: Sequence[Hidden], kept: Sequence[Box], shape: tuple[int, int]) -> Mask | None:
    """Return where kept faces show, in units of two pixels, or None where none is kept."""
    if not kept:
        return None
    mask = np.zeros(shape, dtype=np.bool_)
    for boxes, value in ((kept, True), ([face.own for face in hidden], False)):
        for box in boxes:
            x0, y0, x1, y1 = (max(0, side) for side in _even(box))
            mask[y0:y1, x0:x1] = value
    return mask


def _paint(planes: Pictures, cover: Pictures, frame: tuple[int, int, int, int], visible: Mask | None) -> None:
    height, width = planes[1].shape
    x0, y0, x1, y1 = frame
    left, top, right, bottom = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    if right <= left or bottom <= top:
        return
    shape = _rounded(x1 - x0, y1 - y0)[top - y0 : bottom - y0, left - x0 : right - x0]
    mask = shape if visible is None else shape & ~visible[top:bottom, left:right]
    for plane, picture, scale in zip(planes, cover, (2, 1, 1), strict=True):
        rows = _lines((y0 * scale, y1 * scale), (top * scale, bottom * scale), picture.shape[0])
        columns = _lines((x0 * scale, x1 * scale), (left * scale, right * scale), picture.shape[1])
        region = plane[top * scale : bottom * scale, left * scale : right * scale]
        where = mask.repeat(2, axis=0).repeat(2, axis=1) if scale == 2 else mask
        np.copyto(region, picture[rows[:, None], columns[None, :]], where=where)


def _lines(whole: tuple[int, int], part: tuple[int, int], count: int) -> npt.NDArray[np.int64]:
    """Return for each line of a part of the box which of the cover's lines it shows."""
    return (np.arange(part[0], part[1]) - whole[0]) * count // (whole[1] - whole[0])


@lru_cache(maxsize=64)
def _rounded(width: int, height: int) -> Mask:
    image = Image.new("1", (width, height), 0)
    radius = min(width, height) // 3
    ImageDraw.Draw(image).rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=1)
    return np.asarray(image)


def _averages(plane: Planes, frame: tuple[int, int, int, int], scale: int) -> FloatArray:
    """Return the mean of each block of a box, shape (6, 6); what lies outside the picture is its nearest edge."""
    height, width = plane.shape
    x0, y0, x1, y1 = (side * scale for side in frame)
    rows = np.clip(np.linspace(y0, y1, _BLOCKS * 8, endpoint=False), 0, height - 1).astype(np.int64)
    columns = np.clip(np.linspace(x0, x1, _BLOCKS * 8, endpoint=False), 0, width - 1).astype(np.int64)
    points = plane[rows[:, None], columns[None, :]].astype(np.float32)
    return np.asarray(points.reshape(_BLOCKS, 8, _BLOCKS, 8).mean(axis=(1, 3)))


def _smooth(blocks: Planes) -> Planes:
    """Return the noisy blocks without their edges, shape (96, 96)."""
    return np.asarray(Image.fromarray(blocks).resize((96, 96), Image.Resampling.BICUBIC))
