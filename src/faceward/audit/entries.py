"""Log entries: what happened and when, with salted commitments in the place of everything personal (L4).

A leaf is the canonical JSON (RFC 8785) of one object::

    {"commitments":{"details":"<Base 64 of 32 bytes>"},"operation":"enrol","phase":"end",
     "refers":17,"time":"2026-01-02T03:04:05.000006Z","version":1}

`refers` is absent where the entry refers to no other. Nothing in it can hold a name: operations and slots are
narrow ASCII identifiers. Details live in an `Opening`, stored sealed beside the log; with its key destroyed,
the commitment says nothing, because its salt is gone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from faceward.audit.strict import MAX_NUMBER, decode_base64, encode_base64, from_canonical, to_canonical
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject, JSONValue

ENTRY_VERSION = 1
SALT_SIZE = 32
DIGEST_SIZE = 32
MAX_COMMITMENTS = 4096
SUBJECT_SLOTS = "subject/"
"""How the slots begin whose openings concern one subject, and are destroyed with what is kept of them."""
HEADS_SLOT = "heads"
"""The slot whose digest is no commitment to an opening but the root over the ends of all chains, see `chain`."""

_DOMAIN = b"faceward/commitment/v1\0"
_OPERATION = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_SLOT = re.compile(r"[a-z][a-z-]{0,31}(/(0|[1-9][0-9]{0,5}))?")
_REQUIRED = {"commitments", "operation", "phase", "time", "version"}
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class Phase(StrEnum):
    """Where in an operation an entry stands."""

    BEGIN = "begin"
    END = "end"
    DENIED = "denied"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Commitment:
    """A digest that binds to details without showing them.

    Attributes:
        slot: What is committed to: lower-case letters and hyphens, with or without a number (`details`,
            `subject/0`).
        digest: 32 bytes, from `Opening.digest`.
    """

    slot: str
    digest: bytes

    def __post_init__(self) -> None:
        if _SLOT.fullmatch(self.slot) is None:
            raise UsageError(f"{self.slot!r} is no slot; use lower-case letters, as in details or subject/0")
        if len(self.digest) != DIGEST_SIZE:
            raise UsageError(f"a commitment has {DIGEST_SIZE} bytes, not {len(self.digest)}")


@dataclass(frozen=True, slots=True)
class Opening:
    """What a commitment stands for. Personal: store it sealed only.

    Attributes:
        salt: 32 random bytes, so that details cannot be guessed from the digest.
        details: Plain JSON data.
    """

    salt: bytes
    details: JSONObject

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_SIZE:
            raise UsageError(f"a salt has {SALT_SIZE} bytes, not {len(self.salt)}")

    def digest(self) -> bytes:
        """Return SHA-256("faceward/commitment/v1" || 0x00 || salt || canonical JSON of the details).

        Raises:
            IntegrityError: The details are not plain JSON data.
        """
        return hashlib.sha256(_DOMAIN + self.salt + to_canonical(self.details, "the details")).digest()

    def opens(self, digest: bytes) -> bool:
        """Return whether this is what the digest commits to."""
        return hmac.compare_digest(self.digest(), digest)

    def to_json(self) -> JSONObject:
        """Return the object that `from_json` reads."""
        return {"details": self.details, "salt": encode_base64(self.salt)}

    @classmethod
    def from_json(cls, value: JSONValue) -> Opening:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        if not isinstance(value, Mapping) or set(value) != {"details", "salt"}:
            raise IntegrityError("the opening is malformed; get an unaltered copy")
        salt, details = value["salt"], value["details"]
        if not isinstance(salt, str) or not isinstance(details, Mapping):
            raise IntegrityError("the opening is malformed; get an unaltered copy")
        return cls(decode_base64(salt, "the opening's salt", SALT_SIZE), details)

    def encode(self) -> bytes:
        """Write as canonical JSON."""
        return to_canonical(self.to_json(), "the opening")

    @classmethod
    def decode(cls, data: bytes) -> Opening:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: It is something else.
        """
        return cls.from_json(from_canonical(data, "the opening"))


