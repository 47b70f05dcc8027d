"""Cameras and ends of galleries on the command line."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
NOTICE = """
data = "pictures"
outputs = "an alert"
purposes = ["theft"]
deletion = "at once"
contact = "desk@shop.example"
sign = "at both doors"
"""
LANE = "0,0 0.3,0 0.3,1 0,1"


@pytest.fixture
def shop(cli: Cli, tmp_path: Path) -> Cli:
    """Return the command line of a shop in which Ana, an operator, signs in."""
    home, key = tmp_path / "shop", tmp_path / "ana"
    trial = replace(cli, home=home)
    trial.ok("init", "--standard", "retail", "--jurisdiction", "UK", "--trial")
    trial.ok("person", "key", key, "--no-passphrase")
    trial.ok("person", "add", "Ana", "--key", f"{key}.pub", "--role", "operator", "--trained-until", "2099-01-01")
    signed = {**cli.environment, "FACEWARD_AS": "Ana", "FACEWARD_KEY": str(key)}
    return replace(trial, environment=signed)


@pytest.fixture
def notice(tmp_path: Path) -> Path:
    file = tmp_path / "notice.toml"
    file.write_text(NOTICE, encoding="utf-8")
    return file


def documented(command: str, shown: dict[str, object]) -> None:
    """Fail unless docs/cli.md names every key."""
    sections = re.findall(r"^### (.+?)$(.*?)(?=^##|\Z)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    section = next(text for heading, text in sections if command in heading.split(", "))
    assert [key for key in shown if f"`{key}`" not in section] == []


def test_W8_W10_a_camera_is_added_shown_changed_and_removed(shop: Cli, notice: Path) -> None:
    added = shop.json("camera", "add", "door 1", "--source", "rtsp://admin:hunter2@10.0.0.5:554/1?key=hunter2",
                      "--place", "Shop 12, main door", "--branch", "Shop 12", "--position", "51.5,-0.1",
                      "--class", "shop", "--rate", "2", "--look", "0,0 1,0 1,1", "--opt-out", LANE,
                      "--notice", notice)  # fmt: skip
    assert (added["address"], added["rate"], added["position"]) == ("rtsp://10.0.0.5:554/1?…", 2.0, [51.5, -0.1])
    assert [zone["kind"] for zone in added["zones"]] == ["look", "opt-out"]
    assert added["notice"]["purposes"] == ["theft"]
    documented("camera add", added)
    assert shop.json("camera", "show", "door 1") == added
    listed = shop.json("camera", "list")
    assert listed == {"cameras": [added]}
    documented("camera list", listed)
    told = shop.ok("camera", "show", "door 1")
    assert "0,0 0.3,0 0.3,1 0,1" in told.out
    assert "at both doors" in told.out
    assert told.err == ""
    # One kind of zone is changed, the other stays.
    changed = shop.json("camera", "change", "door 1", "--look", "none", "--position", "none")
    assert [zone["kind"] for zone in changed["zones"]] == ["opt-out"]
    assert (changed["position"], changed["notice"], changed["rate"]) == (None, added["notice"], 2.0)
    told = shop.ok("camera", "change", "door 1", "--opt-out", "none")
    assert "nobody can keep out of 'door 1'" in told.err
    told = shop.ok("camera", "change", "door 1", "--notice", "none")
    assert "no notice: nothing is watched" in told.err
    everything = shop.ok("audit", "show", "--last", "20", "--json").out + shop.ok("camera", "list").out + told.out
    assert "hunter2" not in everything
    assert "admin" not in told.out
    removed = shop.json("camera", "remove", "door 1")
    assert removed == {"camera": "door 1", "removed": True}
    documented("camera remove", removed)
    assert shop.json("camera", "list") == {"cameras": []}


def test_K2_an_address_is_read_from_standard_input(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("rtsp://u:hunter2@cam/1\nmore\n"))
    assert shop.json("camera", "add", "a", "--source", "-", "--place", "p")["address"] == "rtsp://cam/1"


@pytest.mark.parametrize(
    ("code", "given", "why"),
    [
        (2, ("--source", "ftp://u:hunter2@cam/1"), "scheme that is not read"),
        (2, ("--source", "rtsp://u:hunter2@x@cam/1"), "cannot be read"),
        (2, ("--rate", "20"), "--rate"),
        (2, ("--opt-out", "0,0 1,1 1,0 0,1"), "cross"),
        (2, ("--position", "91,0"), "latitude"),
        (4, ("--notice", "absent.toml"), "cannot be read"),
        (4, ("--notice", "NOTICE"), "'sign' is missing"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(
    shop: Cli, notice: Path, code: int, given: tuple[str, str], why: str
) -> None:
    notice.write_text(NOTICE.replace("sign =", "# sign ="), encoding="utf-8")
    option, value = given
    source = () if option == "--source" else ("--source", "/dev/video0")
    value = str(notice) if value == "NOTICE" else value
    said = shop.refused(code, "camera", "add", "a", "--place", "p", *source, option, value)
    assert why in said
    assert "hunter2" not in said
    assert shop.json("camera", "list") == {"cameras": []}


def test_K2_nobody_unsigned_configures_a_camera_and_none_is_there_to_show(shop: Cli) -> None:
    kept = {name: value for name, value in shop.environment.items() if name not in ("FACEWARD_AS", "FACEWARD_KEY")}
    unsigned = replace(shop, environment=kept)
    assert "rule K2" in unsigned.refused(3, "camera", "add", "a", "--source", "/dev/video0", "--place", "p")
    for command in ("show", "remove"):
        assert "no camera 'a'" in shop.refused(2, "camera", command, "a")


def test_W3_a_gallery_is_given_an_end_that_is_listed_and_never_put_off(cli: Cli) -> None:
    ends = cli.json("gallery", "end", "door", "--at", "2h")
    documented("gallery end", ends)
    [listed] = cli.json("gallery", "list")["galleries"]
    assert listed["ends"] == ends["ends"]
    documented("gallery list", listed)
    assert "rule W3" in cli.refused(3, "gallery", "end", "door", "--at", "3h")
    assert "has passed" in cli.refused(2, "gallery", "end", "door", "--at", "2020-01-01T00:00Z")
    for text in ("tomorrow", "2030-01-01", "2030-01-01T10:00", "0h", ""):
        assert "is no moment" in cli.refused(2, "gallery", "end", "door", "--at", text)
    assert "no gallery 'none'" in cli.refused(2, "gallery", "end", "none", "--at", "1h")
    assert ends["ends"][:16] in cli.ok("gallery", "list").out
    assert json.loads(cli.ok("status", "--json").out)["galleries"][0]["ends"] == ends["ends"]
