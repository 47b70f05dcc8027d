"""Scores of comparisons, with whom they compare: what every metric is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput, UsageError

Indices = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of mated and non-mated comparisons.

    Only comparisons of two acquired samples have a score. Those lost to a failure to acquire or to enrol are counted:
    GFAR and GFRR include them, FMR and FNMR do not (ISO/IEC 19795-1).

    Attributes:
        mated: Scores of mated comparisons, shape (m,), float32.
        nonmated: Scores of non-mated comparisons, shape (n,), float32.
        mated_pairs: The two samples of each mated comparison, shape (m, 2), int32 indices into `subject_of`.
        nonmated_pairs: The two samples of each non-mated comparison, shape (n, 2).
        subject_of: The subject of each sample, shape (s,), int32, 0 to the number of subjects - 1.
        mated_lost: Mated comparisons of the protocol that a failure to acquire made impossible.
        nonmated_lost: Non-mated ones.

    Raises:
        BadInput: A score is not a finite number, the shapes do not agree, a pair names a sample that is not there, or
            the subjects of a pair contradict its being mated or non-mated.
    """

    mated: Values
    nonmated: Values
    mated_pairs: Indices
    nonmated_pairs: Indices
    subject_of: Indices
    mated_lost: int = 0
    nonmated_lost: int = 0

    def __post_init__(self) -> None:
        for name in ("mated", "nonmated"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float32))
        for name in ("mated_pairs", "nonmated_pairs"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int32).reshape(-1, 2))
        object.__setattr__(self, "subject_of", np.asarray(self.subject_of, dtype=np.int32))
        if min(self.mated_lost, self.nonmated_lost) < 0:
            raise BadInput("comparisons that were lost cannot be fewer than none")
        if self.subject_of.min(initial=0) < 0:
            raise BadInput("subjects are numbered from 0; a sample carries a negative number")
        self._check("mated", self.mated, self.mated_pairs)
        self._check("non-mated", self.nonmated, self.nonmated_pairs)

    def _check(self, kind: str, values: Values, pairs: Indices) -> None:
        if values.shape != (len(pairs),):
            raise BadInput(f"{values.size} {kind} scores do not go with {len(pairs)} pairs of samples")
        if not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            raise BadInput(f"{count} {kind} scores are not finite numbers; count such a comparison as lost instead")
        if pairs.min(initial=0) < 0 or pairs.max(initial=-1) >= len(self.subject_of):
            raise BadInput(f"a {kind} pair names a sample that is not among the {len(self.subject_of)}")
        same = self.subject_of[pairs[:, 0]] == self.subject_of[pairs[:, 1]]
        if not (same.all() if kind == "mated" else not same.any()):
            wrong = "two subjects" if kind == "mated" else "one subject"
            raise BadInput(f"a {kind} pair is of {wrong}; check the labels of the data")

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return int(self.subject_of.max()) + 1 if len(self.subject_of) else 0


def exact_thresholds(thresholds: npt.ArrayLike) -> Values:
    """Return the smallest float32 not below each threshold: a float32 score reaches the one exactly if the other.

    Raises:
        UsageError: A threshold is not a number.
    """
    wanted = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    if np.isnan(wanted).any():
        raise UsageError("a threshold is not a number")
    with np.errstate(over="ignore"):
        nearest = wanted.astype(np.float32)
    below = nearest < wanted
    nearest[below] = np.nextafter(nearest[below], np.float32(np.inf))
    return nearest
