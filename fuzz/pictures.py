"""Pictures as nobody would draw them: real files whose structure is altered by choices, piece by piece.

What a decoder reads first is altered as a structure (chunks of PNG with their checksums right again, segments of JPEG
with their lengths, entries of TIFF, chunks of RIFF), so that what lies behind the first check is reached.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from choices import Choices
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Sizes at which numbers overflow, and what is forbidden or enormous.
_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
_MOST_BYTES = 200_000


@lru_cache(maxsize=1)
def seeds() -> tuple[bytes, ...]:
    """Return real pictures: one face as the tests' pipeline reads it, in every format, mode and orientation."""
    pixels = np.full((48, 48, 3), 90, dtype=np.uint8)
    pixels[0] = 0
    pixels[0, 0] = (77, 131, 201)
    pixels[1, 0] = (3, 0, 0)
    colour = Image.fromarray(pixels)
    turned = Image.Exif()
    turned[0x0112], turned[0x010E] = 6, "a picture"
    deep = Image.fromarray(np.asarray(colour.convert("L"), dtype=np.uint16) * 200)
    frames = [colour, colour.rotate(90), colour.rotate(180)]
    made = [
        _saved(colour, "PNG"),
        _saved(colour.convert("P"), "PNG"),
        _saved(colour.convert("LA"), "PNG"),
        _saved(deep, "PNG"),
        _saved(colour.convert("1"), "PNG"),
        _saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=10),
        _saved(colour, "JPEG", quality=95),
        _saved(colour, "JPEG", progressive=True, exif=turned),
        _saved(colour.convert("CMYK"), "JPEG"),
        _saved(colour.convert("L"), "JPEG", restart_marker_blocks=2),
        _saved(colour, "WEBP", lossless=True),
        _saved(colour, "WEBP", quality=80, exif=turned),
        _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=10),
        _saved(colour, "TIFF", compression="tiff_lzw"),
        _saved(colour, "TIFF", compression="tiff_adobe_deflate", exif=turned),
        _saved(colour, "TIFF", compression="jpeg"),
        _saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        _saved(colour, "GIF"),
        _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=10),
        _saved(colour, "BMP"),
        _saved(colour.convert("P"), "BMP"),
    ]
    return tuple(made)


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def picture(choices: Choices) -> bytes:
    """Return a picture, altered up to a handful of times; one in four is as it was."""
    data = choices.one(seeds())
    for _ in range(choices.one((0, 0, 1, 1, 1, 2, 3, 5))):
        data = _structured(data, choices) if choices.below(3) else choices.one(_RAW)(data, choices)
    return data[:_MOST_BYTES]


def _structured(data: bytes, choices: Choices) -> bytes:
    for head, alter in _FORMATS:
        if data.startswith(head):
            return alter(data, choices)
    return _patched(data, choices)


