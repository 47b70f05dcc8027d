"""Who stands in a gate's zone, and which picture of them is compared. Pure; time is passed in (rule W9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from faceward.core.faces import Box
from faceward.policy.quality import Floor, check_floors
from faceward.video.tracks import worth

Verdict = Literal["wait", "better", "several"]

# Who has stood for so long has been looked at a few times; a better picture than a good one is not worth a queue.
_SETTLED = 0.6
# Somebody whose face is not seen for so long has left.
_LEFT = 1.5
# Another face of this share of the largest one's height is of somebody who stands in the zone too.
_BESIDE = 0.6


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms somebody is looked at.

    Attributes:
        dwell: For how many seconds at most.
        floors: What a picture must reach to be compared.
        enough: What a picture reaches than which none better is waited for.
    """

    dwell: float
    floors: Sequence[Floor]
    enough: Sequence[Floor]


class Stay:
    """The stay of whoever stands in the zone.

    Args:
        terms: On which terms they are looked at.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._forget()

    def _forget(self) -> None:
        self._began: float | None = None
        self._seen = self._best = 0.0
        self._good = False
        self.crowded = False

    @property
    def usable(self) -> bool:
        """Whether a picture was found that can be compared."""
        return self._best > 0

    def see(self, boxes: Sequence[Box], seconds: float) -> Verdict:
        """Take notice of the faces in a frame, largest first.

        Args:
            boxes: Where they are.
            seconds: When the frame was taken, by the stream's clock.

        Returns:
            `better` where the first is to be measured; `several` where people stand side by side; else `wait`.
        """
        if self._began is not None and not 0 <= seconds - self._seen < _LEFT:
            self._forget()
        if not boxes:
            return "wait"
        self._began = seconds if self._began is None else self._began
        self._seen = seconds
        if len(boxes) > 1 and boxes[1].height >= _BESIDE * boxes[0].height:
            self.crowded = True
            return "several"
        return "better"

    def measured(self, components: Mapping[str, float]) -> bool:
        """Tell whether a picture with these quality components is the best so far, and one that can be compared."""
        value = worth(components)
        if value <= self._best or check_floors(components, self._terms.floors):
            return False
        self._best = value
        self._good = self._good or not check_floors(components, self._terms.enough)
        return True

    def over(self, seconds: float) -> bool:
        """Tell whether what there is goes to be compared now: it is good enough, or the dwell limit has come."""
        if self._began is None:
            return False
        stayed = seconds - self._began
        return stayed >= self._terms.dwell or (self._good and stayed >= _SETTLED)
