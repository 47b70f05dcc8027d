"""Invariant: the index finds what comparing with every row finds, in the same order, after any sequence of changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from faceward.gallery.fusion import fuse
from faceward.gallery.index import GalleryIndex
from faceward.protection.scheme import Hit

DIMENSION = 6


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _rows(seed: int, count: int) -> np.ndarray:
    # Few distinct directions, so that scores tie.
    generator = np.random.default_rng(seed)
    return _unit(generator.integers(-1, 2, (count, DIMENSION)) + 0.25)


Model = dict[str, tuple[bytes, np.ndarray]]


def _score(row: np.ndarray, probe: np.ndarray) -> float:
    return float(np.clip((row.astype(np.float64) * probe.astype(np.float64)).sum(), -1.0, 1.0))


def _brute(model: Model, probe: np.ndarray, threshold: float, k: int) -> tuple[Hit, ...]:
    subjects: dict[bytes, list[str]] = {}
    for name, (subject, _) in sorted(model.items()):
        subjects.setdefault(subject, []).append(name)
    found = []
    for subject, names in subjects.items():
        score = _score(fuse(np.stack([model[name][1] for name in names])), probe)
        if score >= threshold:
            closest = max(names, key=lambda name: (_score(model[name][1], probe), [-ord(c) for c in name]))
            found.append((-score, tuple(names), Hit(closest, subject, score, tuple(names))))
    return tuple(hit for _, _, hit in sorted(found)[:k])


class IndexMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = GalleryIndex(DIMENSION)
        self.model: Model = {}
        self.number = 0

    @rule(seed=st.integers(0, 1000), subjects=st.lists(st.integers(0, 5), max_size=70))
    def add(self, seed: int, subjects: list[int]) -> None:
        rows = _rows(seed, len(subjects)) if subjects else np.zeros((0, DIMENSION), np.float32)
        names = [f"{(self.number + n) * 7919 % 10007:032x}" for n in range(len(subjects))]
        self.number += len(subjects)
        labels = [bytes([subject]) for subject in subjects]
        self.index.add(names, labels, rows)
        self.model |= {n: (s, r.copy()) for n, s, r in zip(names, labels, rows, strict=True)}

    @rule(picks=st.lists(st.integers(0, 10**6), max_size=20))
    def remove(self, picks: list[int]) -> None:
        names = sorted(self.model)
        chosen = {names[pick % len(names)] for pick in picks} if names else set()
        assert self.index.remove([*chosen, "unknown"]) == len(chosen)
        for name in chosen:
            del self.model[name]

    @rule()
    def drop(self) -> None:
        self.index.drop()
        self.model.clear()

    @rule(
        seed=st.integers(0, 1000),
        threshold=st.sampled_from([-1.0, -0.3, 0.0, 0.5, 0.9, 1.0]),
        k=st.integers(1, 8),
        probes=st.integers(1, 3),
    )
    def search(self, seed: int, threshold: float, k: int, probes: int) -> None:
        batch = _rows(seed + 5000, probes)
        expected = [_brute(self.model, probe, threshold, k) for probe in batch]
        assert self.index.search(batch, threshold, k) == expected

    @invariant()
    def nothing_is_left_beyond_the_rows(self) -> None:
        assert self.index.ids() == frozenset(self.model)
        assert len(self.index) == len(self.model)
        subjects = {subject for subject, _ in self.model.values()}
        assert len(self.index._subjects) == len(subjects)
        assert not self.index._matrix[len(subjects) :].any()
        several = {s for s in subjects if sum(subject == s for subject, _ in self.model.values()) > 1}
        assert self.index._parts.keys() == several


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 400), st.integers(1, 4), st.floats(-1, 1), st.integers(1, 10))
def test_random_features_are_found_as_by_brute_force(
    seed: int, rows: int, share: int, threshold: float, k: int
) -> None:
    generator = np.random.default_rng(seed)
    features = _unit(generator.standard_normal((rows, 128)))
    names = [f"{n:032x}" for n in generator.permutation(rows)]
    subjects = [bytes([n // share % 256]) for n in range(rows)]
    index = GalleryIndex(128)
    index.add(names, subjects, features)
    probe = _unit(features[:1] + 0.1 * generator.standard_normal((1, 128)).astype(np.float32))
    model = {n: (s, r) for n, s, r in zip(names, subjects, features, strict=True)}
    assert index.search(probe, threshold, k) == [_brute(model, probe[0], threshold, k)]
