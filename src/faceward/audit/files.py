"""Files that others read: each is whole or absent, whenever the process dies."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from faceward.core.errors import BadInput, EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READABLE = 0o644


@contextmanager
def failures_named(path: Path) -> Iterator[None]:
    """Turn OSError into EnvironmentFailure."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise EnvironmentFailure(
            f"{where}: cannot be written: {error.strerror}; check space and permissions"
        ) from error


def replace_file(path: Path, data: bytes, staging: Path | None = None) -> None:
    """Write a file of mode 0644 durably and put it in place in one step; `sync_folder` of its folder keeps it there.

    Args:
        path: The file; its folder exists.
        data: Its whole content.
        staging: Folder on the same file system for the draft, by default the file's own.
    """
    draft = (staging or path.parent) / f".{path.name}.{secrets.token_hex(8)}.part"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _READABLE)
    try:
        with os.fdopen(handle, "wb") as file:
            # Whatever the umask: what others cannot read is not published.
            os.fchmod(file.fileno(), _READABLE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against others that do the same, for a change that reads before it writes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_file(path: Path, limit: int, what: str) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        BadInput: It cannot be read or is longer.
    """
    try:
        # A pipe in the file's place must not be waited for.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(f"{path}: not a regular file, so it is no {what}; check the path")
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInput(f"{path}: the {what} cannot be read: {error.strerror}; check the path") from error
    if len(data) > limit:
        raise BadInput(f"{path}: longer than {limit} bytes, so it is no {what}; check the path")
    return data


def read_text(path: Path, limit: int, what: str) -> str:
    """Read a text file of at most `limit` bytes, UTF-8.

    Raises:
        BadInput: It cannot be read, is longer or is no text.
    """
    try:
        return read_file(path, limit, what).decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not a {what}; give the text file that was kept") from error
