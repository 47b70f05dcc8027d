"""A gate: one traveller against the photograph in the document, and against the gallery of one departure.

What is compared is a picture in memory. Nothing of the traveller is stored: the log has digests of the pictures and
what came of them, and features are overwritten by the operations that make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from faceward.core.errors import EnvironmentFailure, FacewardError, NoFace, PolicyRefusal, QualityTooLow, UsageError
from faceward.core.gate_results import Decision, GateAnswer, Reason
from faceward.core.names import normal_name
from faceward.core.sources import Source, Upload
from faceward.operations import identification, pairs, upkeep, watch_grounds, watch_period
from faceward.operations.cameras import Cameras
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.identification import SearchRequest
from faceward.operations.pairs import Pair
from faceward.operations.watch_grounds import WATCH, WatchRequest
from faceward.policy.cameras import LOOK, Camera
from faceward.policy.purposes import Purpose
from faceward.policy.quality import Floor
from faceward.vision.images import read_file

_Terms = tuple[Camera, str, Purpose]


@dataclass(frozen=True, slots=True)
class GateRequest:
    """What a gate is asked for.

    Attributes:
        camera: Name of the gate's camera, which has a zone to look at.
        document: The photograph in the traveller's document.
        gallery: The gallery of the departure.
        purpose: The purpose that it serves.
        mandate: The mandate of the shift: its digest, or the first digits of it.
    """

    camera: str
    document: Source
    gallery: str
    purpose: str
    mandate: str | None = None


class Gate:
    """A gate that may be used for one traveller.

    Args:
        deployment: The deployment.
        desk: Where comparisons are authorised and recorded.
        asked: What is asked for.
        document: The photograph in the traveller's document.
        terms: The camera, where its pictures come from, and the purpose.
    """

    def __init__(
        self, deployment: Deployment, desk: Desk, asked: WatchRequest, document: Upload, terms: _Terms
    ) -> None:
        self._deployment, self._desk, self._request = deployment, desk, asked
        self.document, self.camera, self.source, self._purpose = document, *terms

    @property
    def dwell(self) -> float:
        """For how many seconds somebody in the zone is looked at, at most (rule W9)."""
        return self._deployment.standard.parameters.video.dwell.total_seconds()

    @property
    def floors(self) -> Sequence[Floor]:
        """What a picture must reach to be compared."""
        return self._deployment.standard.parameters.probe_floors

    @property
    def enough(self) -> Sequence[Floor]:
        """What a picture reaches than which none better is waited for."""
        return self._deployment.standard.parameters.enrolment_floors

    def answer(self, reason: Reason, *entries: int) -> GateAnswer:
        """Return an answer for a reason."""
        decision: Decision = "open" if reason == "recognised" else "counter"
        request = self._request
        return GateAnswer(decision, reason, self.camera.name, request.gallery, request.purpose, entries)

    def check(self) -> None:
        """Ask all rules anew, and whether the camera is what it was; to be called twice a second while it waits.

        Raises:
            PolicyRefusal: The gate may be used no longer (W3, W7, W8, W10, P2 …); the refusal is logged.
            EnvironmentFailure: The log cannot be written, or the custodian does not answer.
            IntegrityError: What is kept was altered.
        """
        self._deployment.log.require_writable()
        try:
            # A gate uses its mandate up by the search that it makes, none of which was made yet.
            rests = watch_period.still(self._deployment, self._desk, self._request, own=0)
        except PolicyRefusal as refusal:
            if refusal.rule == "W3":
                # The next turn of the clock does it too, where this cannot.
                with suppress(FacewardError):
                    upkeep.expire(self._deployment, self._desk)
            raise
        name = self.camera.name
        if (rests.cameras.get(name), Cameras(self._deployment, self._desk).source(name)) == (self.camera, self.source):
            return
        changed = PolicyRefusal(
            "W8",
            f"the camera {name!r} was changed while a traveller was waited for.",
            "Use the gate again, with the camera as it is now.",
        )
        with suppress(EnvironmentFailure):
            self._desk.deny(watch_grounds.happening(self._desk, self._request, rests), changed)
        raise changed

    def compare(self, picture: Upload) -> GateAnswer:
        """Compare a traveller with the document and, where they match, with the gallery.

        Args:
            picture: The traveller alone, as a picture file in memory.

        Raises:
            PolicyRefusal: A rule of the standard refuses it (P1, P2, V1, W3, W7 …), or the camera was changed.
            BadInput: The document's photograph is no picture.
            EnvironmentFailure: The log or the custodian does not answer.
        """
        request = self._request
        self.check()
        try:
            pair = pairs.verify(
                self._deployment, self._desk, Pair(self.document, picture, request.purpose), self._purpose.fmr
            )
        except (NoFace, QualityTooLow):
            return self.answer("not-comparable")
        entries = () if pair.entry is None else (pair.entry,)
        if pair.decision != "match":
            # Who differs from the document is not looked for among others.
            return self.answer("document-differs", *entries)
        # What let the first comparison be made may have ended with it; a search asks nothing of cameras.
        self.check()
        search = SearchRequest(
            gallery=request.gallery,
            purpose=request.purpose,
            reason=f"a traveller at the gate of camera {self.camera.name}",
            top=1,
            mandate=request.mandate,
            camera=self.camera.name,
            kind="frame",
            largest=True,
        )
        try:
            found = identification.identify(self._deployment, self._desk, picture, search)
        except NoFace:
            return self.answer("not-comparable", *entries)
        [probe] = found.probes
        entries = (*entries, found.entry)
        if probe.rejected:
            return self.answer("not-comparable", *entries)
        return self.answer("recognised" if probe.candidates else "not-in-gallery", *entries)


def gate(deployment: Deployment, desk: Desk, request: GateRequest) -> Gate:
    """Authorise the use of a gate for one traveller; a refusal is logged.

    A gate compares whoever comes, so that the rules of a watch hold for it: cameras with their notice and a way around
    them (W8, W10), a gallery with an end (W3), a mandate (P2), evidence (V1), no stop (W7).

    Raises:
        PolicyRefusal: A rule of the standard refuses it.
        UsageError: There is no such gallery, the camera has no zone to look at, or results are for reviewers here.
        BadInput: The document's photograph cannot be read.
    """
    upkeep.expire(deployment, desk)
    asked = WatchRequest(
        normal_name(request.gallery), normal_name(request.purpose), (normal_name(request.camera),), request.mandate
    )
    rests = watch_grounds.grounds(deployment, desk, asked)
    watch_grounds.require_list(desk, asked, rests)
    desk.authorise(WATCH, rests.context, watch_grounds.happening(desk, asked, rests))
    _require_immediate(deployment)
    camera, purpose = rests.cameras.get(asked.cameras[0]), rests.purpose
    if camera is None or purpose is None:
        raise AssertionError("rules W8 and P1 refuse cameras and purposes that are not registered")
    if not any(zone.kind == LOOK for zone in camera.zones):
        raise UsageError(
            f"the camera {camera.name!r} has no zone to look at, so that it would compare who passes by; mark the "
            "zone in which a traveller stands with 'camera change --look'"
        )
    document = request.document if isinstance(request.document, Upload) else _read(request.document)
    return Gate(deployment, desk, asked, document, (camera, Cameras(deployment, desk).source(camera.name), purpose))


def _read(path: Source) -> Upload:
    return Upload(path.name, read_file(path))


def _require_immediate(deployment: Deployment) -> None:
    if deployment.standard.parameters.people.reviewers:
        raise UsageError(
            f"under the standard {deployment.standard.name!r} people review before anything follows from a match, and "
            "a gate answers at once; gates are for the standard 'border'"
        )
