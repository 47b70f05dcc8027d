"""Rows of pictures as a source, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.video.opened import Broken, Decoded
from faceward.vision.images import decode, read_file


class PictureRow:
    """Pictures one after the other at a camera's rate; see `opened.Opened`. One that cannot be read is left out."""

    live = False
    paced = True

    def __init__(self, row: tuple[Path, ...], rate: float) -> None:
        self._row = row
        self.period = 1 / rate
        self.about = f"{len(row)} pictures"
        self._unread = 0

    def frames(self, skippable: Callable[[float], bool]) -> Iterator[Decoded | Broken]:
        """See `opened.Opened`."""
        for number, path in enumerate(self._row):
            stamp = number * self.period
            if skippable(stamp):
                continue
            try:
                frame = av.VideoFrame.from_ndarray(decode(read_file(path), path.name).pixels, format="rgb24")
            except (BadInput, EnvironmentFailure):
                self._unread += 1
                yield Broken(time.monotonic())
                continue
            held = [frame]
            del frame
            yield Decoded(held.pop(), stamp, time.monotonic())

    def note(self) -> str:
        """See `opened.Opened`."""
        return f"{self._unread} of {len(self._row)} pictures could not be read" if self._unread else ""

    def close(self) -> None:
        """See `opened.Opened`."""
