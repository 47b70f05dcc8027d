"""Checkpoints: the signed size and root of a log (C2SP tlog-checkpoint)."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.audit.merkle import HASH_SIZE
from faceward.audit.note import Signer, Verifier, open_note, parse_note, sign_note
from faceward.audit.receipt import HEADER
from faceward.audit.strict import MAX_NUMBER, decode_base64, decode_decimal, encode_base64
from faceward.core.errors import BadInput, IntegrityError, UsageError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to.

    Attributes:
        origin: Identity of the log; here always the name of the key that signs.
        size: Number of entries.
        root: Merkle tree hash over them, 32 bytes.
        extensions: Opaque non-empty lines; this project writes none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_NUMBER or len(self.root) != HASH_SIZE:
            raise UsageError("a checkpoint needs a size from 0 and a root of 32 bytes")
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            raise UsageError("a checkpoint's origin and extensions are single lines that are not empty")

    def body(self) -> str:
        """Write the note text."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode_base64(self.root), *self.extensions))

    @classmethod
    def from_body(cls, text: str) -> Checkpoint:
        """Parse a note text.

        Raises:
            IntegrityError: It is no checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise IntegrityError("the checkpoint is malformed; get an unaltered copy")
        return cls(
            origin=lines[0],
            size=decode_decimal(lines[1], "the checkpoint's size"),
            root=decode_base64(lines[2], "the checkpoint's root", HASH_SIZE),
            extensions=tuple(lines[3:]),
        )


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the checkpoint as a signed note.

    Raises:
        UsageError: The signer's name is not the checkpoint's origin.
    """
    if signer.name != checkpoint.origin:
        raise UsageError(f"the key of {signer.name} cannot sign for the log {checkpoint.origin}; use the log's key")
    return sign_note(checkpoint.body(), [signer])


def open_checkpoint(encoded: str, verifier: Verifier) -> Checkpoint:
    """Verify and parse a checkpoint of the log that the key belongs to.

    Raises:
        IntegrityError: Malformed, not signed by the key, or of another log.
    """
    checkpoint = Checkpoint.from_body(open_note(encoded, [verifier]).text)
    if checkpoint.origin != verifier.name:
        raise IntegrityError(f"the checkpoint is of {checkpoint.origin}, not of {verifier.name}; get the right one")
    return checkpoint


def open_kept(text: str, verifier: Verifier) -> Checkpoint:
    """Verify a checkpoint that was handed in; a file that is something else says nothing about the log.

    Raises:
        BadInput: It is no checkpoint.
        IntegrityError: It is not signed by the key, or of another log.
    """
    asked = "give what 'faceward audit checkpoint' printed"
    if text.startswith(HEADER):
        raise BadInput(f"this is a receipt, not a checkpoint; {asked}")
    if _is_vkey(text):
        raise BadInput(f"this is a key, not a checkpoint; {asked}")
    try:
        Checkpoint.from_body(parse_note(text).text)
    except (IntegrityError, UsageError) as error:
        raise BadInput(f"this is not a checkpoint; {asked}") from error
    return open_checkpoint(text, verifier)


def _is_vkey(text: str) -> bool:
    try:
        Verifier.from_vkey(text.strip())
    except BadInput:
        return False
    return True
