"""A numbered chain of the entries about each subject, and one root over the ends of all chains. Pure.

The opening of a slot `subject/N` carries its place in the chain of that subject::

    {"chain": {"label": "<64 hex>", "number": 7, "previous": "<64 hex: the commitment of number 6>"},
     "subject": "…", …}

so whoever holds the openings sees that nothing between is missing. That nothing follows is shown by an entry `chains`:
its slot `heads` holds, unsalted, the root of a Merkle map (`trie`) from each chain's label to its last number and
commitment. The label is drawn from a key that is destroyed with its subject, so the map names nobody.

The members of a gallery make a map of the same kind, whose root stands in the slot `gallery` of a search.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.entries import DIGEST_SIZE
from faceward.audit.strict import MAX_NUMBER
from faceward.audit.trie import LABEL_SIZE, root_with
from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceward.core.canonical import JSONObject, JSONValue

CHAINS = "chains"
"""The operation of entries that commit to the ends of all chains."""
GALLERY_SLOT = "gallery"
"""The slot of a search whose opening holds the root over the gallery's members."""
LINK_FIELD = "chain"

_NUMBER_BYTES = 8
_LABEL_DOMAIN = b"faceward/chain/label/v1"
_MEMBER_DOMAIN = b"faceward/gallery/member/v1\0"
_HEX = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain.

    Attributes:
        number: Of its last entry, from 1.
        digest: The commitment that this entry holds for the subject, 32 bytes.
    """

    number: int
    digest: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MAX_NUMBER or len(self.digest) != DIGEST_SIZE:
            raise UsageError("the end of a chain has a number from 1 and a digest of 32 bytes")

    def encode(self) -> bytes:
        """Return the value that a map of heads holds: the number, 8 bytes, high byte first, and the digest."""
        return self.number.to_bytes(_NUMBER_BYTES, "big") + self.digest


@dataclass(frozen=True, slots=True)
class Link:
    """An entry's place in a subject's chain.

    Attributes:
        label: The chain's label, 32 bytes.
        number: 1, 2, 3, … without a gap.
        previous: The commitment of the entry before; None for the first.
    """

    label: bytes
    number: int
    previous: bytes | None

    def __post_init__(self) -> None:
        if len(self.label) != LABEL_SIZE or not 1 <= self.number <= MAX_NUMBER:
            raise UsageError("a link of a chain has a label of 32 bytes and a number from 1")
        if (self.previous is None) != (self.number == 1) or len(self.previous or bytes(DIGEST_SIZE)) != DIGEST_SIZE:
            raise UsageError("every link of a chain but the first names the commitment before it")

    @classmethod
    def after(cls, label: bytes, head: Head | None) -> Link:
        """Return the link that follows the end of a chain, or begins one."""
        return cls(label, 1, None) if head is None else cls(label, head.number + 1, head.digest)

    def to_json(self) -> JSONObject:
        """Return the object under `chain` in an opening's details."""
        return {
            "label": self.label.hex(),
            "number": self.number,
            "previous": None if self.previous is None else self.previous.hex(),
        }

    @classmethod
    def from_json(cls, value: JSONValue) -> Link:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        broken = IntegrityError("the place in the chain is malformed; get an unaltered copy")
        if not isinstance(value, Mapping) or set(value) != {"label", "number", "previous"}:
            raise broken
        number, previous = value["number"], value["previous"]
        if type(number) is not int:
            raise broken
        try:
            return cls(decode_hex(value["label"]), number, None if previous is None else decode_hex(previous))
        except UsageError as error:
            raise broken from error


def decode_hex(value: JSONValue) -> bytes:
    """Return 32 bytes written as 64 lower-case hexadecimal digits.

    Raises:
        IntegrityError: It is something else.
    """
    if not isinstance(value, str) or _HEX.fullmatch(value) is None:
        raise IntegrityError("a digest is not 64 hexadecimal digits; get an unaltered copy")
    return bytes.fromhex(value)


def chain_label(key: bytes) -> bytes:
    """Return the label of the chain of the subject whose log key this is; once the key is gone it names nobody."""
    return hmac.digest(key, _LABEL_DOMAIN, "sha256")


def member_label(reference_id: str) -> bytes:
    """Return the label of a reference in the map of its gallery's members; identifiers of references are random."""
    return hashlib.sha256(_MEMBER_DOMAIN + reference_id.encode()).digest()


def check_head(label: bytes, head: Head, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the map of heads with this root holds exactly this head for the label.

    Raises:
        IntegrityError: It does not.
    """
    if root_with(label, head.encode(), proof) != root:
        raise IntegrityError(f"the committed ends of all chains do not hold number {head.number} for this one")


def check_member(reference_id: str, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a gallery with this root had this reference among its members.

    Raises:
        IntegrityError: It does not.
    """
    if root_with(member_label(reference_id), b"", proof) != root:
        raise IntegrityError(f"the gallery's root does not hold the reference {reference_id}")
