"""Write entries about the same subjects from several processes at once, and kill some of them at any instant.

Arguments: the home, and how many rounds. Prints how many entries were acknowledged in all. Each process is forked from
this one, which has loaded everything and opened nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from faceward import bootstrap
from faceward.audit.entries import Phase
from faceward.operations.journal import Happening
from fakes import PASSPHRASE


def write(home: Path, number: int, count: int, told: int) -> None:
    system = bootstrap.open_system(home, passphrase=PASSPHRASE)
    journal = system._desk.journal
    os.write(told, b"r")
    for turn in range(count):
        people = {"Ada": {"by": number, "turn": turn}}
        if turn % 2:
            people["Bob"] = {"by": number, "turn": turn}
        journal.write(Phase.NOTE, [Happening("verify", {}, people)] * 2)
        if turn % 4 == 3:
            journal.commit_heads()
        os.write(told, b"a")
    system.close()


def main(home: Path, rounds: int) -> None:
    rng = np.random.default_rng(20260101)
    acknowledged = 0
    for _ in range(rounds):
        children, pipes = [], []
        for number in range(2):
            heard, told = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(heard)
                write(home, number, 500, told)
                os._exit(0)
            os.close(told)
            children.append(child)
            pipes.append(heard)
        assert [os.read(heard, 1) for heard in pipes] == [b"r", b"r"]
        time.sleep(rng.uniform(0, 0.05))
        for child in children:
            os.kill(child, signal.SIGKILL)
            time.sleep(rng.uniform(0, 0.005))
        for child, heard in zip(children, pipes, strict=True):
            os.waitpid(child, 0)
            while data := os.read(heard, 4096):
                acknowledged += data.count(b"a")
            os.close(heard)
    print(acknowledged)  # noqa: T201


main(Path(sys.argv[1]), int(sys.argv[2]))
