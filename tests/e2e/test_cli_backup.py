"""Backup, restore and upgrade from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

GRACE = "Grace Hopper"


def test_T2_backup_erase_restore(cli: Cli, tmp_path: Path, eileen: Path) -> None:
    archive, keys, target = tmp_path / "shelf" / "one.tar", tmp_path / "stick" / "keys", tmp_path / "restored"
    for path in (archive, keys):
        path.parent.mkdir()
    made = cli.json("backup", archive, "--keys", keys)
    assert set(made) == {"backup", "made", "archive", "keys", "log_size"}
    cli.ok("subject", "erase", GRACE, "--yes")
    restore = ("restore", archive, "--keys", keys, "--into", target)
    assert "--log FILE" in cli.refused(2, *restore)
    assert "not overwritten" in cli.refused(2, *restore[:-1], cli.home, "--log", cli.home / "log.db")
    done = cli.json(*restore, "--log", cli.home / "log.db")
    assert set(done) == {"home", "backup", "made", "log_size", "later_entries", "keys_destroyed", "stopped"}
    assert (done["backup"], done["stopped"]) == (made["backup"], True)
    assert done["keys_destroyed"] >= 1
    cli.home = target
    assert "stopped" in cli.refused(
        3, "identify", eileen, "--gallery", "door", "--purpose", "door", "--reason", "a test"
    )
    cli.ok("restart")
    cli.ok("audit", "verify")
    assert cli.json("status")["references"] == 1
    cli.refused(2, "subject", "show", GRACE)
    shutil.rmtree(target)
    out = cli.ok(*restore, "--without-later-log")
    assert "unknown" in out.out
    assert "is lost" in out.err


def test_an_upgrade_says_what_it_would_do_and_asks_for_the_way_back(cli: Cli, tmp_path: Path) -> None:
    found = cli.json("upgrade", "--check")
    assert set(found) == {"files", "needed"}
    assert not found["needed"]
    assert "gallery.db" in cli.ok("upgrade", "--check").out
    assert "--backup FILE" in cli.refused(2, "upgrade")
    (tmp_path / "stick").mkdir()
    done = cli.json("upgrade", "--backup", tmp_path / "one.tar", "--keys", tmp_path / "stick" / "keys")
    assert done == {"files": [], "backup": None}


def test_a_passphrase_file_can_be_named_by_the_environment(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(cli.environment["FACEWARD_PASSPHRASE"] + "\n", encoding="utf-8")
    cli.ok("status", FACEWARD_PASSPHRASE=None, FACEWARD_PASSPHRASE_FILE=str(file))
    file.write_text("another\n", encoding="utf-8")
    cli.refused(4, "status", FACEWARD_PASSPHRASE=None, FACEWARD_PASSPHRASE_FILE=str(file))
