"""What the operations return: frozen, and each with one JSON form, which the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from faceward.core.canonical import JSONValue
from faceward.core.faces import LANDMARK_NAMES, Face, Quality

Decision = Literal["match", "non-match"]
JSONDict = dict[str, JSONValue]


def _rate(value: float) -> float:
    """Return a rate to three significant digits, which is more than any of them is known to."""
    return float(f"{value:.3g}")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The operating point of a decision.

    Attributes:
        score: Scores at or above it are a match; cosine similarity, -1 to 1.
        fmr: False-match rate it stands for, for one comparison.
        fmr_low: Lower end of the rate's 95 % interval.
        fmr_high: Upper end.
        fpir: For an identification, the false-positive rate of the whole search; None for a verification.
        data: What the rates were measured on.
    """

    score: float
    fmr: float
    fmr_low: float
    fmr_high: float
    fpir: float | None
    data: str

    def to_json(self) -> JSONDict:
        """Return the object that the command line prints under `operating_point`."""
        return {
            "threshold": round(self.score, 5),
            "fmr": _rate(self.fmr),
            "fmr_interval": [_rate(self.fmr_low), _rate(self.fmr_high)],
            "fpir": None if self.fpir is None else _rate(self.fpir),
            "data": self.data,
        }


@dataclass(frozen=True, slots=True)
class FaceReport:
    """A detected face with its quality."""

    face: Face
    quality: Quality

    def to_json(self) -> JSONDict:
        """Return box, landmarks, confidence and quality."""
        box = self.face.box
        return {
            "box": [round(v, 1) for v in (box.x0, box.y0, box.x1, box.y1)],
            "confidence": round(self.face.confidence, 4),
            "landmarks": {
                name: [round(float(x), 1), round(float(y), 1)]
                for name, (x, y) in zip(LANDMARK_NAMES, self.face.landmarks, strict=True)
            },
            "quality": dict(self.quality.components),
        }


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """The faces of one picture; `width` and `height` are of the picture as analysed, upright."""

    picture: str
    width: int
    height: int
    faces: tuple[FaceReport, ...]
    pack: str

    def to_json(self) -> JSONDict:
        """Return the object of `faceward detect --json`."""
        return {
            "picture": self.picture,
            "width": self.width,
            "height": self.height,
            "pack": self.pack,
            "faces": [face.to_json() for face in self.faces],
        }


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """A 1:1 comparison.

    Attributes:
        decision: At the operating point.
        score: Cosine similarity; None where the standard keeps it from the caller.
        operating_point: What the decision rests on.
        faces: The face taken from each picture.
        passed_over: Other faces in each picture, which took no part.
        pack: The model pack.
        subject: Who was claimed, or None for two pictures.
        purpose: Under which purpose, or None for two pictures.
        entry: Index of the log entry, or None where nothing is stored.
    """

    decision: Decision
    score: float | None
    operating_point: Threshold
    faces: tuple[FaceReport, ...]
    passed_over: tuple[int, ...]
    pack: str
    subject: str | None = None
    purpose: str | None = None
    entry: int | None = None

    def to_json(self) -> JSONDict:
        """Return the object of `faceward verify --json`."""
        return {
            "decision": self.decision,
            "score": None if self.score is None else round(self.score, 5),
            "operating_point": self.operating_point.to_json(),
            "subject": self.subject,
            "purpose": self.purpose,
            "pack": self.pack,
            "faces": [face.to_json() for face in self.faces],
            "passed_over": list(self.passed_over),
            "entry": self.entry,
        }


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject at or above the operating point."""

    subject: str
    score: float
    reference: str

    def to_json(self) -> JSONDict:
        """Return the candidate."""
        return {"subject": self.subject, "score": round(self.score, 5), "reference": self.reference}


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One face of a probe picture and who it may be; without candidates it is unknown.

    Attributes:
        face: The face.
        candidates: Best first; empty means *unknown*.
        rejected: Why the face was not searched: the floors it missed, in words.
    """

    face: FaceReport
    candidates: tuple[Candidate, ...]
    rejected: tuple[str, ...] = ()

    def to_json(self) -> JSONDict:
        """Return the face with its outcome."""
        outcome = "rejected" if self.rejected else "candidates" if self.candidates else "unknown"
        return {
            "outcome": outcome,
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "rejected": list(self.rejected),
            **self.face.to_json(),
        }


@dataclass(frozen=True, slots=True)
class IdentificationResult:
    """A 1:N search for every face of a picture."""

    picture: str
    gallery: str
    purpose: str
    references: int
    operating_point: Threshold
    probes: tuple[ProbeResult, ...]
    pack: str
    entry: int

    def to_json(self) -> JSONDict:
        """Return the object of `faceward identify --json`."""
        return {
            "picture": self.picture,
            "gallery": self.gallery,
            "purpose": self.purpose,
            "references": self.references,
            "operating_point": self.operating_point.to_json(),
            "probes": [probe.to_json() for probe in self.probes],
            "pack": self.pack,
            "entry": self.entry,
        }


