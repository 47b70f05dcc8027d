from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from faceward.core.errors import IntegrityError, NoFace, SeveralFaces
from faceward.core.faces import ImageArray
from faceward.vision import tiling
from faceward.vision.detect import CenterFace, YuNet, suppress
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort, Pipeline
from faceward.vision.scaling import resized
from faceward.vision.session import Session


def _picture(pixels: ImageArray) -> Picture:
    return Picture(np.ascontiguousarray(pixels), 1.0, bytes(32), "test")


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("effort", list(Effort))
def test_the_portraits_are_found_at_every_scale(
    pipeline: Pipeline, portraits: dict[str, Picture], name: str, scale: float, effort: Effort
) -> None:
    original = portraits[name]
    width, height = round(original.width * scale), round(original.height * scale)
    (face,) = pipeline.detect(_picture(resized(original.pixels, width, height)), effort)
    (reference,) = pipeline.detect(original)
    side = reference.box.width * scale
    assert np.abs(face.landmarks - reference.landmarks * scale).max() < 0.12 * side
    # The subject's right eye is on the viewer's left, and eyes are above the mouth.
    assert face.landmarks[0, 0] < face.landmarks[1, 0]
    assert face.landmarks[3, 0] < face.landmarks[4, 0]
    assert face.landmarks[:2, 1].max() < face.landmarks[2, 1] < face.landmarks[3:, 1].min()


def test_faces_come_largest_first(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    canvas = np.full((700, 1200, 3), 90, np.uint8)
    canvas[:512, :512] = portraits["astronaut"].pixels
    canvas[:600, 600:1112] = portraits["hopper"].pixels
    faces = pipeline.detect(_picture(canvas))
    assert [face.box.x0 > 600 for face in faces] == [True, False]


@pytest.mark.parametrize("effort", list(Effort))
@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (31, 33), (500, 2), (1, 5000), (1400, 1500)])
def test_a_picture_without_a_face_of_any_shape(pipeline: Pipeline, shape: tuple[int, int], effort: Effort) -> None:
    assert pipeline.detect(_picture(np.full((*shape, 3), 128, np.uint8)), effort) == ()


