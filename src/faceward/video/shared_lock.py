"""A lock between two processes, and between the threads of each, that opens when its holder dies."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PAUSE = 0.0005


class SharedLock:
    """A lock on a file that both processes have open.

    Args:
        fd: The file. A process that closes any descriptor of it that it opened itself loses the lock.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._threads = threading.Lock()

    @contextmanager
    def hold(self, limit: float | None = None) -> Iterator[bool]:
        """Hold the lock; yields whether it was had.

        Args:
            limit: Seconds to wait at most, for whoever must not be stopped by a process that was stopped.
        """
        # Locks of files belong to processes: threads of one would both have it.
        if not self._threads.acquire(timeout=-1 if limit is None else limit):
            yield False
            return
        try:
            mine = self._lock_file(limit)
            try:
                yield mine
            finally:
                if mine:
                    fcntl.lockf(self._fd, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _lock_file(self, limit: float | None) -> bool:
        if limit is None:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            return True
        end = time.monotonic() + limit
        while True:
            with suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if time.monotonic() > end:
                return False
            time.sleep(_PAUSE)
