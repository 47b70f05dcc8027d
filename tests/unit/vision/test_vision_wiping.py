"""What was seen of a face is overwritten where it was worked on (rule W1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faceward.core.faces import FloatArray
from faceward.vision.align import ARCFACE_112
from faceward.vision.batching import Batcher, _Entry
from faceward.vision.cohort import Cohort
from faceward.vision.detect import CenterFace, YuNet
from faceward.vision.embed import Embedder
from faceward.vision.networks import EmbedderSpec, ModelFile, View
from faceward.vision.wiping import lengths, wipe

SIZE = 16
CENTREFACE = {"h": 1, "s": 2, "o": 2, "p": 10}


class _Lent:
    """A session that keeps hold of the arrays it was lent and of those it gave out."""

    name = "lent"

    def __init__(self, *answers: Any, fails: bool = False) -> None:
        self.inputs: Any = (("x", ("n", 3, "h", "w")),)
        self.outputs: Any = tuple((name, None) for name, _ in answers)
        self._answers, self._fails = answers, fails
        self.lent: list[FloatArray] = []
        self.largest: list[float] = []
        self.given: list[FloatArray] = []

    def run(self, inputs: Any) -> list[FloatArray]:
        (planes,) = inputs.values()
        self.lent.append(planes)
        self.largest.append(float(np.abs(planes).max()))
        if self._fails:
            raise RuntimeError("the network failed")
        found = [answer(planes) for _, answer in self._answers]
        self.given += found
        return found


def _maps(channels: int) -> Any:
    return lambda planes: np.zeros((1, channels, planes.shape[2] // 4, planes.shape[3] // 4), np.float32)


def _heads(length: int, stride: int) -> Any:
    return lambda planes: np.zeros(
        (1, (planes.shape[2] // stride) * (planes.shape[3] // stride), length), dtype=np.float32
    )


def _pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (50, 60, 3)).astype(np.uint8)


def _assert_seen_and_wiped(session: _Lent) -> None:
    assert session.lent
    assert min(session.largest) > 0
    assert not any(planes.any() for planes in session.lent)


def test_W1_what_a_detector_was_given_is_overwritten() -> None:
    session = _Lent(*((name, _maps(n)) for name, n in CENTREFACE.items()))
    CenterFace(session).detect(_pixels(), 0.5)  # type: ignore[arg-type]
    _assert_seen_and_wiped(session)


def test_W1_what_yunet_was_given_is_overwritten() -> None:
    names = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    session = _Lent(*((f"{name}_{s}", _heads(n, s)) for name, n in names.items() for s in (8, 16, 32)))
    YuNet(session).detect(_pixels(), 0.5)  # type: ignore[arg-type]
    _assert_seen_and_wiped(session)


def test_W1_what_a_detector_was_given_is_overwritten_when_it_fails() -> None:
    session = _Lent(*((name, _maps(n)) for name, n in CENTREFACE.items()), fails=True)
    with pytest.raises(RuntimeError, match="failed"):
        CenterFace(session).detect(_pixels(), 0.5)  # type: ignore[arg-type]
    _assert_seen_and_wiped(session)


@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_W1_what_an_embedder_was_given_and_gave_is_overwritten(batch: int | str) -> None:
    session = _Lent(("y", lambda planes: planes.reshape(len(planes), -1).copy()))
    session.inputs = (("x", (batch, 3, SIZE, SIZE)),)
    views = (View(1.0, mirrored=False), View(1.0, mirrored=True))
    spec = EmbedderSpec(
        ModelFile("m", "0" * 64, "", "as-is", ""), 3 * SIZE * SIZE, SIZE, "rgb", 0, 1, ARCFACE_112 * SIZE / 112, views
    )
    found = Embedder(session, spec).features(_pixels(), [(ARCFACE_112 / 3).astype(np.float32)])  # type: ignore[arg-type]
    assert np.linalg.norm(found) == pytest.approx(1)
    _assert_seen_and_wiped(session)
    assert session.given
    assert not any(rows.any() for rows in session.given)


def test_W1_rows_that_were_run_together_are_overwritten() -> None:
    ran: list[FloatArray] = []

    def run(rows: FloatArray) -> FloatArray:
        ran.append(rows)
        return rows * 2

    batcher = Batcher(run, 1, 16)
    mine, others = np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)
    both = [_Entry(mine), _Entry(others)]
    batcher._serve(both)
    assert [entry.found.tolist() for entry in both if entry.found is not None] == [[[2.0] * 3] * 2, [[2.0] * 3]]
    assert not ran[0].any()
    assert mine.all()  # rows of one caller are the caller's to overwrite


def test_the_cohort_adds_its_coordinate_and_leaves_the_features_alone() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((12, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    probe = rows[:2].copy()
    found = Cohort(rows, 3, 0.3, 0.2).extend(probe)
    assert (probe == rows[:2]).all()
    similarity = np.sort(probe @ rows.T, axis=1)[:, -3:].mean(axis=1)
    added = 0.2 - 0.3 / 0.4 * np.clip(similarity - 0.2, -0.1, 0.1)
    largest = np.sqrt(1 + (0.2 + 0.3 / 0.4 * 0.1) ** 2)
    assert np.allclose(found, np.column_stack([probe, added]) / largest, atol=1e-6)


def test_lengths_are_numpys_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    for shape in ((1, 128), (7, 512), (3, 129), (300, 128)):
        rows = rng.standard_normal(shape).astype(np.float32)
        assert (lengths(rows) == np.linalg.norm(rows, axis=1, keepdims=True)).all()


def test_what_cannot_be_written_to_is_passed_over() -> None:
    fixed, loose = np.ones(3), np.ones(3)
    fixed.flags.writeable = False
    wipe(fixed, loose)
    assert fixed.all()
    assert not loose.any()
