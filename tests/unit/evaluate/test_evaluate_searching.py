from __future__ import annotations

import math

import numpy as np
import pytest

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.intervals import rule_of_three
from faceward.evaluate.searching import Searches, SearchScores, identification_points

# Three enrolled people (0 to 2) and two strangers (7, 8), searched among four references; nobody probes for the last.
GALLERY = [0, 1, 2, 5]
SIMILARITIES = np.array(
    [
        [0.9, 0.2, 0.1, 0.3],
        [0.5, 0.4, 0.4, 0.1],
        [0.6, 0.7, 0.3, 0.8],
        [0.1, 0.2, 0.6, 0.3],
        [0.2, 0.1, 0.0, 0.1],
    ],
    dtype=np.float32,
)
PROBES = [0, 1, 2, 7, 8]
MATED = np.array([0.9, 0.4, 0.3, math.nan, math.nan], dtype=np.float32)


def _searched(blocks: list[list[int]], **lost: list[int]) -> SearchScores:
    searches = Searches(PROBES, MATED)
    for block in blocks:
        searches.add(SIMILARITIES[:, block], np.array(GALLERY)[block])
    return searches.scores(**lost)


@pytest.mark.parametrize("blocks", [[[0, 1, 2, 3]], [[3], [1, 0], [2]], [[2, 3], [], [0, 1]]])
def test_blocks_in_any_order_come_to_the_same(blocks: list[list[int]]) -> None:
    found = _searched(blocks)
    # Probe 1 ties with another's reference, which stands before its own.
    assert found.rank.tolist() == [1, 3, 4, 0, 0]
    assert found.best.tolist() == np.array([0.3, 0.5, 0.8, 0.6, 0.2], dtype=np.float32).tolist()
    assert found.mated.tolist()[:3] == MATED[:3].tolist()
    assert (found.mated[3:] == -np.inf).all()
    assert (found.references, found.simulated) == (4, 0)


def test_rates_of_the_worked_example() -> None:
    found = _searched([[0, 1, 2, 3]])
    half, most = float(np.float32(0.6)), float(np.float32(0.2))
    assert found.fpir([half, 0.61, most, 0.1]).tolist() == [0.5, 0.0, 1.0, 1.0]
    assert found.fnir([0.0, 0.35, 0.95], rank=4) == pytest.approx([0, 1 / 3, 1])
    assert found.fnir([0.0, 0.35, 0.95], rank=1) == pytest.approx([2 / 3, 2 / 3, 1])
    assert found.cmc(5) == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1, 1])
    assert found.rank_rate(3).estimate == pytest.approx(2 / 3)
    assert (found.rank_rate(3).errors, found.rank_rate(3).trials) == (2, 3)


def test_the_threshold_is_the_lowest_that_keeps_the_fpir() -> None:
    found = _searched([[0, 1, 2, 3]])
    assert found.threshold_at_fpir(0.5) == np.nextafter(np.float32(0.2), np.float32(1))
    assert found.threshold_at_fpir(0.49) == np.nextafter(np.float32(0.6), np.float32(1))
    assert found.threshold_at_fpir(1.0) == np.float32(0.2)


def test_failures_to_acquire_are_misses_and_no_alarms() -> None:
    found = _searched([[0, 1, 2, 3]], lost_mated=[1], lost_nonmated=[7, 9])
    assert found.fnir([-1.0], rank=4)[0] == 1 / 4
    assert found.fpir([-1.0])[0] == 2 / 4
    assert found.cmc(4)[-1] == 3 / 4
    assert found.threshold_at_fpir(0.9) == np.float32(0.2)
    everything_lost = Searches([], []).scores([0], [1])
    assert everything_lost.fnir([0.0], 1)[0] == 1
    with pytest.raises(BadInput, match="no non-mated search has a score"):
        everything_lost.threshold_at_fpir(0.5)


def test_simulated_references_are_counted_apart() -> None:
    searches = Searches(PROBES, MATED)
    searches.add(SIMILARITIES, GALLERY)
    searches.add(np.full((5, 3), 0.65, dtype=np.float32), [-1, -1, -2], simulated=True)
    found = searches.scores()
    assert (found.references, found.simulated) == (7, 3)
    assert found.rank.tolist()[:3] == [1, 6, 7]
    assert found.best[3] == np.float32(0.65)


def test_scores_with_the_own_reference_are_no_false_alarm() -> None:
    # Two references of subject 0: neither is a stranger to it.
    searches = Searches([0, 0], [0.9, 0.7])
    similarities = np.array([[0.9, 0.8, 0.1], [0.7, 0.6, 0.2]], dtype=np.float32)
    before = similarities.copy()
    searches.add(similarities, [0, 0, 3])
    found = searches.scores()
    assert found.best.tolist() == np.array([0.1, 0.2], dtype=np.float32).tolist()
    assert found.rank.tolist() == [1, 1]
    np.testing.assert_array_equal(similarities, before)


