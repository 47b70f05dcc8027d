"""Signed notes with Ed25519 keys (C2SP signed-note, signature type 0x01)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from faceward.audit.strict import decode_base64, encode_base64
from faceward.core.errors import BadInput, IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
SEED_SIZE = 32

_SIGNATURE_LINE = re.compile("\u2014 ([^ \n]+) ([A-Za-z0-9+/]+={0,2})")
_KEY_ID = re.compile("[0-9a-f]{8}")


def check_key_name(name: str) -> str:
    """Return the name if it can name a key: not empty, no white space, plus sign or control character.

    Raises:
        UsageError: It cannot.
    """
    if not name or "+" in name or any(c < " " or c.isspace() or "\ud800" <= c <= "\udfff" for c in name):
        raise UsageError(f"{name!r} cannot name a log; write it like a host, for example example.org/log")
    return name


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public half of a note key.

    Attributes:
        KIND: Signature type, one byte (C2SP signed-note).
        name: Key name; for a log, its origin.
        public_key: 32 bytes (RFC 8032 §5.1.5).
    """

    KIND: ClassVar[bytes] = b"\x01"
    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.public_key) != 32:
            raise UsageError(f"an Ed25519 public key has 32 bytes, not {len(self.public_key)}; give the whole key")

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name || 0x0A || type || public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.KIND + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as text: `name+hexkeyid+base64(type || public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(self.KIND + self.public_key)}"

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """Parse what `vkey` wrote; one trailing newline is allowed.

        Raises:
            BadInput: It is not the text of an Ed25519 verifier key, or its key id does not fit.
        """
        parts = text.removesuffix("\n").split("+", 2)
        if len(parts) != 3 or _KEY_ID.fullmatch(parts[1]) is None:
            raise BadInput("this is not a verifier key; it reads name+keyid+key on one line")
        try:
            data = decode_base64(parts[2], "the verifier key", 33)
            verifier = cls(parts[0], data[1:])
        except (IntegrityError, UsageError) as error:
            raise BadInput("this is not an Ed25519 verifier key; copy the whole line again") from error
        if data[:1] != cls.KIND:
            raise BadInput(f"the verifier key is of type {data[0]:#04x}; one of type {cls.KIND[0]:#04x} is wanted here")
        if verifier.key_id.hex() != parts[1]:
            raise BadInput("the verifier key does not fit its key id; copy the whole line again")
        return verifier

    def accepts(self, text: str, signature: bytes) -> bool:
        """Return whether the signature (64 bytes, RFC 8032 §5.1.7) is this key's over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """The private half of a note key. Its seed is stored sealed, elsewhere.

    Args:
        name: Key name; for a log, its origin.
        seed: 32 secret bytes (RFC 8032 §5.1.5).

    Raises:
        UsageError: The name or the seed's length does not serve.
    """

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise UsageError(f"a signing seed has {SEED_SIZE} bytes, not {len(seed)}; give the whole seed")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        """Key name."""
        return self.verifier.name

    def sign(self, text: str) -> NoteSignature:
        """Sign the text of a note."""
        return NoteSignature(self.name, self.verifier.key_id, self._key.sign(text.encode()))

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line.

    Attributes:
        name: Key name.
        key_id: Four bytes.
        signature: What the key's algorithm made, at least one byte.
    """

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line without its newline."""
        return f"\u2014 {self.name} {encode_base64(self.key_id + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as parsed; nothing is verified yet.

    Attributes:
        text: The signed text, ending in a newline.
        signatures: At least one, of any key.
    """

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> str:
        """Write the note: text, blank line, signature lines."""
        return self.text + "\n" + "".join(s.line() + "\n" for s in self.signatures)


def _malformed(why: str) -> IntegrityError:
    return IntegrityError(f"the signed note {why}; get an unaltered copy")


def _check_characters(text: str) -> None:
    if any(c < " " and c != "\n" for c in text):
        raise _malformed("holds control characters")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _malformed("is not valid Unicode") from error
    if size > MAX_NOTE_BYTES:
        raise _malformed(f"is longer than {MAX_NOTE_BYTES} bytes")


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """Sign a text with one or more keys.

    Raises:
        UsageError: The text is no note text, or nobody signs.
    """
    if not signers or not text.endswith("\n"):
        raise UsageError("a note needs a signer and a text that ends in a newline")
    try:
        _check_characters(text)
    except IntegrityError as error:
        raise UsageError(f"the text cannot be signed: {error}") from error
    return Note(text, tuple(signer.sign(text) for signer in signers)).encode()


def parse_note(encoded: str) -> Note:
    """Split a note into text and signatures, verifying none.

    Raises:
        IntegrityError: It is not in the form of C2SP signed-note, or beyond the limits.
    """
    _check_characters(encoded)
    # The last empty line separates, because a text may hold empty lines.
    cut = encoded.rfind("\n\n")
    if cut < 0 or not encoded.endswith("\n"):
        raise _malformed("has no signatures")
    lines = encoded[cut + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"has more than {MAX_SIGNATURES} signatures")
    return Note(encoded[: cut + 1], tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> NoteSignature:
    found = _SIGNATURE_LINE.fullmatch(line)
    if found is None:
        raise _malformed("has a line that is no signature")
    try:
        name = check_key_name(found[1])
    except UsageError as error:
        raise _malformed("has a signature without a proper key name") from error
    data = decode_base64(found[2], "a signature of the note")
    if len(data) < 5:
        raise _malformed("has a signature that is too short")
    return NoteSignature(name, data[:4], data[4:])


def open_note(encoded: str, verifiers: Sequence[Verifier]) -> Note:
    """Parse a note and verify it; the note returned holds only the verified signatures.

    Signatures of unknown keys are ignored. A key's second signature is ignored too.

    Raises:
        IntegrityError: Malformed, a bad signature of a known key, or no signature of a known key.
    """
    note = parse_note(encoded)
    known = {(v.name, v.key_id): v for v in verifiers}
    verified: dict[tuple[str, bytes], NoteSignature] = {}
    for signature in note.signatures:
        key = (signature.name, signature.key_id)
        verifier = known.get(key)
        if verifier is None or key in verified:
            continue
        if not verifier.accepts(note.text, signature.signature):
            raise IntegrityError(f"the signature of {verifier.name} is wrong; the signed text was altered")
        verified[key] = signature
    if not verified:
        names = ", ".join(v.name for v in verifiers) or "anyone known"
        raise IntegrityError(f"the note is not signed by {names}; it comes from another log or key")
    return Note(note.text, tuple(verified.values()))
