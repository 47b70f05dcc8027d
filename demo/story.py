"""What happened in a run of the demo, for the terminal and the report. Everything in it was computed in that run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faceward.core.faces import Box
from faceward.core.reports import EnrolledSample, ErasureResult, LogLine, RedactionResult
from faceward.core.results import FaceReport, IdentificationResult, VerificationResult
from faceward.policy.consent import Release
from faceward.policy.purposes import Purpose


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Attributes:
        out: Folder for everything that the run writes, empty.
        own: Whether the pictures are the user's.
        strangers: How many references to simulate.
        fmr: The false-match rate that a verification accepts.
    """

    out: Path
    own: bool
    strangers: int
    fmr: float


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrolment: the picture, its face, what became of it and the notice that was written."""

    name: str
    picture: Path
    face: FaceReport | None
    sample: EnrolledSample
    release: Release
    notice: str
    credit: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verification.

    Attributes:
        title: What picture it is.
        shown: Who is in it.
        claimed: Who it is claimed to be.
        picture: The probe.
        result: The result, or None where the picture was refused.
        error: Why it was refused.
    """

    title: str
    shown: str
    claimed: str
    picture: Path
    result: VerificationResult | None
    error: str = ""

    @property
    def mated(self) -> bool:
        """Whether the claim is true."""
        return self.shown == self.claimed

    @property
    def right(self) -> bool:
        """Whether the decision is."""
        return self.result is not None and (self.result.decision == "match") == self.mated


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures in hand, compared with each other and forgotten."""

    names: tuple[str, str]
    pictures: tuple[Path, Path]
    result: VerificationResult


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the policy refused: what was tried, the rule and the words that the operator read."""

    tried: str
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody in the group picture.

    Attributes:
        label: Who it is.
        enrolled: Whether they are enrolled.
        frame: Where their picture hangs.
    """

    label: str
    enrolled: bool
    frame: Box

    def shows(self, face: FaceReport) -> bool:
        """Whether a face of the group picture lies in this one's frame."""
        box = face.face.box
        across, down = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        return self.frame.x0 <= across < self.frame.x1 and self.frame.y0 <= down < self.frame.y1


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes that are looked for in every file: what they are, and in which files they were found when."""

    what: str
    size: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    backup: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure and what was tried afterwards.

    Attributes:
        result: What the library returned.
        receipt: What the receipt proves, a sentence a line.
        needles: The bytes that were looked for.
        files: How many files were searched for them.
        search: The group picture, searched again.
        rows: How many rows of the subject the restored copy of the gallery holds.
        keys: How many of their keys the present key store holds.
        restored: The group picture, searched in the restored copy.
        answer: What the restored deployment answers when asked for the subject.
        lines: The log after the erasure.
    """

    result: ErasureResult
    receipt: tuple[str, ...]
    needles: tuple[Needle, ...]
    files: int
    search: IdentificationResult
    rows: int
    keys: int
    restored: IdentificationResult
    answer: str
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """The log: what the verifier says, a proof, what it proves, and what an altered proof is told."""

    verified: tuple[str, ...]
    entry: int
    proof: str
    proven: tuple[str, ...]
    altered: str


@dataclass(frozen=True, slots=True)
class Check:
    """Something that the demo expects, and whether it came about."""

    text: str
    good: bool


@dataclass(slots=True)
class Story:
    """A run, as far as it has got."""

    own: bool
    purpose: Purpose
    home: Path
    strangers: int = 0
    enrolled: list[Enrolled] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    group: Path = Path()
    search: IdentificationResult | None = None
    redaction: RedactionResult | None = None
    redacted: Path = Path()
    visible: int = 0
    record: Record | None = None
    erased: Erased | None = None
    checks: list[Check] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    def check(self, text: str, good: bool) -> None:
        """Note an expectation."""
        self.checks.append(Check(text, good))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time that a block takes to a step's."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings[what] = self.timings.get(what, 0.0) + time.perf_counter() - start


def recognised(result: IdentificationResult, guest: Guest) -> tuple[str, ...] | None:
    """Return the candidates for a guest's face, none meaning unknown, or None where no face was found in the frame."""
    for probe in result.probes:
        if guest.shows(probe.face):
            return tuple(candidate.subject for candidate in probe.candidates)
    return None
