"""Which faces of a look are compared, two samples as one where there are two, and what is sighted (rules W1, W2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from faceward.operations.watching import Sighting
from faceward.video.pairs import PROMPT, Held
from faceward.video.previews import crop
from faceward.video.tracks import cheaply_reaches, reaches, worth
from faceward.vision.images import Picture
from faceward.vision.quality import assess, geometry
from faceward.vision.wiping import wipe

if TYPE_CHECKING:
    from faceward.core.faces import Box, Face, FloatArray, ImageArray, Sample
    from faceward.core.watch_results import WatchTerms
    from faceward.protection.scheme import Hit
    from faceward.video.frames import Frame
    from faceward.video.views import View

# Two boxes that overlap by more than this are of one face.
_SAME = 0.3


class Comparer(Protocol):
    """Who compares; `operations.watching.Watcher` is one."""

    @property
    def terms(self) -> WatchTerms:
        """On which terms tracks are compared now."""
        ...

    def compare(self, features: FloatArray) -> tuple[Hit, ...]:
        """Compare one or two samples of a track, as one, with everybody on the list."""
        ...


class Eyes(Protocol):
    """What finds faces and makes features of them; `recogniser.Recogniser` is one."""

    @property
    def confidence(self) -> float:
        """From which confidence on the detector's finding counts as a face."""
        ...

    @property
    def alike(self) -> float:
        """From which similarity on two samples of successive looks may be of one face."""
        ...

    def compares(self) -> None:
        """Note that features are compared, which leaves traces in working memory."""
        ...

    def search(self, pixels: ImageArray) -> Sequence[Box]:
        """Find every face of a picture, also those half believed."""
        ...

    def embed(self, picture: Picture, face: Face) -> Sample:
        """Make features of a face."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What was found in a frame.

    Attributes:
        frame: The frame.
        faces: Faces that may belong to tracks.
        numbers: To which track each belongs, if to any.
        covered: Every face, also those half believed and those that were missed where they are expected.
        entire: Whether the whole frame was searched.
    """

    frame: Frame
    faces: tuple[Face, ...]
    numbers: tuple[int | None, ...]
    covered: Sequence[Box]
    entire: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frame.pixels.shape[1], self.frame.pixels.shape[0]

    @property
    def seconds(self) -> float:
        """When it was taken, by the stream's clock."""
        return self.frame.captured.timestamp()


@dataclass(frozen=True, slots=True)
class _Good:
    """A sample that reaches the floors of quality, its worth, and its quality components."""

    face: Face
    worth: float
    quality: dict[str, float]


