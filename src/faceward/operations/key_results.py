"""What operations on programs' keys return."""

from __future__ import annotations

from dataclasses import dataclass, field

from faceward.core.results import JSONDict
from faceward.policy.api_keys import KeyNote
from faceward.policy.sshsig import PrivateKey

ALTERED = "altered"
"""The state of a key of which what is kept was altered: it is in force nowhere, and can be revoked."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key with its secrets, in the hands of whoever checks it.

    Attributes:
        note: What is kept of it.
        secret: Its secret.
        own: The key by which the roster knows it.
    """

    note: KeyNote
    secret: str = field(repr=False)
    own: PrivateKey = field(repr=False)

    @property
    def id(self) -> str:
        """Its public identifier."""
        return self.note.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self.note.name

    @property
    def purposes(self) -> frozenset[str] | None:
        """The only purposes that it may name, or None for all."""
        return self.note.purposes

    @property
    def galleries(self) -> frozenset[str] | None:
        """The only galleries that it may name, or None for all."""
        return self.note.galleries


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is listed: nothing of its secrets.

    Attributes:
        note: What is kept of it; of one that was altered nothing holds but the identifier.
        state: `in force`, `expired`, `revoked` or `altered`.
        admitted: Whether the roster knows it; None where nobody needs to sign in.
    """

    note: KeyNote
    state: str
    admitted: bool | None

    def to_json(self) -> JSONDict:
        """Return an object of `faceward keys list --json`."""
        kept = self.note.to_json()
        shown = {name: kept[name] for name in ("name", "purposes", "galleries", "created", "expires", "revoked")}
        return {"access_key_id": self.note.id, **shown, "state": self.state, "admitted": self.admitted}


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key that was just made. The secret is shown here and never again.

    Attributes:
        note: What is kept of it.
        secret_access_key: The secret, 40 letters and digits.
    """

    note: KeyNote
    secret_access_key: str = field(repr=False)

    @property
    def access_key_id(self) -> str:
        """Its public identifier."""
        return self.note.id

    def to_json(self) -> JSONDict:
        """Return the object of `faceward keys create --json`."""
        kept = self.note.to_json()
        shown = {name: kept[name] for name in ("purposes", "galleries", "created", "expires")}
        return {
            "name": self.note.name,
            "access_key_id": self.note.id,
            "secret_access_key": self.secret_access_key,
            **shown,
        }
