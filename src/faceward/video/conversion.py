"""From libav's frames to pictures: upright, small and grey for the gate, RGB for whoever looks."""

from __future__ import annotations

import math

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from faceward.core.faces import ImageArray
from faceward.video.gate import small_size


class Conversion:
    """Converts the frames of one camera. The pictures are views of libav's memory: use them and let go.

    Args:
        most_pixels: Larger pictures are scaled down to so many.
    """

    def __init__(self, most_pixels: int) -> None:
        self._most = most_pixels
        self._grey = VideoReformatter()
        self._colour = VideoReformatter()

    def size(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Return width and height of what `rgb` makes of a frame."""
        width, height = self._scaled(frame)
        return (height, width) if _quarters(frame) % 2 else (width, height)

    def small(self, frame: av.VideoFrame) -> ImageArray:
        """Return a frame in grey at `gate.small_size`: shape (h, w), uint8, writable."""
        width, height = small_size(*self._scaled(frame))
        # Averaged over areas, which takes most of the sensor's noise away.
        made = self._grey.reformat(frame, width, height, "gray", interpolation="AREA", threads=1)
        return _upright(_own(made, frame, 1)[:, :, 0], frame)

    def rgb(self, frame: av.VideoFrame) -> ImageArray:
        """Return a frame in colour: shape (height, width, 3), uint8, RGB, writable."""
        width, height = self._scaled(frame)
        made = self._colour.reformat(frame, width, height, "rgb24", interpolation="BILINEAR", threads=1)
        return _upright(_own(made, frame, 3), frame)

    def _scaled(self, frame: av.VideoFrame) -> tuple[int, int]:
        ratio = min(1.0, math.sqrt(self._most / (frame.width * frame.height)))
        return max(1, int(frame.width * ratio)), max(1, int(frame.height * ratio))


def _own(made: av.VideoFrame, frame: av.VideoFrame, samples: int) -> ImageArray:
    # Lines of libav's are padded.
    plane = made.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: made.height]
    pixels = lines[:, : made.width * samples].reshape(made.height, made.width, samples)
    # Where nothing was to be converted it is the decoder's own picture, from which it makes the next.
    return pixels.copy() if made is frame else pixels


def _upright(pixels: ImageArray, frame: av.VideoFrame) -> ImageArray:
    quarters = _quarters(frame)
    return np.rot90(pixels, quarters) if quarters else pixels


def _quarters(frame: av.VideoFrame) -> int:
    """Return by how many quarters a frame is to be turned to the left to be upright."""
    return round(frame.rotation / 90) % 4
