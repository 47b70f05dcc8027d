"""What is handed to a custodian and what it hands out, and their strict JSON form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.audit.proof import EntryProof
from faceward.audit.strict import decode_base64, encode_base64
from faceward.core.errors import IntegrityError
from faceward.policy.asking import Approval, SignedRequest
from faceward.policy.sessions import SignedSession
from faceward.policy.strict import Table

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject

MAX_MESSAGE_BYTES = 1024 * 1024
"""Longest message, either way, its line end included."""
MAX_HASHES = 63
MAX_APPROVALS = 16
KEY_BYTES = 32
_HASH_BYTES = 32
_MAX_SECONDS = 86_400.0
_WHAT = "the presentation"
_FIELDS = (
    "leaf", "index", "inclusion", "checkpoint", "since", "consistency", "details", "gallery", "key_id", "session",
    "use", "mandate", "approvals",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Authority:
    """Who acts, and by what right.

    Attributes:
        session: Who signed in, or None.
        use: The session's signature over this entry and gallery, or None.
        mandate: The request for the mandate, signed by its requester, or None.
        approvals: What others answered to that request.
    """

    session: SignedSession | None = None
    use: bytes | None = None
    mandate: SignedRequest | None = None
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True)
class Presentation:
    """A log entry, shown to a custodian for the key of one gallery.

    Attributes:
        proof: The entry, and its proofs from the size that the custodian saw last.
        details: The encoded opening of the entry's slot `details`.
        gallery: The gallery whose key is wanted.
        authority: Who acts, and by what right.
        key_id: Which of the gallery's keys; empty for the one in use. During a rotation there are two.
    """

    proof: EntryProof
    details: bytes
    gallery: str
    authority: Authority = field(default_factory=Authority)
    key_id: str = ""

    def to_json(self) -> JSONObject:
        """Return the object that `from_json` reads."""
        proof, authority = self.proof, self.authority
        return {
            "leaf": encode_base64(proof.leaf),
            "index": proof.index,
            "inclusion": [encode_base64(hashed) for hashed in proof.inclusion],
            "checkpoint": proof.checkpoint,
            "since": proof.since,
            "consistency": [encode_base64(hashed) for hashed in proof.consistency],
            "details": encode_base64(self.details),
            "gallery": self.gallery,
            "key_id": self.key_id,
            "session": None if authority.session is None else authority.session.to_json(),
            "use": None if authority.use is None else encode_base64(authority.use),
            "mandate": None if authority.mandate is None else authority.mandate.to_json(),
            "approvals": [approval.to_json() for approval in authority.approvals],
        }

    @classmethod
    def from_json(cls, value: object) -> Presentation:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is something else, or beyond the limits.
        """
        table = Table(value, _WHAT, IntegrityError)
        table.only(_FIELDS)
        proof = EntryProof(
            decode_base64(table.text("leaf"), "the entry"),
            index_of(table, "index"),
            _hashes(table, "inclusion"),
            table.text("checkpoint"),
            index_of(table, "since"),
            _hashes(table, "consistency"),
        )
        session, use, mandate = table.value("session"), table.value("use"), table.value("mandate")
        return cls(
            proof,
            decode_base64(table.text("details"), "the details"),
            table.text("gallery"),
            Authority(
                None if session is None else SignedSession.from_json(session),
                None if use is None else decode_base64(table.text("use"), "the signature of use"),
                None if mandate is None else SignedRequest.from_json(mandate),
                approvals_of(table, "approvals"),
            ),
            table.text("key_id"),
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """A gallery key, for a while.

    Attributes:
        key_id: The key's identifier, 32 hexadecimal digits.
        key: 32 bytes.
        seconds: How long it may be used; who holds it forgets it then.
        size: Number of entries that the custodian has now seen; the next proof begins there.
    """

    key_id: str
    key: bytes = field(repr=False)
    seconds: float
    size: int

    def to_json(self) -> JSONObject:
        """Return the object that `from_json` reads."""
        return {"key_id": self.key_id, "key": encode_base64(self.key), "seconds": self.seconds, "size": self.size}

    @classmethod
    def from_json(cls, value: object) -> Lease:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is something else.
        """
        table = Table(value, "the lease", IntegrityError)
        table.only(("key_id", "key", "seconds", "size"))
        seconds = table.number("seconds")
        if not 0 < seconds <= _MAX_SECONDS:
            raise table.error("'seconds' is out of range")
        key = decode_base64(table.text("key"), "the key", KEY_BYTES)
        return cls(table.text("key_id"), key, seconds, index_of(table, "size"))


def index_of(table: Table, key: str) -> int:
    """Return a whole number from 0.

    Raises:
        IntegrityError: It is something else.
    """
    value = table.value(key)
    if type(value) is not int or not 0 <= value < 2**53:
        raise table.error(f"{key!r} must be a whole number from 0")
    return value


def objects(table: Table, key: str, most: int) -> list[object]:
    """Return a list of at most so many values.

    Raises:
        IntegrityError: It is something else.
    """
    value = table.value(key)
    if not isinstance(value, list) or len(value) > most:
        raise table.error(f"{key!r} must be a list of at most {most}")
    return value


def approvals_of(table: Table, key: str) -> tuple[Approval, ...]:
    """Return a list of approvals.

    Raises:
        IntegrityError: It is something else.
    """
    return tuple(Approval.from_json(item) for item in objects(table, key, MAX_APPROVALS))


def _hashes(table: Table, key: str) -> tuple[bytes, ...]:
    found = []
    for item in objects(table, key, MAX_HASHES):
        if not isinstance(item, str):
            raise table.error(f"{key!r} must be a list of texts")
        found.append(decode_base64(item, "a hash of the proof", _HASH_BYTES))
    return tuple(found)
