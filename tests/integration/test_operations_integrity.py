"""Altered, foreign, older and newer files, and wrong secrets: one line each, and nothing done."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import faceward
from faceward.core.errors import (
    EnvironmentFailure,
    FacewardError,
    IntegrityError,
    PolicyRefusal,
    UsageError,
    WrongSecret,
)
from faceward.operations.log_files import verify_home
from faceward.operations.log_head import keep_head, kept_head
from faceward.protection.age import new_identity_file
from faceward.vision.packs import DEFAULT_PACK


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) > 20
    return text


def refused(world: Any, kind: type[FacewardError], *words: str) -> str:
    """Fail unless opening is refused with this error, whose line holds these words."""
    with pytest.raises(kind) as caught:
        world.open()
    text = one_line(caught.value)
    for word in words:
        assert word in text, text
    return text


def test_a_wrong_passphrase_is_said_to_be_one(world: Any) -> None:
    with pytest.raises(WrongSecret, match="check it and try again") as caught:
        world.open(passphrase="wrong")
    assert caught.value.exit_code == 4
    with pytest.raises(UsageError, match="empty"):
        world.open(passphrase="")


def test_the_passphrase_comes_from_the_environment_where_none_is_given(
    world: Any, fakes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEWARD_PASSPHRASE", raising=False)
    with pytest.raises(UsageError, match="FACEWARD_PASSPHRASE"):
        world.open(passphrase=None)
    monkeypatch.setenv("FACEWARD_PASSPHRASE", fakes.PASSPHRASE)
    assert world.open(passphrase=None).log_size > 0


def test_a_deployment_of_an_age_identity_is_opened_by_it_alone(tmp_path: Path, fakes: Any) -> None:
    home, identity, other = tmp_path / "home", tmp_path / "identity.txt", tmp_path / "other.txt"
    recipient = new_identity_file(identity)
    new_identity_file(other)
    secret = faceward.Secret(identity_file=identity, recipients=(recipient,))
    faceward.create(home, standard="workplace", secret=secret)
    with faceward.open(home, identity_file=identity) as system:
        assert system.log_size == 1
    with pytest.raises(WrongSecret, match="does not open"):
        faceward.open(home, identity_file=other)
    with pytest.raises(UsageError, match="age identity"):
        faceward.open(home, passphrase="anything")
    with pytest.raises(UsageError, match="either"):
        faceward.Secret("both", identity).holder(home / "master.key")


def test_a_passphrase_deployment_is_not_opened_by_an_identity(world: Any, tmp_path: Path) -> None:
    new_identity_file(tmp_path / "identity.txt")
    with pytest.raises(UsageError, match="opened by a passphrase"):
        world.open(passphrase=None, identity_file=tmp_path / "identity.txt")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jurisdiction", "US-IL"),
        ("controller", "Someone else"),
        ("pack", "another"),
        ("pack_digest", "0" * 64),
        ("origin", "faceward.local/0000000000000000"),
        ("created", "2020-01-01T00:00:00.000000Z"),
    ],
)
def test_K2_an_edited_description_is_noticed(world: Any, key: str, value: str) -> None:
    path = world.home / "deployment.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert raw[key] != value
    path.write_text(json.dumps({**raw, key: value}), encoding="utf-8")
    refused(world, IntegrityError, "deployment.json", "altered")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"format":1}', b"\xff\xfe", b"9" * 70_000, b"[" * 9000], ids=range(8)
)
def test_a_damaged_description_is_said_to_be_one(world: Any, content: bytes) -> None:
    (world.home / "deployment.json").write_bytes(content)
    refused(world, IntegrityError, "deployment.json")


def test_a_newer_description_asks_for_an_upgrade(world: Any) -> None:
    path = world.home / "deployment.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**raw, "format": 3, "more": 1}), encoding="utf-8")
    refused(world, IntegrityError, "newer version", "upgrade")


@pytest.mark.parametrize("name", ["gallery.db", "keys.db", "log.db"])
def test_a_file_of_a_newer_version_asks_for_an_upgrade(world: Any, name: str) -> None:
    world.open().close()
    world.systems.clear()
    with closing(sqlite3.connect(world.home / name)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
    text = refused(world, IntegrityError, name, "version")
    assert "upgrade faceward" in text or "update the program" in text


@pytest.mark.parametrize("name", ["gallery.db", "keys.db", "log.db", "master.key"])
@pytest.mark.parametrize("how", ["missing", "empty", "garbage", "foreign"])
def test_a_file_that_is_not_this_deployments_is_refused(
    world: Any, make_world: Callable[..., Any], fakes: Any, name: str, how: str
) -> None:
    path = world.home / name
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(b"nothing of use, and long enough to be looked at " * 100)
    else:
        other = make_world("other", about=("Other", "other@example"))
        shutil.copyfile(other.home / name, path)
    refused(world, IntegrityError, name if name != "master.key" or how != "foreign" else "master key")


@pytest.mark.parametrize("name", ["master.key", "log.vkey"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(world: Any, name: str) -> None:
    (world.home / name).unlink()
    os.mkfifo(world.home / name)
    refused(world, EnvironmentFailure, name, "not a regular file")


def test_a_missing_deployment_is_a_wrong_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path, tmp_path / "none", tmp_path / "file", tmp_path / "x" / "y"):
        with pytest.raises(UsageError, match="no deployment here"):
            faceward.open(home, passphrase="p")
        with pytest.raises(UsageError, match="no deployment here"):
            verify_home(home)


@pytest.mark.parametrize("target", ["none", "file", "deployment"])
def test_set_up_never_touches_what_is_there(world: Any, tmp_path: Path, target: str) -> None:
    place = {"none": tmp_path / "full", "file": tmp_path / "file", "deployment": world.home}[target]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear", encoding="utf-8")
    (tmp_path / "file").write_text("dear", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="not an empty folder"):
        faceward.create(place, standard="workplace", secret=faceward.Secret("p"))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"standard": "border-crossing"},
        {"jurisdiction": "Atlantis"},
        {"pack": "unknown"},
        {"secret": faceward.Secret()},
        {"secret": faceward.Secret("")},
    ],
)
def test_a_set_up_that_is_refused_leaves_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(FacewardError) as caught:
        faceward.create(tmp_path / "a" / "home", **{"standard": "workplace", "secret": faceward.Secret("p"), **changes})
    one_line(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_existing_empty_folder_becomes_the_deployment(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    faceward.create(home, standard="workplace", secret=faceward.Secret("p"))
    assert {path.name for path in home.iterdir()} >= {"deployment.json", "log.vkey"}
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    for path in home.iterdir():
        assert path.stat().st_mode & 0o077 == 0 or path.suffix in {".json", ".vkey"}, path


def test_K2_a_pack_that_is_not_the_one_of_the_set_up_is_refused(
    tmp_path: Path, fakes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    builtin = importlib.resources.files("faceward.vision") / "builtin" / f"{DEFAULT_PACK}.toml"
    # Without what lies beside the built-in manifest.
    alone = re.sub(r"(?ms)^\[(cohort|evaluation)\]\n.*?(?=^(#|\[))", "", builtin.read_text(encoding="utf-8"))
    manifest = alone.replace(f'name = "{DEFAULT_PACK}"', 'name = "mine"')
    path = tmp_path / "packs" / "mine" / "pack.toml"
    path.parent.mkdir(parents=True)
    path.write_text(manifest, encoding="utf-8")
    monkeypatch.setenv("FACEWARD_PACKS", str(path.parent.parent))
    world = fakes.World(fakes.make_home(tmp_path / "home", pack="mine"), tmp_path)
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    packs = {info.pack for info in system.galleries()}
    world.close()
    path.write_text(manifest.replace("threshold = 0.5", "threshold = 0.4"), encoding="utf-8")
    system = world.open()
    for attempt in (lambda: world.matches(system, "Ada"), lambda: world.enrol(system, "Ada")):
        with pytest.raises(PolicyRefusal, match=r"K2.*'mine' is not the one that this deployment uses"):
            attempt()
    assert {info.pack for info in system.galleries()} == packs
    assert system.subject("Ada").references
    assert system.erase("Ada").references == 1
    world.close()
    path.write_text(manifest, encoding="utf-8")
    system = world.open()
    assert world.matches(system, "Grace")
    world.close()
    path.unlink()
    refused(world, UsageError, "no model pack 'mine'")


def replaced(world: Any, folder: Path, name: str = "log.db") -> None:
    """Put copies of a file and what SQLite keeps beside it in their place."""
    for path in world.home.glob(f"{name}*"):
        path.unlink()
    for path in folder.glob(f"{name}*"):
        shutil.copyfile(path, world.home / path.name)


def test_L3_a_log_that_was_rolled_back_is_not_opened(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.close()
    old = world.copy("log.db")
    system = world.open()
    world.enrol(system, "Grace")
    kept = system._deployment.log.checkpoint()
    assert system.verify_log(kept).earlier == system.log_size
    world.close()
    newest = world.copy("log.db")
    replaced(world, old)
    refused(world, IntegrityError, "the log was rolled back or replaced")
    assert verify_home(world.home).earlier is None
    with pytest.raises(IntegrityError) as caught:
        verify_home(world.home, kept)
    assert "rolled back" in one_line(caught.value)
    replaced(world, newest)
    assert world.open().verify_log(kept).earlier is not None


def test_L3_another_history_signed_by_the_same_key_is_not_opened(world: Any) -> None:
    world.enrol(world.open(), "Ada")
    world.close()
    old_log, old_keys = world.copy("log.db"), world.copy("keys.db")
    world.enrol(world.open(), "Grace")
    world.close()
    keys = world.copy("keys.db")
    # Rolled back together with the keys, the log grows to another history that is as long or longer.
    replaced(world, old_log)
    replaced(world, old_keys, "keys.db")
    system = world.open()
    for number in range(4):
        system.add_purpose(
            f"other-{number}", basis="consent", fmr=0.01, retention=timedelta(days=1), alternative="a badge"
        )
    world.close()
    replaced(world, keys, "keys.db")
    refused(world, IntegrityError, "the log was rolled back or replaced")


def test_L3_a_key_store_that_forgot_the_end_of_the_log_is_not_opened(world: Any) -> None:
    with closing(sqlite3.connect(world.home / "keys.db")) as database:
        assert database.execute("DELETE FROM secret WHERE name = 'log-head'").rowcount == 1
        database.commit()
    refused(world, IntegrityError, "keys.db", "how far the log had come")


def test_an_append_that_was_stopped_before_its_end_was_kept_opens(world: Any) -> None:
    world.open()
    world.close()
    keys = world.copy("keys.db")
    system = world.open()
    system.add_purpose("lockers", basis="consent", fmr=0.01, retention=timedelta(days=1), alternative="a badge")
    size = system.log_size
    world.close()
    replaced(world, keys, "keys.db")
    assert world.open().log_size == size


def test_the_end_of_the_log_that_is_kept_never_goes_back(world: Any) -> None:
    deployment = world.open()._deployment
    size, root = deployment.log.head
    assert kept_head(deployment.keys) == (size, root)
    keep_head(deployment.keys, (size - 1, bytes(32)))
    assert kept_head(deployment.keys) == (size, root)


@pytest.mark.parametrize("content", [None, b"", b"example.org+00000000+AQ==\n", b"x" * 5000], ids=range(4))
def test_another_public_key_in_the_folder_is_noticed(world: Any, content: bytes | None) -> None:
    path = world.home / "log.vkey"
    path.unlink() if content is None else path.write_bytes(content)
    refused(world, IntegrityError, "log.vkey")


def test_an_altered_leaf_is_found_without_any_secret(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.close()
    assert verify_home(world.home).checkpoint.size > 3
    with closing(sqlite3.connect(world.home / "log.db")) as database:
        (trigger,) = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'entries_update'").fetchone()
        database.execute("DROP TRIGGER entries_update")
        database.execute("UPDATE entries SET leaf = CAST(replace(leaf, 'purpose', 'gallery') AS BLOB) WHERE number = 1")
        database.execute(trigger)
        database.commit()
    with pytest.raises(IntegrityError, match="entry 1"):
        verify_home(world.home)


@pytest.mark.parametrize("how", ["DELETE FROM openings WHERE", "UPDATE openings SET blank = 1 WHERE"])
def test_L1_deleted_details_of_an_entry_are_missed(world: Any, how: str) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    size = system.log_size
    world.close()
    with closing(sqlite3.connect(world.home / "log.db")) as database:
        database.execute(f"{how} entry = ? AND slot = 'details'", (size - 1,))
        database.commit()
    with pytest.raises(IntegrityError, match=rf"^the details of entry {size - 1} were deleted"):
        verify_home(world.home)
    system = world.open()
    with pytest.raises(IntegrityError, match=rf"log entry {size - 1}: its details were deleted"):
        list(system.log_lines())


def test_L1_an_erasure_keeps_the_details_of_every_entry(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.verify(world.picture("Ada"), subject="Ada", purpose="door")
    system.erase("Ada")
    assert all("details" in line.opened for line in system.log_lines())
    assert system.verify_log().blanked_openings > 0


PLANTED = {
    "keys.db": "CREATE TRIGGER stash AFTER DELETE ON subject_key BEGIN "
    "INSERT INTO secret VALUES (OLD.key_id, OLD.wrapped); END",
    "gallery.db": "CREATE TRIGGER stash AFTER INSERT ON probe BEGIN DELETE FROM probe; END",
    "log.db": "CREATE TRIGGER stash AFTER INSERT ON openings BEGIN DELETE FROM openings WHERE id = NEW.id; END",
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("kind", ["trigger", "view", "table"])
def test_K2_what_was_planted_in_a_file_is_noticed(world: Any, name: str, kind: str) -> None:
    world.enrol(world.open(), "Ada")
    world.close()
    other = {"view": "CREATE VIEW stash AS SELECT 1", "table": "CREATE TABLE stash (x)"}
    with closing(sqlite3.connect(world.home / name)) as database:
        database.execute(other.get(kind, PLANTED[name]))
        database.commit()
    refused(world, IntegrityError, name, f"was altered: it holds a {kind} 'stash'")


def test_references_of_an_altered_gallery_are_named(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    world.close()
    with closing(sqlite3.connect(world.home / "gallery.db")) as database:
        database.execute(
            "UPDATE reference SET sealed = (SELECT sealed FROM reference WHERE number = 2) WHERE number = 1"
        )
        database.commit()
    system = world.open()
    with pytest.raises(IntegrityError) as caught:
        world.found(system, "Ada")
    one_line(caught.value)
    assert system.verify_log().unfinished == ()


def test_K2_under_a_standard_that_nobody_adopted_nothing_is_done_but_what_subjects_ask_for(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    deployment = system._deployment
    deployment.standard = replace(deployment.standard, digest="0" * 64)
    for act in (lambda: world.found(system, "Ada"), lambda: world.matches(system, "Ada")):
        with pytest.raises(PolicyRefusal, match="is not the one that was adopted") as refusal:
            act()
        assert refusal.value.rule == "K2"
    *_, last = system.log_lines()
    assert (last.phase, last.opened["details"]["rule"]) == ("denied", "K2")
    assert system.erase("Ada").references == 1


def test_a_log_signed_anew_is_found_with_the_key_that_was_kept(world: Any, fakes: Any, tmp_path: Path) -> None:
    world.enrol(world.open(), "Ada")
    world.close()
    kept = (world.home / "log.vkey").read_text(encoding="utf-8")
    other = fakes.make_home(tmp_path / "other")
    for name in ("log.db", "log.vkey"):
        shutil.copyfile(other / name, world.home / name)
    for beside in world.home.glob("log.db-*"):
        beside.unlink()
    assert verify_home(world.home).checkpoint.size >= 0
    with pytest.raises(IntegrityError):
        verify_home(world.home, None, kept)
