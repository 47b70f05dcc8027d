"""The custodian's figures: record, present, release a gallery's key, as the log grows.

    python benchmarks/custody.py                    # to a million entries, about two minutes
    python benchmarks/custody.py --largest 100000

Each line times, at one size of the log: `record`, the entry appended to the log; `present`, the proofs and the
operator's signature; `release`, all that the custodian checks, counts and gives out; and the three together. A search
stands under a mandate that another person approved. In process, and over the socket to a process of its own.

The floor is a plain SQLite transaction of one row with one fsync, in the same run, on the same disk: `record` and
`release` are durable each by itself, so two such transactions are the least that the three together can take.
`own processor` is what this process computes for all three; over the socket the custodian's part is another's.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faceward.audit.entries import Commitment, Entry, Phase, commit
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.core.canonical import JSONObject
from faceward.core.clock import SystemClock
from faceward.custody.client import CustodyClient
from faceward.custody.custodian import Custodian
from faceward.custody.keyring import Keyring
from faceward.custody.presenter import Claim, Presenter
from faceward.custody.protocol import Custody, Pins
from faceward.custody.server import CustodyServer
from faceward.custody.state import State
from faceward.custody.terms import Terms
from faceward.policy.asking import (
    Approval,
    Decision,
    Request,
    SignedRequest,
    new_request,
    sign_approval,
    sign_request,
)
from faceward.policy.authority import Mandate
from faceward.policy.people import Person, Role
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

ORIGIN = "example.org/log"
SIGNER = Signer(ORIGIN, bytes(range(32)))
MASTER = bytes(range(32))
FILLER = Record(
    Entry(datetime(2026, 1, 2, tzinfo=UTC), "identify", Phase.NOTE, None, (Commitment("details", bytes(32)),))
)
BATCH = 1000
ROUNDS = 300
PEOPLE = 20


def terms(name: str, digest: str) -> Terms:
    del name, digest
    return Terms(frozenset({"identify"}), timedelta(days=30), 10**6, timedelta(0), timedelta(minutes=15), False, False)


class Case:
    """A deployment with twenty people, one gallery and one approved mandate."""

    def __init__(self, log: Log, custody: Custody) -> None:
        self.log, self.custody, self.clock = log, custody, SystemClock()
        now = self.clock.now()
        keys = {f"person {n}": PrivateKey.generate() for n in range(PEOPLE)}
        custody.found(Pins(ORIGIN, SIGNER.verifier.vkey, "bench", "0" * 64, ""))
        names = list(keys)
        for place, name in enumerate(names):
            roles = frozenset({Role.APPROVER if place in (0, 1) else Role.OPERATOR})
            body = Person(name, keys[name].public, roles, None, now).to_json()
            asked = new_request("person.add", body, names[0], ORIGIN, (now, now + timedelta(days=1)))
            signed = sign_request(asked, keys[names[0]]) if place else SignedRequest(asked, "")
            custody.decide(signed, (approved(asked, names[1], keys[names[1]]),) if place > 1 else ())
        self.session = OpenSession.begin(names[2], keys[names[2]], ORIGIN, now)
        mandate = Mandate(
            "theft", ("identify",), ("door",), (), "the shop", "1/26", "law", now, now + timedelta(days=1), 10**6,
            (names[2],), False,
        )  # fmt: skip
        request = mandate.request(names[2], ORIGIN, now)
        self.mandate = sign_request(request, keys[names[2]])
        self.approvals = (approved(request, names[0], keys[names[0]]),)
        self.details = {
            "operator": names[2], "gallery": "door", "purpose": "theft", "mandate": self.mandate.digest(),
        }  # fmt: skip
        self.presenter = Presenter(custody, log, self.session)
        index, opening = self.record("gallery.create", {"operator": names[2], "gallery": "door"})
        self.presenter.create(Claim(index, opening, "door"))

    def record(self, operation: str, details: JSONObject) -> tuple[int, bytes]:
        """Append the beginning of an operation."""
        digest, opening = commit(details)
        now = self.clock.now()
        entry = Entry(now, operation, Phase.BEGIN, None, (Commitment("details", digest),))
        [index] = self.log.append([Record(entry)], now)
        return index, opening.encode()

    def search(self) -> tuple[float, float, float]:
        """Search once; return the seconds to record, to present and to have the key released."""
        start = time.perf_counter()
        index, opening = self.record("identify", self.details)
        recorded = time.perf_counter()
        shown = self.presenter._presentation(Claim(index, opening, "door", self.mandate, self.approvals))  # noqa: SLF001 - timed by itself
        presented = time.perf_counter()
        self.presenter._since = self.custody.release(shown).size  # noqa: SLF001
        return recorded - start, presented - recorded, time.perf_counter() - presented


def approved(request: Request, approver: str, key: PrivateKey) -> Approval:
    return sign_approval(request, approver, Decision.APPROVE, request.created, key)


def grow(log: Log, size: int) -> None:
    while log.size < size:
        log.append([FILLER] * min(BATCH, size - log.size), datetime.now(UTC))


def median(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


@contextmanager
def floor(folder: Path) -> Iterator[Callable[[], None]]:
    """Yield a transaction that inserts one row and is durable when it returns."""
    with closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE rows (value BLOB)")

        def insert() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO rows VALUES (?)", (bytes(200),))
            connection.execute("COMMIT")

        yield insert


@contextmanager
def served(folder: Path) -> Iterator[CustodyClient]:
    """Yield a client of a custodian that is a process of its own."""
    State.create(folder / "served.db", MASTER).close()
    command = [sys.executable, __file__, "--serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise SystemExit("the custodian did not start")
            with CustodyClient(folder / "c.sock") as client:
                yield client
        finally:
            process.terminate()


def serve(folder: Path) -> None:
    state = State.open(folder / "served.db", MASTER)
    custodian = Custodian(state, Keyring(MASTER), SystemClock(), separate=True, load_terms=terms)
    with CustodyServer(custodian, folder / "c.sock") as server:
        print("ready", flush=True)
        server.serve_forever()


def line(size: int, name: str, case: Case, least: Callable[[], None]) -> None:
    for _ in range(20):
        case.search()
    rounds, floors, busy = [], [], 0.0
    for _ in range(ROUNDS):
        before = time.process_time()
        rounds.append(case.search())
        busy += time.process_time() - before
        start = time.perf_counter()
        least()
        floors.append(time.perf_counter() - start)
    parts = [statistics.median(part) * 1000 for part in zip(*rounds, strict=True)]
    whole = [sum(round_) * 1000 for round_ in rounds]
    middle, high = statistics.median(whole), statistics.quantiles(whole, n=20)[-1]
    bare = statistics.median(floors) * 1000
    print(
        f"{size:9,d} {name:11s} {parts[0]:7.2f} {parts[1]:8.2f} {parts[2]:8.2f} {middle:9.2f} {high:6.2f}"
        f" {bare:11.2f} {middle / (2 * bare):15.1f}"
        f" {busy * 1000 / ROUNDS:14.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The custodian's figures on this machine.")
    parser.add_argument("--largest", type=int, default=1_000_000, help="size to grow to, in steps of ten from 1,000")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    # One core, for this process and the one that it starts.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            Log.create(folder / "log.db", SIGNER) as log,
            Log.create(folder / "other.db", SIGNER) as other,
            floor(folder) as least,
            served(folder) as client,
        ):
            custodian = Custodian(
                State.create(folder / "c.db", MASTER), Keyring(MASTER), SystemClock(), load_terms=terms
            )
            cases = {"in process": Case(log, custodian), "socket": Case(other, client)}
            print(
                "  entries             record  present  release  together    p95  floor (one)"
                "  against 2 floors  own processor"
            )
            for size in [10**power for power in range(3, 9) if 10**power <= arguments.largest]:
                for label, case in cases.items():
                    grow(case.log, size)
                    line(size, label, case, least)
            print(f"status over the socket: {median(client.status):.2f} ms, of {PEOPLE} people")
            custodian.close()


if __name__ == "__main__":
    main()
