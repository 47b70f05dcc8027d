"""How unevenly an error falls on groups of people: three figures for a set of rates (ISO/IEC 19795-10).

Each function takes rates along its last axis, at least two, all above zero, and works on many draws at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def worst_to_geometric_mean(rates: Numbers) -> Numbers:
    """Return the highest rate over the geometric mean of all, at least 1.

    The summary of NIST's Face Recognition Vendor Test, part 8 (Grother, NISTIR 8429, 2022). It does not hang on the one
    group with the lowest rate, as highest over lowest does.

    Args:
        rates: Shape (..., groups), above zero.

    Returns:
        Shape (...).
    """
    return np.asarray(rates.max(axis=-1) / np.exp(np.log(rates).mean(axis=-1)))


def inequity(rates: Numbers) -> Numbers:
    """Return the highest rate over the lowest, at least 1 (the inequity ratio of Grother, NISTIR 8429, 2022).

    Args:
        rates: Shape (..., groups), above zero.

    Returns:
        Shape (...).
    """
    return np.asarray(rates.max(axis=-1) / rates.min(axis=-1))


def gini(rates: Numbers) -> Numbers:
    """Return the Gini coefficient, 0 (even) to 1 (one group bears all errors).

    With the correction n / (n - 1) for few groups, as in GARBE (Howard, Laird, Rubin, Sirotin, Tipton and Vemury,
    2022): without it, two groups could not exceed one half.

    Args:
        rates: Shape (..., n), n at least 2.

    Returns:
        Shape (...).
    """
    n = rates.shape[-1]
    ascending = np.sort(rates, axis=-1)
    # The sum over i and j of |x_i - x_j| is twice the sum over i of (2 i - n + 1) x_(i), i from 0.
    differences = 2 * (ascending * (2 * np.arange(n) - n + 1)).sum(axis=-1)
    return np.asarray(differences / (2 * n * (n - 1) * ascending.mean(axis=-1)))
