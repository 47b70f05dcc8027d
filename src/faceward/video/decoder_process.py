"""A decoder as its reader sees it: a process that is started, heard, watched and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from faceward.core.errors import EnvironmentFailure
from faceward.video.frames import FeedNews
from faceward.video.orders import MOST_LINE, Order, read_news
from faceward.video.ring import Ring

_HANGS = 15.0
_STARTS = 60.0
_ENDS = 2.0
MOST_READ = 65536
# What a decoder has no use for stays out of its environment: passphrases, tokens.
_KEPT = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
)


class DecoderProcess:
    """A running decoder.

    A program of its own and not a fork or a spawn of `multiprocessing`: it has none of this process's memory, imports
    nothing of the program that was started, and needs no helper process.

    Args:
        order: What it does.
        rings: Where its frames go, in the order of its cameras.

    Raises:
        EnvironmentFailure: It cannot be started.
    """

    def __init__(self, order: Order, rings: list[Ring]) -> None:
        self._cameras = frozenset(spec.camera for spec in order.specs)
        self._rings = rings
        self._started = time.monotonic()
        self._rest = b""
        for ring in rings:
            ring.alive = 0.0
        orders, self._orders, self.news, news, self.wake = _descriptors()
        os.set_blocking(self.news, False)
        theirs = [orders, news, self.wake, *(ring.fd for ring in rings)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "faceward.video.worker", *map(str, theirs)],
                pass_fds=theirs,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Libraries below libav write addresses with their passwords here.
                stderr=subprocess.DEVNULL,
            )
        except OSError as problem:
            self._close()
            raise _failure(problem) from None
        finally:
            os.close(orders)
            os.close(news)
        self._order(order.line())

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def read(self) -> list[FeedNews]:
        """Return what it told since the last call, or the first 64 KiB of it."""
        with suppress(BlockingIOError):
            os.eventfd_read(self.wake)
        # As much as a pipe holds: one that goes on writing must not keep its reader, who comes again for the rest.
        with suppress(BlockingIOError):
            self._rest += os.read(self.news, MOST_READ)
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest[-MOST_LINE:]
        return [news for line in lines if (news := read_news(line, self._cameras)) is not None]

    def ended(self, now: float) -> str:
        """Return how it ended, or nothing while it runs. One that hangs is ended.

        Args:
            now: Seconds of the monotonic clock.
        """
        code = self._process.poll()
        if code is None and self._hangs(now):
            self._process.kill()
            self._process.wait()
            return "did not answer"
        if code is None:
            return ""
        if code >= 0:
            return f"ended with code {code}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"

    def ask_to_end(self) -> None:
        """Have it end; `close` waits for that."""
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def kill(self) -> None:
        """End it by force, at once; `close` is still to be called."""
        self._process.kill()

    def close(self) -> None:
        """End it, by force where it does not end itself, and let go of it."""
        self.ask_to_end()
        try:
            self._process.wait(_ENDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _hangs(self, now: float) -> bool:
        alive = max((ring.alive for ring in self._rings), default=0.0)
        return now - alive > _HANGS if alive > 0 else now - self._started > _STARTS

    def _order(self, line: bytes) -> None:
        # One that ended already is noticed by `ended`.
        with suppress(BrokenPipeError):
            while line:
                line = line[os.write(self._orders, line) :]

    def _close(self) -> None:
        self.ask_to_end()
        os.close(self.news)
        os.close(self.wake)


def _descriptors() -> tuple[int, ...]:
    """Return the ends of the pipes of orders and of news, the reading one first, and an eventfd: all, or none."""
    opened: list[int] = []
    try:
        opened += os.pipe()
        opened += os.pipe()
        opened.append(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
    except OSError as problem:
        for fd in opened:
            os.close(fd)
        raise _failure(problem) from None
    return tuple(opened)


def _failure(problem: OSError) -> EnvironmentFailure:
    return EnvironmentFailure(f"a decoder cannot be started ({problem.strerror}); watch fewer cameras")


def _environment() -> dict[str, str]:
    kept = {name: value for name in _KEPT if (value := os.environ.get(name)) is not None}
    # Found where this one is, also where it was put on the path by hand.
    here = str(Path(__file__).resolve().parents[2])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (here, kept.get("PYTHONPATH"))))
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
