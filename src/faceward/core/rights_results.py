"""What operations on subjects' rights return: frozen, and each with one JSON form, which the command line prints."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class WithdrawalResult:
    """A withdrawal of releases, with the receipt that the subject may keep (C2SP tlog-proof text)."""

    subject: str
    purpose: str
    references: int
    entry: int
    receipt: str

    def to_json(self) -> JSONDict:
        """Return the object of `faceward release withdraw --json`."""
        return {
            "subject": self.subject,
            "purpose": self.purpose,
            "references": self.references,
            "entry": self.entry,
            "receipt": self.receipt,
        }


@dataclass(frozen=True, slots=True)
class Matter:
    """A complaint or a request of a subject, as it stands.

    Attributes:
        identifier: 16 hexadecimal digits.
        kind: `complaint`, or what was asked for.
        subject: Who it is from.
        text: What they said.
        reference: The reference it is about, or None for all.
        state: `received`, `acknowledged`, `answered`, `upheld` or `rejected`.
        received: RFC 3339.
        deadline: By when the next step is to be done, RFC 3339, or None where nothing is left to do.
        overdue: Whether that moment has passed.
        entry: Index of the log entry that recorded it.
    """

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

    def to_json(self) -> JSONDict:
        """Return the matter."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class TickResult:
    """What one turn of the clock did and found.

    Attributes:
        at: When, RFC 3339.
        done: What was done, in plain words.
        due: What is to be done soon, or should have been; see `policy.rights.Obligation`.
        failed: What could not be done, and why.
    """

    at: str
    done: tuple[str, ...]
    due: tuple[JSONDict, ...]
    failed: tuple[str, ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward tick --json`."""
        return {"at": self.at, "done": list(self.done), "due": list(self.due), "failed": list(self.failed)}


@dataclass(frozen=True, slots=True)
class AdverseResult:
    """The notice of an adverse action (rule D2)."""

    subject: str
    entry: int
    notice: str

    def to_json(self) -> JSONDict:
        """Return the object of `faceward subject adverse --json`."""
        return {"subject": self.subject, "entry": self.entry, "notice": self.notice}
