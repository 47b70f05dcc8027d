"""Accuracy of decisions over listed pairs, with a threshold chosen on other pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.canonical import JSONObject
from faceward.evaluate.scores import Values

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many pairs were decided rightly; a pair with a failure to acquire is decided a non-match.

    Attributes:
        pairs: Pairs decided.
        mean: Share decided rightly, 0 to 1; with folds the mean over them.
        standard_error: Of the mean over folds (sample standard deviation / sqrt(folds)); None without folds.
        thresholds: The threshold of each fold, or the one.
        folds: The accuracy of each fold, or the one.
    """

    pairs: int
    mean: float
    standard_error: float | None
    thresholds: tuple[float, ...]
    folds: tuple[float, ...]

    def to_json(self) -> JSONObject:
        """Return it as plain values."""
        return {
            "pairs": self.pairs,
            "mean": self.mean,
            "standard_error": self.standard_error,
            "thresholds": list(self.thresholds),
            "folds": list(self.folds),
        }


def best_threshold(values: Values, mated: Mask) -> float:
    """Return the lowest of the scores at which most pairs are decided rightly.

    Args:
        values: Scores, shape (n,); minus infinity where there is none.
        mated: Whether each pair is mated, shape (n,).
    """
    order = np.argsort(values, kind="stable")
    rising, same = values[order], mated[order]
    # Deciding at a score as the threshold: mated ones from it up and non-mated ones below it are right.
    starts = np.flatnonzero(np.concatenate([[True], rising[1:] != rising[:-1]]))
    below = np.concatenate([[0], np.cumsum(~same)])[starts]
    above = int(same.sum()) - np.concatenate([[0], np.cumsum(same)])[starts]
    right = np.where(np.isfinite(rising[starts]), below + above, -1)
    return float(rising[starts[int(right.argmax())]])


def between(train: tuple[Values, Mask], test: tuple[Values, Mask]) -> Accuracy:
    """Return the accuracy on some pairs at the threshold that is best on others."""
    threshold = best_threshold(*train)
    share = _share(*test, threshold)
    return Accuracy(len(test[0]), share, None, (threshold,), (share,))


def over_folds(values: Values, mated: Mask, fold: npt.NDArray[np.int32]) -> Accuracy:
    """Return the accuracy on each fold at the threshold that is best on the others (LFW View 2; Huang et al., 2007)."""
    numbers = range(int(fold.max()) + 1)
    thresholds = [best_threshold(values[fold != n], mated[fold != n]) for n in numbers]
    shares = [_share(values[fold == n], mated[fold == n], thresholds[n]) for n in numbers]
    error = float(np.std(shares, ddof=1) / np.sqrt(len(shares)))
    return Accuracy(len(values), float(np.mean(shares)), error, tuple(thresholds), tuple(shares))


def _share(values: Values, mated: Mask, threshold: float) -> float:
    return float(((values >= threshold) == mated).mean())
