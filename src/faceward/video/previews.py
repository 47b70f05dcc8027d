"""Small pictures of what a camera sees (rule W2), and the picture of an alert.

A detector misses half faces, and faces that look away. So a preview does not rest on it: besides every face that it
finds, every place where anything moved within the last minute is shown in blocks of a tenth of its width. What is
seen sharply is what stands still, and that at 240 pixels across.
"""

from __future__ import annotations

import io
import math
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceward.core.faces import Box, ImageArray
from faceward.vision.redact import encode, redact
from faceward.vision.scaling import resized
from faceward.vision.wiping import wipe

WIDTH = 240
"""Greatest width of a preview in pixels."""
# Fewer blocks across the whole picture than a face that fills half of it may have (see `vision.redact`).
_BLOCKS = 10
_QUALITY = 70
# How much of the surroundings a reviewer is shown, as a multiple of the face's own size.
_SURROUNDINGS = 2.0
_LEAST_SIDE = 48


def preview(pixels: ImageArray, hide: Iterable[Box], moving: npt.NDArray[np.bool_]) -> bytes:
    """Return a small JPEG file in which faces are painted over, and all that moves is shown in coarse blocks.

    Args:
        pixels: RGB, shape (height, width, 3).
        hide: Every face, also those half believed, in pixels.
        moving: Where anything moved lately, as cells of equal size, shape (rows, columns).
    """
    share = min(1.0, WIDTH / pixels.shape[1])
    width, height = (max(1, round(n * share)) for n in (pixels.shape[1], pixels.shape[0]))
    small = np.array(resized(pixels, width, height))
    _coarsen(small, moving)
    covered = redact(small, [_scaled(box, share) for box in hide], [], "fill", secrets.randbits(64))
    wipe(small)
    stream = io.BytesIO()
    Image.fromarray(covered).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _coarsen(small: ImageArray, moving: npt.NDArray[np.bool_]) -> None:
    """Show places in blocks, in place."""
    height, width = small.shape[:2]
    block = max(1, -(-width // _BLOCKS))
    coarse = np.repeat(np.repeat(_means(small, block), block, axis=0), block, axis=1)[:height, :width]
    rows, columns = (np.arange(n) * cells // n for n, cells in zip((height, width), moving.shape, strict=True))
    places = moving[rows][:, columns]
    small[places] = coarse[places]


def _means(small: ImageArray, block: int) -> ImageArray:
    height, width = small.shape[:2]
    down, across = -(-height // block), -(-width // block)
    padded = np.pad(small, ((0, down * block - height), (0, across * block - width), (0, 0)), mode="edge")
    means: ImageArray = padded.reshape(down, block, across, block, 3).mean(axis=(1, 3)).astype(np.uint8)
    wipe(padded)
    return means


@dataclass(frozen=True, slots=True)
class Crop:
    """The picture of an alert.

    Attributes:
        png: A PNG file, without metadata.
        box: Where the matched face is in it, as shares of its width and height: left, top, right, bottom.
    """

    png: bytes
    box: tuple[float, float, float, float]


def crop(pixels: ImageArray, face: Box, others: Sequence[Box]) -> Crop:
    """Cut a matched face out with its surroundings, without loss; all other faces in it are painted over.

    Args:
        pixels: RGB, shape (height, width, 3).
        face: The matched face, in pixels.
        others: Every other face, also those half believed.
    """
    x0, y0, x1, y1 = surroundings(face, pixels.shape)
    inside = face.moved(-x0, -y0)
    hide = [box.moved(-x0, -y0) for box in others]
    covered = redact(pixels[y0:y1, x0:x1], hide, [inside], "fill", secrets.randbits(64))
    png = encode(covered, ".png")
    wipe(covered)
    width, height = x1 - x0, y1 - y0
    shares = (inside.x0 / width, inside.y0 / height, inside.x1 / width, inside.y1 / height)
    left, top, right, bottom = (min(1.0, max(0.0, share)) for share in shares)
    return Crop(png, (left, top, right, bottom))


def surroundings(face: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what a crop shows, in pixels: at least one pixel of the picture.

    Args:
        face: The matched face, in pixels.
        shape: Height and width of the picture, and what follows.
    """
    side = max(_SURROUNDINGS * max(face.width, face.height), _LEAST_SIDE) / 2
    across, down = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
    x0, y0 = max(0, math.floor(across - side)), max(0, math.floor(down - side))
    x1, y1 = min(shape[1], math.ceil(across + side)), min(shape[0], math.ceil(down + side))
    return min(x0, shape[1] - 1), min(y0, shape[0] - 1), max(x1, x0 + 1), max(y1, y0 + 1)


def _scaled(box: Box, share: float) -> Box:
    return Box(box.x0 * share, box.y0 * share, box.x1 * share, box.y1 * share)
