"""Concurrent inferences share runs, and nobody gets another's rows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from faceward.vision.batching import Batcher


def test_what_waits_while_a_run_lasts_is_run_together() -> None:
    begun, go = threading.Event(), threading.Event()
    sizes: list[int] = []

    def run(rows: np.ndarray) -> np.ndarray:
        sizes.append(len(rows))
        begun.set()
        assert go.wait(10)
        return rows * 2

    batcher = Batcher(run, places=1, most=16)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(batcher, np.zeros((4, 1), np.float32))
        assert begun.wait(10)
        others = [pool.submit(batcher, np.full((4, 1), n, np.float32)) for n in range(1, 5)]
        while len(batcher._waiting) < 4:
            pass
        go.set()
        assert (first.result(10) == 0).all()
        for n, other in enumerate(others, 1):
            assert (other.result(10) == 2 * n).all()
    assert sizes == [4, 16]


def test_rows_go_back_to_whoever_gave_them() -> None:
    batcher = Batcher(lambda rows: rows + 1, places=2, most=8)

    def work(n: int) -> bool:
        rows = np.full((n % 5 + 1, 3), n, np.float32)
        found = batcher(rows)
        return found.shape == rows.shape and bool((found == n + 1).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(2000)))


def test_rows_of_other_shapes_are_not_run_together() -> None:
    batcher = Batcher(lambda rows: rows, places=1, most=100)
    with ThreadPoolExecutor(8) as pool:
        shapes = list(pool.map(lambda n: batcher(np.zeros((1, n % 3 + 1), np.float32)).shape, range(300)))
    assert shapes == [(1, n % 3 + 1) for n in range(300)]


def test_more_rows_than_a_run_takes_are_run_alone() -> None:
    assert Batcher(lambda rows: rows, places=1, most=2)(np.zeros((9, 1), np.float32)).shape == (9, 1)


def test_a_failure_reaches_the_caller_and_the_next_is_served() -> None:
    def run(rows: np.ndarray) -> np.ndarray:
        if rows.any():
            raise ValueError("no")
        return rows

    batcher = Batcher(run, places=1, most=4)
    with pytest.raises(ValueError, match="no"):
        batcher(np.ones((1, 1), np.float32))
    assert batcher(np.zeros((1, 1), np.float32)).shape == (1, 1)


def test_no_more_runs_at_once_than_places() -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def run(rows: np.ndarray) -> np.ndarray:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1
        return rows

    batcher = Batcher(run, places=2, most=1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(batcher, [np.zeros((1, 1), np.float32)] * 60))
    assert most[0] == 2
