"""Another master key for a custodian: whole or not at all, and the former opens nothing more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError, WrongSecret
from faceward.custody.rekey import _Rekeyable, change_master, fitting_master
from faceward.protection.guard import ProcessGuard
from faceward.protection.passphrase import Argon2Cost, PassphraseFile
from faceward.protection.share_words import HeldShare, Quorum
from faceward.protection.shares import SharesFile

CHEAP = Argon2Cost(memory_kib=64, iterations=1, lanes=1)


@dataclass
class Kept:
    """A custodian that holds the keys of two galleries, one of them amid a rotation, and is stopped."""

    bench: Any
    holder: PassphraseFile
    keys: dict[str, bytes]

    @property
    def path(self) -> Path:
        return self.bench.custody.path

    def opens(self, master: bytes) -> None:
        """Check that everything is there under a master key."""
        self.bench.reopen(master)
        for gallery, key in self.keys.items():
            lease = self.bench.custody.release(self.bench.enrol(gallery))
            assert lease.key == key
        assert self.bench.custody.status().pins.origin == "example.org/log"
        self.bench.custody.close()


@pytest.fixture
def kept(bench: Any, kit: Any) -> Kept:
    keys = {gallery: bench.create(gallery).key for gallery in ("door", "café")}
    bench.custody.rotate(bench.show(bench.record("rotate", {"operator": "ann", "gallery": "door"})))
    holder = PassphraseFile(bench.folder / "custodian.key", "secret", CHEAP)
    holder.seal(kit.MASTER)
    bench.custody.close()
    return Kept(bench, holder, keys)


def rows(path: Path) -> list[tuple[Any, ...]]:
    import sqlite3

    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT * FROM kept ORDER BY kind, name").fetchall()
    connection.close()
    return found


def test_K1_everything_opens_with_the_next_key_and_nothing_with_the_former(kept: Kept, kit: Any) -> None:
    before = rows(kept.path)
    copy = kept.path.read_bytes()
    change_master(kept.path, kept.holder)
    assert [row[:2] for row in rows(kept.path)] == [row[:2] for row in before]
    master = kept.holder.open()
    assert master != kit.MASTER
    assert not kept.holder.staged().path.exists()
    kept.opens(master)
    with pytest.raises(IntegrityError, match="another master key"):
        kept.bench.reopen(kit.MASTER)
    # None of the former wrapped keys, not even in free pages.
    wrapped = [row[2] for row in before if row[0] == "gallery"]
    assert len(wrapped) == 2
    held = b"".join(path.read_bytes() for path in kept.path.parent.glob("custodian.db*"))
    assert not any(value in held for value in wrapped)
    # What was copied before stays readable with the former key alone.
    assert all(value in copy for value in wrapped)


def test_what_was_seen_is_still_known_under_the_next_key(kept: Kept) -> None:
    from faceward.core.errors import FacewardError

    kept.bench.reopen()
    shown = kept.bench.enrol("café")
    kept.bench.custody.release(shown)
    size = kept.bench.custody.status().size
    kept.bench.custody.close()
    change_master(kept.path, kept.holder)
    kept.bench.reopen(kept.holder.open())
    assert kept.bench.custody.status().size == size
    with pytest.raises(FacewardError):
        kept.bench.custody.release(shown)
    kept.bench.custody.close()


@pytest.mark.parametrize("rewrapped", [False, True])
def test_a_change_killed_between_its_steps_is_finished_or_undone(kept: Kept, kit: Any, rewrapped: bool) -> None:
    kept.holder.staged().seal(b"n" * 32)
    if rewrapped:
        state = _Rekeyable.open(kept.path, kit.MASTER)
        state.rekey(kit.MASTER, b"n" * 32)
        state.close()
    assert fitting_master(kept.path, kept.holder) == (b"n" * 32 if rewrapped else kit.MASTER)
    assert not kept.holder.staged().path.exists()
    kept.opens(kept.holder.open())


def test_a_change_that_fails_midway_leaves_the_former_key(
    kept: Kept, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = _Rekeyable.open(kept.path, kit.MASTER)

    def full(*_: object) -> None:
        raise EnvironmentFailure("the disk is full; make space")

    with monkeypatch.context() as patch:
        patch.setattr(state, "_write", full)
        with pytest.raises(EnvironmentFailure, match="full"):
            state.rekey(kit.MASTER, b"n" * 32)
    with pytest.raises(UsageError, match="32 bytes"):
        state.rekey(kit.MASTER, b"short")
    with pytest.raises(IntegrityError):
        state.rekey(b"w" * 32, b"n" * 32)
    # It goes on with the former key, in this process and the next.
    state.rekey(kit.MASTER, b"n" * 32)
    state.rekey(b"n" * 32, kit.MASTER)
    state.close()
    kept.opens(kit.MASTER)


def test_a_custodian_that_serves_is_left_alone(kept: Kept, kit: Any) -> None:
    with ProcessGuard(kept.path.with_name(f".{kept.path.name}.serving")).exclusive() as alone:
        assert alone
        with pytest.raises(EnvironmentFailure, match="stop it first"):
            change_master(kept.path, kept.holder)
    with pytest.raises(WrongSecret):
        change_master(kept.path, PassphraseFile(kept.holder.path, "wrong", CHEAP))
    kept.opens(kit.MASTER)


def test_shares_that_were_lost_open_nothing_after_a_change(kept: Kept, kit: Any, tmp_path: Path) -> None:
    def shares(folder: Path) -> tuple[HeldShare, ...]:
        return tuple(HeldShare.read(path) for path in sorted(folder.iterdir()))

    path = kept.holder.path
    path.unlink()
    SharesFile(path, quorum=Quorum(2, 3), out=tmp_path / "old").seal(kit.MASTER)
    former = (tmp_path / "old", path.read_bytes())
    change_master(kept.path, SharesFile(path, shares(tmp_path / "old")[:2], out=tmp_path / "new"))
    kept.opens(SharesFile(path, shares(tmp_path / "new")[1:]).open())
    # Who kept the former shares, and the former set too, combines a key that opens nothing any more.
    path.write_bytes(former[1])
    with pytest.raises(IntegrityError, match="another master key"):
        fitting_master(kept.path, SharesFile(path, shares(former[0])))


_CHANGER = """
import sys
from pathlib import Path
from faceward.custody.rekey import change_master
from faceward.protection.passphrase import Argon2Cost, PassphraseFile
holder = PassphraseFile(Path(sys.argv[2]), "secret", Argon2Cost(memory_kib=64, iterations=1, lanes=1))
print("ready", flush=True)
while True:
    change_master(Path(sys.argv[1]), holder)
"""


@pytest.mark.slow
def test_a_change_killed_at_any_instant_loses_no_key(kept: Kept) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    seen = set()
    for number in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", _CHANGER, str(kept.path), str(kept.holder.path)],
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.0101 * number)
            process.send_signal(signal.SIGKILL)
        master = fitting_master(kept.path, kept.holder)
        seen.add(master)
        kept.opens(master)
    assert len(seen) > 3
