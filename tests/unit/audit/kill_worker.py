"""Append to a log in processes that are killed at any instant, and check after each that nothing acknowledged is lost.

Arguments: a folder, and how many rounds. Prints how many entries were acknowledged. Each process is forked from this
one, which has loaded everything and holds nothing open then, so that a round takes some hundredths of a second.
"""

from __future__ import annotations

import hashlib
import os
import signal
import struct
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from faceward.audit.entries import Commitment, Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.audit.sealed import SealedOpening
from faceward.audit.verifier import verify_log

SIGNER = Signer("example.org/log", bytes(range(32)))
TOLD = struct.Struct(">QQ")
ROUNDS_A_LOG = 50


def digest(turn: int) -> bytes:
    return hashlib.sha256(turn.to_bytes(8, "big")).digest()


def append_for_ever(path: Path, turn: int, told: int) -> None:
    """Append `begin` and its `end` in one batch, and tell the index of the `end` when that is acknowledged."""
    with Log.open(path, SIGNER) as log:
        while True:
            now = datetime.now(tz=UTC)
            commitments = (Commitment("details", digest(turn)),)
            opening = SealedOpening("details", "k" * 32, bytes(1000))
            begin = Record(Entry(now, "enrol", Phase.BEGIN, None, commitments), (opening,))

            def batch(now: datetime = now, begin: Record = begin) -> list[Record]:
                return [
                    begin,
                    Record(Entry(now, "enrol", Phase.END, log.size, begin.entry.commitments), begin.openings),
                ]

            os.write(told, TOLD.pack(log.append(batch, now)[-1], turn))
            turn += 1


def killed(path: Path, turn: int, after: float) -> list[tuple[int, int]]:
    """Run a writer, kill it some seconds after its first acknowledgement, and return all of them."""
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        append_for_ever(path, turn, told)
    os.close(told)
    data = os.read(heard, TOLD.size)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    while more := os.read(heard, 65536):
        data += more
    os.close(heard)
    os.waitpid(child, 0)
    return list(TOLD.iter_unpack(data))


def main(folder: Path, rounds: int) -> None:
    rng = np.random.default_rng(20260102)
    acknowledged, turn = 0, 0
    vkey = SIGNER.verifier.vkey
    for number in range(rounds):
        path = folder / f"log-{number // ROUNDS_A_LOG}.db"
        if number % ROUNDS_A_LOG == 0:
            Log.create(path, SIGNER).close()
        told = killed(path, turn, rng.uniform(0, 0.006))
        assert told, "nothing was acknowledged"
        with Log.open(path, SIGNER) as log:
            for index, said in told:
                assert log.entry(index).digest("details") == digest(said), (number, index)
                assert len(log.openings(index)) == 1
            # A batch is whole or absent.
            assert log.size % 2 == 0
            assert log.unfinished(max(0, told[0][0] - 4) & ~1) == ()
        turn = told[-1][1] + 10
        acknowledged += 2 * len(told)
        if number % ROUNDS_A_LOG == ROUNDS_A_LOG - 1 or number == rounds - 1:
            assert verify_log(path, vkey).unfinished == ()
            path.unlink()
    print(acknowledged)  # noqa: T201


main(Path(sys.argv[1]), int(sys.argv[2]))
