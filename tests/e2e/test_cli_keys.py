"""Keys of programs, and releases on file, at the command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _kit() -> Any:
    # The helper of the tests of this folder, which are no package.
    name = "faceward_test_cli"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("conftest.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def cli(tmp_path: Path, fakes: ModuleType) -> Any:
    made = _kit().Cli(fakes.make_home(tmp_path / "home"), {"FACEWARD_PASSPHRASE": fakes.PASSPHRASE})
    made.ok("purpose", "add", "door", "--basis", "consent", "--fmr", "1e-3", "--retention", "90d",
            "--alternative", "a badge")  # fmt: skip
    return made


def test_a_key_is_made_listed_and_revoked(cli: Any) -> None:
    made = cli.json("keys", "create", "shop", "--purpose", "door", "--gallery", "staff", "--expires", "90d")
    assert (len(made["access_key_id"]), len(made["secret_access_key"])) == (20, 40)
    assert (made["purposes"], made["galleries"], made["admission"]) == (["door"], ["staff"], "not needed")
    [listed] = cli.json("keys", "list")["keys"]
    assert listed["access_key_id"] == made["access_key_id"]
    assert (listed["state"], listed["admitted"]) == ("in force", None)
    assert made["secret_access_key"] not in cli.ok("keys", "list").out
    assert cli.json("keys", "revoke", "shop")["state"] == "revoked"
    assert cli.json("keys", "list")["keys"][0]["state"] == "revoked"
    assert "revoked" in cli.refused(2, "keys", "revoke", "shop")
    assert "there is no key" in cli.refused(2, "keys", "revoke", "other")


def test_a_key_for_everything_is_said_to_be(cli: Any) -> None:
    outcome = cli.ok("keys", "create")
    assert "--purpose left out" in outcome.err
    assert "--gallery left out" in outcome.err
    assert "program-" in outcome.out
    assert "every one" in cli.ok("keys", "list").out


@pytest.mark.parametrize("wrong", [("--expires", "soon"), ("--trained-until", "soon"), ("--purpose", "marketing")])
def test_what_cannot_be_is_refused(cli: Any, wrong: tuple[str, ...]) -> None:
    cli.refused(2, "keys", "create", "shop", *wrong)
    assert cli.json("keys", "list")["keys"] == []


def test_K2_where_people_sign_in_the_roster_is_asked(cli: Any, tmp_path: Path) -> None:
    cli.environment["FACEWARD_KEY_PASSPHRASE"] = "secret"
    for name in ("ana", "ben"):
        cli.ok("person", "key", tmp_path / name)
    ana = ("--as", "Ana", "--key", tmp_path / "ana")
    cli.ok("person", "add", "Ana", "--key", tmp_path / "ana.pub", "--role", "operator", "--role", "approver")
    cli.ok(*ana, "person", "add", "Ben", "--key", tmp_path / "ben.pub", "--role", "approver")
    cli.refused(3, "keys", "create", "shop")
    outcome = cli.ok(*ana, "keys", "create", "shop", "--purpose", "door", "--gallery", "staff", "--json")
    made = outcome.json()
    assert (made["admission"], made["person"]) == ("waiting", "key shop")
    assert made["request"][:12] in outcome.err
    assert cli.ok(*ana, "keys", "list", "--json").json()["keys"][0]["admitted"] is False
    cli.ok("request", "approve", made["request"][:12], "--as", "Ben", "--key", tmp_path / "ben")
    assert cli.ok(*ana, "keys", "list", "--json").json()["keys"][0]["admitted"] is True
    assert cli.ok(*ana, "keys", "admit", "shop", "--json").json()["state"] == "waiting"
    assert "person remove" in cli.ok(*ana, "keys", "revoke", "shop").err
    cli.refused(2, *ana, "keys", "admit", "shop")


def test_C1_releases_come_in_bulk(cli: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "releases.csv"
    sheet.write_text(
        "subject,purpose,signed,until\nana,door,2026-01-02,2099-01-01\nben,door,2026-01-02,2099-01-01\n"
        "old,door,2020-01-02,2020-02-01\n"
    )
    assert cli.json("release", "import", sheet) == {"added": 2, "known": 0, "passed": 1}
    assert cli.json("release", "import", sheet) == {"added": 0, "known": 2, "passed": 1}
    exported = cli.json("subject", "export", "ana")
    assert [one["purpose"] for one in exported["releases_on_file"]] == ["door"]
    sheet.write_text("subject,purpose,signed,until\nana,marketing,2026-01-02,2099-01-01\n")
    assert "no purpose 'marketing'" in cli.refused(2, "release", "import", sheet)
    cli.ok("subject", "erase", "ana", "--yes")
    cli.refused(2, "subject", "export", "ana")