@dataclass(frozen=True, slots=True)
class EnrolledSample:
    """What became of one picture of an enrolment.

    Attributes:
        picture: The file.
        subject: Whose it is.
        outcome: `enrolled`, `already-enrolled` or `rejected`.
        reference: The reference's identifier, when enrolled.
        expires: When the reference ends, RFC 3339, when enrolled.
        reason: Why it was rejected.
        exit_code: What a rejection means for the exit code: 3 policy, 4 input.
        quality: Quality components, when they were measured.
        entry: Index of the log entry that announced it.
    """

    picture: str
    subject: str
    outcome: Literal["enrolled", "already-enrolled", "rejected"]
    reference: str | None = None
    expires: str | None = None
    reason: str | None = None
    exit_code: int = 0
    quality: Mapping[str, float] = field(default_factory=dict)
    entry: int | None = None

    def to_json(self) -> JSONDict:
        """Return the sample's outcome."""
        return {
            "picture": self.picture,
            "subject": self.subject,
            "outcome": self.outcome,
            "reference": self.reference,
            "expires": self.expires,
            "reason": self.reason,
            "quality": dict(self.quality),
            "entry": self.entry,
        }


@dataclass(frozen=True, slots=True)
class EnrolmentResult:
    """An enrolment of one or many pictures.

    Attributes:
        gallery: Where the references went.
        purpose: What for.
        samples: What became of each picture.
        passed_over: Files of the folder that are no pictures of a known format, below the folder. The command line
            fills it; elsewhere `operations.folders.passed_over` lists them.
    """

    gallery: str
    purpose: str
    samples: tuple[EnrolledSample, ...]
    passed_over: tuple[str, ...] = ()

    def count(self, outcome: str) -> int:
        """Return how many samples had an outcome."""
        return sum(sample.outcome == outcome for sample in self.samples)

    def to_json(self) -> JSONDict:
        """Return the object of `faceward enrol --json`."""
        return {
            "gallery": self.gallery,
            "purpose": self.purpose,
            "enrolled": self.count("enrolled"),
            "already_enrolled": self.count("already-enrolled"),
            "rejected": self.count("rejected"),
            "samples": [sample.to_json() for sample in self.samples],
            "passed_over": list(self.passed_over),
        }


@dataclass(frozen=True, slots=True)
class RedactedPicture:
    """What was done to one picture; `error` says why it was left out."""

    picture: str
    output: str | None
    hidden: int
    kept: tuple[str, ...] = ()
    error: str | None = None

    def to_json(self) -> JSONDict:
        """Return the picture's outcome."""
        return {
            "picture": self.picture,
            "output": self.output,
            "hidden": self.hidden,
            "kept": list(self.kept),
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class RedactionResult:
    """A redaction of one or many pictures.

    Attributes:
        mode: How faces were hidden.
        pictures: What was done to each.
        entry: Index of the log entry, or None where nobody was kept visible.
        passed_over: Files of the folder that are no pictures of a known format, below the folder. The command line
            fills it; elsewhere `operations.folders.passed_over` lists them.
    """

    mode: str
    pictures: tuple[RedactedPicture, ...]
    entry: int | None = None
    passed_over: tuple[str, ...] = ()

    def to_json(self) -> JSONDict:
        """Return the object of `faceward redact --json`."""
        return {
            "mode": self.mode,
            "pictures": [picture.to_json() for picture in self.pictures],
            "entry": self.entry,
            "passed_over": list(self.passed_over),
        }


@dataclass(frozen=True, slots=True)
class ReferenceView:
    """A reference as its subject may see it; never the features."""

    reference: str
    gallery: str
    purpose: str
    pack: str
    created: str
    expires: str
    record: Mapping[str, JSONValue]

    def to_json(self) -> JSONDict:
        """Return the reference."""
        return {
            "reference": self.reference,
            "gallery": self.gallery,
            "purpose": self.purpose,
            "pack": self.pack,
            "created": self.created,
            "expires": self.expires,
            "record": dict(self.record),
        }


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log entry with what could be opened of it.

    Attributes:
        index: Position in the log.
        time: RFC 3339.
        operation: What was done.
        phase: `begin`, `end`, `denied` or `note`.
        refers: Index of the `begin` that an `end` closes.
        opened: Details by slot; a slot that can no longer be opened is absent.
        sealed: Slots that stay closed: their key was destroyed, or the deployment is locked.
    """

    index: int
    time: str
    operation: str
    phase: str
    refers: int | None
    opened: Mapping[str, Mapping[str, JSONValue]]
    sealed: tuple[str, ...]

    def to_json(self) -> JSONDict:
        """Return the entry."""
        return {
            "index": self.index,
            "time": self.time,
            "operation": self.operation,
            "phase": self.phase,
            "refers": self.refers,
            "opened": {slot: dict(details) for slot, details in self.opened.items()},
            "sealed": list(self.sealed),
        }


@dataclass(frozen=True, slots=True)
class SubjectView:
    """What is held about a subject, and what happened to them as the log tells it."""

    subject: str
    references: tuple[ReferenceView, ...]
    history: tuple[LogLine, ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward subject show --json`."""
        return {
            "subject": self.subject,
            "references": [reference.to_json() for reference in self.references],
            "history": [line.to_json() for line in self.history],
        }


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """An erasure, with the receipt that the subject may keep (C2SP tlog-proof text)."""

    subject: str
    references: int
    entry: int
    receipt: str

    def to_json(self) -> JSONDict:
        """Return the object of `faceward subject erase --json`."""
        return {"subject": self.subject, "references": self.references, "entry": self.entry, "receipt": self.receipt}
