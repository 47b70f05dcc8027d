"""What operations on documents return: frozen, and each with one JSON form, which the command line prints."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A document that was written.

    Attributes:
        document: Its name.
        path: The file.
        sha256: SHA-256 of its bytes.
        missing: The questions that nobody has answered.
    """

    document: str
    path: str
    sha256: str
    missing: tuple[str, ...]

    def to_json(self) -> JSONDict:
        """Return the file."""
        return {"document": self.document, "file": self.path, "sha256": self.sha256, "missing": list(self.missing)}


@dataclass(frozen=True, slots=True)
class MadeDocuments:
    """What was written, and the digest of the configuration that it describes."""

    configuration: str
    files: tuple[MadeFile, ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward document make --json`."""
        return {"configuration": self.configuration, "files": [file.to_json() for file in self.files]}


@dataclass(frozen=True, slots=True)
class SignOff:
    """How a document stands.

    Attributes:
        document: Its name.
        state: `signed`, `void` since the configuration changed, or `missing`.
        person: Who signed it off, or None.
        time: When, RFC 3339, or None.
        sha256: SHA-256 of the file that was signed off, or None.
        configuration: Digest of the configuration that it describes, or None.
        changes: What has changed since, in words.
        entry: Index of the log entry that recorded it, or None.
    """

    document: str
    state: str
    person: str | None = None
    time: str | None = None
    sha256: str | None = None
    configuration: str | None = None
    changes: tuple[str, ...] = ()
    entry: int | None = None

    @property
    def sentence(self) -> str:
        """How it stands, in words."""
        if self.state == "missing":
            return "not signed off"
        if self.state == "void":
            return f"void since the configuration changed: {'; '.join(self.changes)}"
        return f"signed off by {self.person} on {(self.time or '')[:10]}"

    def to_json(self) -> JSONDict:
        """Return the sign-off."""
        return {
            "document": self.document,
            "state": self.state,
            "person": self.person,
            "time": self.time,
            "sha256": self.sha256,
            "configuration": self.configuration,
            "changes": list(self.changes),
            "entry": self.entry,
        }
