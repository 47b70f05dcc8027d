"""Scores of comparisons, with whom they compare: what every metric is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """

    mated: Values
    nonmated: Values
    mated_pairs: Indices
    nonmated_pairs: Indices
    subject_of: Indices
    mated_lost: int = 0
    nonmated_lost: int = 0

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return int(self.subject_of.max()) + 1 if len(self.subject_of) else 0
