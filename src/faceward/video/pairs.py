"""A sample that waits for the camera's next look, so that two are compared as one.

Blur, noise and light stray from look to look; the mean of two samples strays less. What waits is features, and the
picture around the face in case nobody is seen there any more. Both are overwritten as soon as they were compared, a
fifth of a second later as a rule, and uncompared where nobody comes to it in time (rule W1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.core.faces import Box
from faceward.video.previews import surroundings
from faceward.vision.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from faceward.core.faces import FloatArray, ImageArray
    from faceward.video.frames import Frame

HELD = 0.4
"""Seconds after which a sample is compared alone; rule W1 leaves one second, half of which is for working memory."""
FORGOTTEN = 0.6
"""Seconds after which a sample that nobody has come to is overwritten, as where all threads are busy."""
PROMPT = 0.2
"""Seconds that a look may have taken for its samples to wait: the next one takes as long before they are compared."""


@dataclass(frozen=True, slots=True)
class Held:
    """A sample that waits.

    Attributes:
        camera: The camera's name.
        features: Of the face, shape (d,); overwritten by `wipe`.
        part: The picture around it, RGB of shape (height, width, 3); overwritten by `wipe`.
        face: Where the face is in it, in pixels.
        others: Where other faces are in it.
        captured: When it was taken, by the stream's clock.
        received: When its frame came, on the monotonic clock.
        since: Since when it waits, on the monotonic clock.
        worth: How good it is; see `tracks.worth`.
        quality: Its quality components by name.
    """

    camera: str
    features: FloatArray = field(repr=False)
    part: ImageArray = field(repr=False)
    face: Box
    others: tuple[Box, ...]
    captured: datetime
    received: float
    since: float
    worth: float
    quality: dict[str, float]

    @classmethod
    def of(
        cls,
        frame: Frame,
        face: Box,
        features: FloatArray,
        others: Iterable[Box],
        judged: tuple[float, dict[str, float]],
        now: float,
    ) -> Held:
        """Take the picture around a face out of its frame.

        Args:
            frame: The frame.
            face: Where the face is.
            features: Of the face; this owns them from now on.
            others: Every other face of the frame, also those half believed.
            judged: Its worth, and its quality.
            now: The monotonic clock.
        """
        # More than will be shown, so that faces at its edge are whole when they are looked for.
        across, down = face.width / 2, face.height / 2
        wide = Box(face.x0 - across, face.y0 - down, face.x1 + across, face.y1 + down)
        x0, y0, x1, y1 = surroundings(wide, frame.pixels.shape)
        return cls(
            camera=frame.camera,
            features=features,
            part=frame.pixels[y0:y1, x0:x1].copy(),
            face=face.moved(-x0, -y0),
            others=tuple(box.moved(-x0, -y0) for box in others),
            captured=frame.captured,
            received=frame.received,
            since=now,
            worth=judged[0],
            quality=judged[1],
        )

    def wipe(self) -> None:
        """Overwrite what is of the face."""
        wipe(self.features, self.part)


class Waiting:
    """The samples of one camera that wait, by the tracker's number. One thread uses it at a time."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def due(self) -> float | None:
        """By when to compare what waits, on the monotonic clock; None where nothing does."""
        return min(held.since for held in self._held.values()) + HELD if self._held else None

    def expire(self, now: float) -> None:
        """Overwrite what has waited too long, by the monotonic clock."""
        for number in [number for number, held in self._held.items() if now - held.since >= FORGOTTEN]:
            self._held.pop(number).wipe()

    @property
    def received(self) -> float | None:
        """When the first frame came of which a sample waits, on the monotonic clock; None where nothing does."""
        return min((held.received for held in self._held.values()), default=None)

    def add(self, number: int, held: Held) -> None:
        """Let a track's sample wait."""
        self._held[number] = held

    def take(self) -> dict[int, Held]:
        """Return all that waits; who takes it overwrites it."""
        taken, self._held = self._held, {}
        return taken

    def forget(self) -> None:
        """Overwrite all that waits."""
        for held in self.take().values():
            held.wipe()
