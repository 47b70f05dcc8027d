"""Open-set identification by ISO/IEC 19795-1: FPIR, FNIR, rank-N and CMC, from scores that come in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput, UsageError
from faceward.core.rates import Rate
from faceward.evaluate.scores import Values, exact_thresholds
from faceward.policy.evaluation import IdentificationPoint

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SearchScores:
    """What is kept of searches: per probe three numbers, however large the gallery.

    A probe that could not be acquired was searched in vain: mated it is a miss, non-mated it raises no alarm. Both
    count (ISO/IEC 19795-1 counts identification transactions, failures to acquire among them).

    Attributes:
        subjects: The subject of each probe, shape (p,).
        enrolled: Whether that subject is in the gallery, shape (p,): a mated or a non-mated search.
        mated: Score with the subject's own reference, shape (p,), float32; -inf where there is none or no sample.
        best: Highest score with a reference of anybody else, shape (p,), float32; -inf where there is none.
        rank: Place of the own reference among all, 1 is first; 0 where there is none or no sample. Others with an equal
            score stand before it.
        references: References in the gallery.
        simulated: How many of them are simulated.
    """

    subjects: Integers
    enrolled: npt.NDArray[np.bool_]
    mated: Values
    best: Values
    rank: Integers
    references: int
    simulated: int

    def fpir(self, thresholds: npt.ArrayLike) -> Numbers:
        """Return the false-positive identification rate at each threshold, shape (k,).

        The share of non-mated searches that return any candidate, whatever the length of the list.

        Raises:
            BadInput: There are no non-mated searches.
            UsageError: A threshold is not a number.
        """
        raise NotImplementedError

    def fnir(self, thresholds: npt.ArrayLike, rank: int) -> Numbers:
        """Return the false-negative identification rate at each threshold, shape (k,).

        The share of mated searches that do not return the subject's own reference among the first `rank` candidates at
        or above the threshold.

        Raises:
            BadInput: There are no mated searches.
            UsageError: A threshold is not a number, or the rank is below 1.
        """
        raise NotImplementedError

    def threshold_at_fpir(self, fpir: float) -> float:
        """Return the lowest threshold at which the FPIR is at most `fpir`, 0 to 1.

        Raises:
            BadInput: There are no non-mated searches.
            UsageError: `fpir` is not between 0 and 1.
        """
        raise NotImplementedError

    def rank_rate(self, rank: int) -> Rate:
        """Return the rank-N identification rate with its 95 % interval over subjects.

        The share of mated searches whose own reference is among the first `rank`, whatever the score. `errors` counts
        these hits.

        Raises:
            BadInput: There are no mated searches.
            UsageError: The rank is below 1.
        """
        raise NotImplementedError

    def cmc(self, max_rank: int) -> Numbers:
        """Return the cumulative match characteristic: the rank-N rate for N from 1 to `max_rank`, shape (max_rank,).

        Raises:
            BadInput: There are no mated searches.
            UsageError: `max_rank` is below 1.
        """
        raise NotImplementedError


class Searches:
    """Searches of a gallery that is shown block by block.

    Scores of the probes with their own references come first; then all references, own and others', in any blocks.
    """

    def __init__(self, subjects: npt.ArrayLike, mated: npt.ArrayLike) -> None:
        """Begin.

        Args:
            subjects: The subject of each acquired probe, shape (p,), integers from 0.
            mated: Its score with its subject's own reference (the highest, where there are several), shape (p,);
                NaN where the subject is not enrolled.

        Raises:
            BadInput: The shapes do not agree, or a score is infinite.
        """
        raise NotImplementedError

    def add(self, similarities: Values, reference_subjects: npt.ArrayLike, simulated: bool = False) -> None:
        """Take the scores of all probes with a block of references.

        Args:
            similarities: Shape (p, b), float32; not altered.
            reference_subjects: The subject of each reference, shape (b,); of simulated ones any negative number. The
                probe's own is left out of its strangers.
            simulated: Whether the block is of simulated references.

        Raises:
            BadInput: The shapes do not agree, or a score is not finite.
        """
        raise NotImplementedError

    def scores(self, lost_mated: Sequence[int] = (), lost_nonmated: Sequence[int] = ()) -> SearchScores:
        """Return what the searches came to.

        Args:
            lost_mated: Subjects of the enrolled people's probes that could not be acquired, one entry each.
            lost_nonmated: Subjects of the others' probes that could not be acquired.

        Raises:
            BadInput: There are no probes at all.
        """
        raise NotImplementedError


def identification_points(
    searches: SearchScores, rates: Sequence[float], rank: int = 10, rounds: int = 1000, seed: int = 20260101
) -> tuple[IdentificationPoint, ...]:
    """Return an operating point for each FPIR that the data support, with intervals over the probes' subjects.

    A rate at which fewer than three false positives are expected is left out. The gallery is the same in every round:
    the intervals say how the rates vary with other probes, not with another gallery.

    Args:
        searches: The searches.
        rates: FPIRs, each above 0 and at most 1, in any order.
        rank: Length of the candidate list, at least 1.
        rounds: Bootstrap rounds.
        seed: Seed of the generator.

    Returns:
        The points, FPIR falling and threshold rising.

    Raises:
        BadInput: There are no mated or no non-mated searches.
        UsageError: A rate is not above 0 and at most 1, or the rank is below 1.
    """
    raise NotImplementedError
