"""Overwriting of secrets and features in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def zeroise(*buffers: bytearray | np.ndarray[Any, Any]) -> None:
    """Overwrite every buffer with zeros, in place.

    A view zeroises only what it shows. Immutable objects (`bytes`, `str`) cannot be overwritten in Python;
    features and matrices are therefore kept in arrays from the moment they exist.

    Args:
        buffers: Byte arrays and numpy arrays of any shape and type.

    Raises:
        ValueError: An array is read-only.
    """
    for buffer in buffers:
        if isinstance(buffer, bytearray):
            buffer[:] = bytes(len(buffer))
        else:
            buffer[...] = 0
