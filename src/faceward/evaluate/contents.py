"""The bytes of a data set's pictures, those that cannot be read included."""

from __future__ import annotations

import os
from pathlib import Path

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput
from faceward.vision.images import read_file

NOTHING = sha256_hex(b"")
"""SHA-256 that stands for a picture which is empty or cannot be read."""


def content(path: Path) -> bytes:
    """Return a picture file's bytes; none where it is empty, too large or not to be read.

    No bytes are no picture: whoever decodes them finds a failure to acquire, which is counted. One bad file of
    thousands shall not end a run of hours. A file that was listed and is gone is no failure: the data have changed.

    Raises:
        BadInput: The file is no longer there.
        EnvironmentFailure: The disk failed while reading.
    """
    try:
        return read_file(path)
    except BadInput:
        if not os.path.lexists(path):
            raise
        return b""
