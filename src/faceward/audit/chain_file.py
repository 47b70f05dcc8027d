"""The file by which a subject checks a chain: receipts of all its entries, and the committed end.

One JSON object::

    {"format": "faceward/chain/v1",
     "receipts": ["c2sp.org/tlog-proof@v1…", …],
     "heads": {"receipt": "…of the entry `chains`…", "number": 7, "proof": ["<64 hex>", …]},
     "searches": [{"receipt": "…of a search…", "reference": "<32 hex>", "proof": ["<64 hex>", …]}, …],
     "consistency": ["<64 hex>", …]}

Receipts stand under at most two checkpoints, a cosigned one and the log's latest, and `consistency` leads from the
first to the second. Nothing of the file is signed as a whole, nor need it be: all of it is proven by its parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.chain import decode_hex
from faceward.audit.strict import MAX_NUMBER
from faceward.core.errors import BadInput, IntegrityError

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject, JSONValue

FORMAT = "faceward/chain/v1"
MAX_CHAIN_BYTES = 256 * 1024 * 1024
EXPORT_FIELD = "chain"
"""Where an export of a subject holds the package."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """The proof of where a chain ended.

    Attributes:
        receipt: Of the entry `chains`.
        number: Of the chain's last entry at that time.
        proof: What leads from there to the committed root, 32 bytes each.
    """

    receipt: str
    number: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """The proof that a search compared a reference of the subject's.

    Attributes:
        receipt: Of the search's beginning, with the opening of the slot `gallery`.
        reference: Identifier of the reference, which the subject's own entries name.
        proof: What leads from it to the root over the gallery's members, 32 bytes each.
    """

    receipt: str
    reference: str
    proof: tuple[bytes, ...]

    def to_json(self) -> JSONObject:
        """Return the object."""
        return {
            "receipt": self.receipt,
            "reference": self.reference,
            "proof": [hashed.hex() for hashed in self.proof],
        }


@dataclass(frozen=True, slots=True)
class Package:
    """A chain with its proofs; nothing is verified yet.

    Attributes:
        receipts: Of each entry, in the order of the chain, with the subject's opening.
        heads: Where the chain ended.
        consistency: Proof that the later of the two checkpoints continues the earlier; empty where there is one.
        searches: Searches of galleries that the subject was a member of, in the order of the log.
    """

    receipts: tuple[str, ...]
    heads: Commitment
    consistency: tuple[bytes, ...]
    searches: tuple[Search, ...] = ()

    def to_json(self) -> JSONObject:
        """Return the object."""
        return {
            "format": FORMAT,
            "receipts": list(self.receipts),
            "heads": {
                "receipt": self.heads.receipt,
                "number": self.heads.number,
                "proof": [hashed.hex() for hashed in self.heads.proof],
            },
            "searches": [search.to_json() for search in self.searches],
            "consistency": [hashed.hex() for hashed in self.consistency],
        }

    @classmethod
    def parse(cls, text: str) -> Package:
        """Read a file: the object itself, or an export that holds it.

        Raises:
            BadInput: It is something else.
        """
        try:
            value = json.loads(text)
            if isinstance(value, dict) and isinstance(value.get(EXPORT_FIELD), dict):
                value = value[EXPORT_FIELD]
            return cls._read(value)
        except (ValueError, RecursionError, TypeError, KeyError, IntegrityError) as error:
            raise BadInput("this is no chain of a subject; give what 'faceward subject export' wrote") from error

    @classmethod
    def _read(cls, value: JSONValue) -> Package:
        parts = _object(value, {"format", "receipts", "heads", "searches", "consistency"})
        heads = _object(parts["heads"], {"receipt", "number", "proof"})
        number = heads["number"]
        if parts["format"] != FORMAT or type(number) is not int or not 1 <= number <= MAX_NUMBER:
            raise TypeError("another format, or no number")
        return cls(
            receipts=tuple(_text(one) for one in _list(parts["receipts"])),
            heads=Commitment(_text(heads["receipt"]), number, _hashes(heads["proof"])),
            consistency=_hashes(parts["consistency"]),
            searches=tuple(_search(one) for one in _list(parts["searches"])),
        )


def _search(value: JSONValue) -> Search:
    parts = _object(value, {"receipt", "reference", "proof"})
    return Search(_text(parts["receipt"]), _text(parts["reference"]), _hashes(parts["proof"]))


def _object(value: JSONValue, fields: set[str]) -> Mapping[str, JSONValue]:
    if not isinstance(value, Mapping) or set(value) != fields:
        raise TypeError("not the object that was expected")
    return value


def _list(value: JSONValue) -> list[JSONValue]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _text(value: JSONValue) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _hashes(value: JSONValue) -> tuple[bytes, ...]:
    return tuple(decode_hex(one) for one in _list(value))
