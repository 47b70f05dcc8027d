"""The second runtime: a network in OpenVINO's format gives what onnxruntime gives, and tells nobody."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceward.core.canonical import sha256_hex
from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.vision.images import Picture
from faceward.vision.packs import PackStore
from faceward.vision.pipeline import Pipeline
from faceward.vision.session import Session

MODELS = Path(__file__).resolve().parents[4] / "shared" / "models"


def _need_openvino() -> None:
    # To import it here would have it report to its maker.
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("the extra 'openvino' is not installed")


def _onnx(batch: int | str = "n") -> bytes:
    """Return a network whose features are maps of one pixel, as Intel's are."""
    weights = np.random.default_rng(0).normal(0, 0.1, (8, 3, 14, 14)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[14, 14], strides=[14, 14]),
            helper.make_node("GlobalAveragePool", ["c"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 8, 1, 1])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString(deterministic=True))


def _ir(model: bytes, folder: Path) -> tuple[bytes, bytes]:
    """Convert in another process, as a maker of packs does: the project's own never imports what converts."""
    (folder / "m.onnx").write_bytes(model)
    script = (
        "import sys; sys.modules['openvino_telemetry'] = None\n"
        "import openvino as ov\n"
        "ov.serialize(ov.Core().read_model(sys.argv[1]), sys.argv[2], sys.argv[3])"
    )
    paths = [str(folder / name) for name in ("m.onnx", "m.xml", "m.bin")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True, timeout=60)
    return (folder / "m.xml").read_bytes(), (folder / "m.bin").read_bytes()


@pytest.fixture(scope="module")
def ir(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    _need_openvino()
    return _ir(_onnx(), tmp_path_factory.mktemp("ir"))


def test_both_runtimes_give_the_same(ir: tuple[bytes, bytes]) -> None:
    first, second = Session(_onnx(), "onnx"), Session(ir[0], "ir", weights=ir[1])
    assert first.inputs[0][0] == second.inputs[0][0] == "x"
    assert first.inputs[0][1][1:] == second.inputs[0][1][1:] == (3, 112, 112)
    assert not isinstance(second.inputs[0][1][0], int)
    planes = np.random.default_rng(1).normal(0, 1, (5, 3, 112, 112)).astype(np.float32)
    a, b = first.run({"x": planes})[0], second.run({"x": planes})[0]
    assert a.shape == b.shape == (5, 8, 1, 1)
    assert np.abs(a - b).max() < 1e-5


def test_a_session_is_shared_between_threads(ir: tuple[bytes, bytes]) -> None:
    session = Session(ir[0], "ir", weights=ir[1])
    inputs = [np.full((1 + k % 3, 3, 112, 112), k, dtype=np.float32) for k in range(40)]
    alone = [session.run({"x": one})[0] for one in inputs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: session.run({"x": one})[0], inputs))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_what_is_no_such_model_is_refused(ir: tuple[bytes, bytes]) -> None:
    for model, weights in ((b"", ir[1]), (_onnx(), ir[1]), (b"<?xml version='1.0'?><net/>", ir[1]), (ir[0], b"")):
        with pytest.raises(IntegrityError, match="the model broken cannot be loaded; verify the pack") as found:
            Session(model, "broken", weights=weights)
        assert "\n" not in str(found.value)
    with pytest.raises(IntegrityError, match="the model ir failed"):
        Session(ir[0], "ir", weights=ir[1]).run({"x": np.zeros((1, 3, 7, 7), np.float32)})


def test_without_openvino_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EnvironmentFailure, match=r"the model m needs|the model m is in .*faceward\[openvino\]"):
        Session(b"<?xml version='1.0'?>", "m", weights=b"")


def test_the_runtimes_report_to_nobody(ir: tuple[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_bytes(ir[0])
    (tmp_path / "m.bin").write_bytes(ir[1])
    (tmp_path / "m.onnx").write_bytes(_onnx())
    script = (
        "import sys, pathlib; from faceward.vision.session import Session\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "Session((folder / 'm.onnx').read_bytes(), 'm')\n"
        "Session((folder / 'm.xml').read_bytes(), 'm', weights=(folder / 'm.bin').read_bytes())\n"
        "loaded = [name for name in sys.modules if name.startswith('openvino_telemetry') and sys.modules[name]]\n"
        "assert loaded == [], loaded"
    )
    home = tmp_path / "home"
    home.mkdir()
    # Without the variables by which either runtime knows that it runs in a test.
    environment = {"HOME": str(home), "PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60, env=environment)
    # Both keep an identifier of the machine in the home of whoever they report on.
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("damaged", [None, "e.xml", "e.bin"])
def test_a_pack_in_openvinos_format_is_verified_and_used(
    ir: tuple[bytes, bytes], tmp_path: Path, portraits: dict[str, Picture], damaged: str | None
) -> None:
    offered = tmp_path / "offered"
    offered.mkdir()
    (offered / "e.xml").write_bytes(ir[0])
    (offered / "e.bin").write_bytes(ir[1])
    (offered / "pack.toml").write_text(
        f"""
[pack]
name = "own"
licence = "MIT"
commercial = true
source = "here"

[embedder]
file = "e.xml"
sha256 = "{sha256_hex(ir[0])}"
weights = "e.bin"
weights_sha256 = "{sha256_hex(ir[1])}"
dimension = 8
size = 112
colour = "bgr"
mean = 127.5
scale = 127.5
template = "arcface"
mirror = true
""",
        encoding="utf-8",
    )
    store = PackStore(tmp_path / "packs", tmp_path / "cache")
    pack = store.add(offered)
    assert [(check.file, check.intact) for check in store.verify(pack)] == [("e.xml", True), ("e.bin", True)]
    pipeline = Pipeline(store, pack)
    picture = portraits["astronaut"]
    face, _ = pipeline.principal(picture)
    if damaged:
        path = tmp_path / "packs" / "own" / damaged
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(IntegrityError, match=damaged.replace(".", r"\.")):
            pipeline.samples(picture, [face])
    else:
        (sample,) = pipeline.samples(picture, [face])
        assert sample.features.shape == (8,)
        assert float(np.linalg.norm(sample.features)) == pytest.approx(1, abs=1e-5)


@pytest.mark.data
@pytest.mark.skipif(not MODELS.is_dir(), reason="../shared/models is absent")
def test_a_real_network_gives_the_same_in_both(tmp_path: Path) -> None:
    _need_openvino()
    model = (MODELS / "headpose-3ddfa" / "mb05_120x120.onnx").read_bytes()
    structure, weights = _ir(model, tmp_path)
    first, second = Session(model, "onnx"), Session(structure, "ir", weights=weights)
    planes = np.random.default_rng(1).normal(0, 1, (1, 3, 120, 120)).astype(np.float32)
    name = first.inputs[0][0]
    a, b = first.run({name: planes})[0], second.run({name: planes})[0]
    assert np.abs(a - b).max() < 1e-4 * np.abs(a).max()
