"""Who calls, and what they may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from faceward.policy.sessions import OpenSession
from faceward.service.errors import Forbidden


class Kind(StrEnum):
    """What proves who calls."""

    KEY = "key"
    PERSON = "person"
    ACCOUNT = "account"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was recognised at the door.

    Attributes:
        kind: A program's `key`; a `person` of the roster, whose own key opened the session; an `account` at an OpenID
            provider; a `subject` who sees what is about them.
        name: Who, as the log will say.
        roles: What they may do here.
        purposes: The only purposes that they may name, or None for all.
        galleries: The only galleries that they may name, or None for all.
        session: What proves it to the custodian; None where nothing does.
        token: Digest of what was shown at the door, which names the session in the vault; empty for keys.
    """

    kind: Kind
    name: str
    roles: frozenset[str] = frozenset()
    purposes: frozenset[str] | None = None
    galleries: frozenset[str] | None = None
    session: OpenSession | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)

    @property
    def lane(self) -> str:
        """In whose name what they ask for waits; see `work`."""
        return f"{self.kind.value} {self.name}"

    def require_role(self, *roles: str) -> None:
        """Check that they have one of some roles.

        Raises:
            Forbidden: They have none of them.
        """
        if not self.roles & set(roles):
            raise Forbidden(f"{self.name!r} has not the role {' or '.join(roles)}; ask somebody who has")

    def require_purpose(self, purpose: str) -> None:
        """Check that they may name a purpose.

        Raises:
            Forbidden: Their key is for others.
        """
        if self.purposes is not None and purpose not in self.purposes:
            raise Forbidden(f"this key is not for the purpose {purpose!r}; use a key that is")

    def require_gallery(self, gallery: str) -> None:
        """Check that they may name a gallery.

        Raises:
            Forbidden: Their key is for others.
        """
        if self.galleries is not None and gallery not in self.galleries:
            raise Forbidden(f"this key is not for the gallery {gallery!r}; use a key that is")
