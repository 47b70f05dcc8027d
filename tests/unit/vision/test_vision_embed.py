from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceward.core.errors import IntegrityError
from faceward.core.faces import ImageArray
from faceward.vision.align import ARCFACE_112, chip
from faceward.vision.detect import CenterFace, YuNet
from faceward.vision.embed import Embedder
from faceward.vision.networks import EmbedderSpec, ModelFile, View
from faceward.vision.session import Session

SIZE = 16


def _session(shape: tuple[int | str, ...], nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray]) -> Session:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Session(bytes(model.SerializeToString()), "network")


def _pixels(batch: int | str = "n") -> Session:
    """A network whose features are the pixels themselves."""
    return _session((batch, 3, SIZE, SIZE), [helper.make_node("Flatten", ["x"], ["y"])], {})


def _spec(colour: str = "rgb", views: tuple[View, ...] = (View(1.0, mirrored=False),)) -> EmbedderSpec:
    model = ModelFile("m", "0" * 64, "", "as-is", "")
    return EmbedderSpec(model, 3 * SIZE * SIZE, SIZE, colour, 10, 4, ARCFACE_112 * SIZE / 112, views)


@pytest.fixture
def chips() -> ImageArray:
    """Chips of 21 faces in one view each."""
    return np.random.default_rng(0).integers(0, 256, (21, 1, SIZE, SIZE, 3)).astype(np.uint8)


def _expected(chip: ImageArray) -> np.ndarray:
    planes = (chip.astype(np.float64).transpose(2, 0, 1).ravel() - 10) / 4
    return planes / np.linalg.norm(planes)


def test_input_is_normalised_and_output_is_unit(chips: ImageArray) -> None:
    found = Embedder(_pixels(), _spec()).embed(chips)
    assert np.allclose(found, [_expected(chip) for [chip] in chips], atol=1e-6)


def test_bgr_turns_the_channels_round(chips: ImageArray) -> None:
    found = Embedder(_pixels(), _spec("bgr")).embed(chips)
    assert np.allclose(found, [_expected(chip[:, :, ::-1]) for [chip] in chips], atol=1e-6)


def test_views_are_summed_before_the_length_is_taken(chips: ImageArray) -> None:
    views = np.concatenate([chips, chips[::-1]], axis=1)
    found = Embedder(_pixels(), _spec()).embed(views)
    for row, pair in zip(found, views, strict=True):
        sums = pair.astype(np.float64).sum(axis=0) - 20
        assert np.allclose(row, sums.transpose(2, 0, 1).ravel() / np.linalg.norm(sums), atol=1e-6)


def test_a_face_is_cut_in_each_view_of_the_pack() -> None:
    template = ARCFACE_112 * SIZE / 112
    pixels = np.random.default_rng(1).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    landmarks = (template * 2.5 + 7).astype(np.float32)
    centre = (SIZE - 1) / 2
    plain, large = (chip(pixels, landmarks, (template - centre) * k + centre, SIZE) for k in (1.0, 1.25))
    views = (View(1.0, mirrored=False), View(1.25, mirrored=True))
    [found] = Embedder(_pixels(), _spec(views=views)).features(pixels, [landmarks])
    sums = plain.astype(np.float64) + large[:, ::-1] - 20
    assert np.allclose(found, sums.transpose(2, 0, 1).ravel() / np.linalg.norm(sums), atol=1e-6)
    assert np.abs(plain.astype(int) - large).max() > 50


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_an_export_of_fixed_batch_gives_the_same(chips: ImageArray, batch: int) -> None:
    found = Embedder(_pixels(batch), _spec()).embed(chips)
    assert np.allclose(found, [_expected(chip) for [chip] in chips], atol=1e-6)


def test_no_chip_no_features() -> None:
    nothing = Embedder(_pixels(), _spec()).features(np.zeros((9, 9, 3), np.uint8), [])
    assert nothing.shape == (0, 3 * SIZE * SIZE)


def test_features_that_are_no_numbers_are_refused(chips: ImageArray) -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Mul", ["f", "w"], ["y"])]
    session = _session(("n", 3, SIZE, SIZE), nodes, {"w": np.array([np.nan], np.float32)})
    with pytest.raises(IntegrityError, match="another form than its manifest says"):
        Embedder(session, _spec()).embed(chips)