class Comparing:
    """The comparisons of one look.

    Attributes:
        sightings: Tracks that matched.
        fresh: How many tracks were compared for the first time.
        error: Why the rest was not compared, or None.
    """

    def __init__(self, eyes: Eyes, view: View, comparer: Comparer) -> None:
        self._eyes, self._view, self._comparer = eyes, view, comparer
        self._began = time.monotonic()
        self._settled: set[int] = set()
        self.sightings: list[Sighting] = []
        self.fresh = 0
        self.error: Exception | None = None

    def settle(self, scene: Scene | None) -> None:
        """Compare what waits since earlier looks, with a second sample where this look has one.

        To be called before tracks end, so that nothing that waits counts for the next track of whoever stays (rule W9).

        Args:
            scene: What was found; None where nothing was looked at meanwhile.
        """
        waiting = self._view.waiting.take()
        faces = {} if scene is None else dict(zip(scene.numbers, scene.faces, strict=True))
        try:
            for number, held in waiting.items():
                self._settle(number, held, scene, faces.get(number))
                # Not at the end: others' turn may take a while.
                held.wipe()
        except Exception as raised:  # noqa: BLE001 - told beside the sightings, which must not be lost
            # A traceback would keep what the frames of its calls held.
            self.error = raised.with_traceback(None)
        finally:
            for held in waiting.values():
                held.wipe()

    def begin(self, scene: Scene) -> None:
        """Take samples of the tracks that are worth a comparison; they wait for the next look where that comes soon.

        To be called when new tracks have begun.
        """
        if self.error is not None:
            return
        try:
            for face, number in zip(scene.faces, scene.numbers, strict=True):
                if number is not None and number not in self._settled:
                    self._begin(scene, face, number)
        except Exception as raised:  # noqa: BLE001 - told beside the sightings, which must not be lost
            self.error = raised.with_traceback(None)

    def _settle(self, number: int, held: Held, scene: Scene | None, face: Face | None) -> None:
        # Beyond the dwell limit a face counts for the next track of whoever stays (rule W9).
        if scene is not None and face is not None and self._view.tracks.stays(number, scene.seconds):
            second = self._good(scene, face, _always)
            if second is not None and self._together(number, held, scene, second):
                self._settled.add(number)
                return
        hits = self._compare(held.features[np.newaxis])
        if hits:
            self.sightings.append(self._of_held(held, hits))
        # Only now: a track that counts as matched is never compared again.
        self._note(number, held.worth, held.captured.timestamp(), hits)

    def _together(self, number: int, held: Held, scene: Scene, second: _Good) -> bool:
        """Compare two samples as one, unless they do not resemble each other; tell whether they do.

        A tracker takes one person for another now and then, and the picture of an alert must show who matched.
        """
        features = self._eyes.embed(_picture(scene.frame), second.face).features
        try:
            if float(held.features @ features) < self._eyes.alike:
                return False
            both = np.stack([held.features, features])
            try:
                hits = self._sighted(scene, second, self._compare(both))
            finally:
                wipe(both)
        finally:
            wipe(features)
        self._note(number, max(held.worth, second.worth), scene.seconds, hits)
        return True

    def _compare(self, features: FloatArray) -> tuple[Hit, ...]:
        self._eyes.compares()
        return self._comparer.compare(features)

    def _begin(self, scene: Scene, face: Face, number: int) -> None:
        good = self._good(scene, face, lambda value: self._view.tracks.wants(number, value))
        if good is None:
            return
        features = self._eyes.embed(_picture(scene.frame), face).features
        waits = False
        try:
            # Where looks take long, what waits would be kept too long.
            if self._view.pairs and time.monotonic() - self._began < PROMPT:
                others = [box for box in scene.covered if box.overlap(face.box) < _SAME]
                judged = good.worth, good.quality
                held = Held.of(scene.frame, face.box, features, others, judged, time.monotonic())
                self._view.waiting.add(number, held)
                waits = True
                return
            hits = self._sighted(scene, good, self._compare(features[np.newaxis]))
        finally:
            if not waits:
                wipe(features)
        self._note(number, good.worth, scene.seconds, hits)

    def _note(self, number: int, value: float, seconds: float, hits: tuple[Hit, ...]) -> None:
        self.fresh += self._view.tracks.note(number, value, seconds, matched=bool(hits))

    def _good(self, scene: Scene, face: Face, wants: Callable[[float], bool]) -> _Good | None:
        """Return a sample where it is worth a comparison."""
        if face.confidence < self._eyes.confidence:
            return None
        # What landmarks tell costs nothing; what the pixels tell a twentieth of the features.
        placed = geometry(face, scene.size)
        if not wants(worth(placed)):
            return None
        # Asked for only now, since whoever puts an alert on record holds it meanwhile.
        floors = self._comparer.terms.floors
        if not cheaply_reaches(placed, floors):
            return None
        quality = dict(assess(scene.frame.pixels, face).components)
        value = worth(quality)
        return _Good(face, value, quality) if reaches(quality, floors) and wants(value) else None

    def _sighted(self, scene: Scene, good: _Good, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """Keep the picture of a match; return the same hits."""
        if hits:
            frame, face = scene.frame, good.face.box
            others = scene.covered if scene.entire else [*scene.covered, *self._eyes.search(frame.pixels)]
            cut = crop(frame.pixels, face, [box for box in others if box.overlap(face) < _SAME])
            self.sightings.append(Sighting(frame.camera, frame.captured, cut.png, cut.box, hits, good.quality))
        return hits

    def _of_held(self, held: Held, hits: tuple[Hit, ...]) -> Sighting:
        # What lay outside of where was looked then is looked for now, in more than will be shown.
        others = [*held.others, *(box for box in self._eyes.search(held.part) if box.overlap(held.face) < _SAME)]
        cut = crop(held.part, held.face, others)
        return Sighting(held.camera, held.captured, cut.png, cut.box, hits, held.quality)


def _always(_: float) -> bool:
    return True


def _picture(frame: Frame) -> Picture:
    return Picture(frame.pixels, 1.0, b"", "frame")
