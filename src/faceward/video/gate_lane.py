"""A gate's lane: the best picture of whoever stands in the zone is compared, and then forgotten."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.core.sources import Upload
from faceward.video.feeds import Feeds
from faceward.video.forgetting import Scrubber, overwrite_what_is_freed
from faceward.video.frames import FeedNews, FeedSpec, Frame
from faceward.video.gate_stay import Stay, Terms
from faceward.video.previews import crop
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from faceward.vision.quality import assess
from faceward.vision.redact import THRESHOLD

if TYPE_CHECKING:
    from faceward.core.gate_results import GateAnswer, Reason
    from faceward.operations.gate import Gate, GateRequest
    from faceward.operations.system import System
    from faceward.vision.pipeline import Pipeline

_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a traveller is waited for.

    Attributes:
        wait: For how many seconds at most, until somebody stands in the zone and has been looked at.
        patient: Every frame of a recording is looked at, however long that takes.
    """

    wait: float = 60.0
    patient: bool = False


def pass_through(system: System, request: GateRequest, conduct: Conduct | None = None) -> GateAnswer:
    """Let one traveller through a gate, or send them to the counter.

    From here on, this process overwrites what it gives back to the C library (rule W1).

    Args:
        system: The open deployment.
        request: The gate, the document and the departure's gallery.
        conduct: How the traveller is waited for.

    Raises:
        PolicyRefusal: A rule of the standard refuses it.
        UsageError: There is no such gallery, or the camera has no zone to look at.
        BadInput: The document's photograph is no picture.
        EnvironmentFailure: The camera's frames, the log or the custodian cannot be had.
    """
    overwrite_what_is_freed()
    gate, how = system.gate(request), conduct or Conduct()
    camera = gate.camera
    spec = FeedSpec(camera.name, system.cameras.source(camera.name), camera.rate, camera.zones, paced=not how.patient)
    lane = _Lane(gate, system.pipeline)
    try:
        with Feeds([spec]) as feeds:
            feeds.want(camera.name, True)
            lane.stand(feeds, time.monotonic() + how.wait)
        if lane.best is not None:
            return gate.compare(lane.best)
        return gate.answer(lane.without)
    finally:
        lane.forget()


class _Lane:
    def __init__(self, gate: Gate, networks: Pipeline) -> None:
        self._networks = networks
        self._scrubber = Scrubber(networks)
        self._stay = Stay(Terms(gate.dwell, gate.floors, gate.enough))
        self.best: Upload | None = None
        self._came = False

    def stand(self, feeds: Feeds, until: float) -> None:
        """Look at frames until there is a picture to compare, nobody may be looked at longer, or none comes."""
        while time.monotonic() < until:
            for came in feeds.poll(_POLL):
                if isinstance(came, FeedNews):
                    if came.state == "ended":
                        return
                    continue
                try:
                    over = self._look(came)
                finally:
                    feeds.release(came)
                if over:
                    return

    def _look(self, frame: Frame) -> bool:
        size, seconds = (frame.pixels.shape[1], frame.pixels.shape[0]), frame.captured.timestamp()
        self._scrubber.looked(size, time.monotonic())
        picture = Picture(frame.pixels, 1.0, b"", "frame")
        # Whoever is half believed to be a face is hidden in what is compared.
        seen = self._networks.detect(picture, Effort.ALL, THRESHOLD)
        faces = [face for face in seen if face.confidence >= self._networks.confidence]
        verdict = self._stay.see([face.box for face in faces], seconds)
        if not self._stay.usable:
            self.best = None
        self._came = self._came or bool(faces)
        if verdict == "better":
            quality = assess(frame.pixels, faces[0]).components
            if self._stay.measured(quality):
                others = [face.box for face in seen if face is not faces[0]]
                self.best = Upload("the traveller", crop(frame.pixels, faces[0].box, others).png)
        return self._stay.over(seconds)

    @property
    def without(self) -> Reason:
        """Why there is no picture to compare."""
        if not self._came:
            return "nobody"
        return "several-people" if self._stay.crowded else "not-comparable"

    def forget(self) -> None:
        """Overwrite what is left of the traveller."""
        self.best = None
        self._scrubber.embedded(1, time.monotonic())
        self._scrubber.scrub()
