"""What responses of several nouns hold, for their description."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from faceward.service.v1.given import Shown


class AskedShown(Shown):
    """What came of asking for something."""

    request: str = Field(description="The request's digest, 64 hexadecimal digits.")
    kind: str
    state: Literal["waiting", "carried out"]


class WatchEvidenceShown(Shown):
    """Whether cameras may be watched for a purpose by what it relies on."""

    fmr: float = Field(description="The FMR that one comparison of a track needs: a third of what a search does.")
    in_force: bool
    reason: str
    remedy: str


class PurposeEvidenceShown(Shown):
    """What a purpose relies on, and whether it may be searched by."""

    purpose: str
    camera_class: str
    evaluation: str | None
    data: str | None
    until: str | None
    fmr: float
    in_force: bool
    reason: str
    remedy: str
    watch: WatchEvidenceShown | None = Field(description="Null where the standard lets no camera be watched.")


class MeasuredShown(Shown):
    """What came of a change that may lower a threshold."""

    state: Literal["done", "waiting"]
    request: str | None
    entry: int | None
    evaluation: str | None
    purposes: list[PurposeEvidenceShown]


class FaceShown(Shown):
    """A face: box in pixels (left, top, right, bottom), five landmarks (x, y), quality components."""

    box: list[float] = Field(min_length=4, max_length=4)
    confidence: float
    landmarks: dict[str, list[float]]
    quality: dict[str, float]


class PointShown(Shown):
    """The operating point of a decision."""

    threshold: float
    fmr: float
    fmr_interval: list[float] = Field(min_length=2, max_length=2)
    fpir: float | None
    data: str
    extrapolated: bool


class LineShown(Shown):
    """An entry of the log, with what can be opened of it."""

    index: int
    time: str
    operation: str
    phase: str
    refers: int | None
    opened: dict[str, dict[str, Any]]
    sealed: list[str]


class ObligationShown(Shown):
    """Something to be done by a moment."""

    what: str
    identifier: str
    deadline: str
    overdue: bool


class MatterShown(Shown):
    """A complaint or a request of a subject, as it stands."""

    identifier: str
    kind: str
    subject: str
    text: str
    reference: str | None
    state: str
    received: str
    deadline: str | None
    overdue: bool
    entry: int


class TextShown(Shown):
    """A file to fill in."""

    file: str
