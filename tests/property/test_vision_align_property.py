from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceward.vision.align import ARCFACE_112, similarity

angles = st.floats(-np.pi, np.pi)
scales = st.floats(1e-3, 1e3)
shifts = st.floats(-1e4, 1e4)


def _linear(angle: float, scale: float) -> np.ndarray:
    return scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@given(angles, scales, shifts, shifts)
def test_a_similarity_is_recovered(angle: float, scale: float, across: float, down: float) -> None:
    linear = _linear(angle, scale)
    found = similarity(ARCFACE_112, ARCFACE_112 @ linear.T + [across, down])
    assert np.allclose(found[:, :2], linear, atol=1e-6 * scale)
    assert np.allclose(found[:, 2], [across, down], atol=1e-5 * (1 + scale + abs(across) + abs(down)))


@given(angles, scales, st.integers(0, 2**32 - 1))
def test_no_other_similarity_fits_better(angle: float, scale: float, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    target = ARCFACE_112 @ _linear(angle, scale).T + numbers.normal(0, 3 * scale, (5, 2))
    found = similarity(ARCFACE_112, target)

    def error(matrix: np.ndarray) -> float:
        return float(((ARCFACE_112 @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum())

    best = error(found)
    for _ in range(10):
        step = numbers.normal(0, 0.01)
        other = found.copy()
        other[:, :2] = other[:, :2] @ _linear(step, 1 + numbers.normal(0, 0.01))
        other[:, 2] += numbers.normal(0, 0.1 * scale, 2)
        assert error(other) >= best * (1 - 1e-9)


@given(st.integers(0, 2**32 - 1))
def test_a_reflection_is_never_made(seed: int) -> None:
    target = np.random.default_rng(seed).normal(0, 50, (5, 2))
    assert np.linalg.det(similarity(ARCFACE_112, target)[:, :2]) >= 0