def _png(data: bytes, choices: Choices) -> bytes:
    """Alter, move, repeat or drop a chunk; checksums are made right, mostly."""
    chunks, place = [], len(_SIGNATURE)
    while place + 8 <= len(data) and len(chunks) < 64:
        (length,) = struct.unpack(">I", data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    kind, content = chunks.pop(choices.below(len(chunks))) if chunks else (b"IHDR", b"")
    kinds = (kind, b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"gAMA")
    for _ in range(choices.below(3)):
        altered = _patched(content, choices) if choices.below(4) else zlib.compress(content * choices.below(2000))
        chunks.insert(choices.below(len(chunks) + 1), (choices.one(kinds), altered[:_MOST_BYTES]))
    lies = choices.below(16) == 1
    return _SIGNATURE + b"".join(
        struct.pack(">I", choices.one(_NUMBERS) if lies else len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _jpeg(data: bytes, choices: Choices) -> bytes:
    """Alter, repeat or drop a segment before the scan; lengths are made right, mostly."""
    segments, place = [], 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA and len(segments) < 64:
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        segments.append((data[place + 1], data[place + 4 : place + 2 + length]))
        place += 2 + max(2, length)
    rest = data[place:]
    marker, content = segments.pop(choices.below(len(segments))) if segments else (0xE1, b"Exif\0\0MM\0*")
    for _ in range(choices.below(3)):
        kind = choices.one(
            (marker, 0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE, choices.below(256))
        )
        segments.insert(choices.below(len(segments) + 1), (kind, _patched(content, choices)[:65_533]))
    lies = choices.below(16) == 1
    if choices.below(4) == 1:
        rest = _patched(rest, choices)
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, kind, (choices.one(_NUMBERS) & 0xFFFF) if lies else len(content) + 2) + content
        for kind, content in segments
    ) + rest  # fmt: skip


def _tiff(data: bytes, choices: Choices) -> bytes:
    """Alter an entry of the first directory: its tag, its type, how many there are, or where they lie."""
    order = "<" if data.startswith(b"II") else ">"
    if len(data) < 8:
        return _patched(data, choices)
    (start,) = struct.unpack(f"{order}I", data[4:8])
    if start + 2 > len(data):
        return _patched(data, choices)
    (count,) = struct.unpack(f"{order}H", data[start : start + 2])
    place = start + 2 + 12 * choices.below(max(1, min(count, 40))) + choices.one((0, 2, 4, 8))
    wide = choices.below(2)
    value = struct.pack(f"{order}{'I' if wide else 'H'}", choices.one(_NUMBERS) & (0xFFFFFFFF if wide else 0xFFFF))
    return data[:place] + value + data[place + len(value) :]


def _riff(data: bytes, choices: Choices) -> bytes:
    """Alter, repeat or drop a chunk of a WebP file."""
    chunks, place = [], 12
    while place + 8 <= len(data) and len(chunks) < 64:
        (length,) = struct.unpack("<I", data[place + 4 : place + 8])
        chunks.append((data[place : place + 4], data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2
    kind, content = chunks.pop(choices.below(len(chunks))) if chunks else (b"VP8X", bytes(10))
    for _ in range(choices.below(3)):
        name = choices.one((kind, b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"EXIF", b"ICCP"))
        chunks.insert(choices.below(len(chunks) + 1), (name, _patched(content, choices)[:_MOST_BYTES]))
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", choices.one(_NUMBERS) if choices.below(16) == 1 else len(body)) + body


def _near_head(data: bytes, choices: Choices) -> bytes:
    """Put a number of interest somewhere in the first bytes: of GIF and BMP these are sizes, depths and flags."""
    place = choices.below(max(1, min(64, len(data))))
    value = struct.pack(choices.one(("<B", "<H", "<I")), choices.one(_NUMBERS) & 0xFF)
    if choices.below(2):
        value = struct.pack("<I", choices.one(_NUMBERS))
    return data[:place] + value + data[place + len(value) :]


def _patched(data: bytes, choices: Choices) -> bytes:
    """Overwrite, insert, drop or repeat some bytes somewhere."""
    place = choices.below(len(data) + 1)
    length = choices.below(32)
    new = choices.one((choices.some(length), struct.pack(">I", choices.one(_NUMBERS)), bytes(length), b"\xff" * length))
    match choices.below(4):
        case 0:
            return data[:place] + new + data[place + len(new) :]
        case 1:
            return data[:place] + new + data[place:]
        case 2:
            return data[:place] + data[place + length :]
        case _:
            return data[:place] + data[place : place + length] * choices.below(64) + data[place:]


def _cut(data: bytes, choices: Choices) -> bytes:
    return data[: choices.below(len(data) + 1)]


def _joined(data: bytes, choices: Choices) -> bytes:
    other = choices.one(seeds())
    return data[: choices.below(len(data) + 1)] + other[choices.below(len(other)) :]


def _of_noise(_: bytes, choices: Choices) -> bytes:
    return choices.some(choices.below(4096))


_RAW: tuple[Callable[[bytes, Choices], bytes], ...] = (_patched, _near_head, _cut, _joined, _of_noise)
_FORMATS: tuple[tuple[bytes, Callable[[bytes, Choices], bytes]], ...] = (
    (_SIGNATURE, _png),
    (b"\xff\xd8", _jpeg),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
    (b"RIFF", _riff),
    (b"GIF8", _near_head),
    (b"BM", _near_head),
)
