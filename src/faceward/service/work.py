"""The bounded pool in which everything runs that waits for the processor or the disk."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from faceward.service.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")

_ASSUMED_SECONDS = 0.1
# How much the latest operation counts in the running mean of their durations.
_WEIGHT = 0.1
_LONGEST_RETRY = 60


class Work:
    """Runs blocking functions, some at once, and some more waiting; whoever comes then is turned away.

    A client that no longer waits takes its place in the queue away with it. What has begun is brought to its end, since
    the log has announced it.

    Args:
        threads: How many run at once.
        queue: How many may wait.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._threads, self._queue = threads, queue
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="faceward-work")
        self._free = asyncio.Semaphore(threads)
        self._lock = threading.Lock()
        self._mean = _ASSUMED_SECONDS
        self.waiting = 0
        self.running = 0
        self.refused = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in the pool and return what it returns.

        Raises:
            Busy: As many wait as may.
        """
        if self._free.locked() and self.waiting >= self._queue:
            self.refused += 1
            raise Busy(self.retry_after)
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        return await self._begun(partial(function, *args, **kwargs))

    @property
    def retry_after(self) -> int:
        """Seconds after which the queue will have been worked off."""
        seconds = self._mean * (self.waiting + self.running) / self._threads
        return max(1, min(_LONGEST_RETRY, round(seconds)))

    async def _begun(self, function: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        self.running += 1
        started = loop.time()
        # The request's own context, so that traces and logs of what runs in the thread name the request.
        future = loop.run_in_executor(self._pool, contextvars.copy_context().run, function)

        def done(_: object) -> None:
            self.running -= 1
            self._mean += _WEIGHT * (loop.time() - started - self._mean)
            self._free.release()

        future.add_done_callback(done)
        # The thread goes on where the client is gone, and its place is free only when it is done.
        return await asyncio.shield(future)

    def close(self) -> None:
        """Wait for what has begun."""
        self._pool.shutdown(wait=True)
