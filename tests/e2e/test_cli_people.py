"""Two people at the command line: keys, roster, a mandate, and signatures that come from elsewhere."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.policy.requests import APPROVAL_NAMESPACE
from faceward.policy.sshsig import PrivateKey

MANDATE = (
    "--purpose", "door", "--gallery", "door", "--place", "Žofín", "--case", "K-1", "--basis", "§ 1", "--until", "7d",
    "--searches", "5", "--operator", "Ana",
)  # fmt: skip


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
def office(tmp_path: Path, fakes: ModuleType) -> Any:
    """The command line of a deployment whose roster Ana and Ben founded."""
    home = fakes.make_home(tmp_path / "home")
    cli = _kit().Cli(home, {"FACEWARD_PASSPHRASE": fakes.PASSPHRASE, "FACEWARD_KEY_PASSPHRASE": "secret"})
    for name in ("ana", "ben"):
        made = cli.json("person", "key", tmp_path / name)
        assert (tmp_path / f"{name}.pub").read_text() == made["line"] + "\n"
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    added = cli.json("person", "add", "Ana", "--key", tmp_path / "ana.pub", "--role", "operator", "--role", "approver")
    assert added["state"] == "carried out"
    said = cli.ok(*ana(tmp_path), "person", "add", "Ben", "--key", tmp_path / "ben.pub", "--role", "approver").err
    assert "where the standard asks for training, 'Ben' approves of no mandate" in said
    cli.ok(*ana(tmp_path), "purpose", "add", "door", "--basis", "consent", "--fmr", "1e-3", "--retention", "90d",
           "--alternative", "a badge")  # fmt: skip
    return cli


def test_S2_a_passkeys_line_is_added_and_listed(tmp_path: Path, fakes: ModuleType, passkey_kit: ModuleType) -> None:
    cli = _kit().Cli(fakes.make_home(tmp_path / "home"), {"FACEWARD_PASSPHRASE": fakes.PASSPHRASE})
    public = passkey_kit.SoftPasskey().public
    (tmp_path / "phone.pub").write_text(f"{public.line} Ana's phone\n")
    second = passkey_kit.SoftPasskey().public
    (tmp_path / "safe.pub").write_text(second.line)
    keys = ("--key", tmp_path / "phone.pub", "--key", tmp_path / "safe.pub")
    cli.ok("person", "add", "Ana", *keys, "--role", "operator")
    [shown] = cli.json("person", "list")["people"]
    assert (shown["key"], shown["fingerprint"], shown["further"]) == (public.line, public.fingerprint, [second.line])
    assert f"{public.fingerprint} and 1 more" in " ".join(cli.ok("person", "list").out.split())


def ana(folder: Path) -> tuple[object, ...]:
    return ("--as", "Ana", "--key", folder / "ana")


def ben(folder: Path) -> tuple[object, ...]:
    return ("--as", "Ben", "--key", folder / "ben")


def asked(office: Any, folder: Path, *more: str) -> str:
    return str(office.json(*ana(folder), "mandate", "request", *MANDATE, *more)["request"])


def test_S2_two_people_and_a_mandate(office: Any, tmp_path: Path) -> None:
    people = office.json(*ana(tmp_path), "person", "list")["people"]
    assert [(person["name"], person["roles"]) for person in people] == [
        ("Ana", ["approver", "operator"]),
        ("Ben", ["approver"]),
    ]
    digest = asked(office, tmp_path)
    assert "'Ana' asked for it" in office.refused(3, "mandate", "approve", digest, *ana(tmp_path))
    assert office.json("mandate", "approve", digest[:8], *ben(tmp_path))["state"] == "approved"
    shown = office.json("mandate", "show", digest, *ana(tmp_path))
    assert (shown["state"], shown["spent"], shown["body"]["place"]) == ("approved", 0, "Žofín")
    assert "Žofín" in office.ok("mandate", "show", digest, *ana(tmp_path)).out
    assert digest[:12] in office.ok("mandate", "list", *ana(tmp_path)).out
    assert office.json("request", "list", "--waiting", *ana(tmp_path)) == {"requests": []}
    assert office.json("mandate", "revoke", digest, "--reason", "found", *ana(tmp_path))["state"] == "revoked"


def test_S2_a_change_of_people_waits_for_the_other(office: Any, tmp_path: Path) -> None:
    PrivateKey.generate().write(tmp_path / "cem", None)
    (tmp_path / "cem.pub").write_text(PrivateKey.load(tmp_path / "cem", None).public.line + " cem@desk\n")
    added = office.json(*ana(tmp_path), "person", "add", "Cem", "--key", tmp_path / "cem.pub", "--role", "reviewer",
                        "--trained-until", "2027-12-31")  # fmt: skip
    assert added["state"] == "waiting"
    assert "waiting" in office.ok("request", "list", *ana(tmp_path)).out
    assert office.json("request", "approve", added["request"], *ben(tmp_path))["state"] == "carried out"
    removed = office.json("person", "remove", "Cem", *ana(tmp_path))
    assert office.json("request", "refuse", removed["request"], *ben(tmp_path))["state"] == "refused"
    assert "fewer than two approvers" in office.refused(3, "person", "remove", "Ben", *ana(tmp_path))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not on this machine")
def test_S2_a_decision_signed_with_ssh_keygen(office: Any, tmp_path: Path) -> None:
    digest = asked(office, tmp_path)
    message = office.ok("request", "show", digest, "--message-for", "Ben", *ana(tmp_path)).out
    (tmp_path / "decision").write_text(message, encoding="utf-8", newline="")
    PrivateKey.load(tmp_path / "ben", "secret").write(tmp_path / "plain", None)
    command = ["ssh-keygen", "-Y", "sign", "-f", tmp_path / "plain", "-n", APPROVAL_NAMESPACE, tmp_path / "decision"]
    subprocess.run(command, check=True, capture_output=True)
    signature = ("--signature", tmp_path / "decision.sig")
    assert "not for 'Ana'" in office.refused(2, "mandate", "approve", digest, "--as", "Ana", *signature)
    assert "does not refuse" in office.refused(4, "mandate", "refuse", digest, "--as", "Ben", *signature)
    assert office.json("mandate", "approve", digest, "--as", "Ben", *signature)["state"] == "approved"
    said = office.ok("request", "show", digest, "--out", tmp_path / "evidence", *ana(tmp_path)).out
    commands = [line.strip() for line in said.splitlines() if "ssh-keygen -Y verify" in line]
    assert len(commands) == 2
    for line in commands:
        subprocess.run(line, shell=True, cwd=tmp_path / "evidence", check=True, capture_output=True)  # noqa: S602
    assert "not an empty folder" in office.refused(
        2, "mandate", "show", digest, "--out", tmp_path / "evidence", *ana(tmp_path)
    )


def test_bad_input_is_one_line(office: Any, tmp_path: Path) -> None:
    office.both = False
    (tmp_path / "garbage").write_bytes(b"\xff\x00")
    (tmp_path / "garbage.sig").write_bytes(b"\xff\x00")
    digest = asked(office, tmp_path)
    add = ("--as", "Ana", "--key", tmp_path / "ana", "person", "add", "Cem", "--role", "reviewer", "--key")
    for code, arguments in (
        (2, ("person", "key", tmp_path / "ana")),
        (4, (*add, tmp_path / "garbage")),
        (4, (*add, tmp_path / "missing.pub")),
        (4, (*add, tmp_path / "ana")),
        (3, (*add, tmp_path / "ana.pub")),
        (2, (*add, tmp_path / "ana.pub", "--trained-until", "soon")),
        (2, ("--as", "Ana", "--key", tmp_path / "ana", "person", "add", "Cem", "--role", "boss", "--key",
             tmp_path / "ben.pub")),
        (2, ("person", "remove", "Cem", *ana(tmp_path))),
        (2, ("mandate", "show", "zz", *ana(tmp_path))),
        (2, ("mandate", "request", *MANDATE[:-5], "--searches", "5", "--operator", "Ana", *ana(tmp_path))),
        (2, ("mandate", "request", *MANDATE, "--until", "soon", *ana(tmp_path))),
        (2, ("mandate", "request", *MANDATE, "--searches", "0", *ana(tmp_path))),
        (2, ("mandate", "request", *MANDATE, "--operator", "Ben", *ana(tmp_path))),
        (2, ("mandate", "request", *MANDATE, "--from", "2999-01-01", *ana(tmp_path))),
        (3, ("mandate", "request", *MANDATE, "--urgent", *ana(tmp_path))),
        (3, ("mandate", "request", *MANDATE)),
        (4, ("mandate", "approve", digest, "--signature", tmp_path / "garbage.sig")),
        (4, ("mandate", "approve", digest, "--signature", tmp_path / "missing.sig")),
        (2, ("mandate", "approve", digest, "--signature", tmp_path / "garbage")),
        (2, ("mandate", "approve", digest, "--message", tmp_path / "garbage", *ben(tmp_path))),
        (2, ("request", "show", digest, "--refuse", *ana(tmp_path))),
        (2, ("request", "show", digest, "--message-for", "Cem", *ana(tmp_path))),
    ):  # fmt: skip
        office.refused(code, *arguments)


def test_key_without_a_passphrase_is_asked_for(office: Any, tmp_path: Path) -> None:
    quiet = {"FACEWARD_KEY_PASSPHRASE": ""}
    assert "--no-passphrase" in office.refused(2, "person", "key", tmp_path / "new", **quiet)
    office.ok("person", "key", tmp_path / "new", "--no-passphrase", **quiet)
    assert PrivateKey.load(tmp_path / "new", None).public.line in (tmp_path / "new.pub").read_text()
