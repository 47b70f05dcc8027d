"""Showing on the live board what a watch sees, which a full disk may prevent without ending the watch."""

from __future__ import annotations

from collections.abc import Callable

from faceward.core.errors import FacewardError
from faceward.video.ports import Event


class Showing:
    """Writes to the board; a disk that takes nothing is told once, the log decides whether the watch goes on.

    Args:
        tell: Takes the event that says so.
    """

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell, self._works = tell, True

    def show(self, write: Callable[[], None]) -> None:
        """Write something."""
        try:
            write()
        except FacewardError as error:
            if self._works:
                self._tell(Event("board", f"the live board cannot be written: {error}"))
            self._works = False
        else:
            self._works = True
