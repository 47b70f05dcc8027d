"""What operations on stored data return: frozen, and each with one JSON form, which the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from faceward.core.canonical import JSONValue
from faceward.core.results import JSONDict


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
