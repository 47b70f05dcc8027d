"""Quality against errors: what discarding the worst samples does to the FNMR (ISO/IEC 29794-1, EDC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.scores import Scores, exact_thresholds

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DiscardCurve:
    """The error-versus-discard characteristic of one quality column.

    A step function: from each `discarded` on, up to the next, the FNMR is as stated. It ends where no mated comparison
    is left.

    Attributes:
        threshold: Scores at or above it match.
        discarded: Share of samples discarded, rising from 0, shape (k,).
        quality: The lowest quality kept at each, shape (k,).
        fnmr: FNMR over mated comparisons of two kept samples, shape (k,).
        comparisons: How many those are, falling, shape (k,).
        end: Share from which on no mated comparison is left.
    """

    threshold: float
    discarded: Numbers
    quality: Numbers
    fnmr: Numbers
    comparisons: npt.NDArray[np.int64]
    end: float

    def at(self, discarded: float) -> float:
        """Return the FNMR when at most this share of samples is discarded.

        Args:
            discarded: 0 to 1.

        Raises:
            UsageError: The share is not between 0 and 1, or the curve ends there or before.
        """
        self._require(discarded)
        if discarded == self.end:
            raise UsageError(f"no mated comparison is left where {self.end:.3g} of the samples are discarded")
        return float(self.fnmr[np.searchsorted(self.discarded, discarded, side="right") - 1])

    def partial_area(self, limit: float = 0.2) -> float:
        """Return the area under the curve from 0 to `limit`, 0 to `limit`: the smaller, the better quality foretells.

        Divided by `limit` it is the mean FNMR over those discards. Schlett et al. (2023) integrate the steps as they
        are, as here, and find limits of 0.2 to 0.3 telling.

        Args:
            limit: Above 0, at most 1.

        Raises:
            UsageError: The limit is not above 0 and at most 1, or the curve ends before it.
        """
        self._require(limit)
        if limit == 0:
            raise UsageError("a partial area needs a limit above 0")
        edges = np.append(self.discarded[self.discarded < limit], limit)
        return float((np.diff(edges) * self.fnmr[: len(edges) - 1]).sum())

    def _require(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise UsageError(f"a share of samples lies between 0 and 1, not {share}")
        if share > self.end:
            raise UsageError(f"no mated comparison is left where more than {self.end:.3g} of the samples are discarded")


def discard_curve(scores: Scores, quality: npt.ArrayLike, threshold: float) -> DiscardCurve:
    """Discard samples from the lowest quality upwards and follow the FNMR.

    The threshold stays fixed; samples of equal quality go together. The share is that of all acquired samples, those
    without a mated comparison among them; failures to acquire have no quality and are no part of the curve.

    Args:
        scores: The comparisons; only mated ones are read.
        quality: Quality of each sample, higher is better, shape (s,) as `scores.subject_of`.
        threshold: Scores at or above it match.

    Raises:
        BadInput: There are no mated comparisons, or the quality is not one finite number for each sample.
        UsageError: The threshold is not a number.
    """
    values = np.asarray(quality, dtype=np.float64)
    samples = len(scores.subject_of)
    if values.shape != (samples,):
        raise BadInput(f"quality has the shape {values.shape}; one number for each of the {samples} samples is needed")
    if not np.isfinite(values).all():
        raise BadInput("a quality is not a finite number; leave samples without quality out of the scores")
    if not len(scores.mated):
        raise BadInput("the data hold no mated comparison; a subject with two acquired samples is needed")
    missed = scores.mated < exact_thresholds(threshold)[0]
    worse = values[scores.mated_pairs].min(axis=1)
    levels = np.unique(values)
    kept = len(worse) - np.searchsorted(np.sort(worse), levels)
    errors = missed.sum() - np.searchsorted(np.sort(worse[missed]), levels)
    discarded = np.searchsorted(np.sort(values), levels) / samples
    left = int((kept > 0).sum())
    end = float(discarded[left]) if left < len(levels) else 1.0
    return DiscardCurve(threshold, discarded[:left], levels[:left], errors[:left] / kept[:left], kept[:left], end)
