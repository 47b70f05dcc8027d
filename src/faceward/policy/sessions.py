"""Signing in (rule S2): a person's key vouches for a key in memory that signs each use for some hours.

The person's own key may be here, or elsewhere, as a passkey is: then a session is first prepared and opened with what
the passkey signed, and each request, approval and statement needs a signature brought for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError, PolicyRefusal, SignatureNeeded, UsageError
from faceward.core.names import check_name
from faceward.policy.fields import VERSION, check_head
from faceward.policy.machines import check_answered
from faceward.policy.people import Person, Roster
from faceward.policy.requests import SKEW
from faceward.policy.signed_sessions import Session, SignedSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.sshwire import BadSignature
from faceward.policy.strict import Table, parse_json

__all__ = [
    "LONGEST",
    "SESSION_NAMESPACE",
    "OpenSession",
    "PreparedSession",
    "Presigned",
    "Session",
    "SignedSession",
    "check_session",
    "check_use",
]

SESSION_NAMESPACE = "faceward-session"
LONGEST = timedelta(hours=12)
_USE = b"faceward/release/v1\0"
_HASH_BYTES = 32
_KEY = re.compile(r"[0-9a-f]{64}")
_KEPT = ("version", "key", "signed")
_AGAIN = "Sign in again, with --as NAME --key FILE."


@dataclass(frozen=True, slots=True)
class Presigned:
    """What a person signed elsewhere, for example in a browser, before the act that it is for is repeated.

    Attributes:
        namespace: What it was signed for.
        message: What was signed.
        signature: Armoured SSHSIG; whoever acts on it checks it.
    """

    namespace: str
    message: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class PreparedSession:
    """A session that its person has not signed yet.

    Attributes:
        session: The session.
    """

    session: Session
    _key: Ed25519PrivateKey = field(repr=False)

    def message(self) -> bytes:
        """Return what the person signs, for the namespace `SESSION_NAMESPACE`."""
        return self.session.message()

    def opened(self, signature: str) -> OpenSession:
        """Return the session with the person's signature, which `check_session` checks."""
        return OpenSession(SignedSession(self.session, signature), self._key)

    def to_secret(self) -> bytes:
        """Return what `from_secret` reads back; whoever has it and the person's signature acts as that person."""
        return self.opened("").to_secret()

    @classmethod
    def from_secret(cls, secret: bytes) -> PreparedSession:
        """Read what `to_secret` wrote.

        Raises:
            IntegrityError: It is not that.
        """
        signed, key = _from_secret(secret)
        return cls(signed.session, key)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session in the process in which somebody signed in.

    Attributes:
        signed: What shows that they did.

    Uses are signed with the session's key. Requests, approvals and statements are signed with the person's own key; it
    stays in memory as long if it was here at all, and otherwise each needs what was signed elsewhere.
    """

    signed: SignedSession
    _key: Ed25519PrivateKey = field(repr=False)
    _own: PrivateKey | None = field(default=None, repr=False)
    _presigned: tuple[Presigned, ...] = field(default=(), repr=False)

    @classmethod
    def prepare(cls, person: str, deployment: str, now: datetime, term: timedelta = LONGEST) -> PreparedSession:
        """Begin to sign in with a key that is elsewhere.

        Args:
            person: Who, as in the roster.
            deployment: Origin of the deployment's log.
            now: The current time, UTC.
            term: How long, at most twelve hours.
        """
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        return PreparedSession(
            Session(deployment, check_name(person, "person"), public, now, now + min(term, LONGEST)), key
        )

    @classmethod
    def begin(
        cls, person: str, key: PrivateKey, deployment: str, now: datetime, term: timedelta = LONGEST
    ) -> OpenSession:
        """Sign in with a key that is here.

        Args:
            person: Who, as in the roster.
            key: Their key.
            deployment: Origin of the deployment's log.
            now: The current time, UTC.
            term: How long, at most twelve hours.
        """
        prepared = cls.prepare(person, deployment, now, term)
        return replace(prepared.opened(key.sign(SESSION_NAMESPACE, prepared.message())), _own=key)

    @property
    def person(self) -> str:
        """Who signed in."""
        return self.signed.session.person

    def with_signatures(self, *presigned: Presigned) -> OpenSession:
        """Return it with what the person signed elsewhere, for the acts that are repeated now and no others."""
        return replace(self, _presigned=presigned)

    def for_uses(self) -> OpenSession:
        """Return it without the person's own key, so that it signs uses and no request, approval or statement."""
        return replace(self, _own=None, _presigned=())

    def presigned(self, namespace: str) -> tuple[Presigned, ...]:
        """Return what was brought for a namespace."""
        return tuple(one for one in self._presigned if one.namespace == namespace)

    def sign(self, namespace: str, message: bytes) -> str:
        """Sign with the person's own key: a request, an approval, a statement; armoured SSHSIG.

        Raises:
            SignatureNeeded: The key is elsewhere, and no signature of exactly this was brought.
        """
        if self._own is not None:
            return self._own.sign(namespace, message)
        for one in self.presigned(namespace):
            if one.message == message:
                return one.signature
        raise SignatureNeeded(namespace, message)

    def to_secret(self) -> bytes:
        """Return what `from_secret` reads back, for another process of the same service.

        Whoever has it acts as that person until the session ends, so it is kept in memory or sealed. The person's own
        key and what was brought are not in it.
        """
        key = self._key.private_bytes_raw().hex()
        return canonical_json({"version": VERSION, "key": key, "signed": self.signed.to_json()})

    @classmethod
    def from_secret(cls, secret: bytes) -> OpenSession:
        """Read what `to_secret` wrote.

        Raises:
            IntegrityError: It is not that.
        """
        return cls(*_from_secret(secret))

    def sign_use(self, leaf_hash: bytes, gallery: str) -> bytes:
        """Sign that this person's log entry is to open this gallery; 64 bytes.

        Args:
            leaf_hash: The entry's leaf hash, 32 bytes (RFC 6962 §2.1).
            gallery: The gallery's name.
        """
        return self._key.sign(_use(leaf_hash, gallery))


def _from_secret(secret: bytes) -> tuple[SignedSession, Ed25519PrivateKey]:
    where = "the kept session"
    table = Table(parse_json(secret, where, IntegrityError), where, IntegrityError)
    check_head(table, _KEPT)
    signed, text = SignedSession.from_json(table.value("signed")), table.text("key")
    if _KEY.fullmatch(text) is not None:
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
        if key.public_key().public_bytes_raw() == signed.session.key:
            return signed, key
    raise table.error("its key is not the session's; sign in again")


def check_session(signed: SignedSession, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check that a person of the roster has signed in, here, and that it still holds.

    Returns:
        The person.

    Raises:
        PolicyRefusal: Another deployment, somebody who is not in the roster, a program that nobody there answers for, a
            wrong signature, or it has ended (S2).
    """
    session = signed.session
    if session.deployment != deployment:
        raise PolicyRefusal("S2", "this session is of another deployment.", _AGAIN)
    if session.person not in roster:
        raise PolicyRefusal("S2", f"{session.person!r} is not in the roster.", "Let somebody sign in who is.")
    person = roster.person(session.person)
    check_answered(person, roster.people)
    person.check_signature(SESSION_NAMESPACE, session.message(), signed.signature)
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
