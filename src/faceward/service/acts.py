"""Doing something for a client that may go away: what has not begun is never begun, what has is brought to its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from faceward.service.errors import Abandoned
from faceward.service.signing import repeatable

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.operations.system import System
    from faceward.service.callers import Caller

T = TypeVar("T")


async def perform(request: Request, caller: Caller, act: Callable[[System], T]) -> T:
    """Do something in a caller's name, in the pool, unless the client goes away before it begins.

    Args:
        request: The request; its body has been read.
        caller: Who asks.
        act: What to do, with the deployment as the caller acts in it; see `signing.repeatable`.

    Raises:
        Abandoned: The client went away while it waited for a thread; nothing was begun.
        Busy: As many wait as may.
        SignatureAsked: It needs a signature of the caller's own.
    """
    turn = _Turn()

    def begin(system: System) -> T:
        turn.begin()
        return act(system)

    running = asyncio.ensure_future(repeatable(request, caller, begin))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done() and turn.give_up():
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            raise turn.abandoned()
        return await running
    finally:
        gone.cancel()
        running.cancel()


class _Turn:
    """Either it begins, in a thread, or it is given up, in the event loop; never both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = self._over = False

    def begin(self) -> None:
        with self._lock:
            if self._over:
                raise self.abandoned()
            self._begun = True

    def give_up(self) -> bool:
        with self._lock:
            self._over = not self._begun
            return self._over

    @staticmethod
    def abandoned() -> Abandoned:
        return Abandoned("the client went away before its turn came; nothing was done")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
