"""The rebuilt network equals dlib: golden vectors, and dlib itself where it is installed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from faceward.vision.dlib_resnet import build_onnx
from faceward.vision.session import Session

HERE = Path(__file__).parent
TOLERANCE = 1e-5


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_dlib", HERE / "generate_dlib.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()
VECTORS = json.loads((HERE / "dlib_features.json").read_text(encoding="utf-8"))["chips"]


@pytest.fixture(scope="module")
def rebuilt() -> Session:
    return Session(build_onnx(GENERATOR.dat_path().read_bytes()), "rebuilt")


def _features(session: Session, chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return session.run({"chips": chips.transpose(0, 3, 1, 2).astype(np.float32)})[0]


@pytest.mark.parametrize("name", VECTORS)
def test_golden_features_of_dlib(rebuilt: Session, name: str) -> None:
    chip = GENERATOR.chips()[name]
    assert hashlib.sha256(chip.tobytes()).hexdigest() == VECTORS[name]["chip_sha256"], "the picture changed"
    assert np.abs(_features(rebuilt, chip[None])[0] - VECTORS[name]["features"]).max() < TOLERANCE


def test_a_batch_gives_what_single_chips_give(rebuilt: Session) -> None:
    chips = np.stack(list(GENERATOR.chips().values()))
    golden = np.array([vector["features"] for vector in VECTORS.values()])
    assert np.abs(_features(rebuilt, chips) - golden).max() < TOLERANCE


def test_dlib_itself_agrees(rebuilt: Session) -> None:
    dlib = pytest.importorskip("dlib", reason="dlib-bin is not installed")
    network = dlib.face_recognition_model_v1(str(GENERATOR.dat_path()))
    noise = np.random.default_rng(0)
    chips = [
        *GENERATOR.chips().values(),
        noise.integers(0, 256, (150, 150, 3)).astype(np.uint8),
        np.zeros((150, 150, 3), np.uint8),
        np.full((150, 150, 3), 255, np.uint8),
    ]
    for chip in chips:
        expected = np.array(network.compute_face_descriptor(chip))
        assert np.abs(_features(rebuilt, chip[None])[0] - expected).max() < TOLERANCE
