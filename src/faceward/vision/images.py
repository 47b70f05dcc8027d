"""Reading pictures that strangers made: bounded memory, upright, 8-bit RGB, or one clear line."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from faceward.core.canonical import sha256
from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.core.faces import ImageArray

MAX_FILE_BYTES = 256 * 2**20
MAX_PIXELS = 120_000_000
SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".gif",
        ".ppm",
        ".pgm",
        ".jp2",
        ".avif",
    }
)
# Pillow also opens formats that run a program (EPS) or fetch other files; only plain raster formats are let in.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF", "MPO")
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I"})


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: Upright 8-bit RGB, shape (height, width, 3).
        scale: Pixels here for each pixel of the file, 1.0 unless it was read smaller to bound memory.
        digest: SHA-256 of the file's bytes.
        name: What to call it in messages.
    """

    pixels: ImageArray
    scale: float
    digest: bytes
    name: str

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])


def read_file(path: Path) -> bytes:
    """Return a picture file's bytes.

    Raises:
        BadInput: No such file, a folder, no permission, empty, or over 256 MiB.
        EnvironmentFailure: The disk failed while reading.
    """
    if "://" in str(path)[:12] or str(path).startswith(("http:", "https:")):
        raise BadInput(f"{path}: addresses are not read; give a file on this machine")
    try:
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; give a picture file")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise BadInput(f"{path}: the file has {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; check the path") from None
    except PermissionError:
        raise BadInput(f"{path}: no permission to read it; change its permissions") from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check the disk") from None
    if not data:
        raise BadInput(f"{path}: the file is empty; give a picture")
    return data


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a picture to upright RGB.

    EXIF orientation is applied, transparency is laid on white, greyscale, palette, CMYK and 16-bit pictures are
    converted. Of an animation the first frame is taken.

    Args:
        data: The file's bytes.
        name: What to call it in messages.
        max_pixels: The result has at most this many; a larger picture is read smaller (JPEG while decoding), so the
            peak of memory is about three bytes a pixel of the file for other formats and of the result for JPEG.

    Raises:
        BadInput: Not a picture, truncated, damaged, or over 120 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image, scale = _decode(data, name, max_pixels)
    except UnidentifiedImageError:
        raise BadInput(f"{name}: not a picture of a known format; give a JPEG, PNG, WebP, TIFF or BMP file") from None
    except MemoryError:
        raise EnvironmentFailure(f"{name}: not enough memory to decode it; give a smaller picture") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        IndexError,
        KeyError,
        TypeError,
        EOFError,
        struct.error,
        OverflowError,
        ZeroDivisionError,
        Image.DecompressionBombError,
    ) as error:
        raise BadInput(f"{name}: the picture is truncated or damaged ({_reason(error)}); give an intact copy") from None
    return Picture(np.asarray(image), scale, sha256(data), name)


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:80]


def _decode(data: bytes, name: str, max_pixels: int) -> tuple[Image.Image, float]:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise BadInput(f"{name}: {width}x{height} pixels; at most {MAX_PIXELS // 10**6} megapixels are decoded")
        ratio = (max_pixels / (width * height)) ** 0.5
        if ratio < 1 and opened.format in {"JPEG", "MPO"}:
            # The decoder halves at most three times and never below the size asked for.
            opened.draft("RGB", (max(1, int(width * ratio)), max(1, int(height * ratio))))
        opened.load()
        image = _to_rgb(opened)
        orientation = opened.getexif().get(ExifTags.Base.Orientation)
    if image.width * image.height > max_pixels:
        ratio = (max_pixels / (image.width * image.height)) ** 0.5
        size = (max(1, int(image.width * ratio)), max(1, int(image.height * ratio)))
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    if orientation is not None:
        image.getexif()[ExifTags.Base.Orientation] = orientation
    scale = image.width / width
    ImageOps.exif_transpose(image, in_place=True)
    return image, scale


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode in _SIXTEEN_BIT or image.mode == "F":
        return _stretch(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        ground.alpha_composite(layer)
        return ground.convert("RGB")
    return image.convert("RGB")


def _stretch(image: Image.Image) -> Image.Image:
    """Bring 16-bit and float samples to 8 bits: by the format's range when it is used, else by the picture's own."""
    values = np.asarray(image).astype(np.float32)
    top = float(values.max(initial=0.0))
    low = float(values.min(initial=0.0))
    if image.mode == "F" and top <= 1.0:
        full = 1.0
    elif top <= 255.0:
        full = 255.0
    elif top <= 4095.0:
        full = 4095.0
    else:
        full = max(65535.0, top)
    values = (values - min(low, 0.0)) * (255.0 / full)
    return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8), "L")


def resized(pixels: ImageArray, width: int, height: int) -> ImageArray:
    """Resize with an anti-aliasing triangle filter."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))
