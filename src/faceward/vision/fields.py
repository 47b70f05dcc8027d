"""Strict reading of TOML tables: every problem names its key."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput
from faceward.vision.acceptance import ACCEPTED

# TOML's integers have no end, but floating point has. No comparison holds for what is no number.
_LARGEST = 1e18

MANIFEST_FILE = "pack.toml"
"""Name of the manifest in a pack's folder."""
# A pack whose network had such a name would bring its own acceptance of a licence, or another manifest.
_TAKEN = frozenset({MANIFEST_FILE, ACCEPTED})


def _shown(value: object) -> str:
    """Return a value on one line of bounded length; an integer may have thousands of digits."""
    if value is None:
        return "missing"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "too large"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


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

    def has(self, key: str) -> bool:
        """Return whether a key is there."""
        return key in self._values

    def table(self, key: str) -> Table:
        """Return a sub-table."""
        value = self._get(key)
        if not isinstance(value, Mapping):
            raise self.error(key, "is missing: a table is wanted")
        return Table(value, f"{self._origin} [{key}]")

    def tables(self, key: str) -> list[Table]:
        """Return the tables of a list, at least one."""
        value = self._get(key)
        if not isinstance(value, list) or not value or not all(isinstance(one, Mapping) for one in value):
            raise self.error(key, "is missing: a list of tables is wanted")
        return [Table(one, f"{self._origin} [{key} {number}]") for number, one in enumerate(value, start=1)]

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a list of strings, none of them empty."""
        value = self._get(key)
        if value is None and default is not None:
            return tuple(default)
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.error(key, "is missing: a list of texts is wanted")
        if not all(one.isprintable() for one in value):
            raise self.error(key, "holds control or invisible characters")
        return tuple(value)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string, not empty unless the default is."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "is missing: text is wanted")
        if not value.isprintable():
            raise self.error(key, "holds control or invisible characters")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of several words."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"is {_shown(value)}: one of {', '.join(choices)} is wanted")
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
            raise self.error(key, f"is {_shown(value)}: a number from {low:g} to {high:g} is wanted")
        return float(value)

    def whole(self, key: str, low: int, high: int) -> int:
        """Return a whole number within bounds."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"is {_shown(value)}: a whole number from {low} to {high} is wanted")
        return value

    def rows(self, key: str, columns: int) -> npt.NDArray[np.float64]:
        """Return a list of rows of finite numbers, shape (n, columns)."""
        value = self._get(key)
        good = isinstance(value, list) and all(
            isinstance(row, list)
            and len(row) == columns
            and all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= _LARGEST for v in row)
            for row in value
        )
        if not good or not value:
            raise self.error(key, f"is not a list of rows of {columns} numbers")
        return np.array(value, dtype=np.float64)

    def attached(self) -> tuple[str, str]:
        """Return `file` and `sha256` of a file beside the manifest."""
        file, sha = self.text("file"), self.text("sha256").lower()
        if len(sha) != 64 or set(sha) - set("0123456789abcdef"):
            raise self.error("sha256", "is not 64 hexadecimal digits")
        self.check_beside("file", file)
        return file, sha

    def check_beside(self, key: str, file: str) -> None:
        """Refuse a name of a file beside the manifest that leads elsewhere, or to what is no file of the pack's own."""
        if "/" in file or "\\" in file or file.startswith("."):
            raise self.error(key, "names a file outside the pack's folder")
        # Some file systems do not tell capitals apart, and some fold more than them.
        if unicodedata.normalize("NFKC", file).casefold().strip() in _TAKEN:
            raise self.error(key, f"is {file!r}, a name that has a meaning of its own in a pack's folder")

    def points(self, key: str, size: int) -> npt.NDArray[np.float64] | None:
        """Return five landmark positions within a chip, or None for the word `arcface`."""
        if self._values.get(key) == "arcface":
            self._read.add(key)
            return None
        if key not in self._values:
            raise self.error(key, 'is missing: write five points in pixels, or "arcface"')
        points = self.rows(key, 2)
        if points.shape != (5, 2) or points.min() < 0 or points.max() > size:
            raise self.error(key, f"is not five points within {size} pixels, or the word arcface")
        # Points that coincide would make one black chip of every face, and every two faces a match.
        if np.hypot(*(points[1] - points[0])) < size / 20:
            raise self.error(key, "has eyes that all but coincide")
        return points

    def finish(self) -> None:
        """Refuse keys that nothing read, since a misspelt key would otherwise be silently ignored."""
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            raise self.error(_shown(unknown[0]), "is not a known key")
