"""What an open source is and gives, whatever it is read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import av

from faceward.core.errors import EnvironmentFailure


class Silent(EnvironmentFailure):
    """A source that is open sends nothing more."""


class TooLarge(EnvironmentFailure):
    """What a source sends does not fit into the memory that a camera may have."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a source is opened.

    Attributes:
        rate: Pictures a second of a row of pictures, which has no clock.
        open_seconds: How long opening may take.
        read_seconds: How long a source may be silent.
    """

    rate: float = 5.0
    open_seconds: float = 5.0
    read_seconds: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded frame.

    Attributes:
        frame: libav's frame; whoever holds it keeps its pixels in memory.
        stamp: Its presentation time in seconds, or None.
        arrived: When its packet came, in seconds of the monotonic clock.
    """

    frame: av.VideoFrame
    stamp: float | None
    arrived: float


@dataclass(frozen=True, slots=True)
class Broken:
    """A packet that could not be decoded."""

    arrived: float


class Opened(Protocol):
    """A source that is open. Used by one thread.

    Attributes:
        live: What is not read now is gone; its end is a loss. Otherwise a file.
        paced: Frames come sooner than they are due, and are to be held back until then.
        period: Seconds between its frames, as far as it says.
        about: Codec and size, for people.
    """

    live: bool
    paced: bool
    period: float
    about: str

    def frames(self, skippable: Callable[[float], bool]) -> Iterator[Decoded | Broken]:
        """Return its frames in the order of their times, until it ends.

        Args:
            skippable: Tells of a time stamp whether nobody wants its frame: it is not decoded where no other needs it.

        Raises:
            Silent: Nothing comes any more.
            EnvironmentFailure: The connection or the device was lost.
            BadInput: The rest of it cannot be read.
        """
        ...

    def note(self) -> str:
        """Return what is to be said of its end: that it seems to be cut, or nothing."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
