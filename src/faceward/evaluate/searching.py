"""Open-set identification by ISO/IEC 19795-1: FPIR, FNIR, rank-N and CMC, from scores that come in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput, UsageError
from faceward.core.rates import Rate
from faceward.evaluate.intervals import ROUNDS, SEED, draws_below, resampled
from faceward.evaluate.resampling import subject_weights
from faceward.evaluate.scores import Values, exact_thresholds
from faceward.evaluate.steps import Numbers, is_measured, threshold_for
from faceward.policy.evaluation import IdentificationPoint

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
            score stand before it. Shape (p,).
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
            UsageError: A threshold is not a finite number.
        """
        values = np.sort(self._strangers())
        return np.asarray((len(values) - np.searchsorted(values, _finite(thresholds))) / len(values))

    def fnir(self, thresholds: npt.ArrayLike, rank: int) -> Numbers:
        """Return the false-negative identification rate at each threshold, shape (k,).

        The share of mated searches that do not return the subject's own reference among the first `rank` candidates at
        or above the threshold.

        Raises:
            BadInput: There are no mated searches.
            UsageError: A threshold is not a finite number, or the rank is below 1.
        """
        values = np.sort(self._owners(rank))
        return np.asarray(np.searchsorted(values, _finite(thresholds)) / len(values))

    def threshold_at_fpir(self, fpir: float) -> float:
        """Return the lowest threshold at which the FPIR is at most `fpir`, 0 to 1.

        Where every acquired probe may raise an alarm, it is the lowest of their scores.

        Raises:
            BadInput: There are no non-mated searches, or none with a score.
            UsageError: `fpir` is not between 0 and 1.
        """
        values = np.sort(self._strangers())
        if values[-1] == -np.inf:
            raise BadInput("no non-mated search has a score: no sample was acquired, or the gallery is empty")
        return max(threshold_for(values, fpir), float(values[values > -np.inf][0]))

    def rank_rate(self, rank: int, rounds: int = ROUNDS, seed: int = SEED) -> Rate:
        """Return the rank-N identification rate with its 95 % interval over subjects.

        The share of mated searches whose own reference is among the first `rank`, whatever the score. Of the rate that
        is returned, `errors` counts these hits.

        Args:
            rank: N, at least 1.
            rounds: Bootstrap rounds.
            seed: Seed of the generator.

        Raises:
            BadInput: There are no mated searches.
            UsageError: The rank is below 1.
        """
        owners = self._owners(rank)
        draws, units = _draws(self.subjects[self.enrolled], owners, [float(np.finfo(np.float32).min)], (rounds, seed))
        return resampled(int((owners > -np.inf).sum()), len(owners), 1 - draws[:, 0], units)

    def cmc(self, max_rank: int) -> Numbers:
        """Return the cumulative match characteristic: the rank-N rate for N from 1 to `max_rank`, shape (max_rank,).

        Raises:
            BadInput: There are no mated searches.
            UsageError: `max_rank` is below 1.
        """
        self._owners(max_rank)
        places = np.sort(self.rank[self.enrolled])
        upto = np.searchsorted(places, np.arange(1, max_rank + 1), side="right") - np.searchsorted(places, 1)
        return np.asarray(upto / len(places))

    def _strangers(self) -> Values:
        """Return the highest score of each non-mated search."""
        if self.enrolled.all():
            raise BadInput("the data hold no non-mated search; probes of people outside the gallery are needed")
        return self.best[~self.enrolled]

    def _owners(self, rank: int) -> Values:
        """Return the mated score of each mated search, -inf where it is not among the first `rank`."""
        if rank < 1:
            raise UsageError(f"a candidate list holds at least one, not {rank}")
        if not self.enrolled.any():
            raise BadInput("the data hold no mated search; probes of people in the gallery are needed")
        place = self.rank[self.enrolled]
        return np.where((place >= 1) & (place <= rank), self.mated[self.enrolled], np.float32(-np.inf))


