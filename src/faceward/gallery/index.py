"""An exact index in memory: one contiguous matrix, one product for a search.

The product of matrices is faster than every approximate index that finds the same subjects, up to some
million rows, so there is nothing to tune and nothing to miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceward.core.errors import PackMismatch, UsageError
from faceward.protection.scheme import Features, Hit
from faceward.protection.zeroise import zeroise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FIRST_CAPACITY = 64
# Scores of a block of probes; bounds the memory of a batch without slowing the product down.
_BLOCK_SCORES = 8 * 1024 * 1024


class GalleryIndex:
    """Rows of features with their identifiers and subjects; not for several threads at once.

    Decisions do not depend on how the product is computed: candidates within the product's rounding error of
    the threshold are scored again in float64, in an order that is the same for every row, and only then
    compared.

    Args:
        dimension: Coordinates of the features.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._matrix: Features = np.zeros((0, dimension), dtype=np.float32)
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._subjects: list[bytes] = []
        self._references_of: dict[bytes, int] = {}
        # An upper bound that only falls when the index is dropped; too high costs time, never a hit.
        self._most_references = 1
        # Twice the bound d * 2^-24 on the error of a float32 product of vectors whose lengths are at most one
        # (Higham 2002, section 3.1).
        self._slack = dimension * float(np.finfo(np.float32).eps)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> frozenset[str]:
        """Return the identifiers of the rows."""
        return frozenset(self._rows)

    def add(self, ids: Sequence[str], subjects: Sequence[bytes], rows: Features) -> None:
        """Copy rows in, all or none.

        Args:
            ids: An identifier for each row, new to the index.
            subjects: The subject of each row.
            rows: Features, shape (n, d), float32, of length at most 1.

        Raises:
            PackMismatch: The rows have another dimension.
            UsageError: An identifier is held already or given twice.
        """
        if rows.shape != (len(ids), self._dimension):
            raise PackMismatch(f"features of shape {rows.shape} do not fit an index of {self._dimension} coordinates")
        if len(set(ids)) != len(ids) or not self._rows.keys().isdisjoint(ids):
            raise UsageError("a reference is already in the index; remove it before it is added again")
        start, end = len(self._ids), len(self._ids) + len(ids)
        self._reserve(end)
        self._matrix[start:end] = rows
        self._ids += ids
        self._subjects += subjects
        self._rows.update(zip(ids, range(start, end), strict=True))
        for subject in subjects:
            count = self._references_of[subject] = self._references_of.get(subject, 0) + 1
            self._most_references = max(self._most_references, count)

    def remove(self, ids: Iterable[str]) -> int:
        """Remove rows: the last row takes the place, and the row it leaves is overwritten.

        Args:
            ids: Identifiers; unknown ones are passed over.

        Returns:
            How many rows were removed.
        """
        removed = 0
        for identifier in ids:
            row = self._rows.pop(identifier, None)
            if row is None:
                continue
            last = len(self._ids) - 1
            self._forget_subject(self._subjects[row])
            if row != last:
                self._matrix[row] = self._matrix[last]
                self._ids[row], self._subjects[row] = self._ids[last], self._subjects[last]
                self._rows[self._ids[row]] = row
            zeroise(self._matrix[last])
            self._ids.pop()
            self._subjects.pop()
            removed += 1
        return removed

    def drop(self) -> None:
        """Overwrite every row and forget everything."""
        zeroise(self._matrix)
        self.__init__(self._dimension)  # type: ignore[misc]

    def search(self, probes: Features, threshold: float, k: int) -> list[tuple[Hit, ...]]:
        """Return the best subjects of each probe.

        Args:
            probes: Features, shape (m, d), float32, of length at most 1.
            threshold: Lowest score that counts.
            k: Most subjects for a probe, at least 1.

        Returns:
            For each probe its subjects at or above the threshold, each once with its best reference, by
            falling score and then by reference identifier.
        """
        rows = self._matrix[: len(self._ids)]
        return [
            self._hits(scores, probe, threshold, k)
            for block in _blocks(probes, max(1, _BLOCK_SCORES // max(1, len(rows))))
            for scores, probe in zip(_products(rows, block), block, strict=True)
        ]

    def _hits(self, scores: Features, probe: Features, threshold: float, k: int) -> tuple[Hit, ...]:
        candidates = np.flatnonzero(scores >= threshold - self._slack)
        # Among this many of the best rows there are always k subjects.
        enough = k * self._most_references
        if len(candidates) > enough:
            among = scores[candidates]
            cutoff = np.partition(among, len(among) - enough)[len(among) - enough] - 2 * self._slack
            candidates = candidates[among >= cutoff]
        return tuple(self._best_subjects(*self._exact(candidates, probe, threshold), k))

    def _exact(
        self, candidates: npt.NDArray[np.intp], probe: Features, threshold: float
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        products = self._matrix[candidates].astype(np.float64) * probe.astype(np.float64)
        exact = products.sum(axis=1)
        # Lengths are at most one to about 1e-7, and so are scores.
        np.clip(exact, -1.0, 1.0, out=exact)
        above = exact >= threshold
        zeroise(products)
        return candidates[above], exact[above]

    def _best_subjects(self, rows: npt.NDArray[np.intp], scores: npt.NDArray[np.float64], k: int) -> Iterator[Hit]:
        ranked = sorted(
            (-score, self._ids[row], self._subjects[row])
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
        )
        seen: set[bytes] = set()
        for negative, identifier, subject in ranked:
            if subject in seen:
                continue
            seen.add(subject)
            yield Hit(identifier, subject, -negative)
            if len(seen) == k:
                return

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._matrix):
            return
        capacity = max(_FIRST_CAPACITY, rows, len(self._matrix) * 3 // 2)
        grown = np.zeros((capacity, self._dimension), dtype=np.float32)
        grown[: len(self._ids)] = self._matrix[: len(self._ids)]
        zeroise(self._matrix)
        self._matrix = grown

    def _forget_subject(self, subject: bytes) -> None:
        left = self._references_of[subject] - 1
        if left:
            self._references_of[subject] = left
        else:
            del self._references_of[subject]


def _blocks(probes: Features, size: int) -> Iterator[Features]:
    for start in range(0, len(probes), size):
        yield probes[start : start + size]


def _products(rows: Features, probes: Features) -> Features:
    """Return scores of shape (m, n); a single probe takes the matrix-vector product, which is faster."""
    if len(probes) == 1:
        single: Features = rows @ probes[0]
        return single[np.newaxis]
    scores: Features = probes @ rows.T
    return scores
