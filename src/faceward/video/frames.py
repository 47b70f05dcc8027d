"""What feeds of cameras are told and tell: plain data, shared by the main process and the decoders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from faceward.core.faces import Box, ImageArray

State = Literal["connected", "stalled", "lost", "garbage", "frozen", "ended", "resized"]

MOST_PIXELS = 1280 * 720


class Zone(Protocol):
    """A part of a camera's view: what it looks at, or what it never sees (W10)."""

    @property
    def kind(self) -> str:
        """Either `look` or `opt-out`."""
        ...

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """A polygon, in shares of the upright picture's width and height, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One camera as a feed is asked for.

    Attributes:
        camera: Its name.
        source: Where its pictures come from, with its password; never shown.
        rate: Frames a second that are looked at.
        zones: What it looks at, and what is blacked out before anything else sees it.
        paced: A file plays at its own speed. Otherwise as fast as the reader takes it, and nothing is dropped.
        loop: A file begins again at its end.
        max_pixels: A larger picture is scaled down to so many pixels.
    """

    camera: str
    source: str = field(repr=False)
    rate: float = 5.0
    zones: tuple[Zone, ...] = ()
    paced: bool = True
    loop: bool = False
    max_pixels: int = MOST_PIXELS


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame in shared memory, until it is released.

    Attributes:
        camera: Which camera's.
        number: Counts the frames that the camera's decoder handed over, from 1; gaps are frames that were dropped.
        captured: When it was taken, by the stream's clock, in UTC; grows from frame to frame of one connection.
        received: When its last packet came, in seconds of the machine's monotonic clock.
        pixels: Shape (height, width, 3), uint8, RGB, read-only; zeros as soon as the frame is released.
        motion: Where it moves, in pixels of this frame. Empty where it was sent because tracks are alive.
        slot: Which slot of the camera's ring holds it.
    """

    camera: str
    number: int
    captured: datetime
    received: float
    pixels: ImageArray = field(repr=False)
    motion: tuple[Box, ...] = ()
    slot: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class FeedNews:
    """What became of a camera, in one line without its password.

    Attributes:
        camera: Which camera.
        state: `connected` again or for the first time, also when a frozen picture moves again; `stalled`, nothing
            comes; `lost`, and tried again; `garbage`, what comes cannot be decoded; `frozen`, the same picture for
            long; `resized`; `ended`, a file's end or a source that no repetition mends: nothing more comes.
        message: What happened.
        time: When, in UTC.
    """

    camera: str
    state: State
    message: str
    time: datetime


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """What was done with a camera's frames.

    Attributes:
        decoded: Frames that were decoded.
        looked_at: Of these, frames at the camera's rate, which the motion gate saw.
        gated: Of these, frames without motion; they never left the decoder.
        dropped: Frames handed over that the reader was too slow to take.
        reconnects: Connections after the first.
    """

    decoded: int = 0
    looked_at: int = 0
    gated: int = 0
    dropped: int = 0
    reconnects: int = 0
