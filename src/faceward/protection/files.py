"""Small secret files: read with a bound, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import read_regular, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE = 0o600


def read_bounded(path: Path, limit: int, what: str) -> bytes:
    """Read a file of at most `limit` bytes.

    Args:
        path: The file.
        limit: Largest size in bytes that such a file can honestly have.
        what: What it is, for the message.

    Raises:
        IntegrityError: The file is missing or larger than the limit.
        EnvironmentFailure: It cannot be read, or is a pipe, a device or a folder.
    """
    try:
        data = read_regular(path, limit)
    except FileNotFoundError:
        raise IntegrityError(f"{what} {path} is missing; restore it from its backup") from None
    except OSError as error:
        raise EnvironmentFailure(
            f"{what} {path} cannot be read ({error.strerror}); check it and its permissions"
        ) from error
    if data is None:
        raise IntegrityError(f"{what} {path} is larger than {limit} bytes; restore it from its backup")
    return data


def write_atomically(path: Path, data: bytes, what: str, *, replace: bool = True) -> None:
    """Write a file of mode 0600 so that a crash leaves either the old content or the new one.

    Temporary file in the same folder, fsync, rename, fsync of the folder.

    Raises:
        UsageError: `replace` is false and the file exists.
        EnvironmentFailure: The disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        try:
            _write_new(temporary, data)
            if replace:
                temporary.replace(path)
            else:
                os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError:
        raise UsageError(f"{what} {path} already exists; choose another place or remove it") from None
    except OSError as error:
        raise EnvironmentFailure(
            f"{what} {path} cannot be written ({error.strerror}); check space and permissions"
        ) from error


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
