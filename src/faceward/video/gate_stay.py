"""Who stands in a gate's zone, and which picture of them is compared. Pure; time is passed in (rule W9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from faceward.core.faces import Box
from faceward.core.sources import Upload
from faceward.policy.quality import Floor, check_floors
from faceward.video.tracks import worth

Verdict = Literal["wait", "better", "several"]

# Who has stood for so long has been looked at a few times; a better picture than a good one is not worth a queue.
_SETTLED = 0.6
# Somebody whose face is not seen for so long has left.
_LEFT = 1.5
# Another face of this share of the largest one's height is of somebody who stands in the zone too.
_BESIDE = 0.6
# Seconds for which somebody stands alone before a picture is taken, where several stood, and after it was: whose face
# is turned away for one frame is there all the same.
_APART = 0.35


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


@dataclass(frozen=True, slots=True)
class _Taken:
    """A picture of somebody alone: what it is worth, whether none better is waited for, and when it was taken."""

    picture: Upload
    value: float
    good: bool
    seconds: float


class Stay:
    """The stay of whoever stands in the zone.

    A picture counts once its subject was seen alone for a moment after it. Where people stand side by side all pictures
    are dropped, so that nothing is decided by one that was taken before, in between or just after.

    Args:
        terms: On which terms they are looked at.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.forget()

    def forget(self) -> None:
        """Drop whatever is known of whoever stood there."""
        self._began: float | None = None
        self._seen = 0.0
        self._together: float | None = None
        self.crowded = False
        self._drop()

    def _drop(self) -> None:
        self._fresh: _Taken | None = None
        self._kept: _Taken | None = None

    @property
    def kept(self) -> Upload | None:
        """The picture that can be compared, if there is one."""
        return None if self._kept is None else self._kept.picture

    def see(self, boxes: Sequence[Box], seconds: float) -> Verdict:
        """Take notice of the faces in a frame, largest first.

        Args:
            boxes: Where they are.
            seconds: When the frame was taken, by the stream's clock.

        Returns:
            `better` where the first is to be measured; `several` where people stand side by side; else `wait`.
        """
        if self._began is not None and not 0 <= seconds - self._seen < _LEFT:
            self.forget()
        if not boxes:
            return "wait"
        self._began = seconds if self._began is None else self._began
        self._seen = seconds
        if len(boxes) > 1 and boxes[1].height >= _BESIDE * boxes[0].height:
            self.crowded, self._together = True, seconds
            self._drop()
            return "several"
        if self._fresh is not None:
            if seconds - self._fresh.seconds < _APART:
                return "wait"
            self._kept, self._fresh = self._fresh, None
        return "wait" if self._together is not None and seconds - self._together < _APART else "better"

    def measured(self, components: Mapping[str, float]) -> bool:
        """Tell whether a picture with these quality components is the best so far, and one that can be compared."""
        best = 0.0 if self._kept is None else self._kept.value
        return worth(components) > best and not check_floors(components, self._terms.floors)

    def keep(self, picture: Upload, components: Mapping[str, float]) -> None:
        """Keep the picture that was measured in the frame that was seen last."""
        good = not check_floors(components, self._terms.enough)
        self._fresh = _Taken(picture, worth(components), good, self._seen)

    def over(self, seconds: float) -> bool:
        """Tell whether what there is goes to be compared now: it is good enough, or the dwell limit has come."""
        if self._began is None:
            return False
        stayed = seconds - self._began
        return stayed >= self._terms.dwell or (self._kept is not None and self._kept.good and stayed >= _SETTLED)
