"""What requests and responses about cases hold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from faceward.service.v1.given import Given, Shown


class NewCase(Given):
    """The search that a case is opened for."""

    search: int = Field(ge=0, le=2**53, description="Index of the log entry of the identification.")
    kind: str = Field(description="`photograph` or `frame`; composites, sketches and generated pictures are refused.")


class NewEdit(Given):
    """How a picture was edited."""

    change: str = Field(min_length=1, description="What was done, for example `crop`, `rotate` or `brightness`.")
    of: str = Field("", description="SHA-256 of what it was made from, first digits; the original if left out.")
    note: str = ""


class NewSample(Given):
    """Which candidate a picture shows."""

    candidate: int = Field(ge=1, le=10**6)


class NewComparison(Given):
    """What was found of a candidate."""

    candidate: int = Field(ge=1, le=10**6)
    features: dict[str, Literal["similar", "dissimilar", "indeterminate"]] = Field(max_length=200)
    conclusion: str
    notes: str = ""


class NewAnswer(Given):
    """A reviewer's answer."""

    comparison: tuple[NewComparison, ...] = Field(max_length=500)
    amend: bool = Field(False, description="Put it beside your answer, once the case is decided.")


class NewOutcome(Given):
    """The finding on the candidates, and the action taken."""

    accuracy: Literal["correct", "incorrect", "undetermined"]
    finding: str = Field(min_length=1)
    action: str = Field(min_length=1, description="What was done; `none` where nothing was.")
    false_alerts: int | None = Field(None, ge=1, le=10**6, description="With `incorrect`: for how many faces; all.")


class SearchShown(Shown):
    """The search that a case came from."""

    entry: int
    operator: str
    gallery: str
    purpose: str
    mandate: str
    reason: str


class VersionShown(Shown):
    """A version of the probe."""

    sha256: str
    parent: str | None
    change: str
    note: str
    by: str
    when: str
    name: str


class CaseCandidateShown(Shown):
    """A candidate of a case; score and result are null while they are hidden (rule H2)."""

    number: int
    subject: str | None
    reference: str | None
    score: float | None
    face: list[float] | None
    enrolled: str | None
    sample: str | None
    result: str | None


class CaseShown(Shown):
    """What you may see of a case."""

    case: str
    notice: str
    phase: str
    blind: bool
    may_answer: bool
    finding_wanted: bool
    opened: str
    opener: str
    expires: str
    kind: str
    search: SearchShown
    probe: list[VersionShown]
    candidates: list[CaseCandidateShown]
    answers: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]


class CaseLineShown(Shown):
    """A case in a line."""

    case: str
    phase: str
    opened: str
    expires: str
    may_answer: bool
    finding_wanted: bool
    gallery: str
    purpose: str
    candidates: int


class CasesShown(Shown):
    """Cases in a line each."""

    cases: list[CaseLineShown]


class ScoreShown(Shown):
    """A candidate's score."""

    number: int
    subject: str | None
    score: float | None
    result: str | None


class ScoresShown(Shown):
    """The scores of a case."""

    case: str
    candidates: list[ScoreShown]


class DeletedShown(Shown):
    """A case that is no more."""

    case: str
    deleted: str
