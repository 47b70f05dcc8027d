"""The term after which what was opened of a gallery is overwritten in memory."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Terms:
    """Ends what a custodian's lease opened, when its term is over; threads may share it.

    Each release of a gallery's key begins the gallery's term anew. It is measured by the monotonic clock, which
    nobody can set back.

    Args:
        end: Overwrites what was opened of a gallery.
    """

    def __init__(self, end: Callable[[str], None]) -> None:
        self._end = end
        self._lock = threading.Lock()
        self._deadlines: dict[str, float] = {}
        self._timer: threading.Timer | None = None
        self._due_at = 0.0

    def extend(self, gallery: str, seconds: float) -> None:
        """Let a gallery stay open for so long from now."""
        with self._lock:
            self._deadlines[gallery] = due = time.monotonic() + seconds
            if self._timer is None or due < self._due_at:
                self._start(seconds)

    def close(self) -> None:
        """Forget every term without ending it."""
        with self._lock:
            self._deadlines.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _start(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = time.monotonic() + seconds
        self._timer = threading.Timer(max(0.0, seconds), self._due)
        # A process that is done does not wait for a term.
        self._timer.daemon = True
        self._timer.start()

    def _due(self) -> None:
        now = time.monotonic()
        with self._lock:
            ended = [gallery for gallery, deadline in self._deadlines.items() if deadline <= now]
            for gallery in ended:
                del self._deadlines[gallery]
            self._timer = None
            if self._deadlines:
                self._start(min(self._deadlines.values()) - now)
        for gallery in ended:
            self._end(gallery)
