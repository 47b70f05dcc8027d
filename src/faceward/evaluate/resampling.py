"""Resampling of subjects: weights of each round, and sums of comparisons under them.

A round draws as many subjects as there are, with replacement. Drawn `w` times, a subject counts `w` times: a mated
comparison weighs `w`, a non-mated one of subjects i and j weighs `w_i * w_j` (Poh and Bengio, 2007, the part over
subjects; Owen, 2007, analyses it as the pigeonhole bootstrap and shows that it errs on the wide side).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from faceward.core.errors import UsageError

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]
Weights = npt.NDArray[np.uint16]

# Rounds taken at once: the weights of a few thousand subjects then fit into a core's second-level cache.
_ROUNDS_AT_ONCE = 64
# Rows taken at once: their products, 1 MiB in single precision, stay in that cache until they are summed.
_ROWS_AT_ONCE = 1 << 12
# A block of which more than an eighth is filled is multiplied faster as a plain matrix.
_DENSE = 1 / 8
# Integers up to here are exact in float32.
_EXACT = 1 << 24


def subject_weights(subjects: int, rounds: int, seed: int) -> Weights:
    """Draw how often each subject counts in each round.

    The same three numbers give the same weights: the draws of two sets of scores over the same subjects belong together
    round by round, so that their ratio can be resampled.

    Args:
        subjects: Number of subjects, at least 1.
        rounds: Number of rounds, at least 1.
        seed: Seed of the generator.

    Returns:
        Weights, shape (rounds, subjects), each row summing to the number of subjects.

    Raises:
        UsageError: There are no subjects or no rounds.
    """
    if subjects < 1:
        raise UsageError("no subjects to resample; the data hold no samples")
    if rounds < 1:
        raise UsageError("resampling needs at least one round")
    generator = np.random.default_rng(seed)
    weights = np.empty((rounds, subjects), dtype=np.uint16)
    for row in weights:
        row[:] = np.bincount(generator.integers(subjects, size=subjects), minlength=subjects)
    return weights


def single_sums(weights: Weights, subject: Integers, level: Integers, levels: int) -> Numbers:
    """Sum the weights of comparisons that hang on one subject each.

    Args:
        weights: As of `subject_weights`, shape (rounds, subjects).
        subject: The subject of each comparison, shape (n,).
        level: Where each is counted, shape (n,), 0 to `levels` - 1.
        levels: Number of sums.

    Returns:
        Sums, shape (rounds, levels); integers, exact.
    """
    subjects = weights.shape[1]
    cells, counts = np.unique(level.astype(np.int64) * subjects + subject, return_counts=True)
    table = csr_array((counts.astype(np.float64), (cells // subjects, cells % subjects)), shape=(levels, subjects))
    parts = [table @ weights[chunk].T.astype(np.float64) for chunk in _chunks(len(weights))]
    return np.asarray(np.hstack(parts).T, dtype=np.float64)


def pair_sums(weights: Weights, pairs: tuple[Integers, Integers], level: Integers, levels: int) -> Numbers:
    """Sum the weights of comparisons of two subjects each: the product of theirs.

    Equal pairs at one level are joined first. Each level is then a sparse matrix C over subjects, and the sum of a
    round with weights w is w'Cw; all rounds of a chunk are one product of C with a matrix. Chunks run in threads.

    Args:
        weights: As of `subject_weights`, shape (rounds, subjects).
        pairs: First and second subject of each comparison, each of shape (n,).
        level: Where each is counted, shape (n,), 0 to `levels` - 1.
        levels: Number of sums.

    Returns:
        Sums, shape (rounds, levels); integers, exact below 2**53.
    """
    rounds, subjects = weights.shape
    if not len(level):
        return np.zeros((rounds, levels))
    key = level.astype(np.int64) * subjects
    key += np.minimum(*pairs)
    key *= subjects
    key += np.maximum(*pairs)
    key, counts = distinct(key)
    column = (key % subjects).astype(np.int32)
    key //= subjects
    start = _starts(key)
    row = key[start]
    largest = int(np.add.reduceat(counts, start).max()) * int(weights.max()) ** 2
    dtype = np.float32 if largest < _EXACT else np.float64
    matrix = csr_array(
        (counts.astype(dtype), column, np.append(start, len(key))), shape=(len(row), subjects), dtype=dtype
    )
    return _products(weights, matrix, row // subjects, row % subjects, levels)


def distinct(key: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Integers]:
    """Return the distinct values, rising, and how often each occurs; sorts `key` in place.

    `numpy.unique` may hash instead, which takes many times as long for ten million.
    """
    key.sort()
    start = _starts(key)
    return key[start], np.diff(start, append=len(key))


def _starts(rising: npt.NDArray[np.int64]) -> Integers:
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.concatenate(([True], rising[1:] != rising[:-1])))


def _products(weights: Weights, matrix: csr_array, level: Integers, first: Integers, levels: int) -> Numbers:
    """Sum `weight of the row's subject * (matrix @ weights)` over the rows of each level; rows come by rising level."""
    sums = np.zeros((len(weights), levels))
    batches = []
    for start in range(0, len(level), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        edges = np.flatnonzero(np.diff(level[rows], prepend=-1))
        part = matrix[rows]
        dense = part.nnz > _DENSE * part.shape[0] * part.shape[1]
        batches.append((part.toarray() if dense else part, first[rows], edges, level[rows][edges]))

    def add(chunk: slice) -> None:
        drawn = np.ascontiguousarray(weights[chunk].T).astype(matrix.dtype)
        for part, subject, edges, at in batches:
            product = part @ drawn
            product *= drawn[subject]
            sums[chunk, at] += np.add.reduceat(product, edges, axis=0, dtype=np.float64).T

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(add, _chunks(len(weights))))
    return sums


def _chunks(rounds: int) -> list[slice]:
    return [slice(start, start + _ROUNDS_AT_ONCE) for start in range(0, rounds, _ROUNDS_AT_ONCE)]
