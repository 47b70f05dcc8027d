"""Setting scores against a cohort of strangers, so that faces of a common kind are not taken for each other.

Where many people resemble each other in the eyes of a network, a given score says less. Adaptive symmetric score
normalisation (Matejka et al., Interspeech 2017) takes from a score s(a, b) what the nearest strangers of a cohort reach
against a and against b; here, with c the mean of the k largest similarities to the cohort and w the weight,

    s'(a, b) = s(a, b) - w/2 (c(a) + c(b)).

One more coordinate makes it an inner product again, so that whatever compares, protects or indexes features needs not
know of it: to x is added g(x) = u - w/(2u) (c(x) - c0). Then g(a) g(b) is the second term above, but for a constant and
a product of two small deviations. All is divided by the largest norm that can arise, so that no norm exceeds 1.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from faceward.core.errors import IntegrityError
from faceward.core.faces import FloatArray
from faceward.vision.wiping import wipe

# Small, so that templates of several samples keep the coordinate's meaning; large enough that the product of two
# ordinary deviations (0.014 each with the default pack) stays below a thousandth.
_OFFSET = 0.2
# Deviations of c from its centre beyond this count as this, which bounds the norm.
_LARGEST_DEVIATION = 0.1
_MOST_BYTES = 2**28
_SMALLEST = 10
# Features that are looked at together; bounds the memory of a large simulated population.
_BLOCK = 16384


class Cohort:
    """Features of strangers.

    Args:
        rows: Unit features, shape (m, d), float32.
        nearest: How many of the nearest strangers count, k.
        weight: How much of their mean similarity is taken off, w.
        centre: Mean similarity that changes nothing, c0.
    """

    def __init__(self, rows: npt.NDArray[np.float32], nearest: int, weight: float, centre: float) -> None:
        self._rows, self._nearest, self._centre = rows, nearest, centre
        self._slope = weight / (2 * _OFFSET)
        self._largest = float(np.sqrt(1 + (_OFFSET + self._slope * _LARGEST_DEVIATION) ** 2))

    def extend(self, features: FloatArray) -> FloatArray:
        """Add the coordinate that says how common each face is.

        Args:
            features: Unit features, shape (n, d), float32.

        Returns:
            Features of norm at most 1, shape (n, d + 1), float32, in memory of their own.
        """
        blocks = range(0, len(features), _BLOCK)
        top = np.concatenate([np.zeros(0, np.float32), *(self._nearness(features[i : i + _BLOCK]) for i in blocks)])
        deviation = np.clip(top - self._centre, -_LARGEST_DEVIATION, _LARGEST_DEVIATION)
        added = _OFFSET - self._slope * deviation
        extended = np.empty((len(features), features.shape[1] + 1), dtype=np.float32)
        np.divide(features, self._largest, out=extended[:, :-1])
        np.divide(added, self._largest, out=extended[:, -1])
        return extended

    def _nearness(self, features: FloatArray) -> FloatArray:
        similarity = features @ self._rows.T
        similarity.partition(-self._nearest, axis=1)
        nearest = similarity[:, -self._nearest :].mean(axis=1)
        # Whom among known faces somebody resembles would tell who they are as well.
        wipe(similarity)
        return np.asarray(nearest, dtype=np.float32)


def parse_cohort(data: bytes, dimension: int, nearest: int) -> npt.NDArray[np.float32]:
    """Read a cohort's features.

    Args:
        data: A NumPy file (.npy) of shape (m, d), float16 or float32.
        dimension: Length d that the network's features have.
        nearest: How many rows must be there at least.

    Returns:
        Unit features, shape (m, d), float32.

    Raises:
        IntegrityError: It is no such file.
    """
    try:
        rows = np.load(io.BytesIO(data), allow_pickle=False) if len(data) <= _MOST_BYTES else None
    except (ValueError, EOFError, OSError):
        rows = None
    if (
        not isinstance(rows, np.ndarray)
        or rows.dtype not in (np.float16, np.float32)
        or rows.ndim != 2
        or rows.shape[1] != dimension
        or len(rows) < max(_SMALLEST, nearest)
        or not np.isfinite(rows).all()
    ):
        raise IntegrityError(
            f"the pack's cohort is no table of at least {max(_SMALLEST, nearest)} features of {dimension} numbers; "
            "restore the original file"
        )
    floats = rows.astype(np.float32)
    norms = np.linalg.norm(floats, axis=1, keepdims=True)
    if not (np.abs(norms - 1) < 0.01).all():
        raise IntegrityError("the pack's cohort holds features that are not of unit length; restore the original file")
    return np.asarray(floats / norms, dtype=np.float32)
