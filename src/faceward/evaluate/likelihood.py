"""From scores to likelihood ratios, for case work.

A threshold answers yes or no; who weighs a match with other evidence needs to know how much it weighs. The table is
made by pooling adjacent violators: the log LR of a cosine similarity is no straight line, as logistic regression would
have it, and no density fits its tails. What pooling makes of few comparisons at the ends is bounded twice: one more
comparison that misleads is counted in at each end, and no ratio is stated beyond what held-out comparisons support
(`ratios.elub`).

The ratios hold for pictures like those of the data and for a stranger drawn from its people; for a relative, or a
stranger who was found by searching for a likeness, they do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput
from faceward.evaluate import ratios
from faceward.evaluate.intervals import SEED
from faceward.evaluate.ratios import Numbers, Ratios, Tippett
from faceward.evaluate.scores import Scores

FOLDS = 5
MIN_SUBJECTS = 30
"""Subjects with a mated comparison below which no ratio is stated, as for a group's rate."""

# Cells that scores are counted in; a cosine then has a resolution of 0.0001 or finer.
_CELLS = 16384
_KNOTS = 41


@dataclass(frozen=True, slots=True)
class Assessment:
    """Likelihood ratios and what they are worth.

    Attributes:
        table: Pairs of score and log10 LR, both rising; between them it is a straight line, beyond them constant. Empty
            where the data support no ratio other than 1.
        bounds: The lowest and highest log10 LR that the data support.
        cllr: Cost in bits on comparisons of people who took no part in making the ratios, within the bounds.
        cllr_min: What would remain of it after the best recalibration.
        tippett: How often ratios of those comparisons exceed a value.
        mated: Mated comparisons held out, over all folds.
        nonmated: Non-mated ones.
    """

    table: tuple[tuple[float, float], ...]
    bounds: tuple[float, float]
    cllr: float
    cllr_min: float
    tippett: Tippett
    mated: int
    nonmated: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A monotone function from score to log10 LR.

    Attributes:
        scores: Rising, shape (k,).
        log10: Rising, shape (k,).
    """

    scores: Numbers
    log10: Numbers

    def at(self, scores: npt.ArrayLike) -> Numbers:
        """Return the log10 LR of scores, shape as given."""
        return np.asarray(np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.log10))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The comparisons, sorted into cells by score and into folds by subjects.

    Attributes:
        centres: Score of each cell.
        mated: Cell of each mated comparison.
        nonmated: Cell of each non-mated one.
        mated_fold: Fold of each mated comparison.
        nonmated_folds: Folds of both subjects of each non-mated one, shape (n, 2).
    """

    centres: Numbers
    mated: npt.NDArray[np.int32]
    nonmated: npt.NDArray[np.int32]
    mated_fold: npt.NDArray[np.int8]
    nonmated_folds: npt.NDArray[np.int8]

    def counts(self, fold: int | None, *, held_out: bool = False) -> tuple[Numbers, Numbers]:
        """Count comparisons by cell: those within a fold, those without anybody of it, or all."""
        size = len(self.centres)
        if fold is None:
            chosen = (self.mated, self.nonmated)
        else:
            within = (self.nonmated_folds == fold).sum(axis=1)
            kept = within == 2 if held_out else within == 0
            chosen = (self.mated[(self.mated_fold == fold) == held_out], self.nonmated[kept])
        mated, nonmated = (np.bincount(cells, minlength=size).astype(np.float64) for cells in chosen)
        return mated, nonmated


def lack(scores: Scores, folds: int = FOLDS, seed: int = SEED) -> str:
    """Say why the data support no likelihood ratios, or return an empty text where they do.

    Args:
        scores: The comparisons.
        folds: As for `assess`.
        seed: As for `assess`.
    """
    subjects = len(np.unique(scores.subject_of[scores.mated_pairs[:, 0]]))
    if subjects < MIN_SUBJECTS:
        return f"{subjects} subjects have mated comparisons; likelihood ratios need {MIN_SUBJECTS}"
    strangers = len(np.unique(scores.subject_of[scores.nonmated_pairs.ravel()]))
    if strangers < MIN_SUBJECTS:
        return f"{strangers} subjects have non-mated comparisons; likelihood ratios need {MIN_SUBJECTS}"
    mated, nonmated = _folds(scores, folds, seed)
    within = [(nonmated == fold).sum(axis=1) for fold in range(folds)]
    if all((mated == k).any() and (of == 2).any() and (of == 0).any() for k, of in enumerate(within)):
        return ""
    return f"the comparisons cannot be dealt into {folds} folds of people with both kinds in each"


def table(scores: Scores) -> tuple[tuple[float, float], ...]:
    """Return pairs of score and log10 LR, both rising, a few dozen; empty where the data support none."""
    return () if lack(scores) else assess(scores).table


