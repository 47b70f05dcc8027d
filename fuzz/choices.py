"""Choices read from bytes, so that one string of bytes always makes the same request, whoever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Reads choices from bytes; when they are used up every further choice is the first.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._place

    def below(self, limit: int) -> int:
        """Return a number from 0 to below the limit, at most 2**32."""
        size = 1 if limit <= 1 << 8 else 2 if limit <= 1 << 16 else 4
        return int.from_bytes(self.some(size), "little") % limit if limit > 1 else 0

    def one(self, of: Sequence[T]) -> T:
        """Return one of several."""
        return of[self.below(len(of))]

    def often(self, of: int) -> bool:
        """Return False once in so many times, and where nothing is left to choose by."""
        return self.below(of) != 0

    def some(self, count: int) -> bytes:
        """Return the next bytes, fewer where there are no more."""
        found = self._data[self._place : self._place + count]
        self._place += len(found)
        return found
