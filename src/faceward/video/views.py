"""What is known of one camera's view from one frame to the next. Nothing of it leads to another camera (rule W9)."""

from __future__ import annotations

from collections.abc import Sequence

from faceward.core.faces import Box, Face
from faceward.video.regions import Region, regions, whole
from faceward.video.tracking import Tracker
from faceward.video.tracks import Ended, Tracks

WHOLE_EVERY = 2.0
"""Seconds after which the whole frame is searched again while anything goes on in the view."""
PREVIEW_EVERY = 1.0
"""Seconds from one preview to the next, at least."""


class View:
    """One camera's view.

    Args:
        rate: Looks a second.
        confidence: From which confidence on a face begins a track.
        dwell: Seconds after which a track ends.
        most: How often a track is compared at most.

    Raises:
        EnvironmentFailure: The tracker cannot be loaded.
    """

    def __init__(self, rate: float, confidence: float, dwell: float, most: int) -> None:
        self._tracker = Tracker(rate, confidence)
        self.tracks = Tracks(dwell, most)
        self._size = (0, 0)
        self._searched: float | None = None
        self._shown: float | None = None

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

    def follow(self, faces: Sequence[Face], seconds: float) -> tuple[tuple[int | None, ...], Ended]:
        """Say to which track each face belongs, and which tracks ended; see `Tracker.follow`."""
        numbers = self._tracker.follow([face.box for face in faces], [face.confidence for face in faces], seconds)
        return numbers, self.tracks.go_on(self._tracker.alive, seconds)

    def hidden(self, seconds: float, seen: Sequence[int | None]) -> list[Box]:
        """Return where faces of tracks are expected that were not seen in a frame."""
        return [box for number, box in self._tracker.expected(seconds).items() if number not in seen]

    def shows(self, seconds: float) -> bool:
        """Tell whether a preview is due, and if so take it for made."""
        due = self._shown is None or not 0 <= seconds - self._shown < PREVIEW_EVERY
        if due:
            self._shown = seconds
        return due
