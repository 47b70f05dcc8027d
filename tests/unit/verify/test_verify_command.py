"""`faceward-verify`: what it says, and by which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.entries import Commitment, Entry, Opening, Phase, commit
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer, parse_note
from faceward.audit.publish import publish
from faceward.verify import main

SIGNER = Signer("example.org/log", bytes(range(32)))
WITNESS = Cosigner("witness.example.org/one", bytes(32))
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with a publication, an earlier checkpoint, a key and a receipt."""
    digest, opening = commit({"reason": "a\u202eb\x1b[31m", "subject": "Ada"})
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        (begun,) = log.append([Record(Entry(NOW, "verify", Phase.BEGIN))], NOW)
        (tmp_path / "earlier").write_text(log.checkpoint())
        entry = Entry(NOW, "verify", Phase.END, begun, (Commitment("subject/0", digest),))
        log.append([Record(entry), Record(Entry(NOW, "identify", Phase.BEGIN))], NOW)
        note = log.checkpoint()
        keep_cosignatures(log.path, note, [WITNESS.cosign(parse_note(note).text, NOW)])
        publish(log, tmp_path / "public", SIGNER.verifier)
        opened: dict[str, Opening] = {"subject/0": opening}
        (tmp_path / "receipt").write_text(log.receipt(1, opened).encode())
    (tmp_path / "key").write_text(SIGNER.verifier.vkey + "\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(capsys, *arguments, "--json")
    value = json.loads(out)
    assert isinstance(value, dict)
    return code, value


def test_a_log_in_plain_words(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "log", world / "public", "--key", world / "key")
    assert (code, err) == (0, "")
    assert "The published log example.org/log holds 3 entries." in out
    assert "Begun and never ended: entries 2." in out
    assert "1 entry says: verify, begin." in out
    assert "does not prove that what happened was recorded" in out
    assert "Without an earlier checkpoint" in out
    assert "Without witnesses" in out


def test_a_log_with_witness_and_earlier_checkpoint(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = (
        "log",
        world / "public",
        "--key",
        world / "key",
        "--witness",
        WITNESS.verifier.vkey,
        "--earlier",
        world / "earlier",
    )
    code, out, _ = run(capsys, *given)
    assert code == 0
    assert "It continues your checkpoint of size 1" in out
    assert "witness.example.org/one says that at 2026-01-02T00:00:00.000000Z" in out
    assert "Without" not in out
    code, value = as_json(capsys, *given)
    assert (code, value["verified"], value["size"], value["earlier"], value["unfinished"]) == (0, True, 3, 1, [2])
    assert value["witnesses"] == [{"witness": "witness.example.org/one", "time": "2026-01-02T00:00:00.000000Z"}]
    named = "verified origin size root earlier witnesses operations unfinished backwards beyond unknown"
    assert set(value) == set(named.split())


def test_a_receipt(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "receipt", world / "receipt", "--key", world / "key", "--witness", WITNESS.verifier.vkey)
    assert code == 0
    assert "Entry 1 is in the log example.org/log of size 3." in out
    assert "it cannot prove that no other does" in out
    # Nobody's text steers a terminal.
    assert "\u202e" not in out
    assert "\x1b" not in out
    code, value = as_json(capsys, "receipt", world / "receipt", "--key", world / "key")
    assert (code, value["entry"], value["opened"]["subject/0"]["subject"], value["witnesses"]) == (0, 1, "Ada", [])
    assert "Without witnesses" in run(capsys, "receipt", world / "receipt", "--key", world / "key")[1]


def test_files_beyond_the_checkpoint_are_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "public" / "tile" / "0" / "009").write_bytes(b"x")
    assert "does not cover them: 1 files" in run(capsys, "log", world / "public", "--key", world / "key")[1]
    assert as_json(capsys, "log", world / "public", "--key", world / "key")[1]["beyond"] == ["tile/0/009"]


def test_what_is_no_part_of_a_log_is_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    public = world / "public"
    for name in ("tile/0/x000/001", "tile/entries/readme.txt", "tile/64/000", "tile/0/000.p/256", "index.html"):
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_bytes(b"x")
    (public / "tile" / "linked").symlink_to(world)
    (public / ".draft").write_bytes(b"x")
    code, value = as_json(capsys, "log", public, "--key", world / "key")
    assert (code, value["beyond"]) == (0, [])
    planted = ["index.html", "tile/0/000.p/256", "tile/0/x000/001", "tile/64/000", "tile/entries/readme.txt"]
    assert value["unknown"] == [*planted, "tile/linked"]
    assert (
        "no part of a log, and proven by nothing: index.html" in run(capsys, "log", public, "--key", world / "key")[1]
    )


def test_5_what_was_altered(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Cosigner("witness.example.org/two", bytes(range(32))).verifier.vkey
    log = ("log", world / "public", "--key", world / "key")
    receipt = ("receipt", world / "receipt", "--key", world / "key")
    for given, why in ((log, "not cosigned by"), (receipt, "not cosigned by")):
        code, out, err = run(capsys, *given, "--witness", other)
        assert (code, out, err.count("\n")) == (5, "", 1)
        assert err.startswith("faceward-verify: ")
        assert why in err
    bundle = world / "public" / "tile" / "entries" / "000.p" / "3"
    bundle.write_bytes(bundle.read_bytes().replace(b"identify", b"identifx"))
    assert run(capsys, *log)[0] == 5
    code, value = as_json(capsys, *log)
    assert (code, value["verified"], value["error"]["code"]) == (5, False, 5)
    (world / "receipt").write_text((world / "receipt").read_text().replace("index 1", "index 0"))
    assert run(capsys, *receipt)[0] == 5


def test_4_what_cannot_be_read(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = world / "key"
    for given in (
        ("log", world / "absent", "--key", key),
        ("log", world / "public", "--key", world / "absent"),
        ("log", world / "public", "--key", world / "receipt"),
        ("log", world / "public", "--key", key, "--witness", SIGNER.verifier.vkey),
        ("log", world / "public", "--key", key, "--earlier", world / "absent"),
        ("receipt", world / "absent", "--key", key),
        ("receipt", key, "--key", key),
    ):
        code, out, err = run(capsys, *given)
        assert (code, out, err.count("\n")) == (4, "", 1), err


def test_a_pipe_is_not_waited_for(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = world / "pipe"
    os.mkfifo(pipe)
    for given in (("receipt", pipe, "--key", world / "key"), ("log", world / "public", "--key", pipe)):
        code, _, err = run(capsys, *given)
        assert (code, "not a regular file" in err) == (4, True)


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ([], ["log"], ["log", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(given)
        assert ended.value.code == 2
    capsys.readouterr()


def test_it_is_a_program_of_its_own_without_the_writer(world: Path) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["faceward-verify"] == "faceward.verify:main"
    command = [sys.executable, "-c", (
        "import sys\nfrom faceward.verify import main\n"
        "code = main(sys.argv[1:])\n"
        "loaded = [m for m in sys.modules if m.startswith(('faceward.audit.log', 'faceward.audit.publish',"
        " 'faceward.operations', 'faceward.gallery', 'faceward.vision', 'faceward.cli', 'numpy', 'onnxruntime'))]\n"
        "sys.exit(code or len(loaded))"
    ), "log", str(world / "public"), "--key", str(world / "key")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    module = [sys.executable, "-m", "faceward.verify", "receipt", str(world / "receipt"), "--key", str(world / "key")]
    assert subprocess.run(module, capture_output=True, timeout=60, check=False).returncode == 0
