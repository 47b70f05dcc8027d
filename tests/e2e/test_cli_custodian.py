"""A custodian on the command line: set up, served, asked, sealed anew."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceward.core.errors import WrongSecret

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

FACEWARD = (sys.executable, "-m", "faceward")
SECRET = "a custodian's own passphrase"


@pytest.fixture
def keeper(bare: Cli) -> Cli:
    """The command line of a custodian's user, which knows no deployment and none of its secrets."""
    bare.environment = {"FACEWARD_CUSTODIAN_PASSPHRASE": SECRET}
    return bare


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "custodian"


@pytest.fixture
def variables() -> dict[str, str]:
    """The environment of a custodian's process."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("FACEWARD_")},
        "FACEWARD_CUSTODIAN_PASSPHRASE": SECRET,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


@contextmanager
def served(state: Path, socket: Path, variables: dict[str, str], *options: object) -> Iterator[subprocess.Popen[str]]:
    """Run a custodian until the block ends."""
    command = [*FACEWARD, "custodian", "serve", "--state", state, "--socket", socket, "--json", *options]
    process = subprocess.Popen(
        [*map(str, command), "--allow-uid", str(os.getuid())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            text += line
        assert json.loads(text) == {"socket": str(socket), "state": str(state)}
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def documented(heading: str, keys: Sequence[str]) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = text.split(f"### {heading}\n", 1)[1].split("\n##", 1)[0]
    for key in keys:
        assert f"`{key}`" in section, (heading, key)


def shared(keeper: Cli, state: Path, out: Path, quorum: str = "2-of-3") -> list[Path]:
    keeper.json("custodian", "init", "--state", state, "--shares", quorum, "--out", out)
    return sorted(out.iterdir())


def many(files: Sequence[Path]) -> list[object]:
    return [part for file in files for part in ("--share", file)]


def test_a_custodian_is_set_up_with_a_passphrase_of_its_own(keeper: Cli, state: Path) -> None:
    told = keeper.json("custodian", "init", "--state", state)
    assert told == {"state": str(state), "backend": "passphrase", "shares": None}
    documented("custodian init", list(told))
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {
        "custodian.key": 0o600,
        "custodian.db": 0o600,
    }
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in state.iterdir())
    assert "holds something already" in keeper.refused(2, "custodian", "init", "--state", state)


def test_the_deployments_passphrase_is_not_the_custodians(bare: Cli, state: Path) -> None:
    line = bare.refused(2, "custodian", "init", "--state", state, FACEWARD_PASSPHRASE="the deployment's")
    assert "FACEWARD_CUSTODIAN_PASSPHRASE" in line
    assert not state.exists()


def test_options_that_contradict_are_told_before_anything_is_written(keeper: Cli, state: Path, tmp_path: Path) -> None:
    init = ("custodian", "init", "--state", state)
    out = tmp_path / "shares"
    assert "choose one way" in keeper.refused(2, *init, "--shares", "2-of-3", "--out", out, "--token", "museum")
    assert "new folder: --out" in keeper.refused(2, *init, "--shares", "2-of-3")
    assert "goes with --shares" in keeper.refused(2, *init, "--out", out)
    assert "3-of-5" in keeper.refused(2, *init, "--shares", "1-of-3", "--out", out)
    assert "library and label" in keeper.refused(2, *init, "--token", "museum")
    assert "--identity" in keeper.refused(2, *init, "--recipient", "age1x")
    assert "is missing" in keeper.refused(5, *init, "--passphrase-file", tmp_path / "none",
                                          FACEWARD_CUSTODIAN_PASSPHRASE=None)  # fmt: skip
    (tmp_path / "empty").write_text("\n")
    assert "first line" in keeper.refused(4, *init, "--passphrase-file", tmp_path / "empty",
                                          FACEWARD_CUSTODIAN_PASSPHRASE=None)  # fmt: skip
    assert not state.exists()
    assert not out.exists()


def test_a_folder_that_others_may_read_is_refused(keeper: Cli, state: Path, tmp_path: Path) -> None:
    state.mkdir(mode=0o755)
    serve = ("custodian", "serve", "--state", state, "--socket", tmp_path / "s")
    assert "chmod 700" in keeper.refused(2, "custodian", "init", "--state", state)
    state.chmod(0o700)
    keeper.ok("custodian", "init", "--state", state)
    for mode in (0o750, 0o701, 0o707):
        state.chmod(mode)
        assert "chmod 700" in keeper.refused(2, *serve)
        assert "chmod 700" in keeper.refused(2, "custodian", "reseal", "--state", state, "--to", "passphrase")
    assert "custodian init" in keeper.refused(2, "custodian", "serve", "--state", tmp_path / "x", "--socket", "s")
    assert "no folder" in keeper.refused(2, "custodian", "serve", "--state", state / "custodian.db", "--socket", "s")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a folder of another user")
def test_a_folder_of_another_user_is_refused(keeper: Cli, state: Path) -> None:
    keeper.ok("custodian", "init", "--state", state)
    os.chown(state, 12345, 12345)
    line = keeper.refused(2, "custodian", "serve", "--state", state, "--socket", state / "s")
    assert "belongs to another user" in line


def test_shares_are_checked_before_they_are_needed(keeper: Cli, state: Path, tmp_path: Path) -> None:
    files = shared(keeper, state, tmp_path / "shares")
    assert [file.name for file in files] == [f"share-{number}-of-3.txt" for number in (1, 2, 3)]
    check = ("custodian", "shares", "check", "--state", state)
    one = keeper.json(*check, "--share", files[1])
    assert (one["shares"], one["numbers"], one["opens"]) == ("2-of-3", [2], False)
    documented("custodian shares check", list(one))
    both = keeper.json(*check, *many(files[1:]))
    assert (both["numbers"], both["opens"]) == ([2, 3], True)
    assert "1 more opens the master key" in keeper.ok(*check, *many([files[0], files[0]])).out
    other = shared(keeper, tmp_path / "other", tmp_path / "others")
    assert "needs shares of set" in keeper.refused(4, *check, *many([files[0], other[1]]))
    right = files[0].read_text().split()[-3]
    words = files[0].read_text().replace(right, "acid" if right == "academic" else "academic")
    typo = tmp_path / "typo.txt"
    typo.write_text(words)
    assert "checksum is wrong" in keeper.refused(4, *check, "--share", typo)
    assert "missing" in keeper.refused(5, *check, "--share", tmp_path / "nowhere")
    assert "no share to check" in keeper.refused(2, *check)


def test_a_custodian_serves_and_says_how_it_stands(
    keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    keeper.ok("custodian", "init", "--state", state)
    socket = tmp_path / "s"
    status = ("custodian", "status", "--socket", socket)
    with served(state, socket, variables) as process:
        told = keeper.json(*status)
        documented("custodian status", list(told))
        assert (told["size"], told["stopped"], told["people"], told["separate"]) == (0, False, 0, True)
        assert told["standard_digest"] is None
        assert "people" in keeper.ok(*status).out
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert len(keeper.refused(1, *status).splitlines()) == 1
    # Killed, it leaves its socket behind, and starts again all the same.
    with served(state, socket, variables) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    with served(state, socket, variables):
        assert keeper.json(*status)["size"] == 0


def test_a_wrong_secret_starts_no_custodian(keeper: Cli, state: Path, tmp_path: Path) -> None:
    keeper.ok("custodian", "init", "--state", state)
    serve = ("custodian", "serve", "--state", state, "--socket", tmp_path / "s")
    assert "does not open" in keeper.refused(4, *serve, FACEWARD_CUSTODIAN_PASSPHRASE="wrong")
    assert "is missing; set FACEWARD_CUSTODIAN_PASSPHRASE" in keeper.refused(
        2, *serve, FACEWARD_CUSTODIAN_PASSPHRASE=None
    )
    other = tmp_path / "other"
    keeper.ok("custodian", "init", "--state", other)
    (state / "custodian.key").write_bytes((other / "custodian.key").read_bytes())
    assert "another master key" in keeper.refused(5, *serve)
    (state / "custodian.key").write_bytes(b"{}")
    assert "no master key" in keeper.refused(5, *serve)
    assert not (tmp_path / "s").exists()


def test_a_cold_start_needs_the_quorum(keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    files = shared(keeper, state, tmp_path / "shares", "3-of-5")
    serve = ("custodian", "serve", "--state", state, "--socket", tmp_path / "s")
    assert "2 of the 3 shares" in keeper.refused(4, *serve, *many(files[:2]))
    assert "3 custodians must come together" in keeper.refused(2, *serve)
    assert "given twice" in keeper.refused(4, *serve, *many([files[0], files[1], files[0]]))
    with served(state, tmp_path / "s", variables, *many(files[2:])):
        assert keeper.json("custodian", "status", "--socket", tmp_path / "s")["separate"]


def test_L2_a_deployment_waits_for_three_custodians(
    keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str], eileen: Path
) -> None:
    files, socket = shared(keeper, state, tmp_path / "shares", "3-of-5"), tmp_path / "s"
    museum = replace(keeper, home=tmp_path / "museum", environment={"FACEWARD_PASSPHRASE": "the deployment's own"})
    show = ("subject", "show", "Eileen")
    verify = ("verify", eileen, "--subject", "Eileen", "--purpose", "door")
    with served(state, socket, variables, *many(files[:3])):
        museum.ok("init", "--standard", "workplace", "--custodian", socket)
        museum.ok("purpose", "add", "door", "--basis", "consent", "--fmr", "1e-4", "--retention", "365d",
                  "--alternative", "a badge")  # fmt: skip
        release = tmp_path / "release.toml"
        release.write_text('subject = "Eileen"\npurpose = "door"\nsigned = 2020-01-01\nterm = "99y"\n')
        museum.ok("enrol", eileen, "--subject", "Eileen", "--purpose", "door", "--release", release)
        assert museum.json(*verify)["decision"] == "match"
        told = keeper.json("custodian", "status", "--socket", socket)
        assert told["size"] > 0
        assert told["standard"] == "workplace"
    # The machine went down: the deployment has its passphrase, and nobody is recognised.
    for command in (verify, show):
        assert "no custodian answers" in museum.refused(1, *command)
    # Three others come together.
    with served(state, socket, variables, *many(files[2:])):
        assert museum.json(*verify)["decision"] == "match"
        assert keeper.json("custodian", "status", "--socket", socket)["size"] > told["size"]
        # The files elsewhere, with the passphrase, and a custodian that serves another deployment.
        other = tmp_path / "other"
        keeper.ok("custodian", "init", "--state", other)
        with served(other, tmp_path / "t", variables):
            gallery = replace(museum, home=tmp_path / "gallery")
            gallery.ok("init", "--standard", "workplace", "--custodian", tmp_path / "t")
            thief = replace(museum, home=tmp_path / "copy", both=False)
            shutil.copytree(museum.home, thief.home)
            thief.environment = {**museum.environment, "FACEWARD_CUSTODIAN": str(tmp_path / "t")}
            assert "log" in thief.refused(5, *verify)
            third = replace(museum, home=tmp_path / "third")
            line = third.refused(3, "init", "--standard", "workplace", "--custodian", tmp_path / "t")
            assert "keys of another deployment" in line
            assert not third.home.exists()


def test_T2_an_erasure_does_not_wait_for_a_custodian_that_was_killed(
    keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str], eileen: Path, grace: Path
) -> None:
    keeper.ok("custodian", "init", "--state", state)
    socket = tmp_path / "s"
    museum = replace(keeper, home=tmp_path / "museum", environment={"FACEWARD_PASSPHRASE": "the deployment's own"})
    pictures = {"Eileen": eileen, "Grace": grace}
    search = ("identify", eileen, "--gallery", "door", "--purpose", "door", "--reason", "a test")
    with served(state, socket, variables):
        museum.ok("init", "--standard", "workplace", "--custodian", socket)
        museum.ok("purpose", "add", "door", "--basis", "consent", "--fmr", "1e-4", "--retention", "365d",
                  "--alternative", "a badge")  # fmt: skip
        for who, picture in pictures.items():
            release = tmp_path / f"{who}.toml"
            release.write_text(f'subject = "{who}"\npurpose = "door"\nsigned = 2020-01-01\nterm = "99y"\n')
            museum.ok("enrol", picture, "--subject", who, "--purpose", "door", "--release", release)
        museum.ok(*search)
    assert "no custodian answers" in museum.refused(1, *search)
    assert museum.json("subject", "erase", "Eileen", "--yes")["references"] == 1
    assert museum.json("release", "withdraw", "--subject", "Grace", "--purpose", "door")["references"] == 1
    museum.ok("tick")
    museum.ok("audit", "verify")
    assert "no custodian answers" in museum.refused(1, *search)
    with served(state, socket, variables):
        [probe] = museum.json(*search)["probes"]
        assert probe["candidates"] == []


def test_a_master_key_is_sealed_anew(keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    keeper.ok("custodian", "init", "--state", state)
    reseal = ("custodian", "reseal", "--state", state)
    new = tmp_path / "new"
    new.write_text("another passphrase\n")
    told = keeper.json(*reseal, "--to", "passphrase", "--new-passphrase-file", new)
    documented("custodian reseal", list(told))
    assert told == {"state": str(state), "backend": "passphrase", "shares": None}
    assert "does not open" in keeper.refused(4, *reseal, "--to", "passphrase", "--new-passphrase-file", new)
    keeper.environment["FACEWARD_CUSTODIAN_PASSPHRASE"] = "another passphrase"
    out = tmp_path / "shares"
    assert "how many custodians" in keeper.refused(2, *reseal, "--to", "shares", "--out", out)
    assert keeper.json(*reseal, "--to", "shares", "--shares", "2-of-3", "--out", out)["shares"] == str(out)
    files = sorted(out.iterdir())
    # A new sharing keeps the quorum, and puts the former shares out of force.
    keeper.ok(*reseal, "--to", "shares", "--out", tmp_path / "again", *many(files[:2]))
    assert "needs shares of set" in keeper.refused(4, *reseal, "--to", "passphrase", "--new-passphrase-file", new,
                                                   *many(files[:2]))  # fmt: skip
    fresh = sorted((tmp_path / "again").iterdir())
    assert len(fresh) == 3
    # To age, for the identity of whoever opens it and somebody else's.
    from faceward.protection.age import new_identity_file

    identities = [tmp_path / "identity", tmp_path / "second"]
    recipients = [new_identity_file(path) for path in identities]
    keeper.ok(*reseal, "--to", "age", "--recipient", recipients[0], "--recipient", recipients[1], *many(fresh[1:]))
    assert "--identity" in keeper.refused(2, *reseal, "--to", "passphrase", "--new-passphrase-file", new)
    assert "no way to hold" in keeper.refused(2, *reseal, "--to", "x", "--identity", identities[0])
    with served(state, tmp_path / "s", variables, "--identity", identities[1]):
        keeper.ok("custodian", "status", "--socket", tmp_path / "s")


def test_a_custodian_gets_another_master_key(
    keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    files = shared(keeper, state, tmp_path / "shares")
    rotate = ("custodian", "rotate", "--state", state)
    assert "--out DIR" in keeper.refused(2, *rotate, *many(files[:2]))
    out = tmp_path / "new"
    with served(state, tmp_path / "s", variables, *many(files[:2])):
        assert "stop it first" in keeper.refused(1, *rotate, "--out", out, *many(files[:2]))
    assert not out.exists()
    told = keeper.json(*rotate, "--out", out, "--shares", "2-of-2", *many(files[:2]))
    documented("custodian rotate", list(told))
    assert told == {"state": str(state), "backend": "shares", "shares": str(out)}
    serve = ("custodian", "serve", "--state", state, "--socket", tmp_path / "s")
    assert "needs shares of set" in keeper.refused(4, *serve, *many(files[:2]))
    fresh = sorted(out.iterdir())
    with served(state, tmp_path / "s", variables, *many(fresh)):
        assert keeper.json("custodian", "status", "--socket", tmp_path / "s")["size"] == 0
    new = tmp_path / "passphrase"
    new.write_text(SECRET + "\n")
    keeper.ok("custodian", "reseal", "--state", state, "--to", "passphrase", "--new-passphrase-file", new, *many(fresh))
    before = (state / "custodian.key").read_bytes()
    assert "another master key, which opens with: passphrase" in keeper.ok(*rotate).out
    # The former key's file and the right passphrase open nothing any more.
    (state / "custodian.key").write_bytes(before)
    assert "another master key" in keeper.refused(5, *serve)


def test_another_master_key_under_age_is_sealed_to_those_who_are_named(
    keeper: Cli, state: Path, tmp_path: Path
) -> None:
    from faceward.protection.age import AgeFile, new_identity_file

    identities = [tmp_path / "first", tmp_path / "second"]
    recipients = [part for path in identities for part in ("--recipient", new_identity_file(path))]
    keeper.ok("custodian", "init", "--state", state, "--identity", identities[0], *recipients)
    rotate = ("custodian", "rotate", "--state", state, "--identity", identities[0])
    keeper.ok(*rotate, *recipients)
    first, second = (AgeFile(state / "custodian.key", path).open() for path in identities)
    assert first == second
    assert "sealed to this identity alone" in keeper.ok(*rotate).err
    with pytest.raises(WrongSecret):
        AgeFile(state / "custodian.key", identities[1]).open()


@pytest.mark.parametrize("rewrapped", [False, True])
def test_a_change_of_the_key_that_was_interrupted_is_finished_by_those_who_hold_its_shares(
    keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str], rewrapped: bool
) -> None:
    from faceward.custody.rekey import _Rekeyable
    from faceward.protection.share_words import HeldShare
    from faceward.protection.shares import SharesFile

    old = shared(keeper, state, tmp_path / "shares")
    holder = SharesFile(state / "custodian.key", tuple(map(HeldShare.read, old)), out=tmp_path / "new")
    holder.staged().seal(b"n" * 32)
    if rewrapped:
        kept = _Rekeyable.open(state / "custodian.db", holder.open())
        kept.rekey(holder.open(), b"n" * 32)
        kept.close()
    new = sorted((tmp_path / "new").iterdir())
    serve = ("custodian", "serve", "--state", state, "--socket", tmp_path / "s")
    right, wrong = (new, old) if rewrapped else (old, new)
    assert len(keeper.refused(5 if not rewrapped else 4, *serve, *many(wrong[:2])).splitlines()) == 1
    with served(state, tmp_path / "s", variables, *many(right[1:])):
        keeper.ok("custodian", "status", "--socket", tmp_path / "s")
    assert not (state / "custodian.key.next").exists()


def at_a_terminal(
    *arguments: object, environment: dict[str, str], answers: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    """Run a command at a terminal; return its exit code and what was shown."""
    ours, theirs = pty.openpty()
    waiting, shown, seen = list(answers), b"", 0
    with subprocess.Popen(
        [*FACEWARD, *map(str, arguments)], env=environment, stdin=theirs, stderr=theirs, stdout=theirs,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        while select.select([ours], [], [], 30)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
            while waiting and waiting[0][0].encode() in shown[seen:]:
                prompt, answer = waiting.pop(0)
                seen = shown.index(prompt.encode(), seen) + len(prompt)
                os.write(ours, f"{answer}\n".encode())
        else:
            process.kill()
        process.wait(timeout=60)
    os.close(ours)
    return process.returncode, shown.decode()


def test_custodians_type_their_shares_one_after_the_other(
    keeper: Cli, state: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    words = [file.read_text().splitlines()[-1] for file in shared(keeper, state, tmp_path / "shares")]
    start, last = words[0].rsplit(" ", 1)
    wrong = f"{start} {'acid' if last == 'academic' else 'academic'}"
    new = tmp_path / "new"
    new.write_text("a passphrase\n")
    reseal = ("custodian", "reseal", "--state", state, "--to", "passphrase", "--new-passphrase-file", new)
    code, shown = at_a_terminal(
        *reseal,
        environment=variables,
        answers=[
            ("Share 1 of 2: ", wrong),
            ("Share 1 of 2: ", words[0]),
            ("Share 2 of 2: ", words[0]),
            ("Share 2 of 2: ", words[2].upper()),
        ],
    )
    assert code == 0, shown
    assert shown.count("this share is mistyped") == 1
    assert not any(secret in shown.lower() for secret in words)
    assert "now opens with: passphrase" in shown


def test_a_new_passphrase_is_typed_twice(state: Path, variables: dict[str, str]) -> None:
    del variables["FACEWARD_CUSTODIAN_PASSPHRASE"]
    init = ("custodian", "init", "--state", state)
    prompts = ("The custodian's passphrase: ", "The same again: ")
    code, shown = at_a_terminal(*init, environment=variables, answers=list(zip(prompts, ("one", "two"), strict=True)))
    assert code == 2
    assert "differ" in shown
    assert not state.exists()
    code, shown = at_a_terminal(*init, environment=variables, answers=list(zip(prompts, (SECRET,) * 2, strict=True)))
    assert code == 0, shown
    assert SECRET not in shown


_SEALER = """
import itertools, os, sys
from faceward.cli import main
state, now = sys.argv[1:]
print("ready", flush=True)
ways = ("one", "two"), ("two", "one")
for secret, other in itertools.cycle(ways if now == "one" else ways[::-1]):
    os.environ["FACEWARD_CUSTODIAN_PASSPHRASE"] = secret
    os.environ["FACEWARD_CUSTODIAN_NEW_PASSPHRASE"] = other
    assert main(["custodian", "reseal", "--state", state, "--to", "passphrase", "--json"]) == 0
"""


@pytest.mark.slow
def test_a_custodian_killed_while_it_is_sealed_anew_opens_with_one_of_both(
    keeper: Cli, state: Path, variables: dict[str, str]
) -> None:
    keeper.ok("custodian", "init", "--state", state, FACEWARD_CUSTODIAN_PASSPHRASE="one")
    before = "one"
    for number in range(5):
        variables.pop("FACEWARD_CUSTODIAN_PASSPHRASE", None)
        with subprocess.Popen(
            [sys.executable, "-c", _SEALER, str(state), before], env=variables, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.8 + 0.19 * number)
            process.kill()
        opened = [secret for secret in ("one", "two") if _opens(state, secret)]
        assert len(opened) == 1
        before = opened[0]


def _opens(state: Path, secret: str) -> bool:
    from faceward.protection.passphrase import PassphraseFile

    try:
        return len(PassphraseFile(state / "custodian.key", secret).open()) == 32
    except WrongSecret:
        return False


def test_help_names_no_way_to_give_a_secret_as_text(keeper: Cli) -> None:
    for name in ("init", "serve", "reseal"):
        shown = keeper.ok("custodian", name, "--help").out
        assert "--pin " not in shown
        assert "--passphrase " not in shown
