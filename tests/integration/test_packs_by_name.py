"""YuNet and EdgeFace by name, over HTTP from this machine: fetched, verified, compared with."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from faceward.cli import main

ROOT = Path(__file__).parents[2]
MODELS, IMAGES = ROOT.parent / "shared" / "models", ROOT.parent / "shared" / "data" / "lfw-view1" / "images"
PARTS = (MODELS / "yunet" / "yunet_n_dynamic.onnx", MODELS / "edgeface-xxs" / "edgeface_xxs_int8weights.onnx")

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (MODELS.is_dir() and IMAGES.is_dir()), reason="../shared/models or ../shared/data is absent"
    ),
]


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """Describe the pack of `benchmarks/edgeface.toml` with a detector and addresses, as the catalogue would."""
    detector = hashlib.sha256(PARTS[0].read_bytes()).hexdigest()
    text = (ROOT / "benchmarks" / "edgeface.toml").read_text(encoding="utf-8")
    text += f'\n[detector]\nkind = "yunet"\nfile = "{PARTS[0].name}"\nsha256 = "{detector}"\nthreshold = 0.6\n'
    text += '\n[download]\nlicence_at = "https://example.org"\nconflict = "BSD-3-Clause or CC-BY-NC-SA-4.0"\n'
    for path in PARTS:
        address = f"https://example.org/models/{path.name}"
        text += f'\n[[download.files]]\nfile = "{path.name}"\naddress = "{address}"\nsize = {path.stat().st_size}\n'
    (tmp_path / "entry.toml").write_text(text, encoding="utf-8")
    return tmp_path / "entry.toml"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    for path in PARTS:
        (folder / path.name).write_bytes(path.read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code = main([*map(str, arguments), "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0, found
    return found


def _pictures() -> tuple[Path, Path, Path]:
    """Return two pictures of one subject and one of another."""
    subjects: dict[str, list[Path]] = {}
    for path in sorted(IMAGES.rglob("*.jpg")):
        subjects.setdefault(path.stem.rsplit("_", 1)[0], []).append(path)
    several = next(paths for paths in subjects.values() if len(paths) > 2)
    other = next(paths for paths in subjects.values() if paths[0].stem[:3] != several[0].stem[:3])
    return several[0], several[1], other[0]


@pytest.mark.parametrize("by_folder", [False, True])
def test_real_networks_are_installed_and_decide(
    entry: Path,
    mirror: str,
    tmp_path: Path,
    by_folder: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FACEWARD_PACKS", str(tmp_path / "packs"))
    origin = ("--from", tmp_path / "mirror") if by_folder else ("--base-url", mirror)
    installed = _json(capsys, "packs", "install", entry, "--accept-licence", *origin)
    assert installed["advice"] is None
    assert installed["detector"] == "yunet"
    assert installed["commercial"] is False
    (pack,) = _json(capsys, "packs", "verify", "edgeface-xxs")["packs"]
    assert [one["file"] for one in pack["files"]] == [path.name for path in PARTS]
    first, second, other = _pictures()
    mated = _json(capsys, "verify", first, second, "--pack", "edgeface-xxs")
    nonmated = _json(capsys, "verify", first, other, "--pack", "edgeface-xxs")
    assert mated["pack"].startswith("edgeface-xxs@")
    assert mated["score"] > mated["operating_point"]["threshold"] > nonmated["score"]
