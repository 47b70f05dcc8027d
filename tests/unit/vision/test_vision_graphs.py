from __future__ import annotations

import contextlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceward.core.canonical import sha256_hex
from faceward.core.errors import IntegrityError
from faceward.vision.graphs import refuse_external_data, static_inputs
from faceward.vision.pack_files import _distributed
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.session import Session


def _model(inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> bytes:
    weight = numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", inputs, outputs, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _value(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


X, W, Y = _value("x", 1, 3, 8, 8), _value("w", 2, 3, 1, 1), _value("y", 1, 2, 8, 8)


def test_weights_leave_the_inputs_and_sizes_are_freed() -> None:
    session = Session(static_inputs(_model([X, W], [Y])), "test")
    assert [name for name, _ in session.inputs] == ["x"]
    (result,) = session.run({"x": np.ones((2, 3, 5, 7), np.float32)})
    assert result.shape == (2, 2, 5, 7)
    assert (result == 3).all()


def test_centerface_is_prepared_as_pinned(pack_store: PackStore) -> None:
    detector = pack_store.get(DEFAULT_PACK).manifest.detector
    assert detector is not None
    data = _distributed(detector.model).read_bytes()
    assert sha256_hex(static_inputs(data)) == detector.model.prepared_sha256
    assert static_inputs(data) == static_inputs(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        bytes(64),
        b"\xff" * 64,
        b"\x0a\x05hello",
        _model([W], [Y]),
        _model([X, _value("z", 1), W], [Y]),
        _model([_value("x", 3, 8), W], [Y]),
        _model([X, W], [_value("y", 1, 2)]),
        _model([X, W], [_value("y")]),
    ],
)
def test_what_is_no_model_of_one_picture_is_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="restore the original file"):
        static_inputs(data)


def test_a_truncated_or_altered_model_leaks_nothing() -> None:
    model = _model([X, W], [Y])
    numbers = np.random.default_rng(1)
    for _ in range(500):
        data = bytearray(model)
        for place in numbers.integers(0, len(data), 3):
            data[place] = numbers.integers(256)
        cut = bytes(data[: numbers.integers(1, len(data) + 1)])
        with contextlib.suppress(IntegrityError):
            static_inputs(cut)


def _elsewhere(*, named: bool = True) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), "hidden")
    tensor.data_location = TensorProto.EXTERNAL
    if named:
        tensor.external_data.add(key="location", value="../weights.bin")
    return tensor


def _hiding(place: str) -> onnx.ModelProto:
    """Make a model with external weights in one of the places where ONNX lets a tensor be."""
    model = onnx.load_model_from_string(_model([X], [Y]))
    graph = model.graph
    attribute = graph.node[0].attribute.add(name="a")
    if place == "initializer":
        graph.initializer.append(_elsewhere(named=False))
    elif place == "named only":
        graph.initializer.append(_elsewhere())
        graph.initializer[-1].ClearField("data_location")
    elif place == "sparse":
        graph.sparse_initializer.add().values.CopyFrom(_elsewhere())
    elif place == "constant":
        attribute.t.CopyFrom(_elsewhere())
    elif place == "subgraph":
        attribute.g.node.add().attribute.add().g.initializer.append(_elsewhere())
    elif place == "function":
        model.functions.add(name="f").node.add().attribute.add().tensors.append(_elsewhere())
    elif place == "training":
        model.training_info.add().algorithm.initializer.append(_elsewhere())
    return model


def test_a_model_in_one_file_is_accepted() -> None:
    refuse_external_data(_model([X, W], [Y]))
    refuse_external_data(_hiding("nowhere").SerializeToString())


@pytest.mark.parametrize(
    "place", ["initializer", "named only", "sparse", "constant", "subgraph", "function", "training"]
)
def test_weights_in_another_file_are_found_wherever_they_are_named(place: str) -> None:
    with pytest.raises(IntegrityError, match="'hidden' in another file"):
        refuse_external_data(_hiding(place).SerializeToString())


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(IntegrityError, match="not an ONNX model"):
        refuse_external_data(b"nonsense")
