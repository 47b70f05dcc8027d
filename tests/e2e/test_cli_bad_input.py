"""Bad input: each one line that says what and what to do, the right exit code, and nothing half-written."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

PURPOSE, SUBJECT = "door", "Ada"
MODEL = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


def bomb() -> bytes:
    """A PNG that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, eileen: Path, grace: Path) -> dict[str, Path]:
    """Pictures that cannot be used, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "truncated.png").write_bytes(eileen.read_bytes()[:60_000])
    (folder / "cut.jpg").write_bytes(grace.read_bytes()[:5_000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "bomb.png").write_bytes(bomb())
    Image.linear_gradient("L").resize((400, 300)).save(folder / "nobody.png")
    with Image.open(eileen) as image:
        upright = image.convert("RGB")
    two = Image.new("RGB", (1024, 512))
    two.paste(upright, (0, 0))
    two.paste(upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    two.save(folder / "two.png")
    upright.resize((96, 96)).save(folder / "small.png")
    (folder / "folder.png").mkdir()
    return {path.name: path for path in folder.iterdir()} | {"missing.png": folder / "missing.png"}


UNREADABLE = ["text.jpg", "truncated.png", "cut.jpg", "empty.png", "bomb.png", "missing.png"]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    path = tmp_path / "release.toml"
    path.write_text(f'subject = "{SUBJECT}"\npurpose = "{PURPOSE}"\nsigned = 2020-01-01\nterm = "99y"\n')
    return path


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_picture_that_cannot_be_read_is_refused_everywhere(
    name: str, cli: Cli, pictures: dict[str, Path], eileen: Path, tmp_path: Path
) -> None:
    bad = pictures[name]
    cli.both = False
    for arguments in (
        ("detect", bad),
        ("verify", eileen, bad),
        ("verify", bad, "--subject", "Eileen Collins", "--purpose", PURPOSE),
        ("identify", bad, "--gallery", PURPOSE, "--purpose", PURPOSE, "--reason", "test"),
        ("redact", bad, "-o", tmp_path / "out.png"),
    ):
        assert name in cli.refused(4, *arguments)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("name", [*UNREADABLE, "nobody.png", "two.png", "small.png"])
def test_a_picture_that_cannot_be_enrolled_leaves_nothing(
    name: str, cli: Cli, pictures: dict[str, Path], release: Path
) -> None:
    cli.both = False
    line = cli.refused(4, "enrol", pictures[name], "--subject", SUBJECT, "--purpose", PURPOSE, "--release", release)
    assert name in line
    assert cli.json("status")["references"] == 2


@pytest.mark.parametrize(("name", "word"), [("nobody.png", "no face"), ("two.png", "2 faces"), ("small.png", "E2")])
def test_the_line_says_what_is_wrong_with_the_face(
    name: str, word: str, cli: Cli, pictures: dict[str, Path], release: Path
) -> None:
    assert word in cli.refused(4, "enrol", pictures[name], "--subject", SUBJECT, "--purpose", PURPOSE,
                               "--release", release)  # fmt: skip


def test_of_several_pictures_the_table_tells_which_were_rejected(
    cli: Cli, pictures: dict[str, Path], release: Path, eileen: Path
) -> None:
    names = [pictures[name] for name in ("text.jpg", "nobody.png")]
    outcome = cli("enrol", eileen, *names, "--subject", SUBJECT, "--purpose", PURPOSE, "--release", release)
    assert outcome.code == 4
    assert "1 enrolled, 0 already enrolled, 2 rejected." in outcome.out
    assert outcome.lines == ["faceward: 2 pictures of 3 rejected; the table says why"]


def test_a_folder_without_pictures_is_refused(cli: Cli, tmp_path: Path, release: Path) -> None:
    (tmp_path / "none").mkdir()
    for arguments in (("--subject", SUBJECT, "--release", release), ()):
        assert "none" in cli.refused(4, "enrol", tmp_path / "none", "--purpose", PURPOSE, *arguments)
    assert "none" in cli.refused(4, "redact", tmp_path / "none", "-o", tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"\xff\xfe", b"subject = ", b"subject = 'Ada'"])
def test_a_release_that_cannot_be_read_is_refused(content: bytes, cli: Cli, tmp_path: Path, eileen: Path) -> None:
    (tmp_path / "release.toml").write_bytes(content)
    cli.refused(4, "enrol", eileen, "--subject", SUBJECT, "--purpose", PURPOSE, "--release", tmp_path / "release.toml")
    cli.refused(4, "enrol", eileen, "--subject", SUBJECT, "--purpose", PURPOSE, "--release", tmp_path / "missing.toml")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x1b[31mb", "Ada\u200e", "\u202eadA", "x" * 300])
def test_a_name_that_hides_something_is_refused_and_not_printed_raw(
    name: str, cli: Cli, eileen: Path, release: Path
) -> None:
    line = cli.refused(2, "enrol", eileen, "--subject", name, "--purpose", PURPOSE, "--release", release)
    assert not {"\x1b", "\u200e", "\u202e"} & set(line)


def test_a_file_name_that_hides_something_is_not_printed_raw(cli: Cli, tmp_path: Path, eileen: Path) -> None:
    path = tmp_path / "a\x1b[2J\nb\u202e.png"
    path.write_text("x")
    assert "\x1b" not in cli.refused(4, "detect", path)
    shutil.copy(eileen, path)
    assert "\x1b" not in cli.ok("detect", path).out


def test_a_file_name_of_no_encoding_is_shown_escaped(cli: Cli, eileen: Path, tmp_path: Path) -> None:
    import os

    path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff\xfe.png")
    cli.refused(4, "detect", path)
    shutil.copy(eileen, path)
    cli.ok("detect", path)
    assert cli.ok("detect", path, "--json").json()["picture"] == path


def test_unknown_names_are_refused(cli: Cli, eileen: Path, release: Path) -> None:
    cli.both = False
    refused = cli.refused
    assert "P1" in refused(3, "enrol", eileen, "--subject", SUBJECT, "--purpose", "nothing", "--release", release)
    assert "Nobody" in refused(2, "verify", eileen, "--subject", "Nobody", "--purpose", PURPOSE)
    assert "P1" in refused(3, "verify", eileen, "--subject", "Eileen Collins", "--purpose", "nothing")
    assert "cellar" in refused(2, "identify", eileen, "--gallery", "cellar", "--purpose", PURPOSE, "--reason", "test")
    for command in ("show", "export", "notice"):
        assert "Nobody" in refused(2, "subject", command, "Nobody")
    assert "Nobody" in refused(2, "subject", "erase", "Nobody", "--yes")
    assert "no-pack" in refused(2, "detect", eileen, "--pack", "no-pack")
    assert "no-pack" in refused(2, "packs", "verify", "no-pack")
    refused(2, "init", "--standard", "none", "--home", cli.home.parent / "new")
    assert "P3" in refused(3, "init", "--standard", "workplace", "--jurisdiction", "ZZ", "--home", cli.home / "new")
    assert not (cli.home.parent / "new").exists()


def test_a_log_entry_that_is_not_there_is_refused(cli: Cli, tmp_path: Path) -> None:
    cli.refused(2, "audit", "prove", "99999")
    cli.refused(4, "audit", "check", tmp_path / "missing")
    (tmp_path / "text").write_text("not a receipt")
    cli.refused(4, "audit", "check", tmp_path / "text")
    cli.refused(4, "audit", "check", tmp_path / "text", "--key", tmp_path / "text")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    cli.refused(4, "audit", "verify", "--earlier", tmp_path / "binary")
    cli.refused(4, "audit", "verify", "--earlier", tmp_path / "missing")


def test_a_wrong_passphrase_is_refused(cli: Cli) -> None:
    assert "passphrase" in cli.refused(4, "status", FACEWARD_PASSPHRASE="wrong")


def test_no_deployment_is_said_before_a_passphrase_is_asked_for(bare: Cli, tmp_path: Path) -> None:
    assert "init" in bare.refused(2, "status")
    assert "no deployment" in bare.refused(2, "audit", "verify")
    assert "FACEWARD_HOME" in bare.refused(2, "status", FACEWARD_HOME=None)
    (tmp_path / "file").write_text("")
    bare.refused(2, "status", "--home", tmp_path / "file")


def test_a_deployment_is_not_set_up_over_another(cli: Cli) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in cli.home.iterdir())
    assert str(cli.home) in cli.refused(2, "init", "--standard", "workplace")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in cli.home.iterdir()) == before


@pytest.mark.parametrize("name", ["gallery.db", "keys.db", "log.db"])
def test_a_database_of_a_newer_version_is_refused(name: str, cli: Cli) -> None:
    with sqlite3.connect(cli.home / name) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    assert name in cli.refused(5, "status")


@pytest.mark.parametrize("name", ["gallery.db", "keys.db", "log.db", "master.key", "deployment.json"])
def test_an_altered_file_is_refused(name: str, cli: Cli) -> None:
    for leftover in cli.home.glob(f"{name}-*"):
        leftover.unlink()
    path = cli.home / name
    content = path.read_bytes()
    path.write_bytes(b"garbage" * 100 + content[700:])
    cli.refused(5, "status")


def test_a_log_that_was_altered_is_refused(cli: Cli) -> None:
    with sqlite3.connect(cli.home / "log.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        changed = database.execute(
            "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"begin\"', '\"start\"') AS BLOB)"
        )
        assert changed.rowcount > 3
    database.close()
    cli.refused(5, "audit", "verify")


def pack(folder: Path, sha256: str, name: str = "mine", file: str = "model.onnx") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "pack.toml").write_text(
        f'[pack]\nname = "{name}"\nlicence = "MIT"\ncommercial = true\nsource = "here"\n'
        f'[embedder]\nfile = "{file}"\nsha256 = "{sha256}"\ndimension = 128\nsize = 112\ncolour = "rgb"\n'
        'mean = 127.5\nscale = 127.5\nmirror = false\ntemplate = "arcface"\n'
        '[calibration]\ndata = "none"\nmated = 1\nnonmated = 1\ndefault_fmr = 0.1\n'
        "points = [[0.2, 0.1, 0.3, 0.2, 0.1], [0.1, 0.05, 0.2, 0.4, 0.2]]\n"
    )
    return folder


def test_a_pack_whose_hash_differs_is_refused(bare: Cli, tmp_path: Path, eileen: Path) -> None:
    store = {"FACEWARD_PACKS": str(tmp_path / "packs")}
    model = b"\x08\x08"  # an ONNX model that says its version and no more
    folder = pack(tmp_path / "new", hashlib.sha256(b"another").hexdigest())
    (folder / "model.onnx").write_bytes(model)
    assert "SHA-256" in bare.refused(5, "packs", "add", folder, **store)
    assert not list((tmp_path / "packs").glob("*")) if (tmp_path / "packs").exists() else True
    pack(folder, hashlib.sha256(model).hexdigest())
    assert bare("packs", "add", folder / "pack.toml", **store).code == 0
    assert "mine" in bare.ok("packs", "list", **store).out
    (tmp_path / "packs" / "mine" / "model.onnx").write_bytes(b"a netw0rk")
    assert "SHA-256" in bare.refused(5, "verify", eileen, eileen, "--pack", "mine", **store)
    outcome = bare("packs", "verify", **store)
    assert (outcome.code, len(outcome.lines)) == (5, 1)
    assert "model.onnx of mine" in outcome.err
    assert bare("packs", "verify", "--json", **store).json()["error"]["kind"] == "IntegrityError"


def test_a_pack_that_is_none_is_refused(bare: Cli, tmp_path: Path) -> None:
    store = {"FACEWARD_PACKS": str(tmp_path / "packs")}
    bare.refused(4, "packs", "add", tmp_path / "missing", **store)
    (tmp_path / "pack.toml").write_text("[pack")
    bare.refused(4, "packs", "add", tmp_path / "pack.toml", **store)


def test_an_output_that_cannot_be_written_is_refused(cli: Cli, eileen: Path, tmp_path: Path) -> None:
    cli.refused(1, "subject", "export", "Eileen Collins", "-o", tmp_path / "missing" / "file")
    cli.refused(2, "subject", "export", "Eileen Collins", "-o", tmp_path)
    cli.refused(1, "audit", "prove", "0", "-o", tmp_path / "missing" / "file")
    (tmp_path / "file").write_text("kept")
    cli.refused(1, "redact", eileen, "-o", tmp_path / "file" / "out.png")
    assert (tmp_path / "file").read_text() == "kept"
