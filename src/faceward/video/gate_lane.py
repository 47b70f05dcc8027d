"""A gate's lane: the best picture of whoever stands in the zone is compared, and then forgotten."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.core.errors import BadInput
from faceward.core.sources import Upload
from faceward.video.feeds import Feeds
from faceward.video.forgetting import Scrubber, overwrite_what_is_freed
from faceward.video.frames import FeedNews, FeedSpec, Frame
from faceward.video.gate_stay import Stay, Terms
from faceward.video.previews import crop
from faceward.vision.images import Picture, decode
from faceward.vision.pipeline import ANALYSIS_PIXELS, Effort
from faceward.vision.quality import assess
from faceward.vision.redact import THRESHOLD
from faceward.vision.wiping import wipe

if TYPE_CHECKING:
    from faceward.core.gate_results import GateAnswer, Reason
    from faceward.operations.gate import Gate, GateRequest
    from faceward.operations.system import System
    from faceward.vision.pipeline import Pipeline

_POLL = 0.1
# With a poll and the look at a frame, rules are asked anew within each half second.
_ASKED = 0.25


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
        PolicyRefusal: A rule of the standard refuses it, also while it waits; or the camera was changed meanwhile.
        UsageError: There is no such gallery, or the camera has no zone to look at.
        BadInput: The document's photograph is no picture.
        EnvironmentFailure: The camera's frames, the log or the custodian cannot be had.
    """
    overwrite_what_is_freed()
    gate, how = system.gate(request), conduct or Conduct()
    camera = gate.camera
    # The source as it was when the rules were asked: another one would be a change, which ends the wait.
    spec = FeedSpec(camera.name, gate.source, camera.rate, camera.zones, paced=not how.patient)
    lane = _Lane(gate, system.pipeline)
    try:
        with Feeds([spec]) as feeds:
            feeds.want(camera.name, True)
            lane.stand(feeds, time.monotonic() + how.wait)
        return lane.answer()
    finally:
        lane.forget()


class _Lane:
    def __init__(self, gate: Gate, networks: Pipeline) -> None:
        self._gate, self._networks = gate, networks
        self._scrubber = Scrubber(networks)
        self._stay = Stay(Terms(gate.dwell, gate.floors, gate.enough))
        self._came = False
        self._asked = time.monotonic()

    def stand(self, feeds: Feeds, until: float) -> None:
        """Look at frames until there is a picture to compare, nobody may be looked at longer, or none comes.

        Raises:
            PolicyRefusal: The gate may be used no longer.
        """
        while time.monotonic() < until:
            self._ask()
            # Where no frame comes, nothing overwrites what the last one left.
            self._scrubber.scrub(time.monotonic())
            for came in feeds.poll(_POLL):
                if isinstance(came, FeedNews):
                    if came.state == "ended":
                        return
                    continue
                try:
                    self._ask()
                    over = self._look(came)
                finally:
                    feeds.release(came)
                if over:
                    return

    def _ask(self) -> None:
        """Ask the rules anew where that was not done just now (rules W7, W8 and others)."""
        now = time.monotonic()
        if now - self._asked >= _ASKED:
            self._gate.check()
            self._asked = now

    def _look(self, frame: Frame) -> bool:
        size, seconds = (frame.pixels.shape[1], frame.pixels.shape[0]), frame.captured.timestamp()
        self._scrubber.looked(size, time.monotonic())
        picture = Picture(frame.pixels, 1.0, b"", "frame")
        # Whoever is half believed to be a face is hidden in what is compared.
        seen = self._networks.detect(picture, Effort.ALL, THRESHOLD)
        faces = [face for face in seen if face.confidence >= self._networks.confidence]
        verdict = self._stay.see([face.box for face in faces], seconds)
        self._came = self._came or bool(faces)
        if verdict == "better":
            quality = assess(frame.pixels, faces[0]).components
            if self._stay.measured(quality):
                others = [face.box for face in seen if face is not faces[0]]
                cut = crop(frame.pixels, faces[0].box, others)
                self._stay.keep(Upload("the traveller", cut.png), quality)
        return self._stay.over(seconds)

    def answer(self) -> GateAnswer:
        """Compare the picture that was kept, or say why there is none."""
        best = self._stay.kept
        if best is None:
            return self._gate.answer(self._without)
        try:
            return self._gate.compare(best)
        finally:
            self._compared(best)

    def _compared(self, best: Upload) -> None:
        """Note in which shapes a comparison looked for faces; see `operations.gate.Gate.compare`."""
        now = time.monotonic()
        # The document's photograph may turn out to be no picture, or to hold no face.
        with suppress(BadInput):
            self._scrubber.sought(_size(self._gate.document), now)
        size = _size(best)
        self._scrubber.sought(size, now)
        # The traveller's picture is searched for in the gallery too, at its own size.
        self._scrubber.looked(size, now)
        self._scrubber.embedded(1, now)

    @property
    def _without(self) -> Reason:
        """Why there is no picture to compare."""
        if not self._came:
            return "nobody"
        return "several-people" if self._stay.crowded else "not-comparable"

    def forget(self) -> None:
        """Overwrite what is left of the traveller."""
        self._stay.forget()
        self._scrubber.scrub()


def _size(one: Upload) -> tuple[int, int]:
    """Return width and height in which a picture is looked at."""
    picture = decode(one.data, one.name, ANALYSIS_PIXELS)
    wipe(picture.pixels)
    return picture.width, picture.height
