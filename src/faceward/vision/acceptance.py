"""What was accepted before a pack was fetched: a small file beside the pack's networks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import BadInput

ACCEPTED = "accepted.json"
"""Name of the file in a pack's folder."""
MAX_BYTES = 65536
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The terms that were shown and accepted.

    Attributes:
        licence: As the manifest stated it.
        licence_at: Where its authors state it, a URL.
        conflict: What in the terms contradicts itself, or empty.
        document: SHA-256 of the manifest that was shown.
        at: When it was accepted, in UTC.
        origin: Where the files came from: the servers' names, or `folder`.
    """

    licence: str
    licence_at: str
    conflict: str
    document: str
    at: datetime
    origin: str

    def to_json(self) -> dict[str, Any]:
        """Return it as it is printed and stored."""
        return {
            "licence": self.licence,
            "licence_at": self.licence_at,
            "conflict": self.conflict,
            "document": self.document,
            "at": to_rfc3339(self.at),
            "origin": self.origin,
        }

    def encode(self) -> bytes:
        """Return the file's content."""
        return (json.dumps({"format": _FORMAT, **self.to_json()}, ensure_ascii=False, indent=2) + "\n").encode()


def parse_acceptance(data: bytes, origin: str) -> Acceptance:
    """Read what `encode` wrote.

    Args:
        data: The file's content.
        origin: What to call it in messages.

    Raises:
        BadInput: It is something else.
    """
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        raw = None
    keys = ("licence", "licence_at", "conflict", "document", "at", "origin")
    if not isinstance(raw, dict) or raw.pop("format", None) != _FORMAT or set(raw) != set(keys):
        raise _damaged(origin)
    if not all(isinstance(value, str) and value.isprintable() for value in raw.values()):
        raise _damaged(origin)
    try:
        return Acceptance(**{**raw, "at": from_rfc3339(raw["at"])})
    except (ValueError, OverflowError):
        raise _damaged(origin) from None


def _damaged(origin: str) -> BadInput:
    return BadInput(f"{origin}: not the record of an accepted licence; remove the file or install the pack anew")
