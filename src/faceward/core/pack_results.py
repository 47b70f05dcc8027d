"""What changing a deployment's pack returns: frozen, and each with one JSON form, which is printed."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class PackChange:
    """A deployment's change to another pack.

    Attributes:
        pack: Name of the pack.
        identifier: Its identifier, which references made with it carry.
        state: `in use`, or `waiting` for another person's approval.
        request: Digest of the request that waits, or None.
        galleries: For each gallery how many references of other packs it holds, not compared until they are migrated.
    """

    pack: str
    identifier: str
    state: str
    request: str | None
    galleries: tuple[tuple[str, int], ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward packs use --json`."""
        return {
            "pack": self.pack,
            "identifier": self.identifier,
            "state": self.state,
            "request": self.request,
            "galleries": [{"gallery": name, "left_out": count} for name, count in self.galleries],
        }


@dataclass(frozen=True, slots=True)
class NotMigrated:
    """A reference that stays as it is, of a pack that is not in use.

    Attributes:
        subject: The subject who must be asked again.
        reference: The reference.
        picture: File name of the picture that it was made from, as recorded at enrolment.
        reason: Why it could not be migrated.
    """

    subject: str
    reference: str
    picture: str
    reason: str

    def to_json(self) -> JSONDict:
        """Return an object of `faceward gallery migrate --json`."""
        return {
            "subject": self.subject,
            "reference": self.reference,
            "picture": self.picture,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """A gallery's migration to the pack in use.

    Attributes:
        gallery: The gallery.
        pack: Identifier of the pack in use.
        migrated: References that were made anew from their sample.
        superseded: References erased because the same sample was enrolled with the pack in use already.
        simulated: Simulated references erased; they belong to nobody and are simulated again.
        ask_again: What stays of another pack, by subject.
    """

    gallery: str
    pack: str
    migrated: int
    superseded: int
    simulated: int
    ask_again: tuple[NotMigrated, ...]

    def to_json(self) -> JSONDict:
        """Return the object of `faceward gallery migrate --json`."""
        return {
            "gallery": self.gallery,
            "pack": self.pack,
            "migrated": self.migrated,
            "superseded": self.superseded,
            "simulated": self.simulated,
            "ask_again": [one.to_json() for one in self.ask_again],
        }
