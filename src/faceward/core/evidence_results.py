"""What operations on evidence return: frozen, and each with one JSON form, which is printed."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """An evaluation as the deployment holds it.

    Attributes:
        digest: SHA-256 of its canonical JSON, 64 hexadecimal digits.
        state: `with the pack`, `on record`, or `waiting` for another person's approval.
        pack: Identifier of the model pack that was evaluated.
        data: Name of the test data.
        subjects: People in the data.
        camera_class: What kind of pictures they are.
        own: Whether the deployment's own cameras took them.
        made: When it was made, RFC 3339.
        until: When it ceases to be evidence, RFC 3339.
        lowest_fmr: The lowest FMR that it states, or None where it states none.
        purposes: Names of the purposes that rely on it.
    """

    digest: str
    state: str
    pack: str
    data: str
    subjects: int
    camera_class: str
    own: bool
    made: str
    until: str
    lowest_fmr: float | None
    purposes: tuple[str, ...]

    def to_json(self) -> JSONDict:
        """Return an object of `faceward evidence list --json`."""
        return {
            "evaluation": self.digest,
            "state": self.state,
            "pack": self.pack,
            "data": self.data,
            "subjects": self.subjects,
            "camera_class": self.camera_class,
            "own": self.own,
            "made": self.made,
            "until": self.until,
            "lowest_fmr": self.lowest_fmr,
            "purposes": list(self.purposes),
        }


@dataclass(frozen=True, slots=True)
class WatchEvidence:
    """Whether cameras may be watched for a purpose by what it relies on.

    Attributes:
        fmr: The FMR that one comparison of a track needs with its largest gallery: a third of what a search does.
        in_force: Whether a watch may rest on it, for all cameras whose notice names the purpose.
        reason: Why not; empty where it may.
        remedy: What helps.
    """

    fmr: float
    in_force: bool
    reason: str
    remedy: str

    def to_json(self) -> JSONDict:
        """Return an object of `faceward status --json`, under `watch` of `evidence`."""
        return {"fmr": self.fmr, "in_force": self.in_force, "reason": self.reason, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class PurposeEvidence:
    """What a purpose relies on, and whether it may be searched by.

    Attributes:
        purpose: Its name.
        camera_class: Its camera class; `any` names none.
        evaluation: Digest of the evaluation that it relies on, or None.
        data: Name of that evaluation's data, or None.
        until: When that ceases to be evidence, RFC 3339, or None.
        fmr: The FMR that a search of its largest gallery needs of one comparison.
        in_force: Whether identification may rest on it.
        reason: Why not; empty where it may.
        remedy: What helps.
        watch: The same for watching cameras; None where the standard lets none be watched.
    """

    purpose: str
    camera_class: str
    evaluation: str | None
    data: str | None
    until: str | None
    fmr: float
    in_force: bool
    reason: str
    remedy: str
    watch: WatchEvidence | None = None

    def to_json(self) -> JSONDict:
        """Return an object of `faceward status --json`, under `evidence`."""
        return {
            "purpose": self.purpose,
            "camera_class": self.camera_class,
            "evaluation": self.evaluation,
            "data": self.data,
            "until": self.until,
            "fmr": self.fmr,
            "in_force": self.in_force,
            "reason": self.reason,
            "remedy": self.remedy,
            "watch": None if self.watch is None else self.watch.to_json(),
        }


@dataclass(frozen=True, slots=True)
class MeasuredChange:
    """What came of a change that may lower a threshold.

    Attributes:
        state: `done`, or `waiting` for another person's approval.
        request: Digest of the request that waits, or None.
        entry: Index of the log entry that announced the change, or None where it waits.
        evaluation: Digest of the evaluation that was recorded or withdrawn, or None.
        purposes: How the purposes concerned stand now.
    """

    state: str
    request: str | None
    entry: int | None
    evaluation: str | None
    purposes: tuple[PurposeEvidence, ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward evidence add --json` and of others that may lower a threshold."""
        return {
            "state": self.state,
            "request": self.request,
            "entry": self.entry,
            "evaluation": self.evaluation,
            "purposes": [purpose.to_json() for purpose in self.purposes],
        }
