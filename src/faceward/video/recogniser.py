"""From a frame to what is made of it: faces, tracks, comparisons, sightings, and a redacted preview."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from faceward.core.faces import Box, Face
from faceward.operations.watching import Sighting
from faceward.video.forgetting import Scrubber
from faceward.video.previews import crop, preview
from faceward.video.regions import Region, whole
from faceward.video.tracks import Ended, cheaply_reaches, reaches, worth
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from faceward.vision.quality import assess, geometry
from faceward.vision.redact import THRESHOLD
from faceward.vision.wiping import wipe

if TYPE_CHECKING:
    from faceward.core.faces import FloatArray, ImageArray, Sample
    from faceward.core.watch_results import WatchTerms
    from faceward.protection.scheme import Hit
    from faceward.video.frames import Frame
    from faceward.video.views import View

# Two boxes that overlap by more than this are of one face.
_SAME = 0.3


class Networks(Protocol):
    """A model pack at work in one thread; `vision.pipeline.Pipeline` is one."""

    @property
    def confidence(self) -> float:
        """From which confidence on the detector's finding counts as a face."""
        ...

    def detect(self, picture: Picture, effort: Effort = ..., threshold: float | None = None) -> tuple[Face, ...]:
        """Find faces."""
        ...

    def samples(self, picture: Picture, faces: Sequence[Face]) -> tuple[Sample, ...]:
        """Assess and embed faces."""
        ...


class Comparer(Protocol):
    """Who compares; `operations.watching.Watcher` is one."""

    @property
    def terms(self) -> WatchTerms:
        """On which terms tracks are compared now."""
        ...

    def compare(self, features: FloatArray) -> tuple[Hit, ...]:
        """Compare one sample of a track with everybody on the list."""
        ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What was made of a frame.

    Attributes:
        sightings: Tracks whose sample matched in this frame.
        fresh: Tracks that were compared for the first time.
        ended: Tracks that ended.
        alive: Tracks that go on.
        preview: A JPEG file in which whoever moves is covered, where one was due.
        whole: Whether the whole frame was searched.
        error: Why the faces after the last sighting were not compared, or None.
    """

    sightings: tuple[Sighting, ...] = ()
    fresh: int = 0
    ended: Ended = field(default_factory=Ended)
    alive: int = 0
    preview: bytes | None = field(default=None, repr=False)
    whole: bool = False
    error: Exception | None = field(default=None, repr=False)


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

    def look(self, frame: Frame, view: View, comparer: Comparer) -> Looked:
        """Look at a frame. Nothing of it is kept but what the result holds.

        Args:
            frame: The frame.
            view: Its camera's view, which no other thread uses meanwhile.
            comparer: Who compares.

        Where a comparison fails, the result says so beside what was found before it: a sighting is never lost with it.

        Raises:
            IntegrityError: A network fails.
        """
        seconds, size = frame.captured.timestamp(), _size(frame)
        chosen = view.regions(size, frame.motion, seconds)
        entire = chosen == (whole(size),)
        found = self._detect(frame.pixels, chosen)
        if entire:
            view.searched(size, seconds)
        numbers, ended = view.follow(found.faces, seconds)
        covered = [*found.boxes, *view.hidden(seconds, numbers)]
        view.moved(size, frame.motion, seconds)
        sightings: list[Sighting] = []
        fresh, error = self._compare((frame, found, covered), (view, numbers, entire), comparer, sightings)
        shown = preview(frame.pixels, covered, view.moving(seconds)) if entire and view.shows(seconds) else None
        return Looked(tuple(sightings), fresh, ended, len(view.tracks), shown, entire, error)

    def _detect(self, pixels: ImageArray, chosen: Sequence[Region]) -> _Found:
        size = (pixels.shape[1], pixels.shape[0])
        faces: list[Face] = []
        boxes: list[Box] = []
        for region in chosen:
            part = pixels[region.y0 : region.y1, region.x0 : region.x1]
            self.scrubber.looked((part.shape[1], part.shape[0]), time.monotonic())
            # Whoever is half believed to be a face is hidden, and may carry a track on.
            seen = self._networks.detect(Picture(part, 1.0, b"", "frame"), Effort.ALL, THRESHOLD)
            for face in (_moved(each, region.x0, region.y0) for each in seen):
                boxes.append(face.box)
                if not region.cuts(face.box, size):
                    faces.append(face)
        return _Found(tuple(faces), tuple(boxes))

    def _compare(
        self,
        seen: tuple[Frame, _Found, Sequence[Box]],
        state: tuple[View, tuple[int | None, ...], bool],
        comparer: Comparer,
        sightings: list[Sighting],
    ) -> tuple[int, Exception | None]:
        """Compare the faces that are worth it; return how many tracks were new, and what failed, if anything."""
        frame, found, covered = seen
        view, numbers, entire = state
        fresh = 0
        for face, number in zip(found.faces, numbers, strict=True):
            if number is None or face.confidence < self._networks.confidence:
                continue
            try:
                value, quality = self._value(frame, face, comparer, partial(view.tracks.wants, number))
                if quality is None:
                    continue
                hits = self._hits(frame, face, comparer)
                if hits:
                    others = (
                        covered if entire else [*covered, *self._detect(frame.pixels, (whole(_size(frame)),)).boxes]
                    )
                    cut = crop(frame.pixels, face.box, [box for box in others if box.overlap(face.box) < _SAME])
                    sightings.append(Sighting(frame.camera, frame.captured, cut.png, cut.box, hits, quality))
            except Exception as raised:  # noqa: BLE001 - told beside the sightings, which must not be lost
                # A traceback would keep what the frames of its calls held.
                return fresh, raised.with_traceback(None)
            # Only now: a track that counts as matched is never compared again.
            fresh += view.tracks.note(number, value, matched=bool(hits))
        return fresh, None

    def _value(
        self, frame: Frame, face: Face, comparer: Comparer, wants: Callable[[float], bool]
    ) -> tuple[float, dict[str, float] | None]:
        """Return what a sample is worth, and its quality, or None where it is not worth a comparison."""
        # What landmarks tell costs nothing; what the pixels tell a twentieth of the features.
        placed = geometry(face, _size(frame))
        if not wants(worth(placed)):
            return 0.0, None
        # Asked for only now, since whoever puts an alert on record holds it meanwhile.
        terms = comparer.terms
        if not cheaply_reaches(placed, terms.floors):
            return 0.0, None
        quality = dict(assess(frame.pixels, face).components)
        value = worth(quality)
        return value, quality if reaches(quality, terms.floors) and wants(value) else None

    def _hits(self, frame: Frame, face: Face, comparer: Comparer) -> tuple[Hit, ...]:
        self.scrubber.embedded(1, time.monotonic())
        (sample,) = self._networks.samples(Picture(frame.pixels, 1.0, b"", "frame"), [face])
        try:
            return comparer.compare(sample.features[np.newaxis])
        finally:
            wipe(sample.features)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.pixels.shape[1], frame.pixels.shape[0]


def _moved(face: Face, across: int, down: int) -> Face:
    box = face.box
    return Face(
        Box(box.x0 + across, box.y0 + down, box.x1 + across, box.y1 + down),
        face.landmarks + np.array([across, down], dtype=np.float32),
        face.confidence,
    )
