"""Making pictures smaller in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from faceward.core.faces import ImageArray

BAND_PIXELS = 2**21


def assembled(size: tuple[int, int], factor: int, band: Callable[[int, int], Image.Image]) -> ImageArray:
    """Put a picture together from bands of rows, each averaged over squares of pixels, so that memory is bounded.

    Args:
        size: Width and height of the whole in pixels.
        factor: Side of the squares; an incomplete one at the right or bottom edge counts as one.
        band: Returns the RGB rows from the first to before the second.

    Returns:
        RGB, shape (height / factor, width / factor, 3), both rounded up.
    """
    width, height = size
    pixels = np.empty((-(-height // factor), -(-width // factor), 3), dtype=np.uint8)
    rows = max(1, BAND_PIXELS // (width * factor)) * factor
    for top in range(0, height, rows):
        part = band(top, min(height, top + rows))
        if factor > 1:
            part = part.reduce(factor)
        pixels[top // factor : top // factor + part.height] = np.asarray(part)
    return pixels


def reduced(pixels: ImageArray, factor: int) -> ImageArray:
    """Average over squares of `factor` pixels; sides are rounded up, and memory is bounded by the result."""
    size = (pixels.shape[1], pixels.shape[0])
    return assembled(size, factor, lambda top, bottom: Image.fromarray(np.ascontiguousarray(pixels[top:bottom])))


def resized(pixels: ImageArray, width: int, height: int) -> ImageArray:
    """Resize with an anti-aliasing triangle filter, after averaging whole pixels down to twice the size wanted."""
    across, down = pixels.shape[1], pixels.shape[0]
    if (across, down) == (width, height):
        return pixels
    factor = max(1, int(min(across / width, down / height) / 2))
    if factor > 1:
        pixels = reduced(pixels, factor)
    box = (0.0, 0.0, across / factor, down / factor)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, box))
