"""Versioned bytes of a sealed blob, and what each is bound to.

    offset  bytes  field
    0       3      magic "FWB"
    3       1      version, 1
    4       1      mode: 1 sealed, 2 witnessed, 3 encrypted
    5       12     nonce
    17      n      ciphertext and tag

The first five bytes and the canonical JSON of the `Binding` are the associated data: a blob moved to another
reference, key, gallery, pack or purpose does not open.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError, UsageError

Kind: TypeAlias = Literal["features", "record", "opening"]

MAGIC = b"FWB"
VERSION = 1
NONCE_BYTES = 12
TAG_BYTES = 16
_HEADER_BYTES = len(MAGIC) + 2
_MODES = {"sealed": 1, "witnessed": 2, "encrypted": 3}
_MODE_NAMES = {code: name for name, code in _MODES.items()}
_ID_DIGITS = frozenset("0123456789abcdef")
_ID_LENGTH = 32
_TIME_CHARACTERS = frozenset("0123456789-:.TZ")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a sealed blob belongs to.

    Attributes:
        kind: `features`, `record`, or `opening` of a log commitment.
        reference_id: 32 lower-case hexadecimal digits.
        key_id: Identifier of the subject's key, 32 lower-case hexadecimal digits.
        gallery: Name of the gallery.
        pack: Identifier of the model pack that extracted the features.
        purpose: Name of the purpose.
        subject: Pseudonym of the subject, hexadecimal digits; empty for an opening.
        expires: When the reference ends, RFC 3339; empty for an opening.
    """

    kind: Kind
    reference_id: str
    key_id: str
    gallery: str
    pack: str
    purpose: str
    subject: str = ""
    expires: str = ""

    def associated_data(self) -> bytes:
        """Return the binding as canonical JSON (RFC 8785).

        Raises:
            IntegrityError: An identifier is not 32 hexadecimal digits.
        """
        for identifier in (self.reference_id, self.key_id):
            if len(identifier) != _ID_LENGTH or not _ID_DIGITS.issuperset(identifier):
                raise IntegrityError(f"{identifier!r} is not the identifier of a reference or key; restore the gallery")
        if not _ID_DIGITS.issuperset(self.subject) or not _TIME_CHARACTERS.issuperset(self.expires):
            raise IntegrityError(
                f"the reference {self.reference_id} has no proper subject or term; restore the gallery"
            )
        head, middle = _frame(self.kind, self.gallery, self.pack, self.purpose)
        own = (self.expires, head, self.key_id, middle, self.reference_id, self.subject)
        return '{{"expires":"{}",{}{}{}{}","subject":"{}"}}'.format(*own).encode()


@lru_cache(maxsize=256)
def _frame(kind: Kind, gallery: str, pack: str, purpose: str) -> tuple[str, str]:
    """Return the canonical JSON around what differs from reference to reference.

    Encoding a gallery's names a hundred thousand times over would take longer than opening its references. RFC 8785
    sorts `expires` first, `key_id` before `kind` and `reference_id` and `subject` last; none of them needs an escape.
    """
    shared = canonical_json({"gallery": gallery, "key_id": "", "kind": kind, "pack": pack, "purpose": purpose})
    # `"gallery"` precedes `"key_id"`; an escaped name cannot hold the bare quotes that this looks for.
    head, rest = shared.decode().split('"key_id":"', 1)
    return head[1:] + '"key_id":"', rest[:-1] + ',"reference_id":"'


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """The parts of a blob.

    Attributes:
        mode: The scheme that made it.
        nonce: 12 bytes.
        ciphertext: Ciphertext and tag.
    """

    mode: str
    nonce: bytes
    ciphertext: bytes


def header(mode: str) -> bytes:
    """Return the first five bytes of a blob of this mode.

    Raises:
        UsageError: There is no such mode.
    """
    if mode not in _MODES:
        raise UsageError(f"there is no protection mode {mode!r}; use one of {', '.join(_MODES)}")
    return MAGIC + bytes([VERSION, _MODES[mode]])


def encode(blob: SealedBlob) -> bytes:
    """Write a blob.

    Raises:
        UsageError: The mode or the nonce's length is wrong.
    """
    if len(blob.nonce) != NONCE_BYTES:
        raise UsageError(f"a nonce has {NONCE_BYTES} bytes, not {len(blob.nonce)}")
    return header(blob.mode) + blob.nonce + blob.ciphertext


def decode(data: bytes) -> SealedBlob:
    """Read a blob.

    Raises:
        IntegrityError: It is truncated, foreign, or of an unknown version or mode.
    """
    if len(data) < _HEADER_BYTES + NONCE_BYTES + TAG_BYTES or not data.startswith(MAGIC):
        raise IntegrityError("a sealed blob is truncated or foreign; restore the gallery from its backup")
    version, mode = data[3], _MODE_NAMES.get(data[4])
    if version != VERSION:
        raise IntegrityError(f"a sealed blob has the unknown version {version}; upgrade faceward to open it")
    if mode is None:
        raise IntegrityError(f"a sealed blob has the unknown mode {data[4]}; upgrade faceward to open it")
    nonce = data[_HEADER_BYTES : _HEADER_BYTES + NONCE_BYTES]
    return SealedBlob(mode, nonce, data[_HEADER_BYTES + NONCE_BYTES :])
