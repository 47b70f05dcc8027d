"""What the safeguards cost a search: authorise, record and release, in a whole deployment, as its log grows.

    python benchmarks/operation.py                    # to a million entries, some minutes
    python benchmarks/operation.py --largest 100000

A deployment of the standard `investigation`: people, a mandate that another person approved, a gallery of simulated
references. Each line times, at one size of the log: `authorise`, the mandate looked up with its signatures and the
standard's rules asked; `record`, the entry that announces the search, durable; `release`, the proofs made, and all that
the custodian checks, counts and gives out. Nothing of the recognition itself. The custodian works in the process, or in
one of his own behind his socket; both run on one core.

The floor is a plain SQLite transaction of one row with one fsync, in the same run, on the same disk: `record` and
`release` are durable each by itself, so two such transactions are the least that the three together can take.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from custody import floor
from faceward import bootstrap
from faceward.audit.entries import Commitment, Entry, Phase
from faceward.audit.log import Record
from faceward.operations import evidence, identification
from faceward.operations.context import Act
from faceward.operations.journal import Happening
from faceward.operations.system import System
from faceward.operations.warrants import warrant
from faceward.policy.mandates import Mandate, Use
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

PASSPHRASE = "a passphrase for the benchmark"  # noqa: S105 - it protects nothing
FILLER = Record(
    Entry(datetime(2026, 1, 2, tzinfo=UTC), "filler", Phase.NOTE, None, (Commitment("details", bytes(32)),))
)
BATCH = 1000
ROUNDS = 300
REFERENCES = 1000
DETAILS = {"purpose": "missing", "gallery": "missing", "reason": "a benchmark", "camera": None}


class Station:
    """An open deployment with an approved mandate."""

    def __init__(self, system: System) -> None:
        self.system, self.deployment, self.desk = system, system._deployment, system._desk  # noqa: SLF001 - its steps are timed one by one
        keys = {name: PrivateKey.generate() for name in ("anna", "bea")}
        for name, key in keys.items():
            system.people.add(name, key.public.line, ("operator", "approver"), date(2099, 1, 1))
            self.act("anna", keys["anna"])
        system.add_purpose("missing", basis="public-task", fmr=1e-3, retention=timedelta(days=30))
        system.simulate("missing", purpose="missing", count=REFERENCES)
        now = self.deployment.now()
        mandate = Mandate(
            "missing", ("identify",), ("missing",), (), "harbour", "2026/17", "s. 5", now, now + timedelta(days=7), 100,
            ("anna",), False,
        )  # fmt: skip
        self.mandates = mandate
        self.keys = keys
        self.digest, self.used = "", 0

    def act(self, name: str, key: PrivateKey) -> None:
        """Sign somebody in."""
        deployment = self.deployment
        deployment.begin_session(OpenSession.begin(name, key, deployment.log.origin, deployment.now()))

    def renew(self) -> None:
        """Have another mandate approved; the standard's are for a hundred searches."""
        self.digest, self.used = self.system.mandates.request(self.mandates).digest, 0
        self.act("bea", self.keys["bea"])
        self.system.mandates.decide(self.digest, Decision.APPROVE)
        self.act("anna", self.keys["anna"])

    def search(self) -> tuple[float, float, float]:
        """Go through the steps of a search; return the seconds to authorise, to record and to have the key released."""
        if not self.digest or self.used == self.mandates.searches:
            self.renew()
        self.used += 1
        deployment, desk = self.deployment, self.desk
        request = identification.SearchRequest("missing", "missing", "a benchmark", mandate=self.digest)
        start = time.perf_counter()
        use = Use("identify", "missing", "missing", None, "anna", deployment.now())
        named = warrant(deployment, desk, self.digest, use)
        purpose = deployment.purpose("missing")
        if purpose is None:
            raise AssertionError("the station registered the purpose when it was set up")
        found = evidence.standing(deployment, purpose, evidence.searched_fmr(purpose, 1))
        context = identification._context(deployment, Path("probe.jpg"), request, (named, found))  # noqa: SLF001
        happening = Happening("identify", DETAILS, parts=desk.journal.members.part("missing", "missing"))
        desk.authorise("identify", context, happening)
        authorised = time.perf_counter()
        [begun] = desk.journal.write(Phase.BEGIN, [desk.announced(happening, named.held)])
        recorded = time.perf_counter()
        act = Act(begun, desk._releaser, named.held)  # noqa: SLF001
        act.gallery("missing")
        released = time.perf_counter()
        act.end()
        desk.close("identify", act)
        return authorised - start, recorded - authorised, released - recorded


def grow(station: Station, size: int) -> None:
    log = station.deployment.log
    while log.size < size:
        log.append([FILLER] * min(BATCH, size - log.size), datetime.now(UTC))


@contextmanager
def custodian(folder: Path) -> Iterator[Path]:
    """Yield the socket of a custodian that is a process of its own."""
    state, socket = folder / "custodian", folder / "s"
    environment = {**os.environ, "FACEWARD_CUSTODIAN_PASSPHRASE": PASSPHRASE}
    command = [sys.executable, "-m", "faceward", "custodian"]
    subprocess.run([*command, "init", "--state", state], check=True, capture_output=True, env=environment)
    serve = [*command, "serve", "--state", state, "--socket", socket]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise SystemExit("the custodian did not start")
            yield socket
        finally:
            process.terminate()


def opened(home: Path, socket: Path | None) -> System:
    secret = bootstrap.Secret(PASSPHRASE)
    bootstrap.create(home, standard="investigation", secret=secret, custodian=socket, trial=True)
    return bootstrap.open_system(home, passphrase=PASSPHRASE)


def line(size: int, name: str, station: Station, least: Callable[[], None]) -> None:
    for _ in range(20):
        station.search()
    rounds, floors = [], []
    for _ in range(ROUNDS):
        rounds.append(station.search())
        start = time.perf_counter()
        least()
        floors.append(time.perf_counter() - start)
    parts = [statistics.median(part) * 1000 for part in zip(*rounds, strict=True)]
    whole = [sum(one) * 1000 for one in rounds]
    middle, high = statistics.median(whole), statistics.quantiles(whole, n=20)[-1]
    bare = statistics.median(floors) * 1000
    print(
        f"{size:9,d} {name:11s} {parts[0]:10.2f} {parts[1]:7.2f} {parts[2]:8.2f} {middle:9.2f} {high:6.2f} "
        f"{bare:11.2f} {middle / (2 * bare):17.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What the safeguards cost a search on this machine.")
    parser.add_argument("--largest", type=int, default=1_000_000, help="size to grow to, in steps of ten from 1,000")
    arguments = parser.parse_args()
    # One core, for this process and the custodian's.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            floor(folder) as least,
            custodian(folder) as socket,
            opened(folder / "one", None) as one,
            opened(folder / "two", socket) as two,
        ):
            stations = {"in process": Station(one), "apart": Station(two)}
            print("  entries custodian    authorise  record  release  together    p95  floor (one)  against 2 floors")
            for size in [10**power for power in range(3, 9) if 10**power <= arguments.largest]:
                for label, station in stations.items():
                    grow(station, size)
                    line(size, label, station, least)


if __name__ == "__main__":
    main()
