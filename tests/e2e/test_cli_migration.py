"""Another pack by the command line: what it says, and who must be asked again."""

from __future__ import annotations

import importlib.resources
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceward.vision.packs import DEFAULT_PACK

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

EILEEN, GRACE = "Eileen Collins", "Grace Hopper"


@pytest.fixture
def other(cli: Cli, tmp_path: Path) -> str:
    """Return a pack that differs from the built-in one in the views of a face, and scores alone."""
    builtin = importlib.resources.files("faceward.vision") / "builtin" / f"{DEFAULT_PACK}.toml"
    text = re.sub(r"(?ms)^\[(cohort|evaluation)\]\n.*?(?=^(#|\[))", "", builtin.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^views = .*$", "views = [[1.0, 0]]", text)
    path = tmp_path / "packs" / "mine" / "pack.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(f'name = "{DEFAULT_PACK}"', 'name = "mine"'), encoding="utf-8")
    cli.environment["FACEWARD_PACKS"] = str(tmp_path / "packs")
    return "mine"


def test_a_deployment_goes_over_to_another_pack(
    cli: Cli, other: str, eileen: Path, grace: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copyfile(eileen, kept / "anything.png")
    before = cli.json("status")["pack"]
    assert "in use already" in cli.refused(2, "packs", "use", DEFAULT_PACK)
    assert "no model pack" in cli.refused(2, "packs", "use", "nothing")
    changed = cli.ok("packs", "use", other)
    assert "pack mine is in use" in changed.out
    assert "2 references of gallery door are of another pack" in changed.err
    [gallery] = cli.json("gallery", "list")["galleries"]
    assert (gallery["references"], gallery["left_out"]) == (2, 2)
    assert cli.json("status")["pack"].startswith("mine@")
    assert "migrate" in cli.refused(2, "verify", eileen, "--subject", EILEEN, "--purpose", "door")
    assert "no such folder" in cli.refused(4, "gallery", "migrate", "door", "--samples", tmp_path / "nowhere")
    moved = cli.ok("gallery", "migrate", "door", "--samples", kept)
    assert "1 reference made anew" in moved.out
    assert GRACE in moved.out
    assert "subject erase" in moved.err
    assert cli.json("verify", eileen, "--subject", EILEEN, "--purpose", "door")["decision"] == "match"
    again = cli.json("gallery", "migrate", "door", "--samples", kept)
    assert again["migrated"] == 0
    [waiting] = again["ask_again"]
    assert (waiting["subject"], waiting["picture"]) == (GRACE, grace.name)
    back = cli.json("packs", "use", DEFAULT_PACK)
    assert (back["identifier"], back["state"], back["request"]) == (before, "in use", None)
    assert back["galleries"] == [{"gallery": "door", "left_out": 1}]
    assert cli.json("verify", grace, "--subject", GRACE, "--purpose", "door")["decision"] == "match"
    cli.ok("audit", "verify")
