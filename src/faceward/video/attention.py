"""Small decisions about one camera's frames: which are looked at, and what is told of them. No I/O."""

from __future__ import annotations

import zlib
from collections import deque

from faceward.core.faces import ImageArray

_SLACK = 0.25


class Pace:
    """Chooses frames at a camera's rate from a stream of another.

    Args:
        rate: Frames a second.
    """

    def __init__(self, rate: float) -> None:
        self._period = 1 / rate
        self._next: float | None = None

    def due(self, moment: float) -> bool:
        """Return whether a frame of this time, in seconds, is to be looked at; asked once of each, in their order."""
        if self._next is None:
            self._next = moment
        if self.early(moment):
            return False
        # Along a grid, so that a stream of nearly the same rate is not halved by the trembling of its stamps.
        self._next += self._period
        if self._next <= moment - _SLACK * self._period:
            self._next = moment + self._period
        return True

    def early(self, moment: float) -> bool:
        """Return whether a frame of this time is surely not chosen, now or later."""
        return self._next is not None and moment < self._next - _SLACK * self._period


class Stillness:
    """Tells a frozen camera: a real one's pictures are never the same twice for long, since its sensor trembles.

    Args:
        seconds: For how long they must be the same.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._print: int | None = None
        self._since = 0.0
        self._told = False

    def changed(self, small: ImageArray, moment: float) -> bool | None:
        """Return True when the picture is frozen from now on, False when it moves again, None when nothing changed.

        Args:
            small: The frame, small and grey. Only a checksum of it is kept.
            moment: When it was taken, in seconds.
        """
        checksum = zlib.crc32(small.tobytes())
        if checksum != self._print:
            self._print, self._since = checksum, moment
            told, self._told = self._told, False
            return False if told else None
        if self._told or moment - self._since < self._seconds:
            return None
        self._told = True
        return True


class Garbage:
    """Tells a stream that cannot be decoded from one that lost a packet.

    Args:
        many: So many broken packets …
        seconds: … within so many seconds.
        pause: Told again after so many seconds at the earliest.
    """

    def __init__(self, many: int = 5, seconds: float = 5.0, pause: float = 60.0) -> None:
        self._seconds, self._pause = seconds, pause
        self._broken: deque[float] = deque(maxlen=many)
        self._told = float("-inf")

    def broken(self, now: float) -> bool:
        """Note a broken packet; return whether it is time to tell."""
        self._broken.append(now)
        many = len(self._broken) == self._broken.maxlen and now - self._broken[0] <= self._seconds
        if not many or now - self._told < self._pause:
            return False
        self._told = now
        return True


class Sizes:
    """Tells that the picture's size changed, and of a stream that flips it, how often since.

    Args:
        pause: Told again after so many seconds at the earliest.
    """

    def __init__(self, pause: float = 5.0) -> None:
        self._pause = pause
        self._size: tuple[int, int] | None = None
        self._shown: tuple[int, int] | None = None
        self._told = float("-inf")
        self._count = 0

    def changed(self, size: tuple[int, int]) -> bool:
        """Note a frame's width and height; return whether they are others than those of the frame before."""
        before, self._size = self._size, size
        if before is None:
            self._shown = size
        changed = before is not None and before != size
        self._count += changed
        return changed or before is None

    def news(self, now: float) -> str:
        """Return what is to be told now, or nothing. Asked with every frame, so that a last change is told later."""
        if not self._count or now - self._told < self._pause or self._size is None or self._shown is None:
            return ""
        words = f"the picture is {_by(self._size)} now and was {_by(self._shown)}"
        many = f"; it changed {self._count} times, check the camera" if self._count > 1 else ""
        self._shown, self._told, self._count = self._size, now, 0
        return words + many


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
