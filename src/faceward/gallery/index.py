"""An exact index in memory: one contiguous matrix with a template for each subject, one product for a search.

The product of matrices is faster than every approximate index that finds the same subjects, up to some
million rows, so there is nothing to tune and nothing to miss.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceward.core.errors import PackMismatch, UsageError
from faceward.gallery.fusion import fuse
from faceward.protection.scheme import Features, Hit
from faceward.protection.zeroise import zeroise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FIRST_CAPACITY = 64
# Scores of a block of probes; bounds the memory of a batch without slowing the product down.
_BLOCK_SCORES = 8 * 1024 * 1024


class GalleryIndex:
    """One template a subject, fused from all of the subject's references (ADR 0021); not for several threads at once.

    Decisions do not depend on how the product is computed: candidates within the product's rounding error of
    the threshold are scored again in float64, in an order that is the same for every row, and only then
    compared. Nor do they depend on the order in which references came.

    Args:
        dimension: Coordinates of the features.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._matrix: Features = np.zeros((0, dimension), dtype=np.float32)
        # Of each row its subject, and the identifiers of the references in it, sorted.
        self._subjects: list[bytes] = []
        self._ids: list[tuple[str, ...]] = []
        self._rows: dict[bytes, int] = {}
        self._subject_of: dict[str, bytes] = {}
        # What templates of several references were made of, in the order of their identifiers, shape (n, d).
        self._parts: dict[bytes, Features] = {}
        # Twice the bound d * 2^-24 on the error of a float32 product of vectors whose lengths are at most one
        # (Higham 2002, section 3.1).
        self._slack = dimension * float(np.finfo(np.float32).eps)

    def __len__(self) -> int:
        return len(self._subject_of)

    def ids(self) -> frozenset[str]:
        """Return the identifiers of the references."""
        return frozenset(self._subject_of)

    def add(self, ids: Sequence[str], subjects: Sequence[bytes], rows: Features) -> None:
        """Copy references in, all or none.

        Args:
            ids: An identifier for each reference, new to the index.
            subjects: The subject of each.
            rows: Features, shape (n, d), float32, of length at most 1.

        Raises:
            PackMismatch: The rows have another dimension.
            UsageError: An identifier is held already or given twice.
        """
        if rows.shape != (len(ids), self._dimension):
            raise PackMismatch(f"features of shape {rows.shape} do not fit an index of {self._dimension} coordinates")
        if len(set(ids)) != len(ids) or not self._subject_of.keys().isdisjoint(ids):
            raise UsageError("a reference is already in the index; remove it before it is added again")
        if self._rows.keys().isdisjoint(subjects) and len(set(subjects)) == len(subjects):
            self._append([(name,) for name in ids], subjects, rows)
        else:
            self._merge(ids, subjects, rows)
        self._subject_of.update(zip(ids, subjects, strict=True))

    def remove(self, ids: Iterable[str]) -> int:
        """Remove references: what is left of a subject's is fused anew, and what was held of the others overwritten.

        Args:
            ids: Identifiers; unknown ones are passed over.

        Returns:
            How many references were removed.
        """
        gone: defaultdict[bytes, set[str]] = defaultdict(set)
        for identifier in ids:
            subject = self._subject_of.pop(identifier, None)
            if subject is not None:
                gone[subject].add(identifier)
        for subject, names in gone.items():
            held = self._ids[self._rows[subject]]
            if len(names) == len(held):
                self._drop_row(subject)
            else:
                self._reduce(subject, [place for place, name in enumerate(held) if name not in names])
        return sum(map(len, gone.values()))

    def drop(self) -> None:
        """Overwrite everything and forget it."""
        zeroise(self._matrix)
        for part in self._parts.values():
            zeroise(part)
        self.__init__(self._dimension)  # type: ignore[misc]

    def search(self, probes: Features, threshold: float, k: int) -> list[tuple[Hit, ...]]:
        """Return the best subjects of each probe.

        Args:
            probes: Features, shape (m, d), float32, of length at most 1.
            threshold: Lowest score that counts.
            k: Most subjects for a probe, at least 1.

        Returns:
            For each probe its subjects at or above the threshold, by falling score and then by the subject's first
            reference identifier.
        """
        rows = self._matrix[: len(self._subjects)]
        return [
            self._hits(scores, probe, threshold, k)
            for block in _blocks(probes, max(1, _BLOCK_SCORES // max(1, len(rows))))
            for scores, probe in zip(_products(rows, block), block, strict=True)
        ]

    def _hits(self, scores: Features, probe: Features, threshold: float, k: int) -> tuple[Hit, ...]:
        candidates = np.flatnonzero(scores >= threshold - self._slack)
        if len(candidates) > k:
            among = scores[candidates]
            cutoff = np.partition(among, len(among) - k)[len(among) - k] - 2 * self._slack
            candidates = candidates[among >= cutoff]
        exact = _exact(self._matrix[candidates], probe)
        above = exact >= threshold
        ranked = sorted(
            (-score, self._ids[row], row)
            for row, score in zip(candidates[above].tolist(), exact[above].tolist(), strict=True)
        )
        return tuple(
            Hit(self._closest(row, probe), self._subjects[row], -negative, names) for negative, names, row in ranked[:k]
        )

    def _closest(self, row: int, probe: Features) -> str:
        """Return which reference of a template resembles the probe most, the first of several that do."""
        part = self._parts.get(self._subjects[row])
        return self._ids[row][0 if part is None else int(np.argmax(_exact(part, probe)))]

    def _append(self, ids: Sequence[tuple[str, ...]], subjects: Sequence[bytes], templates: Features) -> None:
        start, end = len(self._subjects), len(self._subjects) + len(subjects)
        self._reserve(end)
        self._matrix[start:end] = templates
        self._ids += ids
        self._subjects += subjects
        self._rows.update(zip(subjects, range(start, end), strict=True))

    def _merge(self, ids: Sequence[str], subjects: Sequence[bytes], rows: Features) -> None:
        places: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, subject in enumerate(subjects):
            places[subject].append(place)
        new = [subject for subject in places if subject not in self._rows]
        templates = np.zeros((len(new), self._dimension), dtype=np.float32)
        self._append([()] * len(new), new, templates)
        for subject, mine in places.items():
            row = self._rows[subject]
            held = self._ids[row]
            before = self._parts.pop(subject, self._matrix[row : row + 1] if held else templates[:0])
            names = [*held, *(ids[place] for place in mine)]
            every = np.concatenate([before, rows[mine]])
            if len(held) > 1:
                zeroise(before)
            order = sorted(range(len(names)), key=names.__getitem__)
            self._keep(subject, [names[n] for n in order], every[order])
            zeroise(every)

    def _reduce(self, subject: bytes, left: Sequence[int]) -> None:
        held, before = self._ids[self._rows[subject]], self._parts.pop(subject)
        self._keep(subject, [held[place] for place in left], before[left])
        zeroise(before)

    def _keep(self, subject: bytes, names: Sequence[str], part: Features) -> None:
        """Fuse what a subject's template is made of now; `part` is the index's own from here on."""
        row = self._rows[subject]
        self._ids[row] = tuple(names)
        template = fuse(part)
        self._matrix[row] = template
        zeroise(template)
        if len(names) > 1:
            self._parts[subject] = part
        else:
            zeroise(part)

    def _drop_row(self, subject: bytes) -> None:
        """Let the last row take the place of a subject's, and overwrite the row that it leaves."""
        row, last = self._rows.pop(subject), len(self._subjects) - 1
        if row != last:
            self._matrix[row] = self._matrix[last]
            self._ids[row], self._subjects[row] = self._ids[last], self._subjects[last]
            self._rows[self._subjects[row]] = row
        zeroise(self._matrix[last])
        self._ids.pop()
        self._subjects.pop()
        part = self._parts.pop(subject, None)
        if part is not None:
            zeroise(part)

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._matrix):
            return
        capacity = max(_FIRST_CAPACITY, rows, len(self._matrix) * 3 // 2)
        grown = np.zeros((capacity, self._dimension), dtype=np.float32)
        grown[: len(self._subjects)] = self._matrix[: len(self._subjects)]
        zeroise(self._matrix)
        self._matrix = grown


def _exact(rows: Features, probe: Features) -> npt.NDArray[np.float64]:
    products, wide = rows.astype(np.float64), probe.astype(np.float64)
    products *= wide
    exact: npt.NDArray[np.float64] = products.sum(axis=1)
    zeroise(products, wide)
    # Lengths are at most one to about 1e-7, and so are scores.
    np.clip(exact, -1.0, 1.0, out=exact)
    return exact


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
