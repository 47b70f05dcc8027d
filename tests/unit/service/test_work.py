"""The pool: callers have turns, and nobody keeps another out by asking much."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from faceward.service import work
from faceward.service.errors import Busy
from faceward.service.work import LANE, Work


class Pool:
    """A pool of one thread, which is held until `go`."""

    def __init__(self, queue: int = 4) -> None:
        self.work = Work(1, queue)
        self.go = threading.Event()
        self.order: list[str] = []

    def ask(self, lane: str, name: str = "") -> asyncio.Task[None]:
        async def run() -> None:
            LANE.set(lane)
            await self.work.run(self._do, name or lane)

        return asyncio.ensure_future(run())

    def _do(self, name: str) -> None:
        assert self.go.wait(10)
        self.order.append(name)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    # In a thread of its own: a browser that other tests drive may keep a loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(scenario())).result()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_callers_have_turns_however_much_one_has_asked() -> None:
    async def scenario() -> None:
        pool = Pool(queue=10)
        asked = []
        for lane, name in [("a", f"a{n}") for n in range(5)] + [("b", "b0"), ("b", "b1"), ("c", "c0")]:
            asked.append(pool.ask(lane, name))
            await settle()
        assert (pool.work.running, pool.work.waiting) == (1, 7)
        pool.go.set()
        await asyncio.gather(*asked)
        assert pool.order == ["a0", "a1", "b0", "c0", "a2", "b1", "a3", "a4"]
        assert (pool.work.running, pool.work.waiting, pool.work._taken) == (0, 0, 0)

    run(scenario)


def test_a_full_queue_takes_from_who_has_most_and_gives_to_who_has_least() -> None:
    async def scenario() -> None:
        pool = Pool(queue=4)
        greedy = [pool.ask("a", f"a{n}") for n in range(5)]
        await settle()
        with pytest.raises(Busy):
            await pool.ask("a")
        others = [pool.ask("b"), pool.ask("c")]
        await settle()
        assert pool.work.waiting == 4
        for lost in greedy[3:]:
            with pytest.raises(Busy) as caught:
                await lost
            assert caught.value.retry_after >= 1
        # Nobody has two more than they would: what waits stays.
        with pytest.raises(Busy):
            await pool.ask("b")
        pool.go.set()
        await asyncio.gather(*greedy[:3], *others)
        assert pool.order == ["a0", "a1", "b", "c", "a2"]
        assert pool.work.refused == 4

    run(scenario)


def test_who_goes_away_leaves_the_queue_also_in_the_moment_of_their_turn() -> None:
    async def scenario() -> None:
        pool = Pool(queue=4)
        asked = [pool.ask("a", "first"), pool.ask("a", "gone"), pool.ask("b", "at its turn"), pool.ask("c", "last")]
        await settle()
        asked[1].cancel()
        await settle()
        assert pool.work.waiting == 2
        pool.go.set()
        pool.work._pass_on()
        asked[2].cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        # The turn was passed on by hand while the first still ran, so either may end first.
        assert sorted(pool.order) == ["first", "last"]
        assert pool.work.waiting == pool.work.running == 0

    run(scenario)


def test_who_takes_every_thread_for_long_keeps_no_other_caller_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_PATIENCE", 0.1)

    async def scenario() -> None:
        pool = Pool(queue=8)
        slow = [pool.ask("a", f"a{n}") for n in range(3)]
        await settle()
        assert (pool.work.running, pool.work.waiting) == (1, 2)
        await asyncio.sleep(0.3)
        assert pool.work.running == 1, "for who has one running already there is no more"
        done: list[str] = []

        async def other(lane: str) -> None:
            LANE.set(lane)
            await pool.work.run(done.append, lane)

        await asyncio.wait_for(asyncio.gather(asyncio.ensure_future(other("b")), asyncio.ensure_future(other("c"))), 5)
        assert sorted(done) == ["b", "c"]
        assert pool.order == []
        assert pool.work._taken == 1
        pool.go.set()
        await asyncio.gather(*slow)
        assert pool.order == ["a0", "a1", "a2"]
        assert (pool.work.running, pool.work.waiting, pool.work._taken) == (0, 0, 0)
        assert not pool.work._own
        assert not pool.work._since

    run(scenario)
