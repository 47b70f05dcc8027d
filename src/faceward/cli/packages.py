"""Writing a package of files as a folder or as one zip file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from faceward.core.errors import EnvironmentFailure, UsageError


def check_target(path: Path) -> None:
    """Make sure that nothing is in the way, before the work whose result it shall hold.

    Raises:
        UsageError: The folder holds something, or the file is there.
        EnvironmentFailure: It cannot be looked at, or what it shall stand in is missing.
    """
    try:
        taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
    except OSError as error:
        raise _cannot(path, error) from None
    if taken:
        raise UsageError(f"{path}: holds something already; name a folder or a file that is new")
    if not path.parent.is_dir():
        raise EnvironmentFailure(f"{path}: cannot be written: {path.parent} is no folder; make it first")


def write_package(path: Path, contents: Mapping[str, bytes]) -> None:
    """Write files, mode 0600, in a folder of mode 0700.

    Raises:
        EnvironmentFailure: The folder cannot be written.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        for name, content in contents.items():
            target = path / name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _write(target, content)
    except OSError as error:
        raise _cannot(path, error) from None


def write_file(path: Path, content: bytes) -> None:
    """Write one file, mode 0600, that was not there.

    Raises:
        EnvironmentFailure: It cannot be written.
    """
    try:
        _write(path, content)
    except OSError as error:
        raise _cannot(path, error) from None


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _cannot(path: Path, error: OSError) -> EnvironmentFailure:
    return EnvironmentFailure(f"{path}: cannot be written: {error.strerror}; check space and permissions")
