"""Other processes: writing at once, killed at any instant, without permission, without space."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.verifier import verify_log
from faceward.core.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from faceward.audit.note import Signer

# Appends batches of `begin` and its `end` for ever or `rounds` times, and prints each batch's last index when it is
# acknowledged.
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from faceward.audit.entries import Commitment, Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.audit.sealed import SealedOpening

path, rounds = Path(sys.argv[1]), int(sys.argv[2])
commitments = (Commitment("details", bytes(32)),)
with Log.open(path, Signer("example.org/log", bytes(range(32)))) as log:
    while rounds:
        now = datetime.now(tz=UTC)
        opening = SealedOpening("details", "k" * 32, bytes(3000))
        (begun,) = log.append([Record(Entry(now, "enrol", Phase.BEGIN, None, commitments), (opening,))], now)
        print(begun, flush=True)
        notes = [Record(Entry(now, "enrol", Phase.NOTE, begun))] * 20
        print(log.append([*notes, Record(Entry(now, "enrol", Phase.END, begun))], now)[-1], flush=True)
        rounds -= 1
"""


def write(path: Path, rounds: int, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(rounds)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options)  # type: ignore[call-overload,no-any-return]


def test_two_processes_append_at_once(log: Log, path: Path, signer: Signer, now: datetime) -> None:
    writers = [write(path, 40) for _ in range(2)]
    ours = [log.append([Record(Entry(now, "verify", Phase.NOTE))], now)[0] for _ in range(40)]
    indexes = list(ours)
    for writer in writers:
        out, err = writer.communicate(timeout=120)
        assert (writer.returncode, err) == (0, "")
        indexes += map(int, out.split())
    assert len(set(indexes)) == 40 + 2 * 80
    report = verify_log(path, signer.verifier.vkey)
    assert report.checkpoint.size == 40 + 2 * 40 * 22
    assert report.unfinished == ()


@pytest.mark.slow
def test_L1_what_was_acknowledged_survives_500_kills(tmp_path: Path) -> None:
    worker = [sys.executable, str(Path(__file__).with_name("kill_worker.py")), str(tmp_path), "500"]
    done = subprocess.run(worker, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


def test_a_disk_quota_says_so_and_leaves_nothing_half_written(log: Log, path: Path, signer: Signer) -> None:
    log.close()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    writer = write(path, -1, preexec_fn=limit)
    out, err = writer.communicate(timeout=60)
    assert "EnvironmentFailure" in err.splitlines()[-1]
    assert "space" in err.splitlines()[-1]
    report = verify_log(path, signer.verifier.vkey)
    assert report.checkpoint.size == int(out.split()[-1]) + 1


@pytest.fixture
def public_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Permissions do not bind root, so give that up for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_log_in_a_folder_that_cannot_be_written(
    log: Log, path: Path, signer: Signer, now: datetime, public_folder: Path
) -> None:
    log.append([Record(Entry(now, "verify", Phase.NOTE))] * 3, now)
    log.close()
    copy = public_folder / "log.db"
    shutil.copy(path, copy)
    copy.chmod(0o444)
    public_folder.chmod(0o555)
    with ordinary_user():
        assert verify_log(copy, signer.verifier.vkey).checkpoint.size == 3
        with Log.open(copy) as reader:
            assert reader.entry(2).operation == "verify"
        with pytest.raises(EnvironmentFailure, match="give this user"):
            Log.open(copy, signer)
        with pytest.raises(EnvironmentFailure, match="cannot create"):
            Log.create(public_folder / "other.db", signer)


def test_a_copy_with_an_unmerged_wal_is_not_read_in_part(
    log: Log, path: Path, signer: Signer, now: datetime, public_folder: Path
) -> None:
    log.append([Record(Entry(now, "verify", Phase.NOTE))] * 3, now)
    for part in ("log.db", "log.db-wal"):
        shutil.copy(path.with_name(part), public_folder / part)
        (public_folder / part).chmod(0o444)
    public_folder.chmod(0o555)
    with ordinary_user(), pytest.raises(EnvironmentFailure, match="give this user"):
        verify_log(public_folder / "log.db", signer.verifier.vkey)


def test_a_file_without_permission_says_so(log: Log, path: Path, signer: Signer, public_folder: Path) -> None:
    log.close()
    copy = public_folder / "log.db"
    shutil.copy(path, copy)
    copy.chmod(0)
    with ordinary_user():
        for open_it in (lambda: Log.open(copy), lambda: Log.open(copy, signer)):
            with pytest.raises(EnvironmentFailure, match="access"):
                open_it()


def test_a_folder_without_permission_says_so(log: Log, path: Path, signer: Signer, public_folder: Path) -> None:
    closed = public_folder / "closed"
    closed.mkdir(mode=0o700)
    shutil.copy(path, closed / "log.db")
    with ordinary_user():
        if os.geteuid() != 65534:
            closed.chmod(0)
        with pytest.raises(EnvironmentFailure, match="access"):
            verify_log(closed / "log.db", signer.verifier.vkey)
    closed.chmod(0o700)
