"""From a frame to what is made of it: faces, tracks, comparisons, sightings, and a redacted preview."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from faceward.core.faces import Box, Face
from faceward.video.comparing import Comparing, Scene
from faceward.video.forgetting import Scrubber
from faceward.video.previews import preview
from faceward.video.regions import Region, whole
from faceward.video.tracks import Ended
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from faceward.vision.redact import THRESHOLD

if TYPE_CHECKING:
    from faceward.core.faces import ImageArray, Sample
    from faceward.operations.watching import Sighting
    from faceward.video.comparing import Comparer
    from faceward.video.frames import Frame
    from faceward.video.views import View


class Networks(Protocol):
    """A model pack at work in one thread; `vision.pipeline.Pipeline` is one."""

    @property
    def confidence(self) -> float:
        """From which confidence on the detector's finding counts as a face."""
        ...

    @property
    def alike(self) -> float:
        """From which similarity on two samples of successive looks may be of one face."""
        ...

    def detect(self, picture: Picture, effort: Effort = ..., threshold: float | None = None) -> tuple[Face, ...]:
        """Find faces."""
        ...

    def samples(self, picture: Picture, faces: Sequence[Face]) -> tuple[Sample, ...]:
        """Assess and embed faces."""
        ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What was made of a frame.

    Attributes:
        sightings: Tracks that matched, by this frame or by what waited for it.
        fresh: Tracks that were compared for the first time.
        ended: Tracks that ended.
        alive: Tracks that go on.
        preview: A JPEG file in which whoever moves is covered, where one was due.
        whole: Whether the whole frame was searched.
        error: Why the faces after the last sighting were not compared, or None.
        frames: How many frames were looked at: none where only what waited was compared.
    """

    sightings: tuple[Sighting, ...] = ()
    fresh: int = 0
    ended: Ended = field(default_factory=Ended)
    alive: int = 0
    preview: bytes | None = field(default=None, repr=False)
    whole: bool = False
    error: Exception | None = field(default=None, repr=False)
    frames: int = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """The faces of a frame: those that may belong to tracks, and the boxes of all, also of pieces."""

    faces: tuple[Face, ...]
    boxes: tuple[Box, ...]


class Recogniser:
    """Looks at frames, in one thread.

    Args:
        networks: Networks that no other thread runs.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self.scrubber = Scrubber(networks)

    @property
    def confidence(self) -> float:
        """From which confidence on the detector's finding counts as a face."""
        return self._networks.confidence

    def look(self, frame: Frame, view: View, comparer: Comparer) -> Looked:
        """Look at a frame. Nothing of it is kept but what the result holds, and what waits in the view.

        Args:
            frame: The frame.
            view: Its camera's view, which no other thread uses meanwhile.
            comparer: Who compares.

        Where a comparison fails, the result says so beside what was found before it: a sighting is never lost with it.

        Raises:
            IntegrityError: A network fails.
        """
        work = Comparing(self, view, comparer)
        seconds, size = frame.captured.timestamp(), (frame.pixels.shape[1], frame.pixels.shape[0])
        chosen = view.regions(size, frame.motion, seconds)
        entire = chosen == (whole(size),)
        found = self._detect(frame.pixels, chosen)
        if entire:
            view.searched(size, seconds)
        numbers = view.match(found.faces, seconds)
        covered = [*found.boxes, *view.hidden(seconds, numbers)]
        view.moved(size, frame.motion, seconds)
        # Before anything is compared: where it fails, no sighting is lost with it.
        shown = preview(frame.pixels, covered, view.moving(seconds)) if entire and view.shows(seconds) else None
        scene = Scene(frame, found.faces, numbers, covered, entire)
        work.settle(scene)
        ended = view.go_on(seconds)
        work.begin(scene)
        return Looked(tuple(work.sightings), work.fresh, ended, len(view.tracks), shown, whole=entire, error=work.error)

    def settle(self, view: View, comparer: Comparer) -> Looked:
        """Compare what waits in a view, as no frame came in time.

        Args:
            view: A camera's view, which no other thread uses meanwhile.
            comparer: Who compares.
        """
        work = Comparing(self, view, comparer)
        work.settle(None)
        return Looked(tuple(work.sightings), work.fresh, alive=len(view.tracks), error=work.error, frames=0)

    @property
    def alike(self) -> float:
        """From which similarity on two samples of successive looks may be of one face."""
        return self._networks.alike

    def compares(self) -> None:
        """Note that features are compared, which leaves traces in working memory."""
        self.scrubber.embedded(1, time.monotonic())

    def search(self, pixels: ImageArray) -> Sequence[Box]:
        """Find every face of a picture, also those half believed."""
        return self._detect(pixels, (whole((pixels.shape[1], pixels.shape[0])),)).boxes

    def embed(self, picture: Picture, face: Face) -> Sample:
        """Make features of a face."""
        self.scrubber.embedded(1, time.monotonic())
        (sample,) = self._networks.samples(picture, [face])
        return sample

    def _detect(self, pixels: ImageArray, chosen: Sequence[Region]) -> _Found:
        size = (pixels.shape[1], pixels.shape[0])
        faces: list[Face] = []
        boxes: list[Box] = []
        for region in chosen:
            part = pixels[region.y0 : region.y1, region.x0 : region.x1]
            self.scrubber.looked((part.shape[1], part.shape[0]), time.monotonic())
            # Whoever is half believed to be a face is hidden, and may carry a track on.
            seen = self._networks.detect(Picture(part, 1.0, b"", "frame"), Effort.ALL, THRESHOLD)
            for face in (each.moved(region.x0, region.y0) for each in seen):
                boxes.append(face.box)
                if not region.cuts(face.box, size):
                    faces.append(face)
        return _Found(tuple(faces), tuple(boxes))
