"""The log for outsiders, end to end: a deployment, two witnesses in processes of their own, a stranger who checks."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceward.verify import main as verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Cli


@contextmanager
def witness(cli: Cli, folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Run a witness with a fresh key; gives its address and public key."""
    key = folder / f"{name}.key"
    vkey = cli.json("witness", "key", "--name", f"witness.example.org/{name}", "-o", key)["vkey"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().strip() not in vkey
    log = (cli.home / "log.vkey").read_text().strip()
    command = [sys.executable, "-m", "faceward", "witness", "serve", "--json", "--key", str(key), "--port", "0"]
    command += ["--state", str(folder / f"{name}.db"), "--log", log, "--new-state"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    try:
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, "the witness ended"
            text += line
        told = json.loads(text)
        assert (told["vkey"], set(told)) == (vkey, {"url", "vkey", "logs"})
        yield told["url"], vkey
    finally:
        process.kill()
        process.wait(timeout=30)
        process.stdout.close()


def test_L3_a_deployment_two_witnesses_and_a_stranger(
    cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public, receipt, key = tmp_path / "public", tmp_path / "receipt", cli.home / "log.vkey"
    first = cli.json("audit", "publish", "-o", public)
    assert (first["before"], first["witnesses"], first["waiting"]) == (None, [], 0)
    earlier = tmp_path / "earlier"
    earlier.write_bytes((public / "checkpoint").read_bytes())
    with witness(cli, tmp_path, "one") as (url, vkey), witness(cli, tmp_path, "two") as (second_url, second_vkey):
        both = ("--witness", url, "--witness-key", vkey, "--witness", second_url, "--witness-key", second_vkey)
        done = cli.json("audit", "cosign", *both)
        assert (done["size"], len(done["witnesses"])) == (first["size"], 2)
        cli.ok("purpose", "list")
        cli.ok("purpose", "add", "event", "--basis", "consent", "--fmr", "1e-3", "--retention", "1d",
               "--alternative", "a list")  # fmt: skip
        waiting = cli.ok("audit", "publish", "-o", public).out
        assert "entries wait for" in waiting
        assert "cosigned by" in cli.ok("audit", "cosign", *both).out
        assert (
            "cosigned by witness.example.org/one, witness.example.org/two"
            in cli.ok("audit", "publish", "-o", public).out
        )
        cli.ok("audit", "prove", "0", "-o", receipt)
        assert receipt.stat().st_size < 4096
        witnesses = ["--witness", vkey, "--witness", second_vkey]
        assert verify(["log", str(public), "--key", str(key), "--earlier", str(earlier), *witnesses]) == 0
        assert verify(["receipt", str(receipt), "--key", str(key), *witnesses]) == 0
        # The verifier inside reads such a receipt too.
        assert cli.json("audit", "check", receipt)["entry"] == 0
        capsys.readouterr()
    # They are gone now: said in one line, and what they signed before is kept.
    assert "cannot be reached" in cli.refused(1, "audit", "cosign", *both)
    assert verify(["receipt", str(receipt), "--key", str(key), *witnesses]) == 0
    capsys.readouterr()


def test_L3_a_trusted_witness_and_what_it_has_seen(cli: Cli, tmp_path: Path) -> None:
    with witness(cli, tmp_path, "one") as (url, vkey):
        done = cli.json("witness", "trust", vkey)
        assert done == {"witness": "witness.example.org/one", "trusted": True, "done": True, "request": None}
        assert cli.json("witness", "list")["witnesses"][0]["size"] is None
        cli.ok("audit", "cosign", "--witness", url, "--witness-key", vkey)
    listed = cli.json("witness", "list")
    assert set(listed) == {"witnesses", "enough", "reason"}
    [row] = listed["witnesses"]
    assert (row["witness"], row["vkey"], row["size"] > 0) == ("witness.example.org/one", vkey, True)
    assert "already trusted" in cli.refused(2, "witness", "trust", vkey)
    assert "witness.example.org/one" in cli.ok("witness", "distrust", vkey).out
    assert cli.json("witness", "list")["witnesses"] == []


def test_L1_a_subject_checks_that_nothing_was_left_out(
    cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported, key = tmp_path / "export.json", str(cli.home / "log.vkey")
    cli.ok("subject", "export", "Eileen Collins", "-o", exported)
    capsys.readouterr()
    assert verify(["chain", str(exported), "--key", key]) == 0
    said = capsys.readouterr().out
    assert "nothing between was left out" in said
    value = json.loads(exported.read_text())
    del value["chain"]["receipts"][1]
    exported.write_text(json.dumps(value))
    assert verify(["chain", str(exported), "--key", key]) == 5
    assert "number 2 of the chain is missing" in capsys.readouterr().err
    assert verify(["chain", key, "--key", key]) == 4
    assert "no chain of a subject" in capsys.readouterr().err


def test_refusals(cli: Cli, bare: Cli, tmp_path: Path) -> None:
    public, key = tmp_path / "public", tmp_path / "w.key"
    vkey = cli.json("witness", "key", "--name", "w", "-o", key)["vkey"]
    log = (cli.home / "log.vkey").read_text().strip()
    assert "exists already" in cli.refused(2, "witness", "key", "--name", "w", "-o", key)
    assert "cannot name" in cli.refused(2, "witness", "key", "--name", "a b", "-o", tmp_path / "x")
    assert "no deployment" in bare.refused(2, "audit", "publish", "-o", public)
    assert "own --witness-key" not in cli.refused(2, "audit", "cosign", "--witness", "http://x")
    pair = ("--witness", "http://127.0.0.1:9", "--witness-key", vkey)
    assert "needs its --witness-key" in cli.refused(2, "audit", "cosign", *pair, "--witness", "http://y")
    assert "named twice" in cli.refused(2, "audit", "cosign", *pair, *pair)
    assert "type 0x04" in cli.refused(4, "audit", "cosign", "--witness", "http://x", "--witness-key", log)
    state = tmp_path / "state"
    serve = ("witness", "serve", "--state", state, "--port", "0")
    assert "cannot be read" in cli.refused(4, *serve, "--key", tmp_path / "absent", "--log", log)
    assert "no witness's key" in cli.refused(4, *serve, "--key", cli.home / "log.vkey", "--log", log)
    assert "verifier key" in cli.refused(4, *serve, "--key", key, "--log", "x")
    assert "named twice" in cli.refused(2, *serve, "--key", key, "--log", log, "--log", log)
    # A wrong path must not make a witness forget: it would cosign a fork.
    assert "no such state" in cli.refused(2, *serve, "--key", key, "--log", log)
    assert not state.exists()
    (cli.home / "log.cosigned").write_text("x")
    assert "delete it" in cli.refused(5, "audit", "publish", "-o", public)


def test_L4_nothing_personal_is_published(cli: Cli, tmp_path: Path) -> None:
    cli.ok("audit", "publish", "-o", tmp_path / "public")
    found = b"".join(path.read_bytes() for path in (tmp_path / "public").rglob("*") if path.is_file())
    for word in (b"Grace", b"Hopper", b"Eileen", b"door", b"reason", b"portrait"):
        assert word not in found


@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_a_verifier_whose_answer_cannot_be_written_ends_in_one_line(cli: Cli, tmp_path: Path, where: str) -> None:
    public = tmp_path / "public"
    cli.ok("audit", "publish", "-o", public)
    command = [sys.executable, "-m", "faceward.verify", "log", str(public), "--key", str(cli.home / "log.vkey")]
    target = ">&-" if where == "closed" else f"> {where}"
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(command)} {target}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("faceward-verify: the answer cannot be written")
    assert done.stderr.count("\n") == 1
