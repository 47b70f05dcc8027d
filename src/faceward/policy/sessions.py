"""Signing in (rule S2): a person's key vouches for a key in memory that signs each use for some hours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.policy.fields import MAX_ORIGIN, VERSION, check_head, line, moment, person_name
from faceward.policy.people import Person, Roster
from faceward.policy.requests import SKEW
from faceward.policy.sshsig import PrivateKey, verify
from faceward.policy.sshwire import BadSignature
from faceward.policy.strict import Table

SESSION_NAMESPACE = "faceward-session"
LONGEST = timedelta(hours=12)
_USE = b"faceward/release/v1\0"
_HASH_BYTES = 32
_KEY = re.compile(r"[0-9a-f]{64}")
_KEYS = ("version", "deployment", "person", "key", "created", "expires")
_AGAIN = "Sign in again, with --as NAME --key FILE."


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


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session in the process of the person who signed in.

    Attributes:
        signed: What shows that they did.

    The person's own key stays in memory as long: requests and approvals are signed with it, uses with the session's.
    """

    signed: SignedSession
    _key: Ed25519PrivateKey = field(repr=False)
    _own: PrivateKey = field(repr=False)

    @classmethod
    def begin(
        cls, person: str, key: PrivateKey, deployment: str, now: datetime, term: timedelta = LONGEST
    ) -> OpenSession:
        """Sign in.

        Args:
            person: Who, as in the roster.
            key: Their key.
            deployment: Origin of the deployment's log.
            now: The current time, UTC.
            term: How long, at most twelve hours.
        """
        own = Ed25519PrivateKey.generate()
        public = own.public_key().public_bytes_raw()
        session = Session(deployment, check_name(person, "person"), public, now, now + min(term, LONGEST))
        return cls(SignedSession(session, key.sign(SESSION_NAMESPACE, session.message())), own, key)

    @property
    def person(self) -> str:
        """Who signed in."""
        return self.signed.session.person

    def sign(self, namespace: str, message: bytes) -> str:
        """Sign with the person's own key: a request, an approval, a statement; armoured SSHSIG."""
        return self._own.sign(namespace, message)

    def sign_use(self, leaf_hash: bytes, gallery: str) -> bytes:
        """Sign that this person's log entry is to open this gallery; 64 bytes.

        Args:
            leaf_hash: The entry's leaf hash, 32 bytes (RFC 6962 §2.1).
            gallery: The gallery's name.
        """
        return self._key.sign(_use(leaf_hash, gallery))


def check_session(signed: SignedSession, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check that a person of the roster has signed in, here, and that it still holds.

    Returns:
        The person.

    Raises:
        PolicyRefusal: Another deployment, somebody who is not in the roster, a wrong signature, or it has ended (S2).
    """
    session = signed.session
    if session.deployment != deployment:
        raise PolicyRefusal("S2", "this session is of another deployment.", _AGAIN)
    if session.person not in roster:
        raise PolicyRefusal("S2", f"{session.person!r} is not in the roster.", "Let somebody sign in who is.")
    person = roster.person(session.person)
    verify(person.key, SESSION_NAMESPACE, session.message(), signed.signature)
    if session.created > now + SKEW or session.expires - session.created > LONGEST or now >= session.expires:
        raise PolicyRefusal("S2", "this session has ended, or was begun by a wrong clock.", _AGAIN)
    return person


def check_use(session: Session, leaf_hash: bytes, gallery: str, signature: bytes) -> None:
    """Check that a session's key signed the use of a gallery for a log entry.

    Raises:
        BadSignature: It did not (S2).
    """
    try:
        Ed25519PublicKey.from_public_bytes(session.key).verify(signature, _use(leaf_hash, gallery))
    except (InvalidSignature, ValueError):
        raise BadSignature.because("the session did not sign this use.", _AGAIN) from None


def _use(leaf_hash: bytes, gallery: str) -> bytes:
    if len(leaf_hash) != _HASH_BYTES:
        raise UsageError(f"a leaf hash has {_HASH_BYTES} bytes, not {len(leaf_hash)}")
    return _USE + leaf_hash + gallery.encode()
