from __future__ import annotations

import onnx
import pytest

from faceward.core.canonical import sha256_hex
from faceward.core.errors import IntegrityError
from faceward.vision.dlib_resnet import build_onnx
from faceward.vision.pack_files import _distributed
from faceward.vision.packs import DEFAULT_PACK, PackStore


@pytest.fixture(scope="module")
def dat(pack_store: PackStore) -> bytes:
    return _distributed(pack_store.get(DEFAULT_PACK).manifest.embedder.model).read_bytes()


def test_the_bytes_are_the_same_each_time_and_as_pinned(dat: bytes, pack_store: PackStore) -> None:
    first, second = build_onnx(dat), build_onnx(dat)
    assert first == second
    assert sha256_hex(first) == pack_store.get(DEFAULT_PACK).manifest.embedder.model.prepared_sha256


def test_the_graph_has_29_convolutions_and_no_parameters_left_over(dat: bytes) -> None:
    model = onnx.load_model_from_string(build_onnx(dat))
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("Conv") == 29
    assert operators.count("MatMul") == 1
    used = {name for node in model.graph.node for name in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_an_integrity_error(dat: bytes, share: float) -> None:
    with pytest.raises(IntegrityError, match="lacks a tensor"):
        build_onnx(dat[: int(len(dat) * share)])


@pytest.mark.parametrize("data", [b"", b"\x01\x02" * 100, bytes(1000), b"not a network"])
def test_another_file_is_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        build_onnx(data)


def test_an_altered_shape_is_an_integrity_error(dat: bytes) -> None:
    header = b"\x01\x02" + b"\x02\x00\x01" + b"\x01\x80" + b"\x01\x01" * 2  # the last matrix, 256 by 128
    position = dat.rindex(header)
    with pytest.raises(IntegrityError):
        build_onnx(dat[:position] + b"\x01\x03" + dat[position + 2 :])


def test_an_altered_weight_gives_another_hash(dat: bytes, pack_store: PackStore) -> None:
    position = len(dat) // 2
    altered = dat[:position] + bytes([dat[position] ^ 1]) + dat[position + 1 :]
    assert sha256_hex(build_onnx(altered)) != pack_store.get(DEFAULT_PACK).manifest.embedder.model.prepared_sha256
