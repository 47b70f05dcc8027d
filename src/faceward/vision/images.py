"""Reading pictures that strangers made: bounded memory, upright, 8-bit RGB, or one clear line."""

from __future__ import annotations

import errno
import importlib.util
import io
import math
import re
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from faceward.core.canonical import sha256
from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.core.faces import FloatArray, ImageArray
from faceward.core.sources import Source, Upload
from faceward.vision.scaling import BAND_PIXELS, assembled, resized

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
# An MPO file, several JPEGs in one, opens as JPEG. AVIF came with Pillow 11.3.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000") + (
    ("AVIF",) if importlib.util.find_spec("PIL.AvifImagePlugin") else ()
)
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I"})
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_NO_SUCH_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})
# What Pillow's decoders were seen or are written to raise on damaged files.
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    RuntimeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
# EXIF orientation (CIPA DC-008, tag 0x0112) → what makes the picture upright; 1 and unknown values leave it as it is.
_UPRIGHT: MappingProxyType[int, Callable[[ImageArray], ImageArray]] = MappingProxyType(
    {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p[::-1].transpose(1, 0, 2),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: p.transpose(1, 0, 2)[::-1],
    }
)


class _Quiet:
    """Silences Python's warnings while any thread decodes.

    Filters of warnings belong to the whole process: two `catch_warnings` that overlap in time would restore each
    other's filters and leave all warnings silenced for good, so the first to enter sets them and the last to leave
    restores.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._caught.__exit__(None, None, None)


_QUIET = _Quiet()


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


def is_address(path: Source) -> bool:
    """Tell whether a path is a network address, which pathlib writes with one slash."""
    return isinstance(path, Path) and _ADDRESS.match(str(path)) is not None


def read_file(path: Source) -> bytes:
    """Return a picture's bytes.

    Raises:
        BadInput: An address, no such file, a folder or device, no permission, empty, or over 256 MiB.
        EnvironmentFailure: The disk failed while reading.
    """
    if isinstance(path, Upload):
        data = path.data
    elif is_address(path):
        raise BadInput(f"{path}: addresses are not read; give a file on this machine")
    else:
        data = _read(path)
    if not data:
        raise BadInput(f"{path}: the file is empty; give a picture")
    return data


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise BadInput(f"{path}: is a folder; give a picture file")
        # A device or a pipe may never end, or never begin.
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"{path}: is not a regular file; give a picture file")
        if found.st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path}: the file has {found.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)
    except PermissionError:
        raise BadInput(f"{path}: no permission to read it; change its permissions") from None
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            raise BadInput(f"{path}: no such file; check the path") from None
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check the disk") from None
    except ValueError:
        raise BadInput(f"{str(path)!r}: not a file name; check the path") from None


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a picture to upright RGB.

    EXIF orientation is applied, transparency is laid on white, greyscale, palette, CMYK and 16-bit pictures are
    converted. Of an animation the first frame is taken.

    Args:
        data: The file's bytes.
        name: What to call it in messages.
        max_pixels: The result has at most this many; a larger picture is read smaller. The peak of memory is about four
            bytes a pixel of the file (a JPEG is read at a half, quarter or eighth when that suffices) and six a pixel
            of the result; a progressive JPEG takes up to six bytes a pixel of the file more.

    Raises:
        BadInput: Not a picture, truncated, damaged, or over 120 megapixels.
        EnvironmentFailure: There is not enough memory.
    """
    try:
        with _QUIET:
            pixels, width, orientation = _decode(data, name, max_pixels)
            ratio = _ratio(pixels.shape[1], pixels.shape[0], max_pixels)
            if ratio < 1:
                pixels = resized(pixels, *(max(1, int(n * ratio)) for n in (pixels.shape[1], pixels.shape[0])))
            scale = pixels.shape[1] / width
            turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
            upright = np.ascontiguousarray(turn(pixels)) if turn else pixels
    except UnidentifiedImageError:
        raise BadInput(f"{name}: not a picture of a known format; give a JPEG, PNG, WebP, TIFF or BMP file") from None
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except MemoryError:
        raise EnvironmentFailure(f"{name}: not enough memory to decode it; give a smaller picture") from None
    except _DECODER_ERRORS as error:
        raise BadInput(f"{name}: the picture is truncated or damaged ({_reason(error)}); give an intact copy") from None
    return Picture(upright, scale, sha256(data), name)


def _too_large(name: str) -> BadInput:
    return BadInput(f"{name}: at most {MAX_PIXELS // 10**6} megapixels are decoded; give a smaller picture")


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:80]


def _ratio(width: int, height: int, max_pixels: int) -> float:
    return min(1.0, math.sqrt(max_pixels / (width * height)))


def _decode(data: bytes, name: str, max_pixels: int) -> tuple[ImageArray, int, object]:
    """Return RGB reduced by a whole number, the width of the file's picture, and its EXIF orientation if any."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise _too_large(name)
        ratio = _ratio(width, height, max_pixels)
        if ratio < 1 and opened.format in {"JPEG", "MPO"}:
            # The decoder halves at most three times and never below the size asked for.
            opened.draft("RGB", (max(1, int(width * ratio)), max(1, int(height * ratio))))
        opened.load()
        convert = _converter(opened)
        factor = int(1 / _ratio(*opened.size, max_pixels) + 1e-9)
        # Converted band by band, since another copy of the whole would double the peak of memory.
        pixels = assembled(
            opened.size, factor, lambda top, bottom: convert(opened.crop((0, top, opened.width, bottom)))
        )
        return pixels, width, opened.getexif().get(ExifTags.Base.Orientation)


def _converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Return what brings parts of this picture to RGB."""
    if image.mode in _SIXTEEN_BIT or image.mode == "F":
        return _stretcher(image)
    if image.has_transparency_data:
        return _on_white
    return lambda part: part if part.mode == "RGB" else part.convert("RGB")


def _on_white(part: Image.Image) -> Image.Image:
    layer = part.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


def _stretcher(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Bring 16-bit and float samples to 8 bits: by the format's range when it is used, else by the picture's own."""
    rows = max(1, BAND_PIXELS // image.width)
    tops = range(0, image.height, rows)
    bands = (_samples(image.crop((0, top, image.width, min(image.height, top + rows)))) for top in tops)
    ends = [(float(values.min()), float(values.max())) for values in bands]
    low, top = min(0.0, *(end[0] for end in ends)), max(0.0, *(end[1] for end in ends))
    if image.mode == "F" and top <= 1.0:
        full = 1.0
    elif top <= 255.0:
        full = 255.0
    elif top <= 4095.0:
        full = 4095.0
    else:
        full = max(65535.0, top)

    def stretch(part: Image.Image) -> Image.Image:
        values = (_samples(part) - np.float32(low)) * np.float32(255.0 / full)
        return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8)).convert("RGB")

    return stretch


def _samples(part: Image.Image) -> FloatArray:
    """Return samples as float32, what is no number as zero and infinities bounded."""
    return np.nan_to_num(np.asarray(part).astype(np.float32), nan=0.0, posinf=1e30, neginf=-1e30)
