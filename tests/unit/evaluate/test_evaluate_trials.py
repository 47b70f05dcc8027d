"""Comparisons: against a loop that anybody can check, failures counted, templates on the same probes."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from faceward.core.errors import BadInput
from faceward.evaluate import accuracy
from faceward.evaluate.comparing import hardest
from faceward.evaluate.pairs import Pairs
from faceward.evaluate.trials import all_pairs, draw, of_pairs, templates
from faceward.gallery.fusion import fuse

Floats = npt.NDArray[np.float32]


def rows(count: int, seed: int = 1) -> Floats:
    made = np.random.default_rng(seed).standard_normal((count, 16), dtype=np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True))


def people(*counts: int) -> npt.NDArray[np.int32]:
    return np.repeat(np.arange(len(counts)), counts).astype(np.int32)


def test_all_pairs_are_each_pair_once() -> None:
    # More than one block, and subjects that do not stand together.
    rng = np.random.default_rng(2)
    subject_of = np.unique(rng.integers(0, 90, 600), return_inverse=True)[1].astype(np.int32)
    matrix, acquired = rows(600), rng.random(600) > 0.02
    found = all_pairs(matrix, acquired, subject_of)
    expected: dict[bool, dict[tuple[int, int], float]] = {True: {}, False: {}}
    lost = {True: 0, False: 0}
    for i, j in combinations(range(600), 2):
        mated = bool(subject_of[i] == subject_of[j])
        if acquired[i] and acquired[j]:
            expected[mated][i, j] = float(matrix[i] @ matrix[j])
        else:
            lost[mated] += 1
    for mated, scores, pairs in ((True, found.mated, found.mated_pairs), (False, found.nonmated, found.nonmated_pairs)):
        assert {(int(i), int(j)) for i, j in pairs} == set(expected[mated])
        wanted = [expected[mated][int(i), int(j)] for i, j in pairs]
        assert np.allclose(scores, wanted, atol=1e-6)
    assert (found.mated_lost, found.nonmated_lost) == (lost[True], lost[False])


def test_memory_is_that_of_the_scores() -> None:
    count = 2000
    matrix, subject_of = rows(count), people(*[2] * (count // 2))
    tracemalloc.start()
    found = all_pairs(matrix, np.ones(count, dtype=np.bool_), subject_of)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * len(found.nonmated) + 60_000_000


@pytest.mark.parametrize(
    ("counts", "word"),
    [((5,), "one subject only"), ((1, 1, 1), "no subject has two pictures"), ((1, 14200), "at most 100,000,000")],
)
def test_data_that_no_comparison_can_be_made_of_are_refused(counts: tuple[int, ...], word: str) -> None:
    subject_of = people(*counts)
    with pytest.raises(BadInput, match=word):
        all_pairs(np.zeros((len(subject_of), 2), np.float32), np.ones(len(subject_of), np.bool_), subject_of)


def pairs_of(*rows_of: tuple[int, int, bool, int]) -> Pairs:
    table = np.array(rows_of, dtype=np.int32)
    return Pairs(table[:, :2], table[:, 2].astype(np.bool_), table[:, 3])


def test_listed_pairs_lose_those_of_which_a_sample_failed() -> None:
    matrix, subject_of = rows(4), people(2, 2)
    acquired = np.array([True, True, True, False])
    listed = pairs_of((0, 1, True, 0), (2, 3, True, 0), (0, 2, False, 0), (1, 3, False, 0))
    found = of_pairs(matrix, acquired, subject_of, listed)
    assert found.mated_pairs.tolist() == [[0, 1]]
    assert found.nonmated_pairs.tolist() == [[0, 2]]
    assert (found.mated_lost, found.nonmated_lost) == (1, 1)
    with pytest.raises(BadInput, match="no pair is non-mated"):
        of_pairs(matrix, acquired, subject_of, pairs_of((0, 1, True, 0)))
    with pytest.raises(BadInput, match="no pair is mated"):
        of_pairs(matrix, acquired, subject_of, pairs_of((0, 2, False, 0)))


def test_templates_are_fused_as_a_gallery_does_and_never_with_the_probe() -> None:
    matrix, subject_of = rows(12), people(5, 4, 2, 1)
    everybody = np.ones(12, dtype=np.bool_)
    one, three = templates(matrix, everybody, subject_of, (1, 3), seed=5)
    drawn = draw(subject_of, 3, seed=5)
    # Five and four pictures allow templates of three, two and one do not.
    assert [probe for probe, _ in drawn] == list(range(9))
    for number, (probe, members) in enumerate(drawn):
        assert probe not in members
        assert set(subject_of[members]) == {subject_of[probe]}
        assert three.scores.mated[number] == pytest.approx(fuse(matrix[np.sort(members)]) @ matrix[probe], abs=1e-6)
        assert one.scores.mated[number] == pytest.approx(matrix[members[0]] @ matrix[probe], abs=1e-6)
        assert three.scores.mated_pairs[number].tolist() == [12 + number, probe]
        assert three.sources[number] == members[0]
    assert len(three.scores.nonmated) == 5 * 7 + 4 * 8
    template, probe = three.scores.nonmated_pairs[0]
    members = drawn[template - 12][1]
    assert three.scores.nonmated[0] == pytest.approx(fuse(matrix[np.sort(members)]) @ matrix[probe], abs=1e-6)
    assert np.array_equal(one.scores.nonmated_pairs, three.scores.nonmated_pairs)


def test_a_template_is_made_of_the_samples_that_were_acquired() -> None:
    matrix, subject_of = rows(6), people(4, 2)
    acquired = np.array([True, False, False, False, True, True])
    [found] = templates(matrix, acquired, subject_of, (3,), seed=1)
    # Probe 0 has no sample for a template; of the other three probes none was acquired.
    assert (found.failed, len(found.scores.mated), found.scores.mated_lost) == (1, 0, 4)
    assert len(found.scores.nonmated) == 3 * 2
    assert found.scores.nonmated_lost == 2
    with pytest.raises(BadInput, match="no subject has 5 pictures"):
        templates(matrix, acquired, subject_of, (4,), seed=1)
    with pytest.raises(BadInput, match="one subject only"):
        templates(matrix[:4], acquired[:4], subject_of[:4], (2,), seed=1)


def test_the_hardest_pairs_are_the_lowest_mated_and_the_highest_nonmated() -> None:
    found = all_pairs(rows(60), np.ones(60, dtype=np.bool_), people(*[3] * 20))
    chosen = hardest(found, 5)
    assert [pair.score for pair in chosen.mated] == sorted(found.mated.tolist())[:5]
    assert [pair.score for pair in chosen.nonmated] == sorted(found.nonmated.tolist())[::-1][:5]
    place = int(found.mated.argmin())
    assert [chosen.mated[0].first, chosen.mated[0].second] == found.mated_pairs[place].tolist()
    assert len(hardest(found, 10**6).mated) == len(found.mated)


def test_the_best_threshold_is_that_of_trying_all() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        count = int(rng.integers(2, 30))
        values = rng.integers(0, 8, count).astype(np.float32) / 8
        values[rng.random(count) < 0.1] = -np.inf
        values[0] = 0.5
        mated = rng.random(count) < 0.5
        tried = {float(t): ((values >= t) == mated).mean() for t in np.unique(values[np.isfinite(values)])}
        found = accuracy.best_threshold(values, mated)
        assert tried[found] == max(tried.values())
        assert found == min(t for t, share in tried.items() if share == max(tried.values()))


def test_accuracy_over_folds_takes_each_fold_at_the_threshold_of_the_others() -> None:
    values = np.array([0.9, 0.1, 0.8, 0.2, 0.3, 0.6], dtype=np.float32)
    mated = np.array([True, False, True, False, True, False])
    found = accuracy.over_folds(values, mated, np.array([0, 0, 1, 1, 2, 2], dtype=np.int32))
    assert found.folds == (1.0, 1.0, 0.5)
    assert found.thresholds[2] == pytest.approx(0.8)
    assert found.mean == pytest.approx(2.5 / 3)
    assert found.standard_error == pytest.approx(np.std([1, 1, 0.5], ddof=1) / np.sqrt(3))


def test_a_pair_without_a_score_is_decided_a_nonmatch() -> None:
    test = np.array([-np.inf, -np.inf], dtype=np.float32), np.array([True, False])
    train = np.array([0.9, 0.1], dtype=np.float32), np.array([True, False])
    found = accuracy.between(train, test)
    assert found.mean == 0.5
    assert found.standard_error is None
