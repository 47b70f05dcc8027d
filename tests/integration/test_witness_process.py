"""A witness in a process of its own, killed at any instant: it never forgets what it cosigned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import cosigned_path
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.audit.witness import Request
from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.witness.client import Endpoint, _post, cosign
from faceward.witness.state import WitnessState

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNER = Signer("example.org/log", bytes(range(32)))
WITNESS = Cosigner("witness.example.org/one", bytes(32))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def grow(log: Log, count: int, operation: str = "enrol") -> None:
    log.append([Record(Entry(NOW, operation, Phase.NOTE))] * count, NOW)


@contextmanager
def witness(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Endpoint]]:
    key = folder / "witness.key"
    key.write_text(WITNESS.encode_secret() + "\n")
    command = [sys.executable, "-m", "faceward", "witness", "serve", "--key", str(key), "--port", "0"]
    state = folder / "state.db"
    command += ["--state", str(state), "--log", SIGNER.verifier.vkey, *([] if state.exists() else ["--new-state"])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        # A shell that runs the tests in the background has it ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("witness witness.example.org/one at http://127.0.0.1:"), line
        yield process, Endpoint(line.split()[-1], WITNESS.verifier)
    finally:
        process.kill()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.mark.slow
def test_L1_a_witness_killed_at_any_instant_forgets_nothing(tmp_path: Path) -> None:
    acknowledged, kept_ahead = 0, 0
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        for number in range(12):
            with witness(tmp_path) as (process, endpoint):
                killer = threading.Timer(0.0031 * (1 + number * 5 % 12), process.send_signal, [signal.SIGKILL])
                killer.start()
                while True:
                    grow(log, 1)
                    done = cosign(log, SIGNER.verifier, [endpoint])
                    if done.failures:
                        [failure] = done.failures.values()
                        assert isinstance(failure, EnvironmentFailure), failure
                        break
                    acknowledged = done.checkpoint.size
                killer.join()
            with WitnessState(tmp_path / "state.db") as state:
                seen = state.seen("example.org/log")
                assert (seen.size if seen else 0) >= acknowledged
                if seen is not None:
                    assert seen.root == log.root(seen.size)
                    kept_ahead += seen.size > acknowledged
    assert acknowledged > 12
    # A copy of the log as it was before is refused, whatever it claims, by a witness that was killed twelve times.
    with witness(tmp_path) as (_, endpoint), Log.create(tmp_path / "fork.db", SIGNER) as fork:
        grow(fork, acknowledged + 5, "another")
        for old in range(0, acknowledged + 5, max(acknowledged // 10, 1)):
            body = Request(old, fork.consistency(old), fork.checkpoint()).encode()
            assert _post(endpoint.url, body, time.monotonic() + 30).status in {409, 422}
        [failure] = cosign(fork, SIGNER.verifier, [endpoint]).failures.values()
        assert isinstance(failure, IntegrityError)
        assert not cosigned_path(fork.path).exists()


def test_a_process_serves_until_it_is_stopped(tmp_path: Path) -> None:
    with Log.create(tmp_path / "log.db", SIGNER) as log, witness(tmp_path) as (process, endpoint):
        grow(log, 3)
        assert cosign(log, SIGNER.verifier, [endpoint]).cosigned == (WITNESS.verifier.name,)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    assert (tmp_path / "state.db").exists()
