"""What chains of subjects and a gallery's root cost, in a deployment of simulated references.

python benchmarks/chains.py                     # 100,000 references, 5,000 subjects, about a minute
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from faceward import bootstrap
from faceward.audit.entries import Phase
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening, Journal
from faceward.operations.log_head import keep_head
from faceward.operations.members import Members
from faceward.operations.system import System

PASSPHRASE = "a benchmark's own"  # noqa: S105 - of a deployment that is gone when this ends
REFERENCES = 100_000
SUBJECTS = 5_000


def milliseconds(call: Callable[[], object], rounds: int = 300) -> float:
    """Return the median of a call, in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def entries(deployment: Deployment, journal: Journal) -> None:
    keys, size = deployment.keys, deployment.log.size

    def remember() -> None:
        nonlocal size
        size += 1
        keep_head(keys, (size, bytes(32)))

    for name, subjects in (("no subject", {}), ("one subject", {"Ada": {}})):
        happening = Happening("verify", {"purpose": "door"}, subjects)
        print(f"entry about {name:24s} {milliseconds(lambda h=happening: journal.write(Phase.NOTE, [h])):8.3f} ms")
    print(f"{'its end remembered':36s} {milliseconds(remember):8.3f} ms")


def heads(journal: Journal) -> None:
    for first in range(0, SUBJECTS, 500):
        journal.write(Phase.NOTE, [Happening("verify", {}, {f"s{n}": {} for n in range(first, first + 500)})])
    print(f"{f'{SUBJECTS:,d} ends committed at first':36s} {milliseconds(journal.commit_heads, 1):8.1f} ms")
    journal.write(Phase.NOTE, [Happening("verify", {}, {"s1": {}})])
    print(f"{'and again after one changed':36s} {milliseconds(journal.commit_heads, 1):8.1f} ms")
    print(f"{'chain of a subject with its proofs':36s} {milliseconds(lambda: journal.chain('s1'), 5):8.1f} ms")


def members(system: System, known: Members) -> None:
    system.simulate("door", purpose="door", count=REFERENCES)
    name = f"root of {REFERENCES:,d} references, first"
    print(f"{name:36s} {milliseconds(lambda: known.part('door', 'door'), 1):8.1f} ms")
    print(f"{'unchanged':36s} {milliseconds(lambda: known.part('door', 'door')):8.3f} ms")
    system.simulate("door", purpose="door", count=1)
    print(f"{'after one more':36s} {milliseconds(lambda: known.part('door', 'door'), 1):8.1f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        bootstrap.create(home, standard="workplace", secret=bootstrap.Secret(PASSPHRASE))
        with bootstrap.open_system(home, passphrase=PASSPHRASE) as system:
            system.add_purpose(
                "door", basis="consent", fmr=1e-3, retention=timedelta(days=30), alternative="the porter"
            )
            # What lies below the operations is measured by itself.
            journal, deployment = system._desk.journal, system._deployment  # noqa: SLF001
            entries(deployment, journal)
            members(system, Members(deployment))
            heads(journal)


if __name__ == "__main__":
    main()
