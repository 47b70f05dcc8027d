"""The documentation is complete: what exists is written down, and what is written down exists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

import faceward
from faceward.cli.app import build
from faceward.policy.standard import available_standards, load_standard

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _commands(command: click.Command, words: tuple[str, ...] = ("faceward",)) -> Iterator[tuple[str, click.Command]]:
    children = getattr(command, "commands", {})
    if not children:
        yield " ".join(words), command
    for name, child in children.items():
        yield from _commands(child, (*words, name))


COMMANDS = dict(_commands(typer.main.get_command(build())))


def _nav(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(value, list):
                yield from _nav(value)
            else:
                yield value


def _pages() -> list[str]:
    return list(_nav(yaml.safe_load(_read(ROOT / "mkdocs.yml"))["nav"]))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described(command: str) -> None:
    words = re.escape(command)
    assert re.search(rf"`?{words}(?![\w-])", _read(DOCS / "cli.md")), f"docs/cli.md does not describe '{command}'"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_described(command: str) -> None:
    text = _read(DOCS / "cli.md")
    options = [
        option
        for parameter in COMMANDS[command].params
        if not getattr(parameter, "hidden", False)
        for option in parameter.opts
        if option.startswith("--")
    ]
    missing = [option for option in options if not re.search(rf"{re.escape(option)}(?![\w-])", text)]
    assert not missing, f"docs/cli.md does not name {', '.join(missing)} of '{command}'"


def test_commands_described_exist() -> None:
    """A line of an example that begins with `faceward` names a command that is there."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", _read(DOCS / "cli.md") + _read(ROOT / "README.md"), re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    used = [line for line in lines if re.match(r"faceward [a-z]", line)]
    assert used
    unknown = [line for line in used if not any(re.match(rf"{re.escape(c)}(?![\w-])", line) for c in COMMANDS)]
    assert not unknown


@pytest.mark.parametrize("standard", available_standards())
def test_every_enforced_rule_is_in_the_safeguards(standard: str) -> None:
    text = _read(DOCS / "safeguards.md")
    enforced = load_standard(standard).parameters.enforced
    missing = [rule for rule in enforced if not re.search(rf"\b{rule}\b", text)]
    assert not missing, f"docs/safeguards.md lacks {', '.join(missing)} of the standard '{standard}'"
    assert re.search(rf"\b{standard}\b", text)


def test_every_rule_that_can_refuse_is_enforced_by_name() -> None:
    for name in available_standards():
        standard = load_standard(name)
        assert {rule.rule for rule in standard.rules if rule.forbids} <= set(standard.parameters.enforced)


def test_every_page_is_in_the_navigation_and_there() -> None:
    pages = _pages()
    assert len(pages) == len(set(pages))
    assert set(pages) == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}


def test_decisions_are_numbered_and_have_their_parts() -> None:
    records = sorted((DOCS / "adr").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = _read(record)
        assert text.startswith(f"# ADR {record.name[:4]}: "), record.name
        assert re.search(r"^- Status: (proposed|accepted|superseded by ADR \d{4})$", text, re.MULTILINE), record.name
        assert re.search(r"^- Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), record.name
        assert {"## Context", "## Decision", "## Consequences"} <= set(text.splitlines()), record.name


def test_readme_names_the_two_commands_and_they_exist() -> None:
    readme, targets = _read(ROOT / "README.md"), re.findall(r"^([a-z]+):", _read(ROOT / "Makefile"), re.MULTILINE)
    for target in ("demo", "test"):
        assert f"make {target}" in readme
    for used in re.findall(
        r"\bmake ([a-z]+)\b(?=[`\s])", "\n".join(re.findall(r"`[^`]*`|```.*?```", readme, re.DOTALL))
    ):
        assert used in targets


def test_constraints_pin_every_direct_dependency_and_name_no_address() -> None:
    lines = [line for line in _read(ROOT / "constraints.txt").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    project = tomllib.loads(_read(ROOT / "pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for group in (*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()):
        wanted += group
    names = {re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[ ;]", entry)[0]).lower() for entry in wanted}
    assert names <= pinned


def test_version_is_one() -> None:
    project = tomllib.loads(_read(ROOT / "pyproject.toml"))
    assert project["project"]["version"] == faceward.__version__
    assert "## [Unreleased]" in _read(ROOT / "CHANGELOG.md")
