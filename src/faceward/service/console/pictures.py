"""Pictures as every browser can show them."""

from __future__ import annotations

import io

from PIL import Image

from faceward.vision.images import decode

_PIXELS = 8_000_000
_QUALITY = 94


def displayable(data: bytes) -> bytes:
    """Return a picture as JPEG, upright, without the file's metadata, and with at most 8 million pixels.

    Args:
        data: The file.

    Raises:
        BadInput: It is no picture.
    """
    buffer = io.BytesIO()
    Image.fromarray(decode(data, "the picture", _PIXELS).pixels).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()
