"""Keys of programs (rule K2): what one is, what it is for, and until when it may be used."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.policy.machines import PREFIX
from faceward.policy.strict import Table

ID_LENGTH = 20
SECRET_LENGTH = 40
_ID_PREFIX = "FWAK"
# Of the form that AWS gives to its own, so that every client takes them.
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SECRET_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105 - an alphabet
_NAME_BYTES = 200
_KEYS = ("id", "name", "purposes", "galleries", "created", "expires", "revoked", "person", "sealed", "by")


@dataclass(frozen=True, slots=True)
class KeyNote:
    """What is kept of a key.

    Attributes:
        id: Its public identifier, 20 of A-Z and 2-7.
        name: What people call it.
        purposes: The only purposes that it may name, or None for all.
        galleries: The only galleries that it may name, or None for all.
        created: When it was made, UTC.
        expires: From when on it is refused, UTC; None where it has no end.
        revoked: When it was taken away, UTC, or None.
        person: The public key by which the roster knows it, as one line.
        sealed: Its secrets, sealed; empty once it is revoked.
        by: Who made it, and so has its secret; empty where that was not noted.
    """

    id: str
    name: str
    purposes: frozenset[str] | None
    galleries: frozenset[str] | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    person: str
    sealed: str = field(repr=False)
    by: str = ""

    @property
    def roster_name(self) -> str:
        """Under which name it acts, and the roster knows it."""
        return f"{PREFIX}{self.name}"

    def in_force(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "id": self.id,
            "name": self.name,
            "purposes": None if self.purposes is None else sorted(self.purposes),
            "galleries": None if self.galleries is None else sorted(self.galleries),
            "created": to_rfc3339(self.created),
            "expires": None if self.expires is None else to_rfc3339(self.expires),
            "revoked": None if self.revoked is None else to_rfc3339(self.revoked),
            "person": self.person,
            "sealed": self.sealed,
            "by": self.by,
        }

    @classmethod
    def from_json(cls, value: object) -> KeyNote:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "the stored key of a program", IntegrityError)
        table.only(_KEYS)
        try:
            return cls(
                id=table.text("id"),
                name=check_name(table.text("name"), "key"),
                purposes=_names(table, "purposes"),
                galleries=_names(table, "galleries"),
                created=from_rfc3339(table.text("created")),
                expires=_moment(table, "expires"),
                revoked=_moment(table, "revoked"),
                person=table.text("person"),
                sealed=table.text("sealed"),
                by=table.text("by") if table.has("by") else "",
            )
        except (ValueError, OverflowError, UsageError) as error:
            raise table.error(str(error)) from None


def draw_id() -> str:
    """Draw an identifier: 80 random bits."""
    return _ID_PREFIX + "".join(secrets.choice(_ID_ALPHABET) for _ in range(ID_LENGTH - len(_ID_PREFIX)))


def draw_secret() -> str:
    """Draw a secret: 238 random bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(SECRET_LENGTH))


def draw_name() -> str:
    """Draw a name for a key that nobody named."""
    return f"program-{secrets.token_hex(4)}"


def check_key_name(text: str) -> str:
    """Return a key's name in Unicode NFC.

    Raises:
        UsageError: It is no name, or too long to be a person's in the roster.
    """
    name = check_name(text, "key")
    if len(name.encode()) > _NAME_BYTES:
        raise UsageError(f"the key's name is longer than {_NAME_BYTES} bytes; shorten it")
    return name


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an identifier."""
    return len(text) == ID_LENGTH and text.startswith(_ID_PREFIX) and set(text) <= set(_ID_ALPHABET)


def is_secret(text: str) -> bool:
    """Tell whether a text has the form of a secret."""
    return len(text) == SECRET_LENGTH and set(text) <= set(_SECRET_ALPHABET)


def _names(table: Table, name: str) -> frozenset[str] | None:
    return None if table.value(name) is None else frozenset(table.names(name))


def _moment(table: Table, name: str) -> datetime | None:
    return None if table.value(name) is None else from_rfc3339(table.text(name))
