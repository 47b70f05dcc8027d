"""Keys of galleries that a custodian has lent for one operation, in memory only."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.protection.wrap import KEY_BYTES


@dataclass(slots=True)
class _Grant:
    key_id: str
    key: bytes
    holders: int = 0


class Grants:
    """The gallery keys that operations under way hold; threads may share it.

    Two operations on one gallery hold the same key; it is forgotten when the last one ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._granted: dict[tuple[str, str], _Grant] = {}

    def give(self, gallery: str, key_id: str, key: bytes) -> None:
        """Hold a gallery's key until `take_back` was called as often as this.

        Raises:
            UsageError: It is not a 32-byte key.
        """
        if len(key) != KEY_BYTES:
            raise UsageError(f"the key of a gallery has {KEY_BYTES} bytes, not {len(key)}")
        with self._lock:
            grant = self._granted.setdefault((gallery, key_id), _Grant(key_id, key))
            grant.key = key
            grant.holders += 1

    def take_back(self, gallery: str, key_id: str) -> None:
        """Give up one hold; one that is not held is passed over."""
        with self._lock:
            grant = self._granted.get((gallery, key_id))
            if grant is None:
                return
            grant.holders -= 1
            if grant.holders <= 0:
                del self._granted[gallery, key_id]

    def key(self, gallery: str, key_id: str) -> bytes:
        """Return a key that an operation holds.

        Raises:
            PolicyRefusal: No operation under way was granted it (rule L2).
        """
        with self._lock:
            grant = self._granted.get((gallery, key_id))
        if grant is None:
            raise PolicyRefusal(
                "L2",
                f"the gallery {gallery!r} is closed: its key is released for one recorded operation only.",
                "Use the operations of the system, which record first.",
            )
        return grant.key

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._granted.clear()
