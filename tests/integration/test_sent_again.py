"""Requests that are sent again while the first is still carried out, or after whoever sent it went away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

import pytest
from starlette.requests import Request

from faceward.service.callers import Caller, Kind
from faceward.service.errors import Conflict
from faceward.service.idempotency import Answer, once

T = TypeVar("T")
PROGRAM = Caller(Kind.KEY, "key door")


@pytest.fixture
def service(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    with service_kit.served(world.open(purpose=None), world.clock) as one:
        yield one.service


def alone(story: Coroutine[Any, Any, T]) -> T:
    # In a thread of its own: a browser that other tests drive may keep a loop in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(story)).result()


def _request(service: Any) -> Request:
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/x", "query_string": b"", "scheme": "http"}
    scope |= {"server": ("localhost", 8000), "headers": [(b"idempotency-key", b"k" * 20)], "state": {"content": "abc"}}
    return Request(scope | {"app": SimpleNamespace(state=SimpleNamespace(service=service))})


def test_what_is_cancelled_while_it_runs_is_carried_out_once_and_its_answer_is_kept(service: Any) -> None:
    entered, go, ran = threading.Event(), threading.Event(), []

    def act() -> None:
        ran.append(1)
        entered.set()
        assert go.wait(20)

    async def make() -> Answer:
        await service.work.run(act)
        return Answer(200, b"{}")

    async def ask() -> Any:
        return await once(_request(service), PROGRAM, make)

    async def story() -> Any:
        first = asyncio.ensure_future(ask())
        assert await asyncio.to_thread(entered.wait, 20)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(Conflict):
            await ask()
        go.set()
        for _ in range(400):
            try:
                return await ask()
            except Conflict:
                await asyncio.sleep(0.01)
        raise AssertionError("its answer was never kept")

    again = alone(story())
    assert (again.status_code, again.headers["idempotency-replayed"], ran) == (200, "true", [1])


def test_what_a_service_leaves_when_it_ends_is_not_carried_out_again_within_its_lease(service: Any) -> None:
    entered, ran = asyncio.Event(), []

    async def make() -> Answer:
        ran.append(1)
        entered.set()
        await asyncio.sleep(60)
        return Answer(200, b"{}")

    async def story() -> None:
        asyncio.ensure_future(once(_request(service), PROGRAM, make)).add_done_callback(lambda one: one.cancelled())
        await entered.wait()

    # The loop's end cancels whatever is still there.
    alone(story())
    with pytest.raises(Conflict):
        alone(_awaited(once(_request(service), PROGRAM, make)))
    assert ran == [1]


def test_what_failed_may_be_sent_again(service: Any) -> None:
    outcomes: list[Exception | Answer] = [RuntimeError("a defect"), Answer(201, b"{}")]

    async def make() -> Answer:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def story() -> int:
        with pytest.raises(RuntimeError):
            await once(_request(service), PROGRAM, make)
        return (await once(_request(service), PROGRAM, make)).status_code

    assert alone(story()) == 201


async def _awaited(asked: Any) -> Any:
    return await asked
