"""Open-set searches: who is enrolled, who is not, what is simulated; against a search that anybody can check."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import faceward
from faceward.core.errors import BadInput
from faceward.evaluate.protocol import Setting
from faceward.evaluate.searches import search, split
from faceward.vision.population import Population


@pytest.fixture(scope="module")
def pack() -> Any:
    return faceward.pipeline().pack


def people(count: int, each: int) -> npt.NDArray[np.int32]:
    return np.repeat(np.arange(count), each).astype(np.int32)


def features(subject_of: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(4)
    means = rng.standard_normal((int(subject_of.max()) + 1, size))
    made = means[subject_of] + 0.9 * rng.standard_normal((len(subject_of), size))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def test_half_are_enrolled_and_nobody_is_on_both_sides() -> None:
    subject_of = people(20, 5)
    who = split(subject_of, Setting(probes=3, gallery_sizes=(10,)))
    enrolled = set(subject_of[who.references].tolist())
    assert len(enrolled) == len(who.references) == 10
    assert set(subject_of[who.mated].tolist()) == enrolled
    assert not enrolled & set(subject_of[who.nonmated].tolist())
    assert not set(who.references.tolist()) & set(who.mated.tolist())
    assert (len(who.mated), len(who.nonmated)) == (30, 30)
    again = split(subject_of, Setting(probes=3, gallery_sizes=(10,)))
    assert np.array_equal(who.references, again.references)
    other = split(subject_of, Setting(probes=3, gallery_sizes=(10,), seed=1))
    assert not np.array_equal(who.references, other.references)


@pytest.mark.parametrize(("count", "each", "word"), [(3, 4, "3 subjects"), (8, 1, "no enrolled subject")])
def test_data_that_cannot_be_searched_are_refused(count: int, each: int, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        split(people(count, each), Setting(gallery_sizes=(2,)))


def test_a_search_is_what_sorting_all_scores_gives(pack: Any) -> None:
    subject_of = people(40, 4)
    matrix = features(subject_of, 16)
    acquired = np.ones(len(subject_of), dtype=np.bool_)
    acquired[[3, 50]] = False
    setting = Setting(gallery_sizes=(20,), probes=2)
    [found], missing = search(matrix, acquired, subject_of, setting, pack)
    assert missing == ()
    who = split(subject_of, setting)
    gallery = [place for place in who.references if acquired[place]]
    scores = matrix @ matrix[gallery].T
    owner = subject_of[gallery]
    mated = {}
    for probe in who.mated:
        own = np.flatnonzero(owner == subject_of[probe])
        if acquired[probe] and len(own):
            mine = float(scores[probe, own[0]])
            mated[round(mine, 5)] = 1 + int((np.delete(scores[probe], own[0]) >= mine).sum())
    seen = found.enrolled & np.isfinite(found.mated)
    assert {round(float(m), 5): int(r) for m, r in zip(found.mated[seen], found.rank[seen], strict=True)} == mated
    best = sorted(float(scores[probe].max()) for probe in who.nonmated if acquired[probe])
    strangers = ~found.enrolled & np.isfinite(found.best)
    assert np.allclose(np.sort(found.best[strangers]), best, atol=1e-6)
    assert int(found.enrolled.sum()) == len(who.mated)
    assert int((~found.enrolled).sum()) == len(who.nonmated)
    assert (found.references, found.simulated) == (len(gallery), 0)


def test_small_galleries_are_several_and_search_everybody_enrolled_once(pack: Any) -> None:
    subject_of = people(40, 3)
    everybody = np.ones(len(subject_of), dtype=np.bool_)
    [found], _ = search(features(subject_of, 16), everybody, subject_of, Setting(gallery_sizes=(4,), probes=2), pack)
    assert int(found.enrolled.sum()) == 20 * 2
    assert int((~found.enrolled).sum()) == 20 * 2 * 5
    assert found.references == 4
    assert (found.rank <= 4).all()


def test_a_gallery_is_filled_up_with_simulated_references_and_says_so(pack: Any) -> None:
    subject_of = people(40, 3)
    rows = Population.of(pack, 9).draw(len(subject_of))
    everybody = np.ones(len(subject_of), dtype=np.bool_)
    setting = Setting(gallery_sizes=(10, 20_000), probes=2, simulated=20_000)
    small, large = search(rows, everybody, subject_of, setting, pack)[0]
    assert (small.references, small.simulated) == (10, 0)
    assert (large.references, large.simulated) == (20_000, 20_000 - 20)
    threshold = small.threshold_at_fpir(0.1)
    assert large.fpir([threshold])[0] > small.fpir([threshold])[0]


def test_sizes_that_the_data_have_not_people_for_are_said_and_not_measured(pack: Any) -> None:
    subject_of = people(40, 3)
    rows = features(subject_of, 16)
    everybody = np.ones(len(subject_of), dtype=np.bool_)
    found, missing = search(rows, everybody, subject_of, Setting(gallery_sizes=(10, 100)), pack)
    assert [one.references for one in found] == [10]
    assert missing == ("a gallery of 100: the data enrol 20 subjects",)
    with pytest.raises(BadInput, match="no gallery can be made"):
        search(rows, everybody, subject_of, Setting(gallery_sizes=(100,), simulated=50), pack)


def test_without_an_acquired_reference_every_probe_of_a_subject_is_a_miss(pack: Any) -> None:
    subject_of = people(8, 3)
    setting = Setting(gallery_sizes=(4,), probes=2)
    who = split(subject_of, setting)
    acquired = np.ones(len(subject_of), dtype=np.bool_)
    acquired[who.references[0]] = False
    [found], _ = search(features(subject_of, 16), acquired, subject_of, setting, pack)
    lost = found.enrolled & ~np.isfinite(found.mated)
    assert set(found.subjects[lost].tolist()) == {int(subject_of[who.references[0]])}
    assert int(lost.sum()) == 2
    assert found.fnir([-1.0], 4)[0] == pytest.approx(2 / 8)
