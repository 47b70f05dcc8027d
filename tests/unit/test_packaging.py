"""What operators are handed: each file has its form, and calls the command line as it is."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from faceward.cli.app import build

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
COMMAND = typer.main.get_command(build())
UNITS = sorted(PACKAGING.glob("*.service"))
USERS = {"faceward": "7101", "faceward-keys": "7102", "faceward-link": "7103"}
SECRETS = re.compile(r"(?i)(passphrase|secret|pin)\s*[:=]\s*[^/\s\"$][^/\s]*$")


def check_call(words: list[str]) -> None:
    """Fail unless the words after `faceward` are a command with options that it has."""
    command: Any = COMMAND
    words = list(words)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}), f"no command: {words}"
    context = click.Context(command)
    command.make_parser(context).parse_args(list(words))


def unit(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Read a unit; keys may repeat."""
    sections: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            current.append((key, value))
    return sections


def calls(path: Path) -> list[list[str]]:
    words = [shlex.split(value.replace("%%", "%")) for key, value in unit(path)["Service"] if key == "ExecStart"]
    return [shlex.split(w[2].removeprefix("exec ")) if w[0] == "/bin/sh" else w for w in words]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PACKAGING / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def instructions() -> list[tuple[str, str]]:
    text = (PACKAGING / "Containerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_start_what_exists(path: Path) -> None:
    [words] = calls(path)
    assert words[0] == "/opt/faceward/bin/faceward"
    check_call(words[1:])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_are_confined(path: Path) -> None:
    given = dict(unit(path)["Service"])
    expected = {
        "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
        "PrivateDevices": "yes", "LimitCORE": "0", "CapabilityBoundingSet": "", "RestrictNamespaces": "yes",
    }  # fmt: skip
    assert expected.items() <= given.items()
    assert given["User"] in USERS
    assert given["LoadCredential"].startswith("passphrase:/etc/faceward/")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_stand_systemds_own_check(path: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    program = tmp_path / "faceward"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    for one in UNITS:
        text = one.read_text(encoding="utf-8").replace("/opt/faceward/bin/faceward", str(program))
        (tmp_path / one.name).write_text(text, encoding="utf-8")
    # Only what is said of this unit counts: its neighbours on the machine may have faults of their own.
    run = subprocess.run(
        [analyze, "verify", "--recursive-errors=no", str(tmp_path / path.name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in run.stderr.splitlines() if path.name in line] == []


def test_the_users_have_the_same_numbers_everywhere() -> None:
    users = (PACKAGING / "faceward.sysusers").read_text(encoding="utf-8")
    container = (PACKAGING / "Containerfile").read_text(encoding="utf-8")
    for name, number in USERS.items():
        assert re.search(rf"(?m)^[gu] {name} +{number}\b", users)
        assert re.search(rf"groupadd --gid {number} {name}\b", container)
    custodian = (PACKAGING / "faceward-custodian.service").read_text(encoding="utf-8")
    assert "--allow-uid 7101 " in custodian
    services = compose()["services"]
    assert [services[n]["user"] for n in ("faceward", "custodian")] == ["7101:7101", "7102:7102"]


def test_the_timer_starts_the_backup() -> None:
    timer = configparser.ConfigParser()
    timer.optionxform = str  # type: ignore[method-assign,assignment]
    timer.read(PACKAGING / "faceward-backup.timer", encoding="utf-8")
    assert timer["Timer"]["OnCalendar"] == "daily"
    assert (PACKAGING / "faceward-backup.service").exists()


def test_compose_starts_what_exists_and_keeps_the_custodian_apart() -> None:
    loaded = compose()
    services = loaded["services"]
    for service in services.values():
        check_call(service["command"])
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert {volume.split(":")[0] for volume in service["volumes"]} <= loaded["volumes"].keys()
        assert set(service.get("secrets", [])) <= loaded["secrets"].keys()
    assert services["custodian"]["network_mode"] == "none"
    assert "ports" not in services["custodian"]
    holders = [n for n, one in services.items() if any(v.startswith("custodian-socket:") for v in one["volumes"])]
    assert sorted(holders) == ["custodian", "faceward"]
    assert [n for n, one in services.items() if any(v.startswith("keys:") for v in one["volumes"])] == ["custodian"]
    assert services["faceward"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services["faceward"]["secrets"] != services["custodian"]["secrets"]


def test_the_image_is_made_of_what_is_there_and_starts_what_exists() -> None:
    found = instructions()
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in found} <= known
    for name, text in found:
        if name == "COPY" and not text.startswith("--from"):
            assert all((PACKAGING.parent / source).exists() for source in text.split()[:-1])
    given = dict(found)
    assert given["USER"] == "7101:7101"
    assert yaml.safe_load(given["ENTRYPOINT"]) == ["faceward"]
    check_call(yaml.safe_load(given["CMD"]))
    assert "/healthz" in given["HEALTHCHECK"]


@pytest.mark.parametrize("path", sorted(PACKAGING.iterdir()), ids=lambda path: path.name)
def test_no_file_holds_a_secret(path: Path) -> None:
    assert not [line for line in path.read_text(encoding="utf-8").splitlines() if SECRETS.search(line)]