def _large(seed: int, probes: int = 400, gallery: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    subjects = np.arange(probes) // 2
    similarities = generator.normal(size=(probes, gallery)).astype(np.float32)
    own = subjects < 100
    similarities[own, subjects[own]] += 4
    mated = np.where(own, similarities[np.arange(probes), subjects], np.float32(np.nan))
    return subjects, similarities, mated


def test_many_probes_agree_with_a_sort_of_the_whole_matrix() -> None:
    subjects, similarities, mated = _large(3)
    searches = Searches(subjects, mated)
    references = np.where(np.arange(300) < 100, np.arange(300), -1)
    for start in range(0, 300, 70):
        searches.add(similarities[:, start : start + 70], references[start : start + 70])
    found = searches.scores()
    for probe in range(400):
        order = np.argsort(-similarities[probe], kind="stable")
        if subjects[probe] < 100:
            assert found.rank[probe] == 1 + int(np.flatnonzero(order == subjects[probe])[0])
        strangers = [place for place in order if place != subjects[probe] or subjects[probe] >= 100]
        assert found.best[probe] == similarities[probe, strangers[0]]


def test_points_have_intervals_over_the_probes_subjects() -> None:
    subjects, similarities, mated = _large(4)
    searches = Searches(subjects, mated)
    searches.add(similarities, np.where(np.arange(300) < 100, np.arange(300), -1))
    found = searches.scores()
    result = identification_points(found, [0.1, 0.5, 0.049, 0.1], rank=5, rounds=300)
    # Of 200 non-mated searches 0.049 expects fewer than ten.
    assert [point.fpir.errors for point in result] == [100, 20]
    first, second = result
    assert (first.references, first.simulated, first.rank) == (300, 0, 5)
    assert first.threshold < second.threshold == found.threshold_at_fpir(0.1)
    for point in result:
        assert point.fpir.estimate == found.fpir([point.threshold])[0]
        assert point.fnir.estimate == found.fnir([point.threshold], 5)[0]
        assert 0 <= point.fpir.low < point.fpir.estimate < point.fpir.high < 1
    assert second.fpir.method == "bootstrap over subjects"
    assert identification_points(found, [0.01]) == ()


def test_no_miss_among_few_people_is_not_zero() -> None:
    # Fifty probes of one person are one unit.
    searches = Searches([0] * 50 + [1] * 10, [0.9] * 50 + [math.nan] * 10)
    searches.add(np.tile(np.array([[0.9, 0.1]], dtype=np.float32), (60, 1)), [0, 5])
    point = identification_points(searches.scores(), [1.0], rank=1, rounds=20)[0]
    assert point.fnir.errors == 0
    assert point.fnir.high == pytest.approx(rule_of_three(1))


def test_what_cannot_be_is_refused() -> None:
    found = _searched([[0, 1, 2, 3]])
    with pytest.raises(UsageError, match="at least one"):
        found.cmc(0)
    with pytest.raises(UsageError, match="finite"):
        found.fpir([-math.inf])
    with pytest.raises(UsageError, match="at most 1"):
        identification_points(found, [1.5])
    with pytest.raises(BadInput, match="no probes"):
        Searches([], []).scores()
    with pytest.raises(BadInput, match="3 probes have a mated score"):
        Searches(PROBES, MATED).scores()
    with pytest.raises(BadInput, match="do not go with"):
        Searches([0, 1], [0.5])
    with pytest.raises(BadInput, match="numbered from 0"):
        Searches([-1], [0.5])
    with pytest.raises(BadInput, match="infinite"):
        Searches([0], [math.inf])


@pytest.mark.parametrize(
    ("similarities", "references", "said"),
    [
        (np.zeros((2, 1)), [3], "have the shape"),
        (np.full((5, 1), math.nan), [3], "finite"),
        (np.zeros((5, 1)), [7], "of nobody enrolled"),
    ],
)
def test_a_block_that_cannot_be_is_refused(similarities: np.ndarray, references: list[int], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Searches(PROBES, MATED).add(similarities.astype(np.float32), references)


def test_one_kind_of_search_alone_has_only_its_rates() -> None:
    only_mated = Searches([0], [0.5])
    only_mated.add(np.array([[0.5]], dtype=np.float32), [0])
    with pytest.raises(BadInput, match="people outside the gallery"):
        only_mated.scores().fpir([0.1])
    only_strangers = Searches([4], [math.nan])
    only_strangers.add(np.array([[0.5]], dtype=np.float32), [0])
    with pytest.raises(BadInput, match="people in the gallery"):
        only_strangers.scores().fnir([0.1], 1)
