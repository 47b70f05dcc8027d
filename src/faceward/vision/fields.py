"""Strict reading of TOML tables: every problem names its key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput


class Table:
    """A TOML table whose keys are all accounted for.

    Args:
        values: What was parsed.
        origin: The file and table, for messages.
    """

    def __init__(self, values: Mapping[str, Any], origin: str) -> None:
        self._values, self._origin, self._read = values, origin, set[str]()

    def error(self, key: str, what: str) -> BadInput:
        """Return the error for a key, to be raised by the caller."""
        return BadInput(f"{self._origin}: {key} {what}; correct the manifest")

    def _get(self, key: str) -> Any:  # noqa: ANN401 - what TOML holds is known only after the check
        self._read.add(key)
        return self._values.get(key)

    def table(self, key: str) -> Table:
        """Return a sub-table."""
        value = self._get(key)
        if not isinstance(value, Mapping):
            raise self.error(key, "is missing: a table is wanted")
        return Table(value, f"{self._origin} [{key}]")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string, not empty unless the default is."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "is missing: text is wanted")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of several words."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"is {value!r}: one of {', '.join(choices)} is wanted")
        return value

    def boolean(self, key: str) -> bool:
        """Return true or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self.error(key, "is missing: true or false is wanted")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return a finite number within bounds."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(key, f"is {value!r}: a number from {low:g} to {high:g} is wanted")
        return float(value)

    def rows(self, key: str, columns: int) -> npt.NDArray[np.float64]:
        """Return a list of rows of finite numbers, shape (n, columns)."""
        value = self._get(key)
        good = isinstance(value, list) and all(
            isinstance(row, list)
            and len(row) == columns
            and all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in row)
            for row in value
        )
        if not good or not value:
            raise self.error(key, f"is not a list of rows of {columns} numbers")
        return np.array(value, dtype=np.float64)

    def points(self, key: str, size: int) -> npt.NDArray[np.float64] | None:
        """Return five landmark positions within a chip, or None for the word `arcface`."""
        if self._values.get(key) == "arcface":
            self._read.add(key)
            return None
        points = self.rows(key, 2)
        if points.shape != (5, 2) or points.min() < 0 or points.max() > size:
            raise self.error(key, f"is not five points within {size} pixels, or the word arcface")
        return points

    def finish(self) -> None:
        """Refuse keys that nothing read, since a misspelt key would otherwise be silently ignored."""
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            raise self.error(unknown[0], "is not a known key")
