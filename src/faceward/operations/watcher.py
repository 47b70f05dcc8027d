"""What a loop over frames asks of a watch, whoever keeps it."""

from __future__ import annotations

from typing import Protocol

from faceward.core.faces import FloatArray
from faceward.core.watch_results import AlertView, WatchTerms
from faceward.operations.raising import Sighting
from faceward.protection.scheme import Hit


class Watcher(Protocol):
    """What a loop over frames asks of a watch. `compare`, `compared` and `alert` may be called by several threads."""

    @property
    def terms(self) -> WatchTerms:
        """On which terms tracks are compared now; read anew for each track."""

    def check(self) -> None:
        """See to it that the watch may go on; called twice a second.

        Raises:
            PolicyRefusal: It may not: stopped (W7), halted (W6), the mandate ended or was revoked (P2), the list ended
                (W3), a camera was removed (W8), the evidence is void (V1), nobody is signed in any more (S2).
            EnvironmentFailure: The log cannot be written, or the custodian does not answer.
        """

    def compare(self, features: FloatArray) -> tuple[Hit, ...]:
        """Compare a track with everybody on the list.

        Args:
            features: Shape (m, d), float32: a sample, or two that were taken right after each other, of which one probe
                is made. The caller overwrites them.

        Returns:
            Those at or above the threshold, best first; empty means *unknown*.

        Raises:
            PolicyRefusal: The watch was ended, or nobody has called `check` for two seconds (W7).
            EnvironmentFailure: See `check`; what ended a watch is raised again.
        """

    def compared(self, camera: str, tracks: int = 1) -> None:
        """Count tracks of a camera that were compared and ended unknown."""

    def alert(self, sighting: Sighting) -> AlertView | None:
        """Put a sighting on record, so that it waits for a human.

        Returns:
            The alert; None where the same subject was reported by this camera just before, or cannot have got there
            (rule W5).

        Raises:
            PolicyRefusal: See `check`.
            EnvironmentFailure: See `check`.
        """
