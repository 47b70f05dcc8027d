"""Making faces unrecognisable, for good."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from faceward.core.errors import UsageError
from faceward.core.faces import Box, ImageArray

Mode = Literal["blur", "pixelate", "fill"]
MODES: tuple[Mode, ...] = ("blur", "pixelate", "fill")
# Redaction must not miss a face, so it takes what a detector half believes too.
THRESHOLD = 0.15
_MARGIN = 0.2
# Six blocks across a face leave about what a 6x6 picture shows; networks that sharpen faces need at least 8x8.
_BLOCKS = 6
_NOISE = 24.0
_FORMATS = {
    ".bmp": "BMP",
    ".jpe": "JPEG",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}


def redact(pixels: ImageArray, hide: Sequence[Box], keep: Sequence[Box], mode: Mode, seed: int) -> ImageArray:
    """Hide faces.

    Args:
        pixels: RGB, shape (height, width, 3); left as it is.
        hide: Boxes of the faces to hide; each is grown by a fifth on every side.
        keep: Boxes of faces that stay visible. Where a hidden face overlaps one, hiding wins inside the hidden face's
            own box, keeping wins in the margin around it.
        mode: `fill` paints grey, `pixelate` leaves six noisy blocks across, `blur` smooths by a third of the face's
            size.
        seed: Seeds the noise; take it from a secret source, since known noise could be subtracted.

    Returns:
        A new picture of the same shape.
    """
    result = pixels.copy()
    noise = np.random.default_rng(seed)
    for box in hide:
        _cover(result, _grown(box), mode, noise)
    for box in keep:
        _restore(result, pixels, box, hide)
    return result


def encode(pixels: ImageArray, suffix: str) -> bytes:
    """Encode a redacted picture, without any metadata: an EXIF thumbnail would still show the face.

    Args:
        pixels: RGB, shape (height, width, 3).
        suffix: Of the output's name; decides the format.

    Raises:
        UsageError: The suffix stands for no format that can be written, or for one that is too small for the picture.
    """
    kind = _FORMATS.get(suffix.lower())
    if kind is None:
        raise UsageError(f"pictures cannot be written as {suffix!r}; use one of {', '.join(sorted(_FORMATS))}")
    stream = io.BytesIO()
    options = {"quality": 92} if kind in {"JPEG", "WEBP"} else {"compress_level": 3} if kind == "PNG" else {}
    try:
        Image.fromarray(pixels).save(stream, kind, **options)
    except (OSError, ValueError):  # each format has a largest side of its own
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise UsageError(f"a picture of {size} pixels is too large for {kind}; write it as .png") from None
    return stream.getvalue()


def _grown(box: Box) -> tuple[int, int, int, int]:
    across, down = box.width * _MARGIN, box.height * _MARGIN
    return round(box.x0 - across), round(box.y0 - down), round(box.x1 + across), round(box.y1 + down)


def _cover(result: ImageArray, corners: tuple[int, int, int, int], mode: Mode, noise: np.random.Generator) -> None:
    x0, y0 = max(0, corners[0]), max(0, corners[1])
    x1, y1 = min(result.shape[1], corners[2]), min(result.shape[0], corners[3])
    if x1 <= x0 or y1 <= y0:
        return
    region = Image.fromarray(np.ascontiguousarray(result[y0:y1, x0:x1]))
    # Blocks are measured on the whole face, also where the picture's edge cuts it.
    block = max(1, -(-max(corners[2] - corners[0], corners[3] - corners[1]) // _BLOCKS))
    if mode == "fill":
        cover = Image.new("RGB", region.size, (128, 128, 128))
    elif mode == "pixelate":
        cover = _pixelated(region, block, noise)
    else:
        cover = _blurred(region, block, noise)
    mask = Image.new("L", region.size, 0)
    radius = min(region.size) // 3
    ImageDraw.Draw(mask).rounded_rectangle(
        (corners[0] - x0, corners[1] - y0, corners[2] - x0 - 1, corners[3] - y0 - 1), radius, fill=255
    )
    region.paste(cover, (0, 0), mask)
    result[y0:y1, x0:x1] = np.asarray(region)


def _pixelated(region: Image.Image, block: int, noise: np.random.Generator) -> Image.Image:
    size = (-(-region.width // block), -(-region.height // block))
    small = np.asarray(region.resize(size, Image.Resampling.BOX)).astype(np.float32)
    small += noise.normal(0, _NOISE, small.shape)
    blocks = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
    # Never larger than the region: of a face that the picture's edge cuts, whole blocks may be thousands wide.
    across, down = region.width / block, region.height / block
    return blocks.resize(region.size, Image.Resampling.NEAREST, box=(0, 0, across, down))


def _blurred(region: Image.Image, block: int, noise: np.random.Generator) -> Image.Image:
    """Smooth the pixelated and noisy picture: a blur of the face itself could be undone by deconvolution."""
    return _pixelated(region, block, noise).filter(ImageFilter.GaussianBlur(block / 1.5))


def _restore(result: ImageArray, original: ImageArray, box: Box, hide: Sequence[Box]) -> None:
    x0, y0 = max(0, round(box.x0)), max(0, round(box.y0))
    x1, y1 = min(result.shape[1], round(box.x1)), min(result.shape[0], round(box.y1))
    if x1 <= x0 or y1 <= y0:
        return
    visible = np.ones((y1 - y0, x1 - x0), dtype=np.bool_)
    for other in hide:
        left, top = (max(0, math.floor(n)) for n in (other.x0 - x0, other.y0 - y0))
        right, bottom = (max(0, math.ceil(n)) for n in (other.x1 - x0, other.y1 - y0))
        visible[top:bottom, left:right] = False
    result[y0:y1, x0:x1][visible] = original[y0:y1, x0:x1][visible]
