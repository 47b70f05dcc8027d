"""Fuzzes every endpoint that takes a picture, in this process, with coverage of the service and the decoders.

    pip install atheris==3.0.0
    python fuzz/images.py --minutes 10            # the tests' pipeline behind the real decoding
    python fuzz/images.py --minutes 10 --real     # the networks of the default pack
    python fuzz/images.py --replay FILE           # a file that was found, once

What must hold stands in target.py. A request that breaks it ends the run with its bytes in `crash-…`; memory that grows
past what it was when warm ends it too.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "faceward.service", "faceward.vision.images", "python_multipart"]):
    from target import Broken, Target, resident

_WARM = 2000
_GROWTH = 96.0
_LONGEST = 4096


class Run:
    """One run: counts, and stops when its time is over or memory has grown.

    Args:
        target: The application.
        seconds: How long to run.
        folder: What to remove at the end.
    """

    def __init__(self, target: Target, seconds: float, folder: Path) -> None:
        self._folder = folder
        self._target, self._ends = target, time.monotonic() + seconds
        self.executions = 0
        self.warm = 0.0
        self.highest = 0.0

    def __call__(self, data: bytes) -> None:
        """Try one input."""
        self._target.try_one(data)
        self.executions += 1
        if self.executions % 500 == 0:
            self._watch()

    def _watch(self) -> None:
        now = resident()
        self.highest = max(self.highest, now)
        if self.executions == _WARM:
            self.warm = now
        if self.warm and now > self.warm + _GROWTH:
            raise Broken(f"memory grew from {self.warm:.0f} to {now:.0f} MiB in {self.executions} executions")
        if time.monotonic() > self._ends:
            self.report()
            shutil.rmtree(self._folder, ignore_errors=True)
            sys.stdout.flush()
            # libFuzzer takes an orderly exit in the middle of a run for a fault.
            os._exit(0)

    def report(self) -> None:
        """Say what was done, and check the log."""
        for name, count in sorted(self._target.answers.items()):
            print(f"{count:8,d} {name}")
        size = self._target.close()
        print(
            f"{self.executions:,d} executions; resident memory {self.warm:.0f} MiB when warm, "
            f"{self.highest:.0f} MiB at most, "
            f"{resident():.0f} MiB at the end; the log of {size:,d} entries verifies"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz the endpoints that take pictures.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--real", action="store_true", help="with the networks of the default pack")
    parser.add_argument("--corpus", type=Path, help="folder of inputs to begin with and to add to")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path, help="one input, once")
    told = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # Without a disk each execution is some ten times quicker; what is durable is tested elsewhere.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    folder = Path(tempfile.mkdtemp(prefix="faceward-fuzz-", dir=memory if memory.is_dir() else None))
    target = Target(folder / "home", real=told.real)
    try:
        if told.replay is not None:
            print(target.try_one(told.replay.read_bytes()))
            target.close()
            return
        run = Run(target, 60 * told.minutes, folder)
        options = [f"-seed={told.seed}", f"-max_len={_LONGEST}", "-timeout=120", "-rss_limit_mb=4096", "-len_control=0"]
        corpus = [] if told.corpus is None else [str(told.corpus)]
        atheris.Setup([sys.argv[0], *options, *corpus], run)
        atheris.Fuzz()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
