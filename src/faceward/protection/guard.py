"""An advisory lock between processes that the operating system releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ProcessGuard:
    """Many may hold it shared; recovery holds it alone (flock(2) on an empty file of its own).

    Args:
        path: The file to lock; made if absent, never a database, whose locks a second descriptor would break.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the guard beside others; waits while someone holds it alone, which is brief.

        Raises:
            EnvironmentFailure: The file cannot be opened.
        """
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the guard while nobody else does; waits for those who hold it, which is brief.

        Raises:
            EnvironmentFailure: The file cannot be opened.
        """
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Yield True while holding the guard alone, or False at once if anyone else holds it.

        Raises:
            EnvironmentFailure: The file cannot be opened.
        """
        descriptor = self._open()
        try:
            yield _try_alone(descriptor)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentFailure(
                f"{self._path} cannot be opened ({error.strerror}); check space and permissions"
            ) from error


def _try_alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
