"""A publisher killed at any instant leaves a publication that verifies, and the next one goes on from there."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faceward.audit import files as audit_files
from faceward.audit import publish as publishing
from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import cosigned_path, keep_cosignatures
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer, parse_note
from faceward.audit.publish import publish
from faceward.core.errors import BadInput, EnvironmentFailure, UsageError
from faceward.verify.publication import verify_publication

SIGNER = Signer("example.org/log", bytes(range(32)))
WITNESS = Cosigner("witness.example.org/one", bytes(32))
NOW = datetime(2026, 1, 2, tzinfo=UTC)

PUBLISHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.audit.publish import publish
now = datetime(2026, 1, 2, tzinfo=UTC)
signer = Signer("example.org/log", bytes(range(32)))
with Log.open(Path(sys.argv[1]), signer) as log:
    print("ready", flush=True)
    while True:
        log.append([Record(Entry(now, "enrol", Phase.NOTE))] * 97, now)
        publish(log, Path(sys.argv[2]), signer.verifier)
"""


def grow(log: Log, count: int) -> None:
    log.append([Record(Entry(NOW, "enrol", Phase.NOTE))] * count, NOW)


@pytest.mark.slow
def test_L1_a_publisher_killed_at_any_instant(tmp_path: Path, nursery: Any) -> None:
    path, folder = tmp_path / "log.db", tmp_path / "public"
    script = tmp_path / "publisher.py"
    script.write_text(PUBLISHER, encoding="utf-8")
    with Log.create(path, SIGNER) as log:
        began = time.perf_counter()
        for _ in range(5):
            grow(log, 97)
            publish(log, folder, SIGNER.verifier)
        once = (time.perf_counter() - began) / 5
    earlier, sizes, torn = None, [], 0
    for number in range(20):
        told = tmp_path / f"told-{number}"
        with told.open("wb") as output:
            process = nursery.start(script, [str(path), str(folder)], output.fileno())
        while told.read_bytes() != b"ready\n":
            assert process.poll() is None
            time.sleep(0.001)
        # Steps up to what three publications take, in an order that repeats late.
        time.sleep(once * 3 * (1 + number * 7 % 20) / 20)
        process.kill()
        process.wait(timeout=30)
        if (folder / "checkpoint").exists():
            report = verify_publication(folder, SIGNER.verifier, earlier=earlier)
            earlier = (folder / "checkpoint").read_text()
            sizes.append(report.checkpoint.size)
            torn += bool(report.beyond or list((folder / ".staging").iterdir()))
    assert sizes == sorted(sizes)
    # A machine that is busy kills it before it gets far; that it gets somewhere shows that the kills are spread.
    assert len(set(sizes)) > 1
    with Log.open(path, SIGNER) as log:
        publish(log, folder, SIGNER.verifier)
        report = verify_publication(folder, SIGNER.verifier, earlier=earlier)
        assert (report.checkpoint.root, report.beyond) == (log.root(), ())
    assert list((folder / ".staging").iterdir()) == []
    assert torn, "no kill struck while files were being written; change the waits"


class Killed(BaseException):
    """Stands for a process that ends between two steps."""


def test_L1_an_end_between_any_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {"left": 10**9, "done": 0}

    def counted(call: Any) -> Any:
        def step(*arguments: Any, **options: Any) -> Any:
            if steps["left"] == 0:
                raise Killed
            steps["left"] -= 1
            steps["done"] += 1
            return call(*arguments, **options)

        return step

    for module, name in ((publishing, "replace_file"), (publishing, "sync_folder"), (audit_files.os, "fsync")):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        for crash in range(1000):
            folder = tmp_path / f"public-{crash}"
            with Log.create(tmp_path / f"log-{crash}.db", SIGNER) as small:
                steps["left"] = 10**9
                grow(small, 250)
                publish(small, folder, SIGNER.verifier)
                old = (folder / "checkpoint").read_text()
                grow(small, 20)
                steps["left"] = crash
                try:
                    publish(small, folder, SIGNER.verifier)
                    finished = True
                except Killed:
                    finished = False
                steps["left"] = 10**9
                assert verify_publication(folder, SIGNER.verifier, earlier=old).checkpoint.size in (250, 270)
                publish(small, folder, SIGNER.verifier)
                report = verify_publication(folder, SIGNER.verifier)
                assert (report.checkpoint.size, report.beyond, report.unknown) == (270, (), ())
                # What stood for the tile that is full now is gone, whoever was to remove it.
                assert {path.parent.name for path in folder.rglob("000.p")} <= {"1"}
                if finished:
                    break
        assert log.size == 0
    assert 15 < crash < 100


