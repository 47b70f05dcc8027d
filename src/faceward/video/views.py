"""What is known of one camera's view from one frame to the next. Nothing of it leads to another camera (rule W9)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from faceward.core.faces import Box, Face
from faceward.video.pairs import HELD, Waiting
from faceward.video.regions import Region, regions, whole
from faceward.video.tracking import Tracker
from faceward.video.tracks import Ended, Tracks

WHOLE_EVERY = 2.0
"""Seconds after which the whole frame is searched again while anything goes on in the view."""
PREVIEW_EVERY = 1.0
"""Seconds from one preview to the next, at least."""
STILL_AFTER = 60.0
"""Seconds after which a place where something moved counts as still again."""
# How many looks there must be within the time that a sample may wait, for one that comes late.
_LOOKS_HELD = 1.5
# Cells across and down in which movement is remembered.
_ACROSS, _DOWN = 24, 18


class View:
    """One camera's view.

    Args:
        rate: Looks a second.
        confidence: From which confidence on a face begins a track.
        dwell: Seconds after which a track ends.
        most: How often a track is compared at most.

    Attributes:
        tracks: Who is followed.
        waiting: Samples that wait for the next look.
        pairs: Whether samples wait at all.

    Raises:
        EnvironmentFailure: The tracker cannot be loaded.
    """

    def __init__(self, rate: float, confidence: float, dwell: float, most: int) -> None:
        self._tracker = Tracker(rate, confidence)
        self.tracks = Tracks(dwell, most)
        self.waiting = Waiting()
        # Where looks are far apart, the next one comes too late.
        self.pairs = rate * HELD >= _LOOKS_HELD
        self._size = (0, 0)
        self._searched: float | None = None
        self._shown: float | None = None
        # When something moved last in each cell; nothing tells what it was. Until a minute has shown what stands still,
        # all of it counts as moving.
        self._moved: npt.NDArray[np.float64] | None = None

    def regions(self, size: tuple[int, int], moving: Sequence[Box], seconds: float) -> tuple[Region, ...]:
        """Choose where to look for faces in a frame, at least somewhere.

        Args:
            size: Width and height of the frame in pixels.
            moving: What moves.
            seconds: When it was taken, by the stream's clock.
        """
        due = self._searched is None or not 0 <= seconds - self._searched < WHOLE_EVERY
        if due or size != self._size:
            return (whole(size),)
        # Where nothing moves and nobody is expected, the frame was asked for so that somebody looks at all of it.
        return regions(size, moving, self._tracker.expected(seconds).values()) or (whole(size),)

    def searched(self, size: tuple[int, int], seconds: float) -> None:
        """Note that a whole frame was searched."""
        self._size, self._searched = size, seconds

    def match(self, faces: Sequence[Face], seconds: float) -> tuple[int | None, ...]:
        """Say to which track each face belongs; see `Tracker.follow`. `go_on` follows."""
        return self._tracker.follow([face.box for face in faces], [face.confidence for face in faces], seconds)

    def go_on(self, seconds: float) -> Ended:
        """End the tracks that are over, and begin those that are new; see `Tracks.go_on`."""
        return self.tracks.go_on(self._tracker.alive, seconds)

    def hidden(self, seconds: float, seen: Sequence[int | None]) -> list[Box]:
        """Return where faces of tracks are expected that were not seen in a frame."""
        return [box for number, box in self._tracker.expected(seconds).items() if number not in seen]

    def moved(self, size: tuple[int, int], moving: Sequence[Box], seconds: float) -> None:
        """Remember for a while where something moved.

        Args:
            size: Width and height of the frame in pixels.
            moving: What moves, in pixels.
            seconds: When it was taken, by the stream's clock.
        """
        if self._moved is None:
            self._moved = np.full((_DOWN, _ACROSS), seconds)
        across, down = _ACROSS / size[0], _DOWN / size[1]
        for box in moving:
            # A cell more on each side: who moves an arm has a face beside it.
            x0, y0 = max(0, math.floor(box.x0 * across) - 1), max(0, math.floor(box.y0 * down) - 1)
            x1, y1 = math.ceil(box.x1 * across) + 1, math.ceil(box.y1 * down) + 1
            self._moved[y0:y1, x0:x1] = seconds

    def moving(self, seconds: float) -> npt.NDArray[np.bool_]:
        """Return where something moved within the last minute, as cells of equal size, shape (18, 24).

        Where the stream's clock went back, that counts as just now.
        """
        if self._moved is None:
            return np.ones((_DOWN, _ACROSS), dtype=np.bool_)
        return self._moved > seconds - STILL_AFTER

    def shows(self, seconds: float) -> bool:
        """Tell whether a preview is due, and if so take it for made."""
        due = self._shown is None or not 0 <= seconds - self._shown < PREVIEW_EVERY
        if due:
            self._shown = seconds
        return due
