"""Whatever a stranger's file holds, decoding ends in a picture or in one clear line."""

from __future__ import annotations

import functools
import io

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceward.core.errors import FacewardError
from faceward.vision.images import decode

MAGIC = [
    b"",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"RIFF\x10\0\0\0WEBPVP8 ",
    b"P6\n",
    b"P5 9 9 65535\n",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\0\0\0\x1cftypavif",
]


@functools.cache
def _originals() -> tuple[bytes, ...]:
    numbers = np.random.default_rng(0)
    image = Image.fromarray(numbers.integers(0, 256, (12, 16, 3)).astype(np.uint8)).resize((64, 48))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    forms: list[tuple[Image.Image, str, dict[str, object]]] = [
        (image, "JPEG", {"exif": exif.tobytes()}),
        (image, "JPEG", {"progressive": True}),
        (image.convert("CMYK"), "JPEG", {}),
        (image, "PNG", {"exif": exif.tobytes()}),
        (image.convert("P"), "PNG", {"transparency": 3}),
        (image.convert("RGBA"), "PNG", {}),
        (Image.fromarray(np.arange(3072, dtype=np.uint16).reshape(48, 64)), "PNG", {}),
        (image, "TIFF", {"exif": exif.tobytes()}),
        (Image.fromarray(numbers.random((48, 64)).astype(np.float32)), "TIFF", {}),
        (image, "GIF", {"save_all": True, "append_images": [image.rotate(90)]}),
        (image, "WEBP", {"exif": exif.tobytes()}),
        (image, "BMP", {}),
        (image, "PPM", {}),
        (image, "JPEG2000", {}),
        (image, "AVIF", {}),
        (image, "MPO", {"save_all": True, "append_images": [image]}),
    ]
    encoded = []
    for picture, kind, options in forms:
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        encoded.append(stream.getvalue())
    return tuple(encoded)


def _decodes_or_says_so(data: bytes) -> None:
    try:
        picture = decode(data, "fuzz")
    except FacewardError as error:
        lines = str(error).splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("fuzz: ")
        return
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    assert picture.scale > 0


@given(st.sampled_from(MAGIC), st.binary(max_size=300))
@settings(max_examples=400, deadline=None)
def test_random_bytes(magic: bytes, rest: bytes) -> None:
    _decodes_or_says_so(magic + rest)


@given(
    st.integers(0, 15),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), max_size=6),
    st.booleans(),
    st.floats(0, 1),
)
@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_altered_pictures(which: int, edits: list[tuple[float, bytes]], near_start: bool, share: float) -> None:
    original = _originals()[which]
    data = bytearray(original)
    for place, value in edits:
        start = int(place * (min(len(data), 200) if near_start else len(data)))
        data[start : start + len(value)] = value
    _decodes_or_says_so(bytes(data if share > 0.5 else data[: int(len(data) * share * 2)]))
