"""Sessions as objects: what a person signs to sign in is the canonical form (rule S2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError
from faceward.policy.fields import MAX_ORIGIN, VERSION, check_head, line, moment, person_name
from faceward.policy.strict import Table

_KEY = re.compile(r"[0-9a-f]{64}")
_KEYS = ("version", "deployment", "person", "key", "created", "expires")


@dataclass(frozen=True, slots=True)
class Session:
    """That a person is at work.

    Attributes:
        deployment: Origin of the deployment's log.
        person: Who.
        key: The session's Ed25519 public key, 32 bytes.
        created: When it began, UTC.
        expires: When it ends, exclusive, UTC; at most twelve hours later.
    """

    deployment: str
    person: str
    key: bytes
    created: datetime
    expires: datetime

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "version": VERSION,
            "deployment": self.deployment,
            "person": self.person,
            "key": self.key.hex(),
            "created": to_rfc3339(self.created),
            "expires": to_rfc3339(self.expires),
        }

    @classmethod
    def from_json(cls, value: object) -> Session:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "session", IntegrityError)
        check_head(table, _KEYS)
        key = table.text("key")
        if _KEY.fullmatch(key) is None:
            raise table.error("'key' is not 64 hexadecimal digits; sign in again")
        return cls(
            line(table, "deployment", MAX_ORIGIN),
            person_name(table, "person"),
            bytes.fromhex(key),
            moment(table, "created"),
            moment(table, "expires"),
        )

    def message(self) -> bytes:
        """Return what the person signs: its canonical JSON."""
        return canonical_json(self.to_json())

    def digest(self) -> str:
        """Return the SHA-256 of its canonical JSON, 64 hexadecimal digits."""
        return sha256_hex(self.message())


@dataclass(frozen=True, slots=True)
class SignedSession:
    """A session with the signature of the person.

    Attributes:
        session: The session.
        signature: Armoured SSHSIG.
    """

    session: Session
    signature: str

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {"session": self.session.to_json(), "signature": self.signature}

    @classmethod
    def from_json(cls, value: object) -> SignedSession:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "signed session", IntegrityError)
        table.only(("session", "signature"))
        return cls(Session.from_json(table.value("session")), table.text("signature"))
