"""The bounded pool in which everything runs that waits for the processor or the disk, in turns between callers."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeAlias, TypeVar

from faceward.service.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")

LANE: contextvars.ContextVar[str] = contextvars.ContextVar("faceward_lane", default="")
"""In whose name the work of a request waits: who calls, where that is known, and else the address it comes from."""

_ASSUMED_SECONDS = 0.1
# How much the latest operation counts in the running mean of their durations.
_WEIGHT = 0.1
_LONGEST_RETRY = 60
# How long somebody for whom nothing runs waits before one operation more than usual runs at once.
_PATIENCE = 1.0
_Place: TypeAlias = "asyncio.Future[None]"


class Work:
    """Runs blocking functions, some at once, and some more waiting; whoever comes then is turned away.

    Callers have turns: of those who wait, the one goes next whose turn was longest ago, however much the others have
    brought. One caller alone may fill the queue. Who comes when it is full and has less in it than the caller who has
    most takes the place of what that one brought last. Where every thread has been taken for a second, as by pictures
    of a hundred megapixels, one operation more may run, of a caller for whom none does. So nobody can keep another out
    by asking much.

    A client that no longer waits takes its place in the queue away with it. What has begun is brought to its end, since
    the log has announced it.

    Args:
        threads: How many run at once.
        queue: How many may wait.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._threads, self._queue = threads, queue
        self._pool = ThreadPoolExecutor(threads + 1, thread_name_prefix="faceward-work")
        # Lanes in the order of their turns; one in which nobody waits is not there.
        self._lanes: OrderedDict[str, deque[_Place]] = OrderedDict()
        self._since: dict[_Place, float] = {}
        self._own: Counter[str] = Counter()
        self._mean = _ASSUMED_SECONDS
        # Those that run, and those whose turn has come.
        self._taken = 0
        self.waiting = 0
        self.running = 0
        self.refused = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in the pool and return what it returns.

        Raises:
            Busy: As many wait as may.
        """
        lane = LANE.get()
        if self._taken < self._threads:
            self._taken += 1
        else:
            await self._turn(lane)
        return await self._begun(lane, partial(function, *args, **kwargs))

    @property
    def retry_after(self) -> int:
        """Seconds after which the queue will have been worked off."""
        seconds = self._mean * (self.waiting + self.running) / self._threads
        return max(1, min(_LONGEST_RETRY, round(seconds)))

    async def _turn(self, lane: str) -> None:
        if self.waiting >= self._queue:
            self._make_room(lane)
        loop = asyncio.get_running_loop()
        place: _Place = loop.create_future()
        self._lanes.setdefault(lane, deque()).append(place)
        self._since[place] = loop.time()
        self.waiting += 1
        overdue = loop.call_later(_PATIENCE, self._help)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                # Its turn came in the same moment.
                self._pass_on()
            else:
                self._forget(lane, place)
            raise
        finally:
            overdue.cancel()
            del self._since[place]

    def _make_room(self, lane: str) -> None:
        longest = max(self._lanes, key=lambda name: len(self._lanes[name]), default=lane)
        most, own = len(self._lanes.get(longest, ())), len(self._lanes.get(lane, ()))
        self.refused += 1
        if own + 1 >= most:
            raise Busy(self.retry_after)
        place = self._lanes[longest][-1]
        self._forget(longest, place)
        place.set_exception(Busy(self.retry_after))

    def _forget(self, lane: str, place: _Place) -> None:
        with suppress(KeyError, ValueError):
            self._lanes[lane].remove(place)
            self.waiting -= 1
            if not self._lanes[lane]:
                del self._lanes[lane]

    def _pass_on(self) -> None:
        """Give a thread that is free to whose turn it is."""
        if self._taken > self._threads:
            self._taken -= 1
            self._help()
        elif not any(self._called(lane) for lane in list(self._lanes)):
            self._taken -= 1

    def _help(self) -> None:
        """Let one operation more run, of a caller who waited long and for whom none does."""
        now = asyncio.get_running_loop().time()
        if self._taken != self._threads:
            return
        for lane, places in list(self._lanes.items()):
            # A timer may be early by the clock's resolution.
            if not self._own[lane] and now - self._since[places[0]] > _PATIENCE * 0.9 and self._called(lane):
                self._taken += 1
                return

    def _called(self, lane: str) -> bool:
        places = self._lanes[lane]
        while places:
            place = places.popleft()
            self.waiting -= 1
            if not place.done():
                break
        else:
            del self._lanes[lane]
            return False
        if places:
            self._lanes.move_to_end(lane)
        else:
            del self._lanes[lane]
        place.set_result(None)
        return True

    async def _begun(self, lane: str, function: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        self.running += 1
        self._own[lane] += 1
        started = loop.time()
        # The request's own context, so that traces and logs of what runs in the thread name the request.
        future = loop.run_in_executor(self._pool, contextvars.copy_context().run, function)

        def done(_: object) -> None:
            self.running -= 1
            self._own[lane] -= 1
            if not self._own[lane]:
                del self._own[lane]
            self._mean += _WEIGHT * (loop.time() - started - self._mean)
            self._pass_on()

        future.add_done_callback(done)
        # The thread goes on where the client is gone, and its place is free only when it is done.
        return await asyncio.shield(future)

    def close(self) -> None:
        """Wait for what has begun."""
        self._pool.shutdown(wait=True)
