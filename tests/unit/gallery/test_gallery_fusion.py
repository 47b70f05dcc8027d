from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.gallery.fusion import SHARPENING, fuse
from faceward.gallery.index import GalleryIndex


def _rows(seed: int, count: int, dimension: int = 32, spread: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal(dimension) + spread * rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_single_reference_is_its_own_template() -> None:
    [row] = rows = _rows(1, 1)
    template = fuse(rows)
    assert np.array_equal(template, row)
    assert not np.shares_memory(template, rows)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 9), st.floats(0.01, 5), st.floats(0.5, 1))
def test_a_template_scores_as_the_mean_times_a_factor_and_is_never_longer(
    seed: int, count: int, spread: float, length: float
) -> None:
    rows = _rows(seed, count, spread=spread) * np.linspace(length, 1, count, dtype=np.float32)[:, np.newaxis]
    template = fuse(rows)
    lengths = np.linalg.norm(rows, axis=1)
    mean = rows.astype(np.float64).mean(axis=0)
    factor = (lengths.mean() / np.linalg.norm(mean)) ** SHARPENING
    assert factor >= 1 - 1e-6
    assert np.linalg.norm(template) <= lengths.mean() * (1 + 1e-6)
    probe = _rows(seed + 1, 1)[0]
    assert template @ probe == pytest.approx(factor * (rows @ probe).mean(), abs=1e-5)


def test_references_that_cancel_out_make_a_template_that_matches_nobody() -> None:
    [row] = _rows(2, 1)
    template = fuse(np.stack([row, -row]))
    assert not template.any()
    index = GalleryIndex(32)
    index.add(["a" * 32, "b" * 32], [b"s", b"s"], np.stack([row, -row]))
    assert index.search(row[np.newaxis], 0.1, 1) == [()]


def test_the_parts_of_a_template_are_overwritten_when_they_go() -> None:
    rows = _rows(3, 4)
    names = [f"{n:032x}" for n in range(4)]
    index = GalleryIndex(32)
    index.add(names[:3], [b"s"] * 3, rows[:3])
    first = index._parts[b"s"]
    index.add(names[3:], [b"s"], rows[3:])
    assert not first.any()
    second = index._parts[b"s"]
    index.remove(names[:2])
    assert not second.any()
    third = index._parts[b"s"]
    index.remove(names[2:3])
    assert not third.any()
    assert np.array_equal(index._matrix[0], rows[3])
    index.add(names[:2], [b"s"] * 2, rows[:2])
    last = index._parts[b"s"]
    index.drop()
    assert not last.any()


def test_several_samples_reach_a_probe_that_one_misses() -> None:
    """Fusion averages out what differs from sample to sample."""
    rng = np.random.default_rng(5)
    person = rng.standard_normal(128)
    noisy = person + 1.3 * rng.standard_normal((400, 128))
    rows = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
    probes = rows[200:]
    one = np.mean([probes @ row for row in rows[:60]])
    three = np.mean([probes @ fuse(rows[n : n + 3]) for n in range(0, 60, 3)])
    spread_one = np.std([probes @ row for row in rows[:60]])
    spread_three = np.std([probes @ fuse(rows[n : n + 3]) for n in range(0, 60, 3)])
    assert three > one
    assert spread_three < spread_one
