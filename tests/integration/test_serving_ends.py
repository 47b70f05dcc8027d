"""Worker processes that are told to end while they are being begun."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A process of its own: whoever forks may have no threads.
_PROGRAM = """
import os, signal, sys, time
from faceward.service import serving

forked, count = serving._forked, 0

def told(*given):
    global count
    child = forked(*given)
    count += 1
    if count == int(sys.argv[1]):
        # Between the fork and what is noted of it.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
    return child

serving._forked = told

def worker():
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    print("begun", flush=True)
    while not ended:
        time.sleep(0.02)

status = serving.serve_in_processes(worker, 3)
print("ended", count, flush=True)
sys.exit(status)
"""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_workers_that_are_being_begun_end_when_their_parent_is_told_to(after: int) -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(after)], stdout=subprocess.PIPE, text=True) as parent:
        try:
            told, _ = parent.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            # Without the parent the workers live on; they end by the signal that they missed.
            subprocess.run(["pkill", "-TERM", "-P", str(parent.pid)], check=False)
            parent.kill()
            raise
    # None is begun once the signal came.
    assert told.splitlines()[-1] == f"ended {after}"
    assert parent.returncode == 0