def assess(scores: Scores, folds: int = FOLDS, seed: int = SEED) -> Assessment:
    """Make likelihood ratios from scores, and try them on people who took no part in making them.

    The subjects are dealt into folds. Ratios made from the comparisons without anybody of a fold are tried on those
    within it; comparisons across folds serve neither.

    Args:
        scores: The comparisons.
        folds: Number of folds, at least 2.
        seed: Seed of the dealing.

    Raises:
        BadInput: There are too few subjects or comparisons; `lack` says which.
    """
    reason = lack(scores, folds, seed)
    if reason:
        raise BadInput(f"{reason}; evaluate on more people")
    cells = _sort(scores, folds, seed)
    units = _units(scores, cells)
    mated, nonmated = [], []
    for fold in range(folds):
        curve = _fit(cells, fold, units)
        held = cells.counts(fold, held_out=True)
        values = curve.at(cells.centres)
        mated.append((values, held[0]))
        nonmated.append((values, held[1]))
    held_out = _gather(mated, nonmated)
    low, high = ratios.elub(held_out, *units)
    bounded = Ratios(held_out.log10.clip(low, high), held_out.mated, held_out.nonmated)
    bounded = _gather([(bounded.log10, bounded.mated)], [(bounded.log10, bounded.nonmated)])
    return Assessment(
        _knots(_fit(cells, None, units), low, high),
        (low, high),
        ratios.cllr(bounded),
        ratios.cllr_min(bounded),
        ratios.tippett(bounded),
        int(bounded.mated.sum()),
        int(bounded.nonmated.sum()),
    )


def _sort(scores: Scores, folds: int, seed: int) -> _Cells:
    lowest = float(min(scores.mated.min(), scores.nonmated.min()))
    width = max(float(max(scores.mated.max(), scores.nonmated.max())) - lowest, 1e-6) / _CELLS
    place = [
        np.minimum((side - np.float32(lowest)) / np.float32(width), _CELLS - 1).astype(np.int32)
        for side in (scores.mated, scores.nonmated)
    ]
    centres: Numbers = lowest + (np.arange(_CELLS, dtype=np.float64) + 0.5) * width
    return _Cells(centres, place[0], place[1], *_folds(scores, folds, seed))


def _folds(scores: Scores, folds: int, seed: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Deal the subjects; return the fold of each mated comparison, and those of both subjects of each non-mated one."""
    dealt = np.random.default_rng(seed).permutation(scores.subjects) % folds
    fold = dealt.astype(np.int8)[scores.subject_of]
    return fold[scores.mated_pairs[:, 0]], fold[scores.nonmated_pairs]


def _units(scores: Scores, cells: _Cells) -> tuple[float, float]:
    """Return how many mated comparisons a subject has on average, and how many non-mated ones a pair of subjects."""
    subjects = len(np.unique(scores.subject_of[scores.mated_pairs[:, 0]]))
    people = len(np.unique(scores.subject_of[scores.nonmated_pairs.ravel()]))
    pairs = people * (people - 1) / 2
    return len(cells.mated) / subjects, max(1.0, len(cells.nonmated) / pairs)


def _fit(cells: _Cells, left_out: int | None, units: tuple[float, float]) -> Curve:
    """Fit the curve to all comparisons, or to those without anybody of a fold."""
    mated, nonmated = cells.counts(left_out)
    # One more unit that misleads at either end: no ratio is infinite, and none comes from the fit alone.
    mated[0] += units[0]
    nonmated[-1] += units[1]
    taken = np.flatnonzero(mated + nonmated)
    mated, nonmated, centres = mated[taken], nonmated[taken], cells.centres[taken]
    pooled = ratios.pool(mated, nonmated)
    first = np.flatnonzero(np.concatenate(([True], pooled[1:] > pooled[:-1] + 1e-9)))
    weight = mated / mated.sum() + nonmated / nonmated.sum()
    middle = np.add.reduceat(weight * centres, first) / np.add.reduceat(weight, first)
    return Curve(middle, pooled[first])


def _gather(mated: list[tuple[Numbers, Numbers]], nonmated: list[tuple[Numbers, Numbers]]) -> Ratios:
    """Join logarithms with counts of several parts into one."""
    values, place = np.unique(np.concatenate([logs for logs, _ in mated]), return_inverse=True)
    counts: Numbers = np.zeros((2, len(values)))
    for row, side in zip(counts, (mated, nonmated), strict=True):
        np.add.at(row, place, np.concatenate([count for _, count in side]))
    held = np.flatnonzero(counts.sum(axis=0))
    return Ratios(values[held], counts[0, held], counts[1, held])


def _knots(curve: Curve, low: float, high: float) -> tuple[tuple[float, float], ...]:
    """Return the curve at evenly spaced ratios within bounds, or nothing where only an LR of 1 is supported."""
    low, high = max(low, float(curve.log10[0])), min(high, float(curve.log10[-1]))
    if high <= low:
        return ()
    levels = np.linspace(low, high, _KNOTS)
    scores = np.interp(levels, curve.log10, curve.scores)
    return tuple((round(float(score), 6), round(float(level), 4)) for score, level in zip(scores, levels, strict=True))
