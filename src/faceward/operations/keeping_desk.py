"""The door through which footage is redacted in a deployment: refused before the work begins, recorded around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from faceward.core.names import normal_name
from faceward.operations import upkeep
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.keeping import Authority, Keeping, Recogniser, Work, authority, recognising
from faceward.vision.pipeline import Pipeline


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
