from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceward.core.errors import IntegrityError, PackMismatch, UsageError
from faceward.protection.codec import Binding
from faceward.protection.scheme import Comparator, ProtectedReference, SubjectKey

if TYPE_CHECKING:
    from faceward.protection.scheme import Features, ProtectionScheme

DIMENSION = 128


def unit(seed: int, count: int = 1, dimension: int = DIMENSION) -> Features:
    rows = np.random.default_rng(seed).standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def opener(number: int, key: int = 0) -> SubjectKey:
    binding = Binding("features", f"{number:032x}", f"{number + key:032x}", "staff", "pack", "doors")
    return SubjectKey(bytes([number % 251, key]) * 16, binding)


def protected(scheme: ProtectionScheme, rows: Features, subjects: list[int] | None = None) -> list[ProtectedReference]:
    return [
        ProtectedReference(bytes([(subjects or range(len(rows)))[n]]), scheme.protect(row, opener(n)), opener(n))
        for n, row in enumerate(rows)
    ]


@pytest.fixture
def rows() -> Features:
    return unit(1, 40)


@pytest.fixture
def comparator(scheme: ProtectionScheme, rows: Features) -> Comparator:
    made = scheme.comparator()
    made.add(protected(scheme, rows))
    return made


def test_every_reference_finds_itself_and_a_stranger_finds_nobody(comparator: Comparator, rows: Features) -> None:
    found = comparator.search(rows, 0.9, 5)
    assert [[hit.reference_id for hit in hits] for hits in found] == [[f"{n:032x}"] for n in range(40)]
    assert all(abs(hits[0].score - 1.0) < 1e-3 for hits in found)
    assert comparator.search(unit(2), 0.9, 5) == [()]


def test_hits_fall_and_none_is_below_the_threshold(comparator: Comparator, rows: Features) -> None:
    probe = unit(3)
    [hits] = comparator.search(probe, 0.05, 40)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    expected = np.sort(rows.astype(np.float64) @ probe[0].astype(np.float64))[::-1]
    assert np.allclose(scores, expected[expected >= 0.05], atol=1e-3)
    [few] = comparator.search(probe, 0.05, 3)
    assert few == hits[:3]


