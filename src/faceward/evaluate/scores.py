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


@dataclass(frozen=True, slots=True)
class SearchScores:
    """What open-set searches of galleries of one size gave (ISO/IEC 19795-1: identification trials).

    A failure to acquire returns no candidate: it is a miss of a mated probe and no alert of a non-mated one, and is
    counted apart.

    Attributes:
        references: Subjects in each gallery.
        simulated: How many of them are simulated.
        mated: Score of each mated probe with its own reference, shape (m,), float32.
        rank: Place of the own reference among all of the gallery by score, from 1, shape (m,), int32.
        mated_subject: The subject of each mated probe, shape (m,), int32 indices of subjects.
        nonmated: Highest score that each search with a non-mated probe found, shape (n,), float32.
        nonmated_subject: The subject of each non-mated probe, shape (n,).
        mated_lost: Searches with mated probes that a failure to acquire or to enrol made impossible.
        nonmated_lost: Those with non-mated probes.
    """

    references: int
    simulated: int
    mated: Values
    rank: Indices
    mated_subject: Indices
    nonmated: Values
    nonmated_subject: Indices
    mated_lost: int = 0
    nonmated_lost: int = 0
