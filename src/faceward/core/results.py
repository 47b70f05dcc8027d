"""What the operations return: frozen, and each with one JSON form, which the command line prints."""

from __future__ import annotations

from dataclasses import dataclass
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
        extrapolated: The FMR is lower than any that was measured: it is a bound that a model of the tail gives.
    """

    score: float
    fmr: float
    fmr_low: float
    fmr_high: float
    fpir: float | None
    data: str
    extrapolated: bool = False

    def to_json(self) -> JSONDict:
        """Return the object that the command line prints under `operating_point`."""
        return {
            "threshold": round(self.score, 5),
            "fmr": _rate(self.fmr),
            "fmr_interval": [_rate(self.fmr_low), _rate(self.fmr_high)],
            "fpir": None if self.fpir is None else _rate(self.fpir),
            "data": self.data,
            "extrapolated": self.extrapolated,
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
    """A subject at or above the operating point.

    Attributes:
        subject: The subject's name.
        score: Score of the subject's template; None where reviewers must answer first (rule H2).
        reference: Of the references in the template the one that resembles the probe most.
        references: All references in the template.
    """

    subject: str
    score: float | None
    reference: str
    references: tuple[str, ...] = ()

    def to_json(self) -> JSONDict:
        """Return the candidate."""
        score = None if self.score is None else round(self.score, 5)
        return {
            "subject": self.subject,
            "score": score,
            "reference": self.reference,
            "references": list(self.references),
        }


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
class Compared:
    """What a search compares with.

    Attributes:
        references: References in force, of the gallery's pack.
        subjects: Subjects whom they belong to, each with one template.
        left_out: References in force of another pack, which are not compared until they are migrated.
    """

    references: int
    subjects: int
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class IdentificationResult:
    """A 1:N search for the faces of a picture.

    Attributes:
        picture: The picture.
        gallery: Where it was searched.
        purpose: What for.
        compared: With whom.
        operating_point: What the decisions rest on.
        probes: The faces.
        pack: The model pack.
        entry: Index of the log entry.
        case: Where reviewers answer, if the standard asks for them.
        size: Width and height of the picture in pixels, as it was analysed, upright.
    """

    picture: str
    gallery: str
    purpose: str
    compared: Compared
    operating_point: Threshold
    probes: tuple[ProbeResult, ...]
    pack: str
    entry: int
    case: str | None = None
    size: tuple[int, int] = (0, 0)

    @property
    def references(self) -> int:
        """How many references were compared."""
        return self.compared.references

    def to_json(self) -> JSONDict:
        """Return the object of `faceward identify --json`."""
        return {
            "picture": self.picture,
            "gallery": self.gallery,
            "purpose": self.purpose,
            "references": self.compared.references,
            "subjects": self.compared.subjects,
            "left_out": self.compared.left_out,
            "operating_point": self.operating_point.to_json(),
            "probes": [probe.to_json() for probe in self.probes],
            "pack": self.pack,
            "entry": self.entry,
            "case": self.case,
        }