def test_a_long_strip_is_searched_in_pieces(
    pipeline: Pipeline, portraits: dict[str, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = np.full((300, 20_000, 3), 100, np.uint8)
    strip[:256, 9000:9256] = resized(portraits["astronaut"].pixels, 256, 256)
    sizes = []
    detect = type(pipeline._detector).detect

    def watched(self: CenterFace, pixels: ImageArray, threshold: float) -> object:
        sizes.append(pixels.shape[0] * pixels.shape[1])
        return detect(self, pixels, threshold)

    monkeypatch.setattr(CenterFace, "detect", watched)
    (face,) = pipeline.detect(_picture(strip))
    assert 9000 < face.box.x0 < 9256
    assert max(sizes) <= tiling.TILE**2


@pytest.mark.parametrize("length", [1, 1280, 1281, 1500, 2304, 2305, 5000, 120_000])
def test_tiles_cover_a_side_and_overlap(length: int) -> None:
    tiles = tiling.stretches(length)
    assert tiles[0][0] == 0
    assert tiles[-1][1] == length
    for (_, end), (start, _) in itertools.pairwise(tiles):
        assert end - start >= tiling._TILE_OVERLAP - 1
    assert max(end - start for start, end in tiles) <= tiling.TILE


def test_principal_passes_over_a_small_bystander(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    canvas = portraits["hopper"].pixels.copy()
    canvas[400:600, 312:512] = resized(portraits["astronaut"].pixels[:256, 100:356], 200, 200)
    face, others = pipeline.principal(_picture(canvas))
    assert others == 1
    assert face.box.width > 150


def test_principal_refuses_equals_and_emptiness(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    twice = np.concatenate([portraits["astronaut"].pixels, portraits["astronaut"].pixels[:, ::-1]], axis=1)
    with pytest.raises(SeveralFaces, match="2 faces and none stands out"):
        pipeline.principal(_picture(twice))
    assert pipeline.principal(_picture(twice), alone=False)[1] == 1
    with pytest.raises(NoFace, match="no face was found"):
        pipeline.principal(_picture(np.zeros((200, 200, 3), np.uint8)))


def test_samples_of_no_face(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    assert pipeline.samples(portraits["hopper"], []) == ()


def test_features_are_repeatable_and_tell_people_apart(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    features = {}
    for name, picture in portraits.items():
        faces = pipeline.detect(picture)
        first, second = (pipeline.samples(picture, faces)[0] for _ in range(2))
        assert 0.96 < np.linalg.norm(first.features) <= 1 + 1e-6
        assert len(first.features) == pipeline.pack.manifest.dimension
        assert (first.features == second.features).all()
        assert first.pack == pipeline.identifier
        mirrored = _picture(picture.pixels[:, ::-1])
        again = pipeline.samples(mirrored, pipeline.detect(mirrored))[0]
        assert float(first.features @ again.features) > 0.95
        features[name] = first.features
    assert float(features["astronaut"] @ features["hopper"]) < 0.9


def test_embedding_many_faces_equals_embedding_each(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    picture = portraits["astronaut"]
    (face,) = pipeline.detect(picture)
    (one,) = pipeline.samples(picture, [face])
    for sample in pipeline.samples(picture, [face] * 19):
        assert np.abs(sample.features - one.features).max() < 1e-5


class TestSuppress:
    def test_the_best_of_a_heap_remains(self) -> None:
        boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]], np.float32)
        assert suppress(boxes, np.array([0.5, 0.9, 0.7], np.float32)) == [1, 2]

    def test_nothing(self) -> None:
        assert suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32)) == []

    def test_boxes_without_area_do_not_divide_by_zero(self) -> None:
        assert len(suppress(np.zeros((3, 4), np.float32), np.ones(3, np.float32))) >= 1


def _constant_model(outputs: dict[str, np.ndarray], rank: int = 4) -> bytes:
    nodes = [
        helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(value, name + "_v"))
        for name, value in outputs.items()
    ]
    shape = [1, 3, "h", "w"][:rank]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _yunet_outputs(side: int) -> dict[str, np.ndarray]:
    return {
        f"{head}_{stride}": np.ones((1, (side // stride) ** 2, length), np.float32)
        for head, length in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, 32)
    }


class TestForms:
    def test_a_network_of_another_form_is_an_integrity_error(self) -> None:
        session = Session(_constant_model({"y": np.ones((1, 1), np.float32)}), "other")
        with pytest.raises(IntegrityError, match="has not CenterFace's form"):
            CenterFace(session)
        with pytest.raises(IntegrityError, match="has not YuNet's form"):
            YuNet(session)

    def test_centerface_outputs_of_another_shape(self) -> None:
        outputs = {name: np.ones((1, 2, 3, 4), np.float32) for name in "abcd"}
        with pytest.raises(IntegrityError, match="answers in another form"):
            CenterFace(Session(_constant_model(outputs), "other")).detect(np.zeros((64, 64, 3), np.uint8), 0.5)

    def test_yunet_outputs_of_another_shape(self) -> None:
        network = YuNet(Session(_constant_model(_yunet_outputs(64)), "yunet"))
        assert network.detect(np.zeros((64, 64, 3), np.uint8), 0.5)
        with pytest.raises(IntegrityError, match="answers in another form"):
            network.detect(np.zeros((96, 96, 3), np.uint8), 0.5)

    def test_yunet_without_a_picture_input(self) -> None:
        session = Session(_constant_model(_yunet_outputs(64), rank=1), "flat")
        with pytest.raises(IntegrityError, match="another form"):
            YuNet(session)

    @pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
    def test_what_is_no_number_is_no_face(self, value: float) -> None:
        outputs = _yunet_outputs(64)
        for stride in (8, 16, 32):
            outputs[f"bbox_{stride}"][...] = value
        found = YuNet(Session(_constant_model(outputs), "overflow")).detect(np.zeros((64, 64, 3), np.uint8), 0.5)
        assert all(np.isfinite([face.box.x0, face.box.x1]).all() for face in found)

    def test_what_is_no_model(self) -> None:
        for data in (b"", b"garbage", bytes(100)):
            with pytest.raises(IntegrityError, match="cannot be loaded") as caught:
                Session(data, "broken")
            assert "\n" not in str(caught.value)
