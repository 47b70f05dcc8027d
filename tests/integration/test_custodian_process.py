"""A custodian in a process of its own, killed at any instant: no use is forgotten, no entry opens twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from faceward.core.clock import SystemClock
from faceward.core.errors import EnvironmentFailure
from faceward.custody.client import CustodyClient
from faceward.custody.errors import Replayed
from faceward.custody.presenter import Claim, Presenter

SCRIPT = Path(__file__).resolve().parents[1] / "custody_process.py"
ROUNDS = 25


@contextmanager
def custodian(folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder / "custodian.db"), str(folder / "c.sock")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture
def manned(kit: Any, tmp_path: Path) -> Iterator[Any]:
    """Return a deployment by the machine's clock, whose custodian is shut; open it with `reopen`."""
    made = kit.Bench.make(tmp_path, "busy")
    made.clock = made.custody._clock = SystemClock()
    made.man()
    made.create(session=made.sign_in("ann"))
    made.custody.close()
    yield made
    made.log.close()


class Searcher:
    """Searches under one mandate, and remembers what it was given."""

    def __init__(self, bench: Any, mandate: Any) -> None:
        self.bench, self.mandate, self.session = bench, mandate, bench.sign_in("ann")
        self.given: dict[int, bytes] = {}
        self.unknown: list[Claim] = []
        self.size = 0

    def claim(self) -> Claim:
        told = {"operator": "ann", "gallery": "door", "purpose": "theft", "mandate": self.mandate[0].digest()}
        return Claim(*self.bench.record("identify", told), "door", *self.mandate)

    def search(self, custody: Any) -> None:
        claim = self.claim()
        self.unknown.append(claim)
        lease = Presenter(custody, self.bench.log, self.session).release(claim)
        self.unknown.pop()
        self.given[claim.index] = lease.key
        assert lease.size > self.size
        self.size = lease.size

    def search_on(self, custody: Any) -> None:
        while True:
            self.search(custody)


@pytest.mark.slow
def test_L2_a_custodian_killed_at_any_instant_forgets_no_use(manned: Any, tmp_path: Path) -> None:
    searcher = Searcher(manned, manned.mandate(searches=100_000))
    digest = searcher.mandate[0].digest()
    spent = 0
    for number in range(ROUNDS):
        with custodian(tmp_path) as process, CustodyClient(tmp_path / "c.sock") as client:
            seen = client.status()
            assert seen.spent.get(digest, 0) >= spent
            # A kill costs the one use under way at most, and gives none away.
            assert len(searcher.given) <= seen.spent.get(digest, 0) <= len(searcher.given) + len(searcher.unknown)
            assert seen.size >= searcher.size
            spent = seen.spent.get(digest, 0)
            # What was left open is either used or not, and says so.
            for claim in searcher.unknown:
                try:
                    lease = Presenter(client, manned.log, searcher.session).release(claim)
                    searcher.given[claim.index] = lease.key
                    spent += 1
                except Replayed:
                    searcher.given[claim.index] = b""
            searcher.unknown.clear()
            assert client.status().spent.get(digest, 0) == len(searcher.given)
            killer = threading.Timer(0.0037 * (1 + number * 7 % 25), process.send_signal, [signal.SIGKILL])
            killer.start()
            with pytest.raises(EnvironmentFailure):
                searcher.search_on(client)
            killer.join()
    assert len(searcher.given) > ROUNDS
    assert len({key for key in searcher.given.values() if key}) == 1
    manned.reopen()
    total = manned.custody.status().spent[digest]
    assert len(searcher.given) <= total <= len(searcher.given) + len(searcher.unknown)


def test_L2_callers_at_once_get_one_key_for_each_entry(manned: Any, tmp_path: Path) -> None:
    mandate = manned.mandate(searches=100_000)
    searchers = [Searcher(manned, mandate) for _ in range(4)]
    failures: list[BaseException] = []

    def run(searcher: Searcher) -> None:
        try:
            with CustodyClient(tmp_path / "c.sock") as client:
                for _ in range(15):
                    searcher.search(client)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    with custodian(tmp_path), CustodyClient(tmp_path / "c.sock") as client:
        threads = [threading.Thread(target=run, args=(searcher,)) for searcher in searchers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert not failures
        assert client.status().spent == {mandate[0].digest(): 60}
        assert client.status().separate


def test_a_custodian_that_is_told_to_end_answers_first(manned: Any, tmp_path: Path) -> None:
    searcher = Searcher(manned, manned.mandate(searches=100_000))
    digest = searcher.mandate[0].digest()
    for _ in range(4):
        with custodian(tmp_path) as process, CustodyClient(tmp_path / "c.sock") as client:
            ender = threading.Timer(0.05, process.send_signal, [signal.SIGTERM])
            ender.start()
            with pytest.raises(EnvironmentFailure, match=r"no custodian answers|without an answer"):
                searcher.search_on(client)
            ender.join()
            assert process.wait(timeout=20) == 0
        assert not (tmp_path / "c.sock").exists()
    manned.reopen()
    # Nothing was counted whose key was not received.
    assert manned.custody.status().spent[digest] == len(searcher.given)


def test_a_second_custodian_on_a_state_is_refused(manned: Any, tmp_path: Path) -> None:
    with custodian(tmp_path) as process, CustodyClient(tmp_path / "c.sock") as client:
        command = [sys.executable, str(SCRIPT), str(tmp_path / "custodian.db"), str(tmp_path / "other.sock")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        second = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
        assert second.returncode == 1
        assert "another custodian serves" in second.stderr
        client.status()
        process.kill()
        process.wait(timeout=20)
        # What the killed one left behind is taken over.
        assert (tmp_path / "c.sock").exists()
        with custodian(tmp_path):
            assert client.status().size


def test_W7_a_stop_holds_in_every_process_within_two_seconds(manned: Any, tmp_path: Path) -> None:
    searcher = Searcher(manned, manned.mandate(searches=100_000))
    with custodian(tmp_path), CustodyClient(tmp_path / "c.sock") as one, CustodyClient(tmp_path / "c.sock") as two:
        searcher.search(one)
        started = time.monotonic()
        two.stop(manned.stop("eve"))
        with pytest.raises(Exception, match="recognition is stopped") as caught:
            searcher.search(one)
        assert time.monotonic() - started < 2
        assert getattr(caught.value, "rule", "") == "W7"
