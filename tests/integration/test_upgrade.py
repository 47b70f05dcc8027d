"""Upgrading: a backup first, then the files, then the checks; and the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from faceward import bootstrap
from faceward.core.errors import IntegrityError, UsageError
from faceward.gallery import migrations, sqlite
from faceward.operations import backup_files
from faceward.operations.backup import Places
from faceward.operations.restore_order import Order
from faceward.operations.restoring import restore
from faceward.operations.system import System
from faceward.operations.upgrade import Upgraded, upgrade, versions
from faceward.protection.database import Schema
from faceward.protection.holder import MasterKeyHolder

PASSPHRASE = "correct horse"
FORMER = Schema(migrations.SCHEMA.what, migrations.SCHEMA.application_id, migrations.SCHEMA.migrations[:1])
"""The gallery as the version before knew it."""


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def holder(path: Path) -> MasterKeyHolder:
    return bootstrap.Secret(PASSPHRASE).holder(path)


def run(world: Any) -> Upgraded:
    (world.folder / "stick").mkdir(exist_ok=True)
    places = Places(world.folder / "before.tar", world.folder / "stick" / "keys")
    return upgrade(world.home, places, world.clock.now(), holder, lambda home: opened(home, world))


def opened(home: Path, world: Any) -> System:
    return bootstrap.open_system(home, passphrase=PASSPHRASE, clock=world.clock, operator="clerk")


@pytest.fixture
def old(world: Any) -> Any:
    """A deployment whose gallery is of the first version."""
    world.enrol(world.open(), "Ada", "Grace")
    world.close()
    with closing(sqlite3.connect(world.home / "gallery.db")) as connection:
        connection.execute("DROP INDEX reference_compared")
        connection.execute("PRAGMA user_version = 1")
    return world


def test_what_would_be_done_is_said_and_nothing_is(old: Any) -> None:
    found = {one.name: one.state for one in versions(old.home)}
    assert found == {"gallery.db": "older", "keys.db": "current", "custodian.db": "current", "log.db": "current"}
    assert version(old.home / "gallery.db") == 1


def test_an_upgrade_keeps_the_files_as_they_were_and_can_be_taken_back(
    old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(old)
    assert done.backup is not None
    assert [(one.name, one.present) for one in done.files] == [("gallery.db", 1)]
    assert version(old.home / "gallery.db") == 2
    folder = old.folder / "opened"
    folder.mkdir(mode=0o700)
    backup_files.unpack(done.backup.archive, backup_files.ARCHIVE, folder)
    assert version(folder / "gallery.db") == 1
    system = old.open()
    assert {"backup", "upgrade"} <= {line.operation for line in system.log_lines()}
    system.erase("Ada")
    old.close()
    # From here on with the version before, which does not know the new form.
    monkeypatch.setattr(sqlite, "SCHEMA", FORMER)
    with pytest.raises(IntegrityError, match="newer version"):
        old.open()
    target = old.folder / "back"
    order = Order(done.backup.archive, done.backup.keys, target, old.home / "log.db")
    restore(order, holder, lambda home: opened(home, old))
    assert version(target / "gallery.db") == 1
    old.home = target
    system = old.open()
    system.control.restart()
    deployment = system._deployment
    assert deployment.store.by_subject(deployment.pseudonym("Ada")) == []
    assert old.matches(system, "Grace")


def test_nothing_to_do_is_done_without_a_backup(old: Any) -> None:
    old.open()
    old.close()
    assert run(old) == Upgraded((), None)
    assert not (old.folder / "before.tar").exists()


def test_a_deployment_in_use_is_not_upgraded(old: Any) -> None:
    system = old.open()
    with closing(sqlite3.connect(old.home / "gallery.db")) as connection:
        connection.execute("DROP INDEX reference_compared")
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(UsageError, match="in use"):
        run(old)
    assert version(old.home / "gallery.db") == 1
    system.close()


def test_a_newer_file_is_refused_before_anything(old: Any) -> None:
    with closing(sqlite3.connect(old.home / "keys.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert {one.state for one in versions(old.home)} == {"older", "newer", "current"}
    with pytest.raises(IntegrityError, match=r"keys\.db: written by a newer version"):
        run(old)
    assert not (old.folder / "before.tar").exists()
