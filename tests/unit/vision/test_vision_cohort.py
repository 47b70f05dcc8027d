from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from faceward.core.errors import IntegrityError
from faceward.vision.cohort import Cohort, parse_cohort
from faceward.vision.packs import DEFAULT_PACK, PackStore, load_cohort

LENGTH, NEAREST, WEIGHT, CENTRE = 24, 3, 0.4, 0.3


def _unit(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, LENGTH)) + 0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _file(rows: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows)
    return buffer.getvalue()


def test_the_inner_product_is_the_score_less_its_share_of_what_strangers_reach() -> None:
    strangers, faces = _unit(60, 1), _unit(40, 2)
    nearness = np.sort(faces @ strangers.T, axis=1)[:, -NEAREST:].mean(axis=1)
    centre = float(nearness.mean())
    near = np.abs(nearness - centre) < 0.09
    faces, nearness = faces[near], nearness[near]
    assert len(faces) > 20
    extended = Cohort(strangers, NEAREST, WEIGHT, centre).extend(faces)
    got = extended @ extended.T
    wanted = faces @ faces.T - WEIGHT / 2 * (nearness[:, None] + nearness[None, :] - 2 * centre)
    # The same but for a positive factor, a constant, and the product of two deviations.
    slope, constant = np.polyfit(wanted.ravel(), got.ravel(), 1)
    assert 0.85 < slope < 1
    product = (WEIGHT / 0.4) ** 2 * np.abs(nearness - centre).max() ** 2
    assert np.abs(slope * wanted + constant - got).max() <= product + 1e-5


def test_a_common_face_scores_lower_and_no_norm_exceeds_one() -> None:
    strangers = _unit(60, 1)
    cohort = Cohort(strangers, NEAREST, WEIGHT, CENTRE)
    common, rare = strangers[:1], -strangers[:1]
    extended = cohort.extend(np.concatenate([common, rare]))
    assert extended.shape == (2, LENGTH + 1)
    assert extended.dtype == np.float32
    assert extended[0, -1] < extended[1, -1]
    everything = np.linalg.norm(cohort.extend(_unit(500, 3)), axis=1)
    assert everything.max() <= 1 + 1e-6
    assert np.linalg.norm(extended, axis=1).max() <= 1 + 1e-6
    assert everything.min() > 0.8


def test_a_large_batch_gives_what_each_gives() -> None:
    cohort, faces = Cohort(_unit(20, 1), NEAREST, WEIGHT, CENTRE), _unit(17_000, 4)
    together = cohort.extend(faces)
    assert np.allclose(together[-3:], cohort.extend(faces[-3:]), atol=1e-6)
    assert cohort.extend(faces[:0]).shape == (0, LENGTH + 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no table",
        _file(_unit(9, 1)),
        _file(_unit(20, 1)[:, :-1]),
        _file(_unit(20, 1).astype(np.float64)),
        _file(np.full((20, LENGTH), np.nan, np.float32)),
        _file(np.array([object()])),
    ],
    ids=["empty", "text", "too few", "another length", "double", "no numbers", "objects"],
)
def test_what_is_no_cohort_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="restore the original file"):
        parse_cohort(data, LENGTH, NEAREST)


def test_features_of_another_length_than_one_are_refused() -> None:
    with pytest.raises(IntegrityError, match="not of unit length"):
        parse_cohort(_file(_unit(20, 1) * 2), LENGTH, NEAREST)


def test_rows_are_of_unit_length_after_rounding_to_half_precision() -> None:
    rows = parse_cohort(_file(_unit(20, 1).astype(np.float16)), LENGTH, NEAREST)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_K2_an_altered_cohort_is_refused(pack_store: PackStore, tmp_path: Path) -> None:
    import dataclasses

    pack = pack_store.get(DEFAULT_PACK)
    assert load_cohort(pack) is not None
    assert pack.manifest.cohort is not None
    (tmp_path / pack.manifest.cohort.file).write_bytes(_file(_unit(20, 1)))
    with pytest.raises(IntegrityError, match="SHA-256"):
        load_cohort(dataclasses.replace(pack, folder=tmp_path))