def commit(details: JSONObject) -> tuple[bytes, Opening]:
    """Commit to details under a fresh salt.

    Returns:
        The 32-byte digest for the leaf, and the opening to be sealed.

    Raises:
        IntegrityError: The details are not plain JSON data.
    """
    opening = Opening(secrets.token_bytes(SALT_SIZE), details)
    return opening.digest(), opening


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Attributes:
        time: When, timezone-aware; kept in UTC.
        operation: What, `[a-z][a-z0-9.-]{0,63}`: a name from the program, never from a user.
        phase: Where in the operation.
        refers: Index of an earlier entry; an `end` names its `begin`.
        commitments: Kept in the order of their slots, each slot once.
    """

    time: datetime
    operation: str
    phase: Phase
    refers: int | None = None
    commitments: tuple[Commitment, ...] = ()

    def __post_init__(self) -> None:
        if self.time.tzinfo is None or not self.time >= _EARLIEST:
            raise UsageError("an entry's time needs a timezone and a year from 2000; set the clock")
        if _OPERATION.fullmatch(self.operation) is None:
            raise UsageError(f"{self.operation!r} is no operation; use lower-case letters, digits, dots and hyphens")
        if self.refers is not None and not 0 <= self.refers <= MAX_NUMBER:
            raise UsageError(f"an entry cannot refer to {self.refers}; give the index of an earlier entry")
        if self.phase is Phase.END and self.refers is None:
            raise UsageError("an entry that ends an operation refers to its beginning; give that index")
        ordered = tuple(sorted(self.commitments, key=lambda c: c.slot))
        if len({c.slot for c in ordered}) != len(ordered) or len(ordered) > MAX_COMMITMENTS:
            raise UsageError(f"an entry takes each slot once, and at most {MAX_COMMITMENTS} of them")
        object.__setattr__(self, "commitments", ordered)
        object.__setattr__(self, "time", self.time.astimezone(UTC))

    def to_json(self) -> JSONObject:
        """Return the object whose canonical form is the leaf."""
        value: dict[str, JSONValue] = {
            "commitments": {c.slot: encode_base64(c.digest) for c in self.commitments},
            "operation": self.operation,
            "phase": self.phase.value,
            "time": to_rfc3339(self.time),
            "version": ENTRY_VERSION,
        }
        if self.refers is not None:
            value["refers"] = self.refers
        return value

    def encode(self) -> bytes:
        """Write the leaf's data: canonical JSON (RFC 8785)."""
        return to_canonical(self.to_json(), "the entry")

    def digest(self, slot: str) -> bytes:
        """Return the commitment in a slot.

        Raises:
            UsageError: The entry has no such slot.
        """
        for commitment in self.commitments:
            if commitment.slot == slot:
                return commitment.digest
        raise UsageError(f"the entry commits to nothing under {slot!r}; its slots are {self.slots}")

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the slots, in order."""
        return tuple(c.slot for c in self.commitments)

    @classmethod
    def from_json(cls, value: JSONValue) -> Entry:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else, or of a newer version.
        """
        if not isinstance(value, Mapping):
            raise IntegrityError("the log entry is malformed; get an unaltered copy")
        version = value.get("version")
        if type(version) is int and version > ENTRY_VERSION:
            raise IntegrityError(
                f"the log entry is of version {version}, this program knows {ENTRY_VERSION}; update it"
            )
        if type(version) is not int or version != ENTRY_VERSION or set(value) - {"refers"} != _REQUIRED:
            raise IntegrityError("the log entry is malformed; get an unaltered copy")
        try:
            entry = _read_entry(value)
        except (UsageError, ValueError, TypeError, OverflowError) as error:
            raise IntegrityError("the log entry is malformed; get an unaltered copy") from error
        # The same moment can be spelt in many ways; only ours is accepted.
        if entry.to_json() != dict(value):
            raise IntegrityError("the log entry is not in canonical form; get an unaltered copy")
        return entry

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """Read a leaf's data.

        Raises:
            IntegrityError: It is not exactly what `encode` writes, or of a newer version.
        """
        return cls.from_json(from_canonical(data, "the log entry"))


def _read_entry(value: Mapping[str, JSONValue]) -> Entry:
    operation, phase, time = value["operation"], value["phase"], value["time"]
    refers, commitments = value.get("refers"), value["commitments"]
    if not isinstance(operation, str) or not isinstance(phase, str) or not isinstance(time, str):
        raise TypeError("not text")
    if not isinstance(commitments, Mapping) or not (refers is None or type(refers) is int):
        raise TypeError("not an object, or not an index")
    pairs = []
    for slot, digest in commitments.items():
        if not isinstance(digest, str):
            raise TypeError("not a digest")
        pairs.append(Commitment(slot, decode_base64(digest, "a commitment", DIGEST_SIZE)))
    return Entry(from_rfc3339(time), operation, Phase(phase), refers, tuple(pairs))
