"""Making faces unrecognisable, for good."""

from __future__ import annotations

import io
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
    image = Image.fromarray(pixels)
    noise = np.random.default_rng(seed)
    original = image.copy()
    for box in hide:
        _cover(image, _grown(box), mode, noise)
    for box in keep:
        _restore(image, original, box, hide)
    return np.asarray(image)


def encode(pixels: ImageArray, suffix: str) -> bytes:
    """Encode a redacted picture, without any metadata: an EXIF thumbnail would still show the face.

    Args:
        pixels: RGB, shape (height, width, 3).
        suffix: Of the output's name; decides the format.

    Raises:
        UsageError: The suffix stands for no format that can be written.
    """
    kind = _FORMATS.get(suffix.lower())
    if kind is None:
        raise UsageError(f"pictures cannot be written as {suffix!r}; use one of {', '.join(sorted(_FORMATS))}")
    stream = io.BytesIO()
    options = {"quality": 92} if kind in {"JPEG", "WEBP"} else {"compress_level": 3} if kind == "PNG" else {}
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def _grown(box: Box) -> tuple[int, int, int, int]:
    across, down = box.width * _MARGIN, box.height * _MARGIN
    return round(box.x0 - across), round(box.y0 - down), round(box.x1 + across), round(box.y1 + down)


def _cover(image: Image.Image, corners: tuple[int, int, int, int], mode: Mode, noise: np.random.Generator) -> None:
    x0, y0 = max(0, corners[0]), max(0, corners[1])
    x1, y1 = min(image.width, corners[2]), min(image.height, corners[3])
    if x1 <= x0 or y1 <= y0:
        return
    region = image.crop((x0, y0, x1, y1))
    if mode == "fill":
        cover = Image.new("RGB", region.size, (128, 128, 128))
    elif mode == "pixelate":
        cover = _pixelated(region, noise)
    else:
        cover = _blurred(region, noise)
    mask = Image.new("L", region.size, 0)
    radius = min(region.size) // 3
    ImageDraw.Draw(mask).rounded_rectangle(
        (corners[0] - x0, corners[1] - y0, corners[2] - x0 - 1, corners[3] - y0 - 1), radius, fill=255
    )
    image.paste(cover, (x0, y0), mask)


def _pixelated(region: Image.Image, noise: np.random.Generator) -> Image.Image:
    block = max(1, -(-max(region.size) // _BLOCKS))
    size = (max(1, -(-region.width // block)), max(1, -(-region.height // block)))
    small = np.asarray(region.resize(size, Image.Resampling.BOX)).astype(np.float32)
    small += noise.normal(0, _NOISE, small.shape)
    blocks = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
    return blocks.resize((size[0] * block, size[1] * block), Image.Resampling.NEAREST).crop((0, 0, *region.size))


def _blurred(region: Image.Image, noise: np.random.Generator) -> Image.Image:
    """Smooth the pixelated and noisy picture: a blur of the face itself could be undone by deconvolution."""
    return _pixelated(region, noise).filter(ImageFilter.GaussianBlur(max(region.size) / _BLOCKS / 1.5))


def _restore(image: Image.Image, original: Image.Image, box: Box, hide: Sequence[Box]) -> None:
    x0, y0 = max(0, round(box.x0)), max(0, round(box.y0))
    x1, y1 = min(image.width, round(box.x1)), min(image.height, round(box.y1))
    if x1 <= x0 or y1 <= y0:
        return
    mask = Image.new("L", (x1 - x0, y1 - y0), 255)
    draw = ImageDraw.Draw(mask)
    for other in hide:
        draw.rectangle((other.x0 - x0, other.y0 - y0, other.x1 - x0, other.y1 - y0), fill=0)
    image.paste(original.crop((x0, y0, x1, y1)), (x0, y0), mask)
