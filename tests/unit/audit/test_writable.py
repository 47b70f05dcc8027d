"""Whether the log could take an entry now is found out without writing one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from faceward.audit import log as log_module
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import LEAST_FREE, Log, Record
from faceward.audit.note import Signer
from faceward.core.errors import EnvironmentFailure, UsageError

if TYPE_CHECKING:
    from datetime import datetime


def test_it_writes_nothing(log: Log, path: Path) -> None:
    wal = path.with_name("log.db-wal")
    before = path.read_bytes(), wal.stat().st_size
    log.require_writable()
    assert (path.read_bytes(), wal.stat().st_size) == before
    assert log.size == 0


def test_a_log_that_is_kept_by_somebody_else_is_told_and_waited_for_as_before(
    log: Log, path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_WAIT_SECONDS", 0.02)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(EnvironmentFailure, match="keeps it busy"):
        log.require_writable()
    # What is asked for in earnest waits for as long as it did.
    assert log._db.execute("PRAGMA busy_timeout").fetchone() == (10_000,)
    other.execute("ROLLBACK")
    other.close()
    log.require_writable()
    assert log.append([Record(Entry(now, "enrol", Phase.NOTE))], now) == (0,)


def test_too_little_space_is_told(log: Log, path: Path) -> None:
    room = os.statvfs(path.parent)
    assert room.f_bavail * room.f_frsize > LEAST_FREE
    with pytest.raises(EnvironmentFailure, match="disk is full"):
        log.require_writable(free=room.f_bavail * room.f_frsize * 4)


def test_a_file_system_that_takes_nothing_is_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = SimpleNamespace(f_flag=os.ST_RDONLY, f_bavail=10**9, f_frsize=4096)
    monkeypatch.setattr(log_module.os, "statvfs", lambda _: stated)
    with pytest.raises(EnvironmentFailure, match="takes nothing"):
        log.require_writable()


def test_a_log_that_is_read_only_takes_nothing(log: Log, path: Path, signer: Signer) -> None:
    with Log.open(path, verifier=signer.verifier) as reading, pytest.raises(UsageError, match="for reading only"):
        reading.require_writable()
