"""Reading a file that somebody else may have put there, within a bound and only if it is one; names made durable."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path, limit: int) -> bytes | None:
    """Read a regular file; a pipe, a device or a folder in its place is not waited for.

    Args:
        path: The file.
        limit: Most bytes that it may have.

    Returns:
        Its bytes, or None if there are more than the limit.

    Raises:
        OSError: It is missing, cannot be read, or is no regular file (`EINVAL`, "not a regular file").
    """
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    return None if len(data) > limit else data


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was created, renamed or removed there.

    Raises:
        OSError: The folder cannot be opened or synchronised.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