def test_references_of_a_subject_are_one_template(scheme: ProtectionScheme, rows: Features) -> None:
    comparator = scheme.comparator()
    comparator.add(protected(scheme, rows, [n // 10 for n in range(40)]))
    assert len(comparator) == 40
    [hits] = comparator.search(rows[13:14], -1.0, 40)
    assert sorted(hit.subject for hit in hits) == [bytes([n]) for n in range(4)]
    assert hits[0].reference_id == f"{13:032x}"
    assert hits[0].references == tuple(f"{n:032x}" for n in range(10, 20))
    mean = float(rows[10:20].mean(axis=0) @ rows[13])
    assert mean < hits[0].score < 1.0


def test_a_template_is_the_same_whenever_its_references_came(scheme: ProtectionScheme, rows: Features) -> None:
    every = protected(scheme, rows[:6], [0] * 6)
    found = set()
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [5, 2, 3, 4, 0, 1]):
        comparator = scheme.comparator()
        for place in order:
            comparator.add([every[place]])
        comparator.remove([f"{n:032x}" for n in (4, 5)])
        [[hit]] = comparator.search(rows[1:2], -1.0, 1)
        found.add(hit)
    assert len(found) == 1
    assert found.pop().references == tuple(f"{n:032x}" for n in range(4))


def test_one_reference_that_is_left_is_compared_as_if_alone(scheme: ProtectionScheme, rows: Features) -> None:
    alone, several = scheme.comparator(), scheme.comparator()
    alone.add(protected(scheme, rows[:1]))
    several.add(protected(scheme, rows[:3], [0, 0, 0]))
    several.remove([f"{1:032x}", f"{2:032x}"])
    assert several.search(rows[5:6], -1.0, 1) == alone.search(rows[5:6], -1.0, 1)


def test_only_hits_come_out(comparator: Comparator) -> None:
    """Nothing public returns features or everybody's scores."""
    public = {name for name in dir(Comparator) if not name.startswith("_")}
    assert public == {"reference_ids", "add", "remove", "search", "drop"}


def test_equal_scores_come_in_the_order_of_identifiers(scheme: ProtectionScheme) -> None:
    comparator = scheme.comparator()
    comparator.add(reversed(protected(scheme, np.repeat(unit(5), 9, axis=0))))
    [hits] = comparator.search(unit(5), 0.5, 4)
    assert [hit.reference_id for hit in hits] == [f"{n:032x}" for n in range(4)]


def test_removed_references_are_not_found(comparator: Comparator, rows: Features) -> None:
    assert comparator.remove([f"{n:032x}" for n in (0, 39, 17, 99)]) == 3
    assert len(comparator) == 37
    assert comparator.reference_ids() == {f"{n:032x}" for n in range(40) if n not in {0, 17, 39}}
    found = comparator.search(rows, 0.9, 1)
    assert [n for n, hits in enumerate(found) if not hits] == [0, 17, 39]


def test_a_dropped_comparator_is_empty_and_usable(
    comparator: Comparator, scheme: ProtectionScheme, rows: Features
) -> None:
    comparator.drop()
    assert (len(comparator), comparator.reference_ids()) == (0, frozenset())
    assert comparator.search(rows[:2], -1.0, 5) == [(), ()]
    comparator.add(protected(scheme, unit(9, 3, 512)))
    assert comparator.search(unit(9, 1, 512), 0.9, 1)[0] == comparator.search(unit(9, 3, 512)[:1], 0.9, 1)[0]


def test_an_empty_comparator_knows_nobody(scheme: ProtectionScheme) -> None:
    comparator = scheme.comparator()
    comparator.add([])
    assert comparator.search(unit(1), -1.0, 1) == [()]
    assert comparator.remove(["f" * 32]) == 0


def test_K1_swapped_blobs_are_noticed_and_named(scheme: ProtectionScheme, rows: Features) -> None:
    first, second = protected(scheme, rows[:2])
    comparator = scheme.comparator()
    with pytest.raises(IntegrityError, match=first.reference_id):
        comparator.add([replace(first, blob=second.blob), second])
    assert len(comparator) == 0


def test_K1_a_reference_is_renewable_and_the_old_key_becomes_useless(scheme: ProtectionScheme, rows: Features) -> None:
    old, new = opener(0), opener(0, key=1)
    blob = scheme.protect(rows[0], old)
    renewed = scheme.renew(blob, old, new)
    comparator = scheme.comparator()
    with pytest.raises(IntegrityError):
        comparator.add([ProtectedReference(b"s", renewed, old)])
    comparator.add([ProtectedReference(b"s", renewed, new)])
    assert comparator.search(rows[:1], 0.99, 1)[0][0].reference_id == f"{0:032x}"
    with pytest.raises(IntegrityError):
        scheme.renew(blob, new, old)


def test_K1_protected_bytes_hold_no_features(scheme: ProtectionScheme, rows: Features) -> None:
    blob = scheme.protect(rows[0], opener(0))
    data = rows[0].astype("<f4").tobytes()
    assert not any(data[place : place + 8] in blob for place in range(0, len(data), 4))


def test_another_dimension_is_a_mismatch_of_packs(
    comparator: Comparator, scheme: ProtectionScheme, rows: Features
) -> None:
    with pytest.raises(PackMismatch):
        comparator.search(unit(1, 1, 512), 0.5, 1)
    number = 100
    other = ProtectedReference(b"o", scheme.protect(unit(1, 1, 512)[0], opener(number)), opener(number))
    with pytest.raises(PackMismatch):
        comparator.add([other])
    assert len(comparator) == 40


def test_a_reference_is_held_once(comparator: Comparator, scheme: ProtectionScheme, rows: Features) -> None:
    with pytest.raises(UsageError, match="already"):
        comparator.add(protected(scheme, rows[:1]))
    assert len(comparator) == 40


@pytest.mark.parametrize(("threshold", "k"), [(1.5, 1), (-1.5, 1), (float("nan"), 1), (0.5, 0), (0.5, -1)])
def test_a_search_without_meaning_is_refused(comparator: Comparator, threshold: float, k: int) -> None:
    with pytest.raises(UsageError):
        comparator.search(unit(1), threshold, k)


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.01, 2.0, float("nan"), float("inf")])
def test_a_probe_of_another_length_is_refused(comparator: Comparator, scale: float) -> None:
    with pytest.raises(UsageError), np.errstate(all="ignore"):
        comparator.search(unit(1) * np.float32(scale), 0.5, 1)
    with pytest.raises(UsageError):
        comparator.search(unit(1)[0], 0.5, 1)
