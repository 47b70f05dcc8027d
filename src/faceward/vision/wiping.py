"""Overwriting what was seen of a face as soon as it has served (rule W1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def wipe(*arrays: npt.NDArray[Any]) -> None:
    """Overwrite arrays with zeros, in place; those that cannot be written to are passed over.

    What Pillow hands out is such an array: its memory is a `bytes` object, which only its release overwrites; see
    `video.forgetting`.

    Args:
        arrays: Of any shape and type.
    """
    for array in arrays:
        if array.flags.writeable:
            array[...] = 0


def lengths(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the Euclidean length of each row of shape (n, d) as shape (n, 1), leaving no copy of the rows behind.

    The same to the last bit as `numpy.linalg.norm(rows, axis=1, keepdims=True)`, which takes two copies of the rows and
    gives their memory back as it is.
    """
    squares = np.multiply(rows, rows)
    found = np.sqrt(np.add.reduce(squares, axis=1, keepdims=True))
    wipe(squares)
    return np.asarray(found, dtype=np.float32)
