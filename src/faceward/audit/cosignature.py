"""Cosignatures: a witness says when it saw a checkpoint continue the one before (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from faceward.audit.note import SEED_SIZE, NoteSignature, Verifier, parse_note
from faceward.audit.strict import decode_base64, encode_base64
from faceward.core.clock import to_rfc3339
from faceward.core.errors import BadInput, IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIME_SIZE = 8
_SIZE = _TIME_SIZE + 64
_MAX_TIME = 2**63 - 1
_SECRET_PREFIX = "PRIVATE+KEY+"  # noqa: S105 - the form's first words, no secret


def _message(seconds: int, text: str) -> str:
    return f"cosignature/v1\ntime {seconds}\n{text}"


@dataclass(frozen=True, slots=True)
class CosignatureVerifier(Verifier):
    """The public half of a witness's key."""

    KIND: ClassVar[bytes] = b"\x04"

    def accepts(self, text: str, signature: bytes) -> bool:
        """Return whether a `timestamped_signature` (72 bytes) is this key's over the text."""
        seconds = int.from_bytes(signature[:_TIME_SIZE], "big")
        if len(signature) != _SIZE or seconds > _MAX_TIME:
            return False
        # Named, because a dataclass with slots is made twice and super() without arguments finds the first.
        return Verifier.accepts(self, _message(seconds, text), signature[_TIME_SIZE:])


class Cosigner:
    """The private half of a witness's key.

    Args:
        name: Key name, for example `witness.example.org/w1`.
        seed: 32 secret bytes (RFC 8032 §5.1.5), used for nothing else: the signed message does not name the key.

    Raises:
        UsageError: The name or the seed's length does not serve.
    """

    __slots__ = ("_key", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise UsageError(f"a signing seed has {SEED_SIZE} bytes, not {len(seed)}; give the whole seed")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = CosignatureVerifier(name, self._key.public_key().public_bytes_raw())

    def cosign(self, text: str, now: datetime) -> NoteSignature:
        """Cosign a checkpoint's text at a moment, timezone-aware, from 1970."""
        seconds = int(now.timestamp())
        if not 0 <= seconds <= _MAX_TIME:
            raise UsageError("a cosignature needs a time from 1970; set the clock")
        signature = self._key.sign(_message(seconds, text).encode())
        return NoteSignature(self.verifier.name, self.verifier.key_id, seconds.to_bytes(_TIME_SIZE, "big") + signature)

    def encode_secret(self) -> str:
        """Write the key as one secret line, `PRIVATE+KEY+name+hexkeyid+base64(0x04 || seed)`."""
        key = encode_base64(CosignatureVerifier.KIND + self._seed)
        return f"{_SECRET_PREFIX}{self.verifier.name}+{self.verifier.key_id.hex()}+{key}"

    @classmethod
    def decode_secret(cls, text: str) -> Cosigner:
        """Read what `encode_secret` wrote; one trailing newline is allowed.

        Raises:
            BadInput: It is something else. The message shows nothing of it.
        """
        parts = text.removesuffix("\n").removeprefix(_SECRET_PREFIX).split("+", 2)
        if not text.startswith(_SECRET_PREFIX) or len(parts) != 3:
            raise BadInput("this is no witness's key; make one with 'faceward witness key'")
        try:
            data = decode_base64(parts[2], "the witness's key", 1 + SEED_SIZE)
            cosigner = cls(parts[0], data[1:])
        except (IntegrityError, UsageError):
            raise BadInput("the witness's key is damaged; restore its file") from None
        if data[:1] != CosignatureVerifier.KIND or cosigner.verifier.key_id.hex() != parts[1]:
            raise BadInput("the witness's key does not fit its key id; restore its file")
        return cosigner

    def __repr__(self) -> str:
        return f"Cosigner({self.verifier.name!r})"


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A verified cosignature.

    Attributes:
        witness: Name of the witness's key.
        seconds: When it says that it signed, in seconds since 1970.
    """

    witness: str
    seconds: int

    @property
    def time(self) -> str:
        """The moment as RFC 3339, or the number of seconds where no calendar reaches."""
        try:
            return to_rfc3339(datetime.fromtimestamp(self.seconds, tz=UTC))
        except (ValueError, OverflowError, OSError):
            return f"{self.seconds} s after 1970"


def verify_cosignatures(encoded: str, witnesses: Sequence[CosignatureVerifier]) -> tuple[Cosigned, ...]:
    """Check that each of these witnesses cosigned a checkpoint.

    Args:
        encoded: The checkpoint as a signed note; the log's own signature is not looked at.
        witnesses: Keys of the witnesses; other signatures are ignored.

    Returns:
        One cosignature of each witness, the latest where it signed more than once, in the order given.

    Raises:
        IntegrityError: Malformed, a bad signature of a named witness, or none.
    """
    note = parse_note(encoded)
    found = []
    for witness in witnesses:
        mine = [s.signature for s in note.signatures if (s.name, s.key_id) == (witness.name, witness.key_id)]
        if not mine:
            raise IntegrityError(f"the checkpoint is not cosigned by {witness.name}; ask for one that is")
        if not all(witness.accepts(note.text, signature) for signature in mine):
            raise IntegrityError(f"the cosignature of {witness.name} is wrong; the signed text was altered")
        found.append(Cosigned(witness.name, max(int.from_bytes(s[:_TIME_SIZE], "big") for s in mine)))
    return tuple(found)
