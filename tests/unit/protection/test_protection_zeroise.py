from __future__ import annotations

import numpy as np
import pytest

from faceward.protection.zeroise import zeroise


def test_arrays_and_byte_arrays_are_overwritten_in_place() -> None:
    array = np.ones((3, 4), dtype=np.float32)
    view = array[1]
    secret = bytearray(b"secret")
    zeroise(view, secret)
    assert array.sum() == 8
    assert secret == bytes(6)


def test_a_read_only_array_is_not_passed_over_in_silence() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        zeroise(array)
