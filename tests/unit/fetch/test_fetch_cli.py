"""`packs install` and `packs catalogue`, on a server of this machine."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fetch.conftest import Server, manifest

from faceward.cli import main


@pytest.fixture
def entry(server: Server, offered: dict[str, bytes], tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(manifest(server, offered), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch, packs: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("FACEWARD_PACKS", str(packs))
    monkeypatch.setenv("FACEWARD_CACHE", str(tmp_path / "cache"))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_nothing_is_fetched_before_the_licence_is_accepted(
    entry: Path, server: Server, packs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["packs", "install", str(entry)]) == 2
    shown = capsys.readouterr()
    for text in ("small@", "MIT", "https://example.org/licence", "one page says MIT, another does not", "noise", "MB"):
        assert text in shown.out
    assert shown.err.count("\n") == 1
    assert "nothing was fetched: MIT" in shown.err
    assert "--accept-licence" in shown.err
    assert main(["packs", "install", str(entry), "--json"]) == 2
    assert "MIT" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert server.asked == []
    assert not packs.exists()


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "nein\n", "yess\n"])
def test_whoever_sits_at_the_terminal_may_refuse(
    entry: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal(answer))
    assert main(["packs", "install", str(entry)]) == 2
    assert "Do you accept these terms?" in capsys.readouterr().err
    assert server.asked == []


def test_a_pack_is_installed_and_what_was_accepted_is_listed(
    entry: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal("y\n"))
    assert main(["packs", "install", str(entry)]) == 0
    shown = capsys.readouterr()
    assert "installed: small@" in shown.out
    assert "decides nothing until it is calibrated" in shown.err
    assert "faceward evaluate calibrate" in shown.err
    default, small = _json(capsys, "packs", "list")["packs"]
    assert default["accepted"] is None
    assert small["accepted"]["licence"] == "MIT"
    assert small["accepted"]["origin"] == "127.0.0.1"
    assert small["accepted"]["at"].endswith("Z")
    assert main(["packs", "list"]) == 0
    assert small["accepted"]["at"][:10] in capsys.readouterr().out
    assert main(["packs", "install", str(entry), "--accept-licence"]) == 2
    assert "installed already" in capsys.readouterr().err


def test_the_json_of_an_installed_pack(entry: Path, capsys: pytest.CaptureFixture[str], server: Server) -> None:
    found = _json(capsys, "packs", "install", entry, "--accept-licence", "--base-url", server.url)
    assert found["name"] == "small"
    assert found["accepted"]["conflict"] == "one page says MIT, another does not"
    assert found["calibration"] is None
    assert "faceward evaluate calibrate" in found["advice"]


def test_an_altered_file_is_an_integrity_error_in_one_line(
    entry: Path, server: Server, offered: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["d.onnx"] = bytes(len(offered["d.onnx"]))
    assert main(["packs", "install", str(entry), "--accept-licence"]) == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_without_a_network_the_files_come_from_a_folder(
    entry: Path, server: Server, offered: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files.clear()
    assert main(["packs", "install", str(entry), "--accept-licence"]) == 1
    assert "--from FOLDER" in capsys.readouterr().err
    folder = tmp_path / "stick"
    folder.mkdir()
    for name, data in offered.items():
        (folder / name).write_bytes(data)
    server.asked.clear()
    assert (
        _json(capsys, "packs", "install", entry, "--from", folder, "--accept-licence")["accepted"]["origin"] == "folder"
    )
    assert server.asked == []


def test_the_catalogue_says_on_what_terms(capsys: pytest.CaptureFixture[str]) -> None:
    found = {one["name"]: one for one in _json(capsys, "packs", "catalogue")["packs"]}
    assert found["edgeface-xxs-fp32"]["conflict"]
    assert found["edgeface-xxs-fp32"]["commercial"] is False
    assert found["sface"]["size"] == sum(one["size"] for one in found["sface"]["files"])
    assert not any(one["installed"] or one["calibrated"] for one in found.values())
    assert main(["packs", "catalogue"]) == 0
    assert "Apache-2.0" in capsys.readouterr().out


def test_names_that_are_no_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packs", "install", "nothing"]) == 2
    assert "no pack 'nothing' in the catalogue" in capsys.readouterr().err
    assert main(["packs", "install", str(tmp_path / "absent.toml")]) == 4
    assert "no such file" in capsys.readouterr().err
