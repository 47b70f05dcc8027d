"""Similarity from 0 to 100: a name for a false-match rate, the same for every model pack.

A pack's scores mean nothing by themselves; its calibration says which false-match rate (FMR) a threshold at a score
would have. Similarity is that rate in another notation, so that 99 stands for an FMR of 1e-4 whatever pack is in use.
"""

from __future__ import annotations

import numpy as np

# FMR and similarity; between two rows it goes by the logarithm of the rate.
TABLE: tuple[tuple[float, float], ...] = (
    (1.0, 0.0),
    (1e-1, 50.0),
    (1e-2, 80.0),
    (1e-3, 90.0),
    (1e-4, 99.0),
    (1e-5, 99.9),
    (1e-6, 99.99),
)
_LOGS = [float(np.log10(fmr)) for fmr, _ in reversed(TABLE)]
_VALUES = [value for _, value in reversed(TABLE)]
_DIGITS = 2


def similarity_of(fmr: float) -> float:
    """Return the similarity that stands for a false-match rate, to two digits.

    Args:
        fmr: The rate of a threshold at a score, above 0 and at most 1.

    Returns:
        0 to 99.99: 100 would say that no stranger is ever so alike.
    """
    return round(float(np.interp(np.log10(fmr), _LOGS, _VALUES)), _DIGITS)


def fmr_of(similarity: float) -> float:
    """Return the false-match rate that a similarity stands for; 1e-6 at 99.99 and above.

    Args:
        similarity: 0 to 100.
    """
    return float(10.0 ** np.interp(similarity, _VALUES[::-1], _LOGS[::-1]))
