"""Options: before a command or after it, where the passphrase comes from, usage errors in one line."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

PASSPHRASE = "correct horse battery staple"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--home", "{home}", "gallery", "list", "--json"),
        ("gallery", "--home", "{home}", "list", "--json"),
        ("gallery", "list", "--home", "{home}", "--json"),
        ("--json", "gallery", "list", "--home", "{home}"),
        ("gallery", "--json", "list", "--home={home}"),
        ("--home", "/nowhere", "gallery", "list", "--home", "{home}", "--json"),
    ],
)
def test_shared_options_stand_before_a_command_or_after_it(arguments: tuple[str, ...], cli: Cli) -> None:
    given = [argument.format(home=cli.home) for argument in arguments]
    assert cli.ok(*given, FACEWARD_HOME="/elsewhere").json()["galleries"]


def test_the_operator_goes_to_the_log(cli: Cli) -> None:
    cli.ok("--operator", "Mary", "subject", "show", "Eileen Collins")
    last = cli.json("audit", "show", "--last", "1")["entries"][0]
    assert last["opened"]["details"]["operator"] == "Mary"


def test_the_passphrase_comes_from_a_file(bare: Cli, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n")
    bare.ok("status", "--home", cli.home, "--passphrase-file", path)
    bare.ok("--passphrase-file", path, "--home", cli.home, "status")
    for content in (b"", b"\n", b"\xff\xfe", b"x" * 5000):
        path.write_bytes(content)
        assert str(path) in bare.refused(4, "status", "--home", cli.home, "--passphrase-file", path)
    assert "missing" in bare.refused(4, "status", "--home", cli.home, "--passphrase-file", tmp_path / "missing")


def test_without_a_passphrase_and_nobody_to_ask_it_says_what_to_set(bare: Cli, cli: Cli, tmp_path: Path) -> None:
    line = bare.refused(2, "status", "--home", cli.home)
    assert "FACEWARD_PASSPHRASE" in line
    assert "--passphrase-file" in line
    bare.refused(2, "init", "--standard", "workplace", "--home", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nothing",),
        ("audit",),
        ("audit", "nothing"),
        ("--nothing",),
        ("verify",),
        ("verify", "a.png"),
        ("verify", "a.png", "b.png", "c.png"),
        ("verify", "a.png", "b.png", "--subject", "Ada"),
        ("verify", "a.png", "b.png", "--fmr", "many"),
        ("verify", "a.png", "--subject", "Ada", "--purpose", "door", "--fmr", "1e-3"),
        ("identify", "a.png"),
        ("identify", "a.png", "--gallery", "g", "--purpose", "p", "--reason", "r", "--top", "0"),
        ("redact", "a.png"),
        ("redact", "a.png", "-o", "b.png", "--mode", "none"),
        ("enrol", "a.png", "--purpose", "door"),
        ("enrol", "a.png", "b.png", "--purpose", "door"),
        ("init",),
        ("purpose", "add", "x"),
        ("audit", "prove", "-1"),
        ("audit", "show", "--last", "0"),
        ("bench", "--threads", "0"),
        ("status", "--home"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(arguments: tuple[str, ...], bare: Cli) -> None:
    assert bare.refused(2, *arguments)


def test_help_is_given_for_every_command(bare: Cli) -> None:
    from typer.main import get_command

    from faceward.cli.app import build

    tree = get_command(build())
    for name, command in tree.commands.items():
        names = [(name,), *((name, sub) for sub in getattr(command, "commands", {}))]
        for path in names:
            shown = bare.ok(*path, "--help")
            assert shown.err == ""
            assert "Usage: faceward" in shown.out
            for option in ("--home", "--json", "--passphrase-file", "--identity", "--operator", "--debug"):
                assert option in shown.out


def test_a_defect_is_one_line_and_debug_shows_the_traceback(
    bare: Cli, eileen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faceward.standalone

    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("features 0.1 0.2")

    monkeypatch.setattr(faceward.standalone, "detect", broken)
    line = bare.refused(1, "detect", eileen)
    assert "defect" in line
    assert "--debug" in line
    assert "0.1" not in line, "what a foreign error says may hold what must not be printed"
    shown = bare("detect", eileen, "--debug")
    assert "Traceback" in shown.err
    assert "ZeroDivisionError" in shown.err


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (OSError(28, "No space left on device", "/x"), "No space"),
        (MemoryError(), "memory"),
        (ImportError("libGL"), "libGL"),
    ],
)
def test_what_the_machine_cannot_do_is_one_line(
    error: Exception, word: str, bare: Cli, eileen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faceward.standalone

    def failing(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(faceward.standalone, "detect", failing)
    assert word in bare.refused(1, "detect", eileen)


def test_commands_are_small_modules() -> None:

    import faceward.cli

    for path in Path(inspect.getfile(faceward.cli)).parent.glob("*.py"):
        assert len(path.read_text().splitlines()) < 300, path.name
