"""Which faces of one camera's successive frames belong to one person: ByteTrack, from the package `trackers`.

ByteTrack (Zhang et al., ECCV 2022, arXiv:2110.06864) predicts where each face goes on, and lets detections of low
confidence carry a track on but not begin one. Faces are small and are looked at a few times a second, so a walking
person's face has often left its own box by the next look: boxes are grown before they are set against each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box

# Grown by its own width on each side, a face at 5 looks a second is found again up to a speed of some 2.5 widths a
# look, which is 2 m/s.
_GROWTH = 1.0
_LEAST_OVERLAP = 0.1
# A track outlives so many looks without its face, that is one that missed it. Not more: whoever turns up where somebody
# else has just left would be taken for them, and not be compared. Whoever was hidden for longer is compared as anybody
# is who comes in.
_GAPS = 2.5
# Where a face was that was lost so many seconds ago, it is hidden still: detectors miss now and then.
HIDDEN = 1.5
# The library counts what it waits for in frames of this rate.
_LIBRARY_RATE = 30.0


@dataclass(frozen=True, slots=True)
class _Motion:
    box: Box
    seconds: float
    across: float = 0.0
    down: float = 0.0

    def then(self, box: Box, seconds: float) -> _Motion:
        """Return the motion after another look."""
        span = seconds - self.seconds
        if span <= 0:
            return _Motion(box, seconds, self.across, self.down)
        across = (box.x0 + box.x1 - self.box.x0 - self.box.x1) / 2 / span
        down = (box.y0 + box.y1 - self.box.y0 - self.box.y1) / 2 / span
        return _Motion(box, seconds, across, down)

    def at(self, seconds: float) -> Box:
        """Return where the face is expected at a time."""
        across, down = (speed * (seconds - self.seconds) for speed in (self.across, self.down))
        box = self.box
        return Box(box.x0 + across, box.y0 + down, box.x1 + across, box.y1 + down)


class Tracker:
    """Gives numbers to the faces of one camera. Each camera has its own, and no two share anything (rule W9).

    Args:
        rate: Looks a second.
        confidence: From which confidence on a face begins a track.

    Raises:
        EnvironmentFailure: The library, or one that it needs, is missing.
    """

    def __init__(self, rate: float, confidence: float) -> None:
        trackers, self._detections = _library()
        self._confidence, self._hidden = confidence, max(HIDDEN, _GAPS / rate)
        self._tracker = trackers.ByteTrackTracker(
            lost_track_buffer=math.floor(_GAPS / rate * _LIBRARY_RATE),
            frame_rate=rate,
            track_activation_threshold=confidence,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=_LEAST_OVERLAP,
            high_conf_det_threshold=confidence,
            iou=trackers.BIoU(_GROWTH),
        )
        self._motions: dict[int, _Motion] = {}
        self._next = 0
        self._last: float | None = None

    def follow(self, boxes: Sequence[Box], confidences: Sequence[float], seconds: float) -> tuple[int | None, ...]:
        """Say to which track each face of a frame belongs.

        Args:
            boxes: The faces, in pixels.
            confidences: The detector's confidence in each, 0 to 1.
            seconds: When the frame was taken, by a clock that goes forward; where it does not, all tracks end.

        Returns:
            For each face the number of its track, or None for a faint one that carries none on. Numbers do not return.
        """
        if self._last is not None and seconds <= self._last:
            self._tracker.reset()
            self._motions.clear()
        self._last = seconds
        rows = np.array([[b.x0, b.y0, b.x1, b.y1] for b in boxes], dtype=np.float64).reshape(-1, 4)
        given = self._detections(
            xyxy=rows, confidence=np.array(confidences, dtype=np.float64), class_id=np.arange(len(rows))
        )
        found = self._tracker.update(given, timestamp=seconds)
        numbers: list[int | None] = [None] * len(rows)
        fresh: list[int] = []
        for place, track in zip(found.class_id if len(found) else (), found.tracker_id, strict=True):
            if track >= 0:
                numbers[int(place)] = int(track)
            elif confidences[int(place)] >= self._confidence:
                fresh.append(int(place))
        # The library numbers a track when it is seen a second time. Somebody who is seen once is looked at too, so
        # numbers are given here, in the order in which it has appended what is new.
        new = [one for one in self._tracker.tracks if one.tracker_id < 0]
        for place, one in zip(fresh, new, strict=True):
            one.tracker_id = numbers[place] = self._next
            self._next += 1
        self._remember(boxes, numbers, seconds)
        return tuple(numbers)

    def _remember(self, boxes: Sequence[Box], numbers: Sequence[int | None], seconds: float) -> None:
        kept = {n: motion for n, motion in self._motions.items() if seconds - motion.seconds <= self._hidden}
        for box, number in zip(boxes, numbers, strict=True):
            if number is not None:
                before = kept.get(number)
                kept[number] = _Motion(box, seconds) if before is None else before.then(box, seconds)
        self._motions = kept

    @property
    def alive(self) -> frozenset[int]:
        """The numbers of the tracks that go on, seen or hidden."""
        return frozenset(int(one.tracker_id) for one in self._tracker.tracks)

    def expected(self, seconds: float) -> dict[int, Box]:
        """Return where the face of each track is at a time, as far as is known, in pixels.

        A track that was lost just now is among them; it may be outside of the picture.
        """
        return {
            n: motion.at(seconds) for n, motion in self._motions.items() if seconds - motion.seconds <= self._hidden
        }


def _library() -> tuple[Any, Any]:
    try:
        import trackers  # noqa: PLC0415 - it brings OpenCV with it, which nothing else needs
        from supervision import Detections  # noqa: PLC0415
    except ImportError as error:
        missing = str(error).splitlines()[0]
        raise EnvironmentFailure(
            f"the tracker cannot be loaded: {missing}; install faceward with its dependencies, and OpenCV's libraries "
            "(Debian: libgl1 and libglib2.0-0t64)"
        ) from None
    return trackers, Detections