def test_two_publishers_do_not_meet(tmp_path: Path) -> None:
    folder = tmp_path / "public"
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        with publishing._locked(folder), pytest.raises(EnvironmentFailure, match="another process is publishing"):
            publish(log, folder, SIGNER.verifier)
        publish(log, folder, SIGNER.verifier)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        grow(log, 3)
        with pytest.raises(EnvironmentFailure, match="cannot be written"):
            publish(log, tmp_path / "absent" / "public", SIGNER.verifier)
        (tmp_path / "file").write_text("x")
        with pytest.raises(EnvironmentFailure, match="cannot be written"):
            publish(log, tmp_path / "file", SIGNER.verifier)
        (tmp_path / "public").mkdir()
        (tmp_path / "public" / "checkpoint").write_bytes(b"\xff")
        with pytest.raises(BadInput, match="not a checkpoint"):
            publish(log, tmp_path / "public", SIGNER.verifier)


def test_everybody_may_read_what_is_published_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with Log.create(tmp_path / "log.db", SIGNER) as log:
            grow(log, 3)
            publish(log, tmp_path / "public", SIGNER.verifier)
    finally:
        os.umask(before)
    assert (tmp_path / "public").stat().st_mode & 0o777 == 0o755
    for path in (tmp_path / "public" / "tile").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o644 if path.is_file() else 0o755), path
    assert (tmp_path / "public" / "checkpoint").stat().st_mode & 0o777 == 0o644


def test_L3_the_newest_entries_keep_the_cosignatures_that_they_have(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        grow(log, 10)
        note = log.checkpoint()
        keep_cosignatures(log.path, note, [WITNESS.cosign(parse_note(note).text, NOW)])
        done = publish(log, tmp_path / "public", SIGNER.verifier, latest=True)
        assert (done.checkpoint.size, done.cosigners) == (10, (WITNESS.verifier.name,))


def test_L3_what_witnesses_saw_is_published_before_what_they_did_not(tmp_path: Path) -> None:
    folder = tmp_path / "public"
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        grow(log, 10)
        note = log.checkpoint()
        keep_cosignatures(log.path, note, [WITNESS.cosign(parse_note(note).text, NOW)])
        grow(log, 5)
        done = publish(log, folder, SIGNER.verifier)
        assert (done.checkpoint.size, done.cosigners, done.waiting) == (10, (WITNESS.verifier.name,), 5)
        verify_publication(folder, SIGNER.verifier, [WITNESS.verifier])
        done = publish(log, folder, SIGNER.verifier, latest=True)
        assert (done.checkpoint.size, done.before, done.cosigners, done.waiting) == (15, 10, (), 0)
        # The cosigned one is behind now; a publication never goes back.
        assert publish(log, folder, SIGNER.verifier).checkpoint.size == 15
        cosigned_path(log.path).unlink()
        assert publish(log, folder, SIGNER.verifier).written == 0


def test_a_log_of_entries_too_long_is_said(tmp_path: Path) -> None:
    from faceward.audit.tiles import encode_bundle

    with pytest.raises(UsageError, match="cannot be published"):
        encode_bundle([b"x" * 70_000])