def test_a_network_that_takes_no_pictures_is_refused() -> None:
    with pytest.raises(IntegrityError, match="takes no pictures"):
        Embedder(_session(("n", 5), [helper.make_node("Identity", ["x"], ["y"])], {}), _spec())


def test_a_network_for_another_size_is_refused(chips: ImageArray) -> None:
    session = _session(("n", 3, 99, 99), [helper.make_node("Flatten", ["x"], ["y"])], {})
    with pytest.raises(IntegrityError, match="verify the pack") as caught:
        Embedder(session, _spec()).embed(chips)
    assert "\n" not in str(caught.value)


def test_yunets_heads_are_decoded_and_scaled_back() -> None:
    """One cell answers, in an export of 64 by 64, for a picture of 128 by 96 that is halved to fit."""
    heads = {
        f"{head}_{stride}": np.zeros((1, (64 // stride) ** 2, length), np.float32)
        for head, length in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, 32)
    }
    cell = 2 * 8 + 3  # row 2, column 3 of stride 8
    heads["cls_8"][0, cell], heads["obj_8"][0, cell] = 0.81, 1.0
    heads["bbox_8"][0, cell] = [0.5, 0.25, np.log(2), np.log(3)]
    heads["kps_8"][0, cell] = np.arange(10) / 10
    graph = helper.make_graph(
        [helper.make_node("Identity", [name + "_w"], [name]) for name in heads],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in heads.items()],
        [numpy_helper.from_array(value, name + "_w") for name, value in heads.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    network = YuNet(Session(bytes(model.SerializeToString()), "yunet"))
    (face,) = network.detect(np.zeros((96, 128, 3), np.uint8), 0.5)
    assert face.confidence == pytest.approx(0.9)
    # Centre (3.5, 2.25) cells of 8 pixels, 16 by 24 pixels, doubled.
    assert (face.box.x0, face.box.y0, face.box.x1, face.box.y1) == pytest.approx((40, 12, 72, 60))
    assert face.landmarks[0].tolist() == pytest.approx([48, 33.6])
    assert face.landmarks[4].tolist() == pytest.approx([60.8, 46.4], abs=1e-4)
    assert network.detect(np.zeros((96, 128, 3), np.uint8), 0.95) == ()


class _Answering:
    """A session that remembers what it was given and answers what it was told."""

    name = "answering"

    def __init__(self, answers: dict[str, np.ndarray]) -> None:
        self.inputs = (("x", (1, 3, "h", "w")),)
        self.outputs = tuple((name, value.shape) for name, value in answers.items())
        self._answers = list(answers.values())

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.given = inputs["x"].copy()
        return self._answers


def test_centerfaces_maps_are_decoded() -> None:
    maps = {name: np.zeros((1, n, 16, 16), np.float32) for name, n in (("h", 1), ("s", 2), ("o", 2), ("p", 10))}
    maps["h"][0, 0, 5, 7] = 0.8
    maps["s"][0, :, 5, 7] = np.log([6, 4])  # height and width in cells of 4 pixels
    maps["o"][0, :, 5, 7] = [0.25, -0.25]  # down and across
    maps["p"][0, :, 5, 7] = [0.25, 0.5] * 5  # down and across, in shares of the box
    session = _Answering(maps)
    pixels = np.zeros((50, 60, 3), np.uint8)
    pixels[:, :, 0] = 200
    (face,) = CenterFace(session).detect(pixels, 0.5)  # type: ignore[arg-type]
    assert (face.box.x0, face.box.y0, face.box.x1, face.box.y1) == pytest.approx((21, 11, 37, 35))
    assert face.landmarks.tolist() == [pytest.approx([29, 17])] * 5
    assert face.confidence == pytest.approx(0.8)
    assert session.given.shape == (1, 3, 64, 64)
    assert (session.given[0, 0, :50, :60] == 200).all()  # red first
    assert session.given[0, :, 50:].max() == 0


def test_yunet_is_given_blue_first() -> None:
    heads = {
        f"{head}_{stride}": np.zeros((1, (64 // stride) ** 2, length), np.float32)
        for head, length in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, 32)
    }
    session = _Answering(heads)
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :, 0] = 200
    assert YuNet(session).detect(pixels, 0.5) == ()  # type: ignore[arg-type]
    assert (session.given[0, 2] == 200).all()
    assert session.given[0, :2].max() == 0
