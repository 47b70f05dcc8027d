"""A folder for what is not finished, held by one process at a time and emptied of what a killed one left."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceward.core.errors import EnvironmentFailure, UsageError


@contextmanager
def staging(folder: Path, what: str) -> Iterator[Path]:
    """Hold a folder for what is not finished, mode 0700, emptied of what a killed process left; removed at the end.

    Args:
        folder: Where it shall be; its parent exists.
        what: Who else may be using it, for the message.

    Raises:
        UsageError: Another process is at it.
        EnvironmentFailure: It cannot be made.
    """
    try:
        handle = _held(folder, what)
    except OSError as error:
        raise EnvironmentFailure(f"{folder}: cannot be made: {error.strerror}; check space and permissions") from None
    try:
        yield folder
    finally:
        # What was renamed into its place is no longer here.
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _held(folder: Path, what: str) -> int:
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have removed it meanwhile.
            if _same(handle, folder):
                for one in folder.iterdir():
                    shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
                return handle
        except BlockingIOError:
            os.close(handle)
            raise UsageError(f"another {what} is under way at {folder}; wait for it and repeat") from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _same(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False
