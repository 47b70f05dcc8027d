"""The door through which footage is redacted in a deployment: refused before the work begins, recorded around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from faceward.core.faces import Face, ImageArray
from faceward.core.names import normal_name
from faceward.operations import upkeep
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.keeping import Authority, Keeping, Recogniser, Work, authority, recognising
from faceward.policy.quality import check_floors
from faceward.vision.images import Picture
from faceward.vision.pipeline import Pipeline
from faceward.vision.quality import assess, geometry


class KeepingDesk:
    """One redaction that may keep people visible."""

    def __init__(self, deployment: Deployment, desk: Desk, keeping: Keeping, work: Work) -> None:
        self._deployment, self._desk, self._work = deployment, desk, work
        purpose = None if keeping.purpose is None else normal_name(keeping.purpose)
        self._keeping = replace(keeping, purpose=purpose)

    @property
    def pipeline(self) -> Pipeline:
        """The model pack at work."""
        return self._deployment.pipeline

    @property
    def keeps(self) -> bool:
        """Whether anybody is to stay visible, and so to be recognised."""
        return bool(self._keeping.subjects)

    def fit(self, pixels: ImageArray, face: Face) -> bool:
        """Tell whether a face reaches the standard's floors for probes; what does not is compared with nobody.

        Args:
            pixels: RGB, shape (height, width, 3).
            face: The face in these pixels.
        """
        floors = self._deployment.standard.parameters.probe_floors
        size = (pixels.shape[1], pixels.shape[0])
        measured = geometry(face, size)
        # What the landmarks tell costs nothing, and most faces of a street fall by it.
        if check_floors(measured, [floor for floor in floors if floor.component in measured]):
            return False
        return not check_floors(assess(pixels, face).components, floors)

    def known_by(self, picture: Picture) -> tuple[bytes, ...]:
        """Return the keyed digests by which a picture is known as a probe (rule E4)."""
        return self._deployment.picture_digests(picture)

    def check(self) -> None:
        """Ask the rules now, so that nobody waits for what will be refused; a refusal is in the log.

        Raises:
            UsageError: A subject has no reference, or has several purposes and none was named.
            PolicyRefusal: A rule forbids it.
        """
        upkeep.expire(self._deployment, self._desk)
        held = authority(self._deployment, self._desk, self._keeping, self._work)
        self._desk.authorise("redact", held.context, held.happening)

    @contextmanager
    def recognising(self) -> Iterator[tuple[Recogniser, Authority]]:
        """Announce the redaction and record its outcome; what may have ended meanwhile is asked again."""
        held = authority(self._deployment, self._desk, self._keeping, self._work)
        with recognising(self._deployment, self._desk, held) as recogniser:
            yield recogniser, held
