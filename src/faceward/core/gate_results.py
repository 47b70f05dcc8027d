"""What a gate answers: it opens, or a person looks at the traveller's document."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from faceward.core.results import JSONDict

Decision = Literal["open", "counter"]
Reason = Literal["recognised", "document-differs", "not-in-gallery", "not-comparable", "several-people", "nobody"]
REASONS: MappingProxyType[Reason, str] = MappingProxyType(
    {
        "recognised": "the traveller matches the document, and is a candidate of the gallery",
        "document-differs": "traveller and document do not match; that happens to people with their own documents too",
        "not-in-gallery": "nobody in the gallery matches; the document tells whether the traveller is booked",
        "not-comparable": "no picture could be compared",
        "several-people": "several people stood in the zone; one at a time can be compared",
        "nobody": "nobody stood in the zone",
    }
)
"""Why, in words that accuse nobody."""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What a gate does. It is no finding about anybody: at the counter a person looks at the document.

    Attributes:
        decision: `open`, or `counter`: a person looks.
        reason: See `REASONS`.
        camera: The gate's camera.
        gallery: The departure's gallery.
        purpose: Its purpose.
        entries: Indices of the log's entries of the comparisons that were made.
    """

    decision: Decision
    reason: Reason
    camera: str
    gallery: str
    purpose: str
    entries: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return REASONS[self.reason]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward gate --json`."""
        return {
            "decision": self.decision,
            "reason": self.reason,
            "message": self.sentence,
            "camera": self.camera,
            "gallery": self.gallery,
            "purpose": self.purpose,
            "entries": list(self.entries),
        }
