"""Networks of the kind that users bring: YuNet and EdgeFace through a manifest, and a check of poses against 3DDFA."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest

from faceward.core.faces import Face, FloatArray
from faceward.vision.align import warp
from faceward.vision.detect import YuNet
from faceward.vision.images import Picture, decode, read_file
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Pipeline
from faceward.vision.quality import head_pose
from faceward.vision.session import Session

SHARED = Path(__file__).parents[3] / "shared"
MODELS, LFW = SHARED / "models", SHARED / "data" / "lfw-view1"
IMAGES = LFW / "images"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not (MODELS.is_dir() and LFW.is_dir()), reason="../shared/models or ../shared/data is absent"),
]

MANIFEST = """
[pack]
name = "edgeface-xxs"
licence = "BSD-3-Clause or CC-BY-NC-SA-4.0, stated in conflict"
commercial = false
source = "EdgeFace, arXiv:2307.01838"
training_data = "WebFace260M, a part"

[detector]
kind = "yunet"
file = "yunet_n_dynamic.onnx"
sha256 = "{detector}"
threshold = 0.6

[embedder]
file = "edgeface_xxs_int8weights.onnx"
sha256 = "{embedder}"
dimension = 512
size = 112
colour = "rgb"
mean = 127.5
scale = 127.5
template = "arcface"
mirror = false
"""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PackStore:
    offered = tmp_path_factory.mktemp("offered")
    detector = MODELS / "yunet" / "yunet_n_dynamic.onnx"
    embedder = MODELS / "edgeface-xxs" / "edgeface_xxs_int8weights.onnx"
    for path in (detector, embedder):
        (offered / path.name).write_bytes(path.read_bytes())
    text = MANIFEST.format(detector=_sha256(detector), embedder=_sha256(embedder))
    (offered / "pack.toml").write_text(text, encoding="utf-8")
    store = PackStore(tmp_path_factory.mktemp("packs"), tmp_path_factory.mktemp("cache"))
    store.add(offered)
    return store


@pytest.fixture(scope="module")
def default(store: PackStore) -> Pipeline:
    return Pipeline(store, store.get(DEFAULT_PACK))


def _picture(name: str, number: str) -> Picture:
    path = IMAGES / name / f"{name}_{int(number):04d}.jpg"
    return decode(read_file(path), path.name)


def _features(pipeline: Pipeline, name: str, number: str) -> FloatArray:
    picture = _picture(name, number)
    face, _ = pipeline.principal(picture, alone=False)
    return pipeline.samples(picture, [face])[0].features


@pytest.mark.slow
@pytest.mark.parametrize(("pack", "wanted"), [("edgeface-xxs", 0.97), (DEFAULT_PACK, 0.95)])
def test_the_same_person_scores_higher_than_another(store: PackStore, pack: str, wanted: float) -> None:
    pipeline = Pipeline(store, store.get(pack))
    mated, nonmated = [], []
    lines = (LFW / "pairsDevTest.txt").read_text(encoding="utf-8").splitlines()[1:]
    for words in (line.split("\t") for line in lines[::10]):
        if len(words) == 3:
            mated.append(float(_features(pipeline, words[0], words[1]) @ _features(pipeline, words[0], words[2])))
        else:
            nonmated.append(float(_features(pipeline, words[0], words[1]) @ _features(pipeline, words[2], words[3])))
    assert len(mated) == len(nonmated) == 50
    best = max(np.mean([*(m >= t for m in mated), *(n < t for n in nonmated)]) for t in (*mated, *nonmated))
    assert best >= wanted
    assert np.mean(mated) > np.mean(nonmated) + 3 * np.std(nonmated)


def test_a_pack_without_calibration_says_so(store: PackStore) -> None:
    manifest = store.get("edgeface-xxs").manifest
    assert manifest.calibration is None
    assert not manifest.commercial
    assert "conflict" in manifest.licence


@pytest.mark.slow
def test_both_exports_of_yunet_agree_with_centerface(default: Pipeline) -> None:
    networks = [
        YuNet(Session((MODELS / "yunet" / name).read_bytes(), name))
        for name in ("yunet_n_dynamic.onnx", "yunet_n_640_640.onnx")
    ]
    files = sorted(IMAGES.glob("*/*.jpg"))[::80]
    for path in files:
        picture = decode(read_file(path), path.name)
        face, _ = default.principal(picture, alone=False)
        for network in networks:
            match = max(network.detect(picture.pixels, 0.6), key=lambda f: f.box.overlap(face.box), default=None)
            assert match is not None, path.name
            assert match.box.overlap(face.box) > 0.65, path.name
            assert np.abs(match.landmarks - face.landmarks).mean() < 0.06 * face.box.width, path.name


def _pose_3ddfa(session: Session, moments: tuple[FloatArray, FloatArray], picture: Picture, face: Face) -> list[float]:
    """Yaw, pitch and roll in degrees as in 3DDFA_V2 (its pose.py): y up, so pitch and roll have the other sign."""
    side = (face.box.width + face.box.height) / 2
    x = (face.box.x0 + face.box.x1) / 2 - side * 1.25 / 2
    y = (face.box.y0 + face.box.y1) / 2 + 0.07 * side - side * 1.25 / 2
    zoom = 120 / (side * 1.25)
    chip = warp(picture.pixels, np.array([[zoom, 0, -x * zoom], [0, zoom, -y * zoom]]), 120)
    planes = ((chip[:, :, ::-1].astype(np.float32) - 127.5) / 128).transpose(2, 0, 1)[None]
    parameters = session.run({"input": planes})[0][0] * moments[1] + moments[0]
    first, second = (row / np.linalg.norm(row) for row in parameters[:12].reshape(3, 4)[:2, :3])
    third = np.cross(first, second)
    return [
        math.degrees(math.asin(float(np.clip(-third[0], -1, 1)))),
        math.degrees(math.atan2(third[1], third[2])),
        math.degrees(math.atan2(second[0], first[0])),
    ]


@pytest.mark.slow
def test_yaw_agrees_with_a_network_made_for_it(default: Pipeline) -> None:
    folder = MODELS / "headpose-3ddfa"
    session = Session((folder / "mb05_120x120.onnx").read_bytes(), "mb05")
    values = np.load(folder / "param_mean_std_62d.npz")
    ours, theirs = [], []
    for path in sorted(IMAGES.glob("*/*.jpg"))[::50]:
        picture = decode(read_file(path), path.name)
        face, _ = default.principal(picture, alone=False)
        ours.append(head_pose(face.landmarks))
        theirs.append(_pose_3ddfa(session, (values["mean"], values["std"]), picture, face))
    a, b = np.array(ours), np.array(theirs)
    assert np.corrcoef(a[:, 0], b[:, 0])[0, 1] > 0.95
    assert 0.8 < np.polyfit(b[:, 0], a[:, 0], 1)[0] < 1.25
    assert np.median(np.abs(a[:, 0] - b[:, 0])) < 5
    # Pitch from five points is coarse; its sign is right.
    assert np.corrcoef(a[:, 1], -b[:, 1])[0, 1] > 0.3
