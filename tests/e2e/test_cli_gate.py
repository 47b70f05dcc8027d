"""A gate on the command line: a traveller on film, the document's photograph, and the gallery of the departure."""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from faceward.protection import process
from faceward.standalone import pipeline
from faceward.video import forgetting
from faceward.vision.images import decode, read_file

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
NOTICE = """
data = "a picture of who stands in the zone"
outputs = "the gate opens"
purposes = ["boarding"]
deletion = "at once"
contact = "desk@airport.example"
sign = "at the lane"
alternative = "the counter"
"""
FILM = {"rate": 5, "background": "gradient", "seconds": 1.6}


def face_in(path: Path) -> tuple[float, float, float, float]:
    """Return centre, width and height of the face in a portrait, as shares of it."""
    picture = decode(read_file(path), path.name)
    box = pipeline().principal(picture, alone=False)[0].box
    across, down = picture.width, picture.height
    return (box.x0 + box.x1) / 2 / across, (box.y0 + box.y1) / 2 / down, box.width / across, box.height / down


@pytest.fixture
def terminal(cli: Cli, tmp_path: Path, collins: Path, clips: ModuleType) -> Cli:
    """Return the command line of a terminal in which Ana works at a gate before whose camera Eileen Collins stands."""
    clips.compose(
        tmp_path / "gate.mp4",
        clips.Scene(
            **FILM,
            passes=(clips.Pass("Eileen", collins, end=2.0, height=120, path=((0.5, 0.4),), face=face_in(collins)),),
        ),
    )
    clips.compose(tmp_path / "empty.mp4", clips.Scene(**FILM))
    (tmp_path / "notice.toml").write_text(NOTICE, encoding="utf-8")
    made = replace(cli, home=tmp_path / "terminal")
    made.ok("init", "--standard", "border", "--jurisdiction", "UK", "--trial")
    keys = {name: tmp_path / name.lower() for name in ("Ana", "Ben")}
    ana = replace(made, environment={**cli.environment, "FACEWARD_AS": "Ana", "FACEWARD_KEY": str(keys["Ana"])})
    for name, key in keys.items():
        made.ok("person", "key", key, "--no-passphrase")
        (made if name == "Ana" else ana).ok(
            "person", "add", name, "--key", f"{key}.pub", "--role", "operator", "--role", "approver",
            "--trained-until", "2099-01-01",
        )  # fmt: skip
    ana.ok("purpose", "add", "boarding", "--basis", "legal-obligation", "--fmr", "1e-3", "--fpir", "0.01",
           "--retention", "24h", "--alternative", "the counter")  # fmt: skip
    ana.ok("enrol", collins, "--subject", "Eileen", "--purpose", "boarding", "--gallery", "LH123",
           "--no-notice", "laid-down-by-law")  # fmt: skip
    ana.ok("gallery", "end", "LH123", "--at", "3h")
    ana.ok("camera", "add", "gate 7", "--source", tmp_path / "gate.mp4", "--place", "Hall B",
           "--class", "press-photographs", "--look", "0.25,0 0.75,0 0.75,1 0.25,1",
           "--notice", tmp_path / "notice.toml")  # fmt: skip
    return ana


@pytest.fixture
def mandate(terminal: Cli, tmp_path: Path) -> str:
    asked = terminal.json("mandate", "request", "--purpose", "boarding", "--gallery", "LH123", "--operation", "watch",
                          "--operation", "identify", "--camera", "gate 7", "--place", "Hall B", "--case", "shift",
                          "--basis", "Border Act", "--until", "12h", "--searches", "50", "--operator",
                          "Ana")  # fmt: skip
    ben = replace(terminal, environment={**terminal.environment, "FACEWARD_AS": "Ben",
                                         "FACEWARD_KEY": str(tmp_path / "ben")})  # fmt: skip
    ben.ok("mandate", "approve", asked["request"])
    return str(asked["request"])


def test_a_gate_opens_for_who_is_booked_and_sends_nobody_else_away_as_a_suspect(
    terminal: Cli, mandate: str, tmp_path: Path, collins: Path, hopper: Path
) -> None:
    options = ("--camera", "gate 7", "--gallery", "LH123", "--purpose", "boarding", "--mandate", mandate)
    answer = terminal.json("gate", "--document", collins, *options)
    assert (answer["decision"], answer["reason"], answer["camera"]) == ("open", "recognised", "gate 7")
    assert len(answer["entries"]) == 2
    section = re.search(r"^### gate$(.*?)^### ", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert section is not None
    assert [key for key in answer if f"`{key}`" not in section[1]] == []
    told = terminal.ok("gate", "--document", hopper, *options).out
    assert told.startswith("counter: traveller and document do not match; that happens to people with their own")
    # The camera stays as it was when the mandate was asked for.
    (tmp_path / "empty.mp4").replace(tmp_path / "gate.mp4")
    assert terminal.json("gate", "--document", collins, "--wait", "5", *options)["reason"] == "nobody"
    assert "rule P2" in terminal.refused(3, "gate", "--document", collins, *options[:-2])
    assert "no such file" in terminal.refused(4, "gate", "--document", tmp_path / "none.jpg", *options)
    # What a gate does to its process is for that alone, and this one goes on with other tests.
    forgetting._glibc().mallopt(forgetting._M_PERTURB, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(process._PR_SET_DUMPABLE, 1, 0, 0, 0)
