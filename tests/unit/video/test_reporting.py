"""Putting sightings on record: none is lost while the machine fails for a while, and what is lost is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, PolicyRefusal
from faceward.operations.watching import Sighting
from faceward.video.reporting import PATIENCE, Reported, Reporter

LIMIT = 30
FULL = EnvironmentFailure("the log cannot be written: no space left; free some")


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


def sighting(kit: ModuleType, camera: str = "door") -> Sighting:
    return Sighting(camera, kit.START, b"png", (0, 0, 1, 1), ())


def told(reporter: Reporter, count: int) -> list[Reported]:
    found: list[Reported] = []
    pause = threading.Event()
    for _ in range(LIMIT * 100):
        found += reporter.take()
        if len(found) >= count:
            return found
        pause.wait(0.01)
    raise AssertionError(found)


@pytest.fixture
def reporter() -> Any:
    made = Reporter()
    yield made
    made.close()


def test_a_sighting_becomes_an_alert(kit: ModuleType, reporter: Reporter) -> None:
    held = kit.FakeHeld()
    reporter.open(held)
    reporter.add(sighting(kit), time.monotonic() - 0.25)
    [one] = told(reporter, 1)
    assert one.alert is not None
    assert (one.camera, one.error, one.given_up, one.suppressed) == ("door", None, False, False)
    assert one.latency >= 0.25
    assert reporter.idle


def test_a_repetition_and_a_suppression_are_told_apart(kit: ModuleType, reporter: Reporter) -> None:
    reporter.open(kit.FakeHeld(repeats=True))
    reporter.add(sighting(kit), time.monotonic())
    reporter_told = told(reporter, 1)
    reporter.open(kit.FakeHeld(suppresses=True))
    reporter.add(sighting(kit), time.monotonic())
    assert [(one.alert, one.suppressed) for one in [*reporter_told, *told(reporter, 1)]] == [
        (None, False),
        (None, True),
    ]


def test_a_sighting_waits_for_the_next_watch_where_the_machine_failed(kit: ModuleType, reporter: Reporter) -> None:
    broken, whole = kit.FakeHeld(fails={"alert": [FULL]}), kit.FakeHeld()
    reporter.open(broken)
    reporter.add(sighting(kit, "a"), time.monotonic())
    [failed] = told(reporter, 1)
    assert failed.error is FULL
    assert not failed.given_up
    reporter.add(sighting(kit, "b"), time.monotonic())
    assert not reporter.idle
    reporter.open(whole)
    assert [one.camera for one in told(reporter, 2)] == ["a", "b"]
    assert [one.camera for one in whole.sightings] == ["a", "b"]


def test_a_sighting_that_is_refused_is_given_up_and_told(kit: ModuleType, reporter: Reporter) -> None:
    refusal = PolicyRefusal("P2", "the mandate was revoked.", "Ask for another.")
    reporter.open(kit.FakeHeld(fails={"alert": [refusal]}))
    reporter.add(sighting(kit), time.monotonic())
    [one] = told(reporter, 1)
    assert one.error is refusal
    assert one.given_up


def test_a_sighting_that_waited_too_long_is_given_up_and_told(kit: ModuleType, reporter: Reporter) -> None:
    reporter.add(sighting(kit), time.monotonic() - PATIENCE - 1)
    [one] = told(reporter, 1)
    assert (one.given_up, one.alert, one.error) == (True, None, None)


def test_at_the_end_what_waits_is_put_on_record_or_given_up(kit: ModuleType) -> None:
    held, reporter = kit.FakeHeld(), Reporter()
    for camera in "abc":
        reporter.add(sighting(kit, camera), time.monotonic())
    reporter.open(held)
    reporter.close()
    assert [one.camera for one in held.sightings] == ["a", "b", "c"]
    assert len(reporter.take()) == 3
    shut = Reporter()
    shut.add(sighting(kit), time.monotonic())
    shut.close()
    assert [one.given_up for one in shut.take()] == [True]


def test_a_watch_that_fails_late_does_not_shut_the_one_that_was_opened_meanwhile(
    kit: ModuleType, reporter: Reporter
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(kit.FakeHeld):  # type: ignore[misc,name-defined]
        def alert(self, sighting: Any) -> Any:
            entered.set()
            assert go_on.wait(LIMIT)
            raise FULL

    whole = kit.FakeHeld()
    reporter.open(Slow())
    reporter.add(sighting(kit), time.monotonic())
    assert entered.wait(LIMIT)
    reporter.open(whole)
    go_on.set()
    assert [one.error for one in told(reporter, 2)] == [FULL, None]
    assert len(whole.sightings) == 1
