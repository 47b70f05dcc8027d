"""Receipts: files that prove, with no log and no network at hand, that an entry is in it (C2SP tlog-proof).

The `extra` line carries the canonical JSON (RFC 8785) of what is proven, so that its holder can check it::

    {"entry": {…the leaf, see `entries`…},
     "format": "faceward/receipt/v1",
     "openings": {"subject/0": {"details": {…}, "salt": "<Base 64>"}}}

`openings` holds, by slot, those commitments that the holder may see opened. The line is not signed and need
not be: the entry hashes to the proven leaf, each opening to a digest in the entry, or the receipt is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.audit.entries import Entry, Opening
from faceward.audit.merkle import HASH_SIZE
from faceward.audit.note import parse_note
from faceward.audit.strict import decode_base64, decode_decimal, encode_base64, from_canonical, to_canonical
from faceward.core.errors import BadInput, IntegrityError, UsageError

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject

HEADER = "c2sp.org/tlog-proof@v1"
EXTRA_FORMAT = "faceward/receipt/v1"
MAX_RECEIPT_BYTES = 4_000_000
MAX_PROOF_HASHES = 63


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed proof; nothing is verified yet.

    Attributes:
        index: Index of the entry, from 0.
        proof: Inclusion proof, 32 bytes each, from the leaf's sibling upwards.
        checkpoint: The signed checkpoint, verbatim.
        extra: The opaque extra data, or None.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @classmethod
    def for_entry(
        cls,
        entry: Entry,
        index: int,
        proof: tuple[bytes, ...],
        checkpoint: str,
        openings: Mapping[str, Opening],
    ) -> Receipt:
        """Build the receipt of an entry, with those openings that its holder may see.

        Raises:
            UsageError: An opening does not open the commitment in its slot.
        """
        for slot, opening in openings.items():
            if not opening.opens(entry.digest(slot)):
                raise UsageError(f"the opening for {slot!r} does not open its commitment; give the entry's own")
        content = Content(entry, dict(openings))
        return cls(index, proof, checkpoint, content.encode())

    def encode(self) -> str:
        """Write the file (`.tlog-proof`)."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines += [f"index {self.index}", *map(encode_base64, self.proof), "", self.checkpoint]
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read a file strictly.

        Raises:
            BadInput: It is not in the form of C2SP tlog-proof, or beyond the limits.
        """
        if len(text) > MAX_RECEIPT_BYTES:
            raise BadInput(f"the receipt is longer than {MAX_RECEIPT_BYTES} characters; it is no receipt")
        head, separator, checkpoint = text.partition("\n\n")
        if not separator or not head.startswith(HEADER + "\n"):
            raise BadInput(f"this is no receipt; its first line must be {HEADER}")
        try:
            parse_note(checkpoint)
            return cls._parse_head(head.split("\n")[1:], checkpoint)
        except IntegrityError as error:
            raise BadInput(f"the receipt is malformed: {error}") from error

    @classmethod
    def _parse_head(cls, lines: list[str], checkpoint: str) -> Receipt:
        extra = None
        if lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "), "the extra line")
        if not lines or not lines[0].startswith("index "):
            raise BadInput("the receipt has no index line; get an unaltered copy")
        index = decode_decimal(lines[0].removeprefix("index "), "the index")
        if len(lines) - 1 > MAX_PROOF_HASHES:
            raise BadInput("the receipt's proof is too long for any log; get an unaltered copy")
        proof = tuple(decode_base64(line, "a hash of the proof", HASH_SIZE) for line in lines[1:])
        return cls(index, proof, checkpoint, extra)

    def content(self) -> Content:
        """Read the extra line.

        Raises:
            BadInput: It is absent, or in a form that this program does not know.
        """
        if self.extra is None:
            raise BadInput("the receipt does not carry its entry; ask for one that does")
        try:
            return Content.decode(self.extra)
        except IntegrityError as error:
            raise BadInput(f"the receipt's extra line cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Content:
    """What the extra line carries.

    Attributes:
        entry: The log entry; its encoding is the leaf's data.
        openings: Openings by slot.
    """

    entry: Entry
    openings: Mapping[str, Opening] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Write as canonical JSON."""
        value: JSONObject = {
            "entry": self.entry.to_json(),
            "format": EXTRA_FORMAT,
            "openings": {slot: opening.to_json() for slot, opening in self.openings.items()},
        }
        return to_canonical(value, "the receipt")

    @classmethod
    def decode(cls, data: bytes) -> Content:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: It is something else.
        """
        value = from_canonical(data, "the extra data")
        if value.get("format") != EXTRA_FORMAT or set(value) != {"entry", "format", "openings"}:
            raise IntegrityError(f"the extra data are not {EXTRA_FORMAT}; use the program that wrote the receipt")
        openings = value["openings"]
        if not isinstance(openings, Mapping):
            raise IntegrityError("the openings are malformed; get an unaltered copy")
        return cls(
            Entry.from_json(value["entry"]),
            {slot: Opening.from_json(opened) for slot, opened in openings.items()},
        )
