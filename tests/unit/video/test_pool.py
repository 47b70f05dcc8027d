"""Threads that look at frames: what is looked at, what is given back, and what happens when looking fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import IntegrityError
from faceward.video.pairs import HELD
from faceward.video.pool import Done, Pool
from faceward.video.recogniser import Recogniser
from faceward.video.views import View

LIMIT = 30


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


class Bench:
    """A pool with the cameras `a` and `b`, whose networks wait at a gate if there is one."""

    def __init__(self, kit: ModuleType, threads: int, waiting: tuple[str, ...], gate: threading.Event | None) -> None:
        self.kit, self.feeds, self.held = kit, kit.FakeFeeds(), kit.FakeHeld()
        self.networks = [kit.FakeNetworks(gate=gate) for _ in range(threads)]
        self.views = {name: View(5.0, 0.5, 60.0, 3) for name in ("a", "b")}
        self.pool = Pool([Recogniser(each) for each in self.networks], self.views, self.feeds.release, waiting)
        self.done: list[Done] = []

    def offer(self, camera: str, seconds: float = 0.0) -> None:
        frame = self.kit.frame(camera, seconds)
        self.feeds.out[id(frame)] = frame
        self.pool.offer(frame)

    def entered(self, number: int = 1) -> None:
        for _ in range(number):
            assert self.networks[0].entered.acquire(timeout=LIMIT)

    def finish(self, count: int) -> list[Done]:
        pause = threading.Event()
        for _ in range(LIMIT * 100):
            self.done += self.pool.take()
            if len(self.done) >= count:
                return self.done
            pause.wait(0.01)
        raise AssertionError(f"{len(self.done)} of {count} were done")


@contextmanager
def bench(kit: ModuleType, threads: int = 1, waiting: tuple[str, ...] = (), *, gated: bool = False) -> Iterator[Any]:
    gate = threading.Event() if gated else None
    made = Bench(kit, threads, waiting, gate)
    made.pool.open(made.held)
    try:
        yield made
    finally:
        if gate is not None:
            gate.set()
        made.pool.close()
        assert made.feeds.out == {}


def test_a_frame_is_looked_at_and_given_back(kit: ModuleType) -> None:
    with bench(kit) as made:
        made.offer("a", 3.0)
        [done] = made.finish(1)
        assert (done.camera, done.error) == ("a", None)
        assert done.looked is not None
        assert done.looked.whole
        assert done.captured == kit.START.timestamp() + 3
        assert made.feeds.out == {}
        assert made.pool.idle


def test_the_latest_frame_takes_the_place_of_one_that_waits_and_that_is_counted(kit: ModuleType) -> None:
    with bench(kit, gated=True) as made:
        made.offer("a", 0.0)
        made.entered()
        for seconds in (1.0, 2.0, 3.0):
            made.offer("a", seconds)
        made.networks[0].gate.set()
        assert [one.captured - kit.START.timestamp() for one in made.finish(2)] == [0.0, 3.0]
        assert made.pool.passed_over == {"a": 2, "b": 0}


def test_of_recordings_every_frame_waits_for_its_turn(kit: ModuleType) -> None:
    with bench(kit, 2, ("a",), gated=True) as made:
        for seconds in range(6):
            made.offer("a", float(seconds))
        made.networks[0].gate.set()
        assert [one.captured - kit.START.timestamp() for one in made.finish(6)] == [0, 1, 2, 3, 4, 5]
        assert made.pool.passed_over == {"a": 0, "b": 0}


def test_a_cameras_frames_are_looked_at_one_after_the_other_and_two_cameras_at_once(kit: ModuleType) -> None:
    with bench(kit, 2, ("a", "b"), gated=True) as made:
        made.offer("a", 0.0)
        made.offer("a", 1.0)
        made.offer("b", 0.0)
        assert made.networks[0].entered.acquire(timeout=LIMIT)
        assert made.networks[1].entered.acquire(timeout=LIMIT)
        # Both threads are busy, and neither with the camera of the other.
        assert not made.networks[0].entered.acquire(timeout=0)
        assert not made.networks[1].entered.acquire(timeout=0)
        made.networks[0].gate.set()
        assert sorted(one.camera for one in made.finish(3)) == ["a", "a", "b"]


def test_W7_what_waits_is_given_back_unseen_when_the_watch_is_shut(kit: ModuleType) -> None:
    with bench(kit, waiting=("a",), gated=True) as made:
        made.offer("a", 0.0)
        made.entered()
        made.offer("a", 1.0)
        made.offer("b", 1.0)
        made.pool.shut()
        assert len(made.feeds.out) == 1
        made.offer("b", 2.0)
        assert len(made.feeds.out) == 1
        made.networks[0].gate.set()
        made.pool.rest()
        assert made.feeds.out == {}
        assert [one.captured - kit.START.timestamp() for one in made.finish(1)] == [0.0]
        made.pool.open(made.held)
        made.offer("b", 3.0)
        assert len(made.finish(2)) == 2


def test_what_fails_is_told_and_the_next_frame_is_looked_at(kit: ModuleType) -> None:
    with bench(kit) as made:
        made.networks[0].error = IntegrityError("the model failed; verify the pack")
        made.offer("a")
        [done] = made.finish(1)
        assert done.looked is None
        assert isinstance(done.error, IntegrityError)
        # A traceback would keep what the failed calls held.
        assert done.error.__traceback__ is None
        made.networks[0].error = None
        made.offer("a", 1.0)
        assert made.finish(2)[1].looked is not None


def test_W1_each_thread_has_networks_of_its_own_and_overwrites_their_memory_when_it_ends(kit: ModuleType) -> None:
    with bench(kit, 2, ("a", "b"), gated=True) as made:
        made.offer("a")
        made.offer("b")
        for each in made.networks:
            assert each.entered.acquire(timeout=LIMIT)
        made.networks[0].gate.set()
        made.finish(2)
    assert [len(each.threads) for each in made.networks] == [1, 1]
    assert made.networks[0].threads.isdisjoint(made.networks[1].threads)
    assert [each.blanks for each in made.networks] == [["640x480"], ["640x480"]]


def test_W1_working_memory_is_overwritten_while_nothing_more_comes(kit: ModuleType) -> None:
    with bench(kit) as made:
        made.offer("a")
        made.finish(1)
        pause = threading.Event()
        for _ in range(LIMIT * 100):
            if made.networks[0].blanks:
                break
            pause.wait(0.01)
        assert made.networks[0].blanks == ["640x480"]


def test_W1_a_sample_whose_next_frame_does_not_come_is_compared_in_time_and_overwritten(kit: ModuleType) -> None:
    with bench(kit, 2, ("a",)) as made:
        for each in made.networks:
            each.people.append(kit.Person(kit.face_box(100, 100), 1))
        began = time.monotonic()
        made.offer("a", 3.0)
        first, second = made.finish(2)
        assert first.looked.sightings == ()
        assert (second.camera, second.looked.frames) == ("a", 0)
        assert [one.captured for one in second.looked.sightings] == [kit.frame(seconds=3.0).captured]
        assert second.finished >= began + HELD
        assert second.received == first.received
        assert not any(row.any() for each in made.networks for row in each.given)
        assert made.held.compared_with == [1]
        assert made.pool.idle


def test_nothing_has_ended_while_a_sample_waits(kit: ModuleType) -> None:
    with bench(kit) as made:
        made.networks[0].people.append(kit.Person(kit.face_box(100, 100), 1))
        made.offer("a", 3.0)
        made.finish(1)
        assert not made.pool.idle
        made.finish(2)
        assert made.pool.idle


def test_W7_what_waits_is_overwritten_and_compared_with_nobody_when_the_watch_is_shut(kit: ModuleType) -> None:
    with bench(kit, 2, gated=True) as made:
        for each in made.networks:
            each.people.append(kit.Person(kit.face_box(100, 100), 1))
        made.networks[0].gate.set()
        made.offer("a", 0.0)
        made.finish(1)
        [held] = made.views["a"].waiting._held.values()
        assert held.part.any()
        made.pool.rest()
        assert not held.part.any()
        assert not held.features.any()
        assert len(made.views["a"].waiting) == 0
        assert made.held.compared_with == []
        # Nor is it compared later.
        made.pool.open(made.held)
        made.networks[0].people.clear()
        made.networks[1].people.clear()
        made.offer("a", 0.2)
        made.finish(2)
        assert made.held.compared_with == []


def test_W1_W7_what_waits_is_overwritten_when_the_threads_end(kit: ModuleType) -> None:
    made = Bench(kit, 1, (), None)
    made.pool.open(made.held)
    made.networks[0].people.append(kit.Person(kit.face_box(100, 100), 1))
    made.offer("a", 0.0)
    made.finish(1)
    made.pool.close()
    assert made.networks[0].given
    assert not any(row.any() for row in made.networks[0].given)
    assert made.held.compared_with == []


def test_a_network_that_fails_on_a_blank_is_told_and_ends_the_thread(kit: ModuleType) -> None:
    made = Bench(kit, 1, (), None)
    made.pool.open(made.held)
    real = made.networks[0].detect

    def fail(picture: Any, *rest: Any, **options: Any) -> Any:
        if picture.name == "blank":
            raise IntegrityError("the model failed; verify the pack")
        return real(picture, *rest, **options)

    made.networks[0].detect = fail
    made.offer("a")
    assert isinstance(made.finish(2)[1].error, IntegrityError)
    made.pool.close()
    assert made.feeds.out == {}
