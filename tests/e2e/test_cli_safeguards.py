"""Safeguards that the command line itself must show."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

# Words of what rule P4 rules out, and of what would be it under another name.
FORBIDDEN = frozenset(
    [
        "emotion",
        "emotions",
        "emotional",
        "mood",
        "sentiment",
        "affect",
        "anger",
        "fear",
        "race",
        "races",
        "racial",
        "ethnicity",
        "ethnic",
        "ancestry",
        "nationality",
        "religion",
        "religious",
        "sex",
        "gender",
        "orientation",
        "crime",
        "crimes",
        "criminal",
        "criminality",
        "recidivism",
        "dangerousness",
        "danger",
        "threat",
        "aggression",
        "aggressive",
        "suspicious",
        "suspicion",
        "honesty",
        "attractiveness",
        "beauty",
        "personality",
        "intelligence",
    ]
)
VECTOR_LENGTH = 64


def words(text: str) -> set[str]:
    """Split text and identifiers into lower-case words."""
    return set(re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ").lower().translate(_TO_SPACE).split())


_TO_SPACE = {code: " " for code in range(128) if not chr(code).isalnum()}


def command_tree(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    yield " ".join(path), command
    for name, sub in getattr(command, "commands", {}).items():
        yield from command_tree(sub, (*path, name))


def surface() -> Iterator[tuple[str, str]]:
    """Every name and text that users of the public surface see: (where, text)."""
    from typer.main import get_command

    import faceward
    from faceward.audit import verifier
    from faceward.cli.app import build
    from faceward.core import faces, reports, results
    from faceward.vision.quality import COMPONENTS

    for path, command in command_tree(get_command(build())):
        yield f"command {path}", f"{path} {command.help or ''}"
        for parameter in command.params:
            yield f"option of {path}", f"{' '.join(parameter.opts)} {getattr(parameter, 'help', '') or ''}"
    for module in (results, reports, faces, verifier):
        for name, kind in vars(module).items():
            if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__:
                yield f"{module.__name__}.{name}", " ".join((name, *(field.name for field in dataclasses.fields(kind))))
    for name in faceward.__all__:
        yield "faceward.__all__", name
    yield "landmarks", " ".join(faces.LANDMARK_NAMES)
    for name, meaning in COMPONENTS.items():
        yield "quality component", f"{name} {meaning}"


def keys(value: Any) -> Iterator[str]:
    """Yield every key of a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_P4_no_output_names_emotion_race_or_crime() -> None:
    seen = list(surface())
    assert len(seen) > 150, "the scan reaches the whole surface"
    assert [(where, words(text) & FORBIDDEN) for where, text in seen if words(text) & FORBIDDEN] == []


def test_P4_the_scan_finds_what_it_looks_for() -> None:
    assert words("face.emotionScore --race-estimate risk_of_CRIME") >= {"emotion", "race", "crime"}
    assert not words("traceback, trace, embrace") & FORBIDDEN


def test_P4_no_json_key_names_emotion_race_or_crime(cli: Cli, eileen: Path) -> None:
    for arguments in every_json(eileen):
        found = {name for name in keys(cli.json(*arguments)) if words(name) & FORBIDDEN}
        assert not found, arguments


def every_json(picture: Path) -> list[tuple[object, ...]]:
    return [
        ("detect", picture),
        ("verify", picture, picture),
        ("verify", picture, "--subject", "Eileen Collins", "--purpose", "door"),
        ("identify", picture, "--gallery", "door", "--purpose", "door", "--reason", "test"),
        ("subject", "show", "Eileen Collins"),
        ("subject", "export", "Eileen Collins"),
        ("audit", "show", "--last", "1000"),
        ("audit", "verify"),
        ("status",),
        ("packs", "list"),
    ]


def test_no_output_holds_features(cli: Cli, eileen: Path) -> None:
    def lists(value: Any) -> Iterator[list[Any]]:
        if isinstance(value, list):
            yield value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from lists(inner)

    for arguments in every_json(eileen):
        value = cli.json(*arguments)
        assert not [one for one in lists(value) if len(one) >= VECTOR_LENGTH and isinstance(one[0], float)], arguments
        # A vector packed into text would be at least this long; receipts and notices are the only long texts.
        longest = max((len(text) for text in re.findall(r'"([A-Za-z0-9+/=_-]{170,})"', json.dumps(value))), default=0)
        assert longest == 0, arguments


@pytest.mark.parametrize(
    "address", ["https://example.org/a.jpg", "http://example.org/a.jpg", "ftp://example.org/a.jpg"]
)
def test_P5_addresses_are_refused_and_the_attempt_is_logged(address: str, cli: Cli, eileen: Path) -> None:
    for arguments in (
        ("enrol", address, "--subject", "Ada", "--purpose", "door"),
        ("verify", address, "--subject", "Eileen Collins", "--purpose", "door"),
        ("identify", address, "--gallery", "door", "--purpose", "door", "--reason", "test"),
    ):
        assert "P5" in cli.refused(3, *arguments)
        assert cli.json("audit", "show", "--last", "1")["entries"][0]["phase"] == "denied"
    for unlogged in (("verify", address, eileen), ("detect", address), ("redact", address, "-o", "out.png")):
        assert "addresses are not read" in cli.refused(4, *unlogged)


def test_C1_enrolment_without_a_release_is_refused_and_logged(cli: Cli, eileen: Path) -> None:
    line = cli.refused(3, "enrol", eileen, "--subject", "Ada", "--purpose", "door")
    assert "C1" in line
    error = cli("enrol", eileen, "--subject", "Ada", "--purpose", "door", "--json").json()["error"]
    assert (error["rule"], error["kind"]) == ("C1", "PolicyRefusal")
    assert error["remedy"]
    last = cli.json("audit", "show", "--last", "1")["entries"][0]
    assert (last["operation"], last["phase"]) == ("enrol", "denied")


def test_P1_identification_without_a_reason_is_refused(cli: Cli, eileen: Path) -> None:
    asked = ("identify", eileen, "--gallery", "door", "--purpose", "door")
    assert "P1" in cli.refused(3, *asked, "--reason", "  ")


def test_E4_a_probe_never_becomes_a_reference(cli: Cli, eileen: Path, tmp_path: Path) -> None:
    cli.ok("verify", eileen, "--subject", "Eileen Collins", "--purpose", "door")
    (tmp_path / "r.toml").write_text('subject = "Ada"\npurpose = "door"\nsigned = 2020-01-01\nterm = "99y"\n')
    line = cli.refused(3, "enrol", eileen, "--subject", "Ada", "--purpose", "door", "--release", tmp_path / "r.toml")
    assert "E4" in line