class Searches:
    """Searches of a gallery that is shown block by block.

    The probes' scores with their own references come first; then the whole gallery, own references too, in any blocks.
    One reference a subject is expected: ranks count references.
    """

    def __init__(self, subjects: npt.ArrayLike, mated: npt.ArrayLike) -> None:
        """Begin.

        Args:
            subjects: The subject of each acquired probe, shape (p,), integers from 0.
            mated: Its score with its subject's own reference, shape (p,); NaN where the subject is not enrolled.

        Raises:
            BadInput: The shapes do not agree, a subject's number is negative, or a score is infinite.
        """
        self._subjects = np.asarray(subjects, dtype=np.int64)
        self._mated = np.asarray(mated, dtype=np.float32)
        if self._mated.shape != (self._subjects.size,):
            raise BadInput(f"{self._mated.size} mated scores do not go with {self._subjects.size} probes")
        if self._subjects.min(initial=0) < 0:
            raise BadInput("subjects of probes are numbered from 0; negative numbers are for simulated references")
        if np.isinf(self._mated).any():
            raise BadInput("a mated score is infinite; NaN says that the subject is not enrolled")
        self._best = np.full(self._mated.shape, -np.inf, dtype=np.float32)
        self._before = np.zeros(self._mated.shape, dtype=np.int64)
        self._own = np.zeros(self._mated.shape, dtype=np.bool_)
        self._references = 0
        self._simulated = 0

    def add(self, similarities: Values, reference_subjects: npt.ArrayLike, *, simulated: bool = False) -> None:
        """Take the scores of all probes with a block of references.

        Args:
            similarities: Shape (p, b), float32; not altered.
            reference_subjects: The subject of each reference, shape (b,); of simulated ones any negative number.
            simulated: Whether the block is of simulated references.

        Raises:
            BadInput: The shapes do not agree, a score is not a number or not bounded above, or a subject said not to be
                enrolled is in the gallery.
        """
        owners = np.asarray(reference_subjects, dtype=np.int64)
        values = np.asarray(similarities, dtype=np.float32)
        if values.shape != (len(self._subjects), owners.size):
            wanted = (len(self._subjects), owners.size)
            raise BadInput(f"scores of {wanted} probes and references have the shape {values.shape}")
        self._references += owners.size
        self._simulated += owners.size if simulated else 0
        if not values.size:
            return
        best = values.max(axis=1)
        if not np.isfinite(best).all():
            raise BadInput("a score of a search is not a finite number")
        before = np.count_nonzero(values >= self._mated[:, np.newaxis], axis=1)
        rows, columns = _own_references(self._subjects, owners)
        if np.isnan(self._mated[rows]).any():
            raise BadInput("a probe is said to be of nobody enrolled, yet its subject is in the gallery")
        np.subtract.at(before, rows, values[rows, columns] >= self._mated[rows])
        having, place = np.unique(rows, return_inverse=True)
        others = values[having]
        others[place, columns] = -np.inf
        best[having] = others.max(axis=1)
        self._own[rows] = True
        self._best = np.maximum(self._best, best)
        self._before += before

    def scores(self, lost_mated: Sequence[int] = (), lost_nonmated: Sequence[int] = ()) -> SearchScores:
        """Return what the searches came to.

        Args:
            lost_mated: Subjects of probes of enrolled people that could not be acquired, one entry a probe.
            lost_nonmated: Subjects of others' probes that could not be acquired.

        Raises:
            BadInput: There are no probes, or the gallery lacks the reference of an enrolled probe.
        """
        enrolled = ~np.isnan(self._mated)
        missing = int((enrolled & ~self._own).sum())
        if missing:
            raise BadInput(
                f"{missing} probes have a mated score, but their subjects' references were not in the gallery"
            )
        lost = len(lost_mated) + len(lost_nonmated)
        if not len(enrolled) + lost:
            raise BadInput("the data hold no probes")
        nothing = np.full(lost, -np.inf, dtype=np.float32)
        return SearchScores(
            subjects=np.concatenate([self._subjects, np.array([*lost_mated, *lost_nonmated], dtype=np.int64)]),
            enrolled=np.concatenate([enrolled, np.arange(lost) < len(lost_mated)]),
            mated=np.concatenate([np.where(enrolled, self._mated, np.float32(-np.inf)), nothing]),
            best=np.concatenate([self._best, nothing]),
            rank=np.concatenate([np.where(enrolled, self._before + 1, 0), np.zeros(lost, dtype=np.int64)]),
            references=self._references,
            simulated=self._simulated,
        )


def identification_points(
    searches: SearchScores, rates: Sequence[float], rank: int = 10, rounds: int = ROUNDS, seed: int = SEED
) -> tuple[IdentificationPoint, ...]:
    """Return an operating point for each FPIR that the data support, with intervals over the probes' subjects.

    A rate at which fewer than ten false positives are expected is left out. The gallery is the same in every round:
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
        BadInput: There are no mated or no non-mated searches, or no non-mated one with a score.
        UsageError: A rate is not above 0 and at most 1, or the rank is below 1.
    """
    if any(not 0 < wanted <= 1 for wanted in rates):
        raise UsageError("an FPIR to report lies above 0 and is at most 1")
    strangers, owners = searches._strangers(), searches._owners(rank)  # noqa: SLF001 - of this module
    supported = [wanted for wanted in rates if is_measured(wanted, len(strangers))]
    if not supported:
        return ()
    thresholds = sorted({searches.threshold_at_fpir(wanted) for wanted in supported})
    alarms, alarm_units = _draws(searches.subjects[~searches.enrolled], strangers, thresholds, (rounds, seed))
    misses, miss_units = _draws(searches.subjects[searches.enrolled], owners, thresholds, (rounds, seed))
    return tuple(
        IdentificationPoint(
            searches.references,
            searches.simulated,
            threshold,
            fpir=resampled(int((strangers >= threshold).sum()), len(strangers), 1 - alarms[:, place], alarm_units),
            fnir=resampled(int((owners < threshold).sum()), len(owners), misses[:, place], miss_units),
            rank=rank,
        )
        for place, threshold in enumerate(thresholds)
    )


def _draws(
    subjects: Integers, values: Values, thresholds: Sequence[float], draw: tuple[int, int]
) -> tuple[Numbers, float]:
    """Return the share of searches below each threshold in each round, and the number of subjects."""
    people, number = np.unique(subjects, return_inverse=True)
    return draws_below(subject_weights(len(people), *draw), number, values, thresholds), float(len(people))


def _own_references(subjects: Integers, owners: Integers) -> tuple[Integers, Integers]:
    """Return rows (probes) and columns (references) where both are of one subject."""
    order = np.argsort(owners, kind="stable")
    first, last = (np.searchsorted(owners[order], subjects, side=side) for side in ("left", "right"))
    counts = last - first
    rows = np.repeat(np.arange(len(subjects)), counts)
    offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[first[rows] + offsets]


def _finite(thresholds: npt.ArrayLike) -> Values:
    exact = exact_thresholds(thresholds)
    if not np.isfinite(exact).all():
        raise UsageError("a threshold of a search is a finite number")
    return exact
