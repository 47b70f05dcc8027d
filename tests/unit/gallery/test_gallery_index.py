from __future__ import annotations

import numpy as np
import pytest

from faceward.core.errors import PackMismatch, UsageError
from faceward.gallery import index as module
from faceward.gallery.index import GalleryIndex


def _unit(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _filled(count: int = 200) -> tuple[GalleryIndex, np.ndarray, list[str]]:
    rows = _unit(count)
    names = [f"{n:032x}" for n in range(count)]
    index = GalleryIndex(16)
    index.add(names, [name.encode() for name in names], rows)
    return index, rows, names


def test_a_vacated_row_is_overwritten() -> None:
    index, _, names = _filled()
    matrix = index._matrix
    index.remove(names[10:20])
    assert matrix[:190].any(axis=1).all()
    assert not matrix[190:].any()


def test_a_matrix_that_was_outgrown_or_dropped_is_overwritten() -> None:
    index, rows, _ = _filled()
    before = index._matrix
    more = [f"{n + 1000:032x}" for n in range(149)]
    index.add(more, [name.encode() for name in more], rows[1:150])
    assert index._matrix is not before
    assert not before.any()
    after = index._matrix
    index.drop()
    assert not after.any()
    assert len(index) == 0


def test_a_failed_addition_changes_nothing() -> None:
    index, rows, names = _filled(5)
    with pytest.raises(UsageError):
        index.add(["f" * 32, "f" * 32], [b"a", b"b"], rows[:2])
    with pytest.raises(UsageError):
        index.add(["f" * 32, names[0]], [b"a", b"b"], rows[:2])
    with pytest.raises(PackMismatch):
        index.add(["f" * 32], [b"a"], _unit(1, 8))
    assert index.ids() == frozenset(names)


def test_a_large_batch_is_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    index, rows, _ = _filled()
    whole = index.search(rows[:25], 0.2, 4)
    monkeypatch.setattr(module, "_BLOCK_SCORES", 7 * 200)
    assert index.search(rows[:25], 0.2, 4) == whole


def test_a_score_does_not_depend_on_the_row_it_stands_in() -> None:
    rows = _unit(997, 128)
    probe = _unit(1, 128, seed=7)
    scores = set()
    for shift in range(0, 997, 83):
        index = GalleryIndex(128)
        rolled = np.roll(rows, shift, axis=0)
        names = [f"{n:032x}" for n in np.roll(np.arange(997), shift)]
        index.add(names, [name.encode() for name in names], rolled)
        scores.add(index.search(probe, -1.0, 997)[0])
    assert len(scores) == 1


def test_the_threshold_is_exact_whatever_the_product_rounds() -> None:
    rows, probe = _unit(600, 512), _unit(1, 512, seed=9)
    index = GalleryIndex(512)
    names = [f"{n:032x}" for n in range(600)]
    index.add(names, [name.encode() for name in names], rows)
    [hits] = index.search(probe, -1.0, 600)
    for place, hit in enumerate(hits):
        assert index.search(probe, hit.score, 600)[0] == hits[: place + 1]
        assert index.search(probe, float(np.nextafter(hit.score, 2)), 600)[0] == hits[:place]


def test_the_best_of_near_ties_is_found_whatever_the_product_rounds() -> None:
    generator = np.random.default_rng(3)
    probe = _unit(1, 512, seed=9)
    near = probe + generator.standard_normal((500, 512)) * 1e-8 + 0.02 * _unit(1, 512, seed=4)
    rows = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    index = GalleryIndex(512)
    names = [f"{n:032x}" for n in range(500)]
    index.add(names, [name.encode() for name in names], rows)
    [every] = index.search(probe, -1.0, 500)
    assert len({hit.score for hit in every}) > 100
    for k in (1, 2, 5, 50, 499):
        assert index.search(probe, 0.5, k)[0] == every[:k]
