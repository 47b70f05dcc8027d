"""The documentation of the command line is complete, and says no more than is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


@pytest.fixture(scope="module")
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, Any]]:
    from typer.main import get_command

    from faceward.cli.app import build

    yield from _below("", get_command(build()))


def _below(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(f"{prefix}{name} ", command)
        else:
            yield f"{prefix}{name}", command


def test_every_command_has_a_heading_and_an_example(document: str) -> None:
    headings = ", ".join(re.findall(r"^### (.+)$", document, re.MULTILINE)).split(", ")
    assert sorted(headings) == sorted(name for name, _ in commands())
    for name, _ in commands():
        assert f"$ faceward {name}" in document, name


def test_every_option_is_documented_and_no_other(document: str) -> None:
    known = {option for _, command in commands() for parameter in command.params for option in parameter.opts}
    options = {option for option in known if option.startswith("-") and option not in ("--help", "-h")}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", document))
    assert {option for option in options if option.startswith("--")} - named == set()
    assert named - known - {"--help", "--version"} == set()


def test_every_json_key_at_the_top_is_documented(document: str, cli: Cli, eileen: Path, tmp_path: Path) -> None:
    receipt, out = tmp_path / "receipt", tmp_path / "out.png"
    runs: list[tuple[object, ...]] = [
        ("status",),
        ("purpose", "add", "event", "--basis", "consent", "--fmr", "1e-3", "--retention", "1d", "--alternative", "x"),
        ("purpose", "list"),
        ("purpose", "change", "event", "--fmr", "1e-4"),
        ("evidence", "list"),
        ("standards", "list"),
        ("standards", "show", "retail"),
        ("standards", "show", "retail", "--part", "rules"),
        ("standards", "show", "retail", "--part", "parameters"),
        ("standards", "diff", "workplace", "retail"),
        ("standards", "check"),
        ("gallery", "list"),
        ("release", "template", "--subject", "Ada", "--purpose", "door"),
        ("verify", eileen, eileen),
        ("identify", eileen, "--gallery", "door", "--purpose", "door", "--reason", "test"),
        ("detect", eileen),
        ("redact", eileen, "-o", out),
        ("subject", "show", "Grace Hopper"),
        ("subject", "notice", "Grace Hopper"),
        ("audit", "show"),
        ("audit", "verify"),
        ("audit", "checkpoint"),
        ("audit", "prove", "0", "-o", receipt),
        ("audit", "check", receipt),
        ("audit", "publish", "-o", tmp_path / "public"),
        ("witness", "list"),
        ("witness", "key", "--name", "witness.example.org", "-o", tmp_path / "witness.key"),
        ("evidence", "list"),
        ("evidence", "monitoring"),
        ("packs", "list"),
        ("packs", "verify"),
        ("document", "make", "dpia", "-o", tmp_path / "papers"),
        ("document", "template", "dpia"),
        ("document", "status"),
        ("complaint", "add", "--subject", "Grace Hopper", "--text", "Not me."),
        ("complaint", "list"),
        ("subject", "request", "Grace Hopper", "--kind", "access"),
        ("subject", "requests"),
        ("subject", "suspend", "Grace Hopper", "--reason", "test"),
        ("subject", "resume", "Grace Hopper", "--reason", "test"),
        ("subject", "adverse", "Grace Hopper", "--action", "a", "--place", "b", "--time", "2026-01-31T14:30"),
        ("subject", "export", "Grace Hopper"),
        ("subject", "link", "Grace Hopper"),
        ("recipient", "add", "Police", "--contact", "desk@police.example"),
        ("recipient", "list"),
        ("recipient", "notices"),
        ("watchlist", "due"),
        ("alert", "list"),
        ("channel", "list"),
        ("tick",),
        ("release", "withdraw", "--subject", "Grace Hopper", "--purpose", "door"),
        ("subject", "erase", "Grace Hopper", "--yes"),
        ("version",),
    ]
    sections = dict(re.findall(r"^### (.+?)$(.*?)(?=^##|\Z)", document, re.MULTILINE | re.DOTALL))
    for run in runs:
        name = " ".join(str(part) for part in run[: 2 if run[0] in _GROUPS else 1])
        section = next(text for heading, text in sections.items() if name in heading.split(", "))
        for key in cli.json(*run):
            assert f"`{key}`" in section, (name, key)


_GROUPS = (
    "document",
    "evidence",
    "purpose",
    "gallery",
    "release",
    "subject",
    "audit",
    "packs",
    "witness",
    "standards",
    "complaint",
    "recipient",
    "watchlist",
    "alert",
    "channel",
)


def test_every_exit_code_is_documented(document: str) -> None:
    from faceward.cli.run import INTERRUPTED
    from faceward.core import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    codes = {kind.exit_code for kind in kinds} | {0, INTERRUPTED}
    table = {int(code) for code in re.findall(r"^\| (\d+) \|", document, re.MULTILINE)}
    assert table == codes
