"""Who compares waits for nothing that is recorded; what ends a watch overwrites first, then counts and tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import EnvironmentFailure, PolicyRefusal, UsageError
from faceward.operations import watch_grounds, watch_period
from faceward.operations import watching as module
from faceward.operations.context import Desk

LIMIT = 30.0
FULL = "the disk is full; free some space and repeat"


def loaded(shop: Any) -> dict[str, Any]:
    """Return what is opened of the list in memory."""
    return dict(shop.deployment.gallery("theft")._loaded)


def full(*_: object, **__: object) -> None:
    raise EnvironmentFailure(FULL)


class Held:
    """A step that waits in the midst of its call until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self.real = getattr(place, name)
        self.thread: int | None = None
        monkeypatch.setattr(place, name, self._wait)

    def _wait(self, *given: Any, **named: Any) -> Any:
        if threading.get_ident() == self.thread:
            self.reached.set()
            assert self.go.wait(LIMIT)
        return self.real(*given, **named)


@contextmanager
def meanwhile(held: Held, act: Callable[[], object]) -> Iterator[list[object]]:
    """Have another thread get as far as the step; what it returned, or raised, is in the list once it is let go."""
    done: list[object] = []

    def run() -> None:
        held.thread = threading.get_ident()
        try:
            done.append(act())
        except Exception as error:  # noqa: BLE001 - looked at by who asked
            done.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert held.reached.wait(LIMIT)
        yield done
    finally:
        held.go.set()
        thread.join(LIMIT)


def in_time(act: Callable[[], Any]) -> Any:
    """Return what a thread of its own returns; fail where it has to wait for what is held back."""
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(act()), daemon=True)
    thread.start()
    thread.join(LIMIT / 3)
    assert not thread.is_alive(), "it waits"
    return done[0]


def test_W1_who_compares_does_not_wait_for_an_alert_that_is_being_recorded(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        held = Held(monkeypatch, watch_grounds, "grounds")
        with meanwhile(held, lambda: watching.alert(sighting)) as alerted:
            assert in_time(lambda: watching.compare(shop.features("a stranger"))) == ()
            assert in_time(lambda: watching.terms.subjects) == 2
            # Whoever looks does not wait either, so that nothing is refused as stale meanwhile (rule W7).
            shop.ticks.advance(1.5)
            in_time(watching.check)
            shop.ticks.advance(1.5)
            assert in_time(lambda: watching.compare(shop.features("Hugo")))
        [alert] = alerted
        assert (alert.camera, alert.state) == ("door", "waiting")


def test_W1_who_compares_does_not_wait_for_the_next_period(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.watch() as watching:
        first = watching.entry
        shop.ticks.advance(839)
        watching.check()
        shop.ticks.advance(1)
        held = Held(monkeypatch, watch_period, "begin")
        with meanwhile(held, watching.check) as checked:
            assert in_time(lambda: watching.compare(shop.features("a stranger"))) == ()
            assert watching.entry == first
        assert checked == [None]
        assert watching.entry != first
        assert watching.compare(shop.features("Hugo"))


def test_W6_what_is_to_be_counted_waits_for_an_alert_and_no_look_waits_for_long(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENT", 0.01)
    with shop.watch() as watching:
        watching.compared("door", 3)
        sighting = shop.sighting(watching, "Hugo")
        held = Held(monkeypatch, watch_grounds, "grounds")
        with meanwhile(held, lambda: watching.alert(sighting)):
            shop.ticks.advance(61)
            in_time(watching.check)
            assert shop.lines("watch.count") == []
        watching.check()
        assert [line.opened["details"]["faces"] for line in shop.lines("watch.count")] == [3]


def test_W7_a_refused_look_ends_comparing_at_once_also_while_an_alert_is_being_recorded(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        held = Held(monkeypatch, watch_grounds, "grounds")
        with meanwhile(held, lambda: watching.alert(sighting)) as alerted:
            assert loaded(shop)
            monkeypatch.setattr(watch_period, "still", _stopped)
            with _looking(watching) as looked:
                _until(lambda: not loaded(shop))
                refused = in_time(lambda: _error(lambda: watching.compare(shop.features("Hugo"))))
                assert (refused.rule, len(looked)) == ("W7", 0)
                held.go.set()
        # The alert was only begun, and is refused as the watch was.
        assert [getattr(one, "rule", one) for one in alerted] == ["W7"]
        assert [getattr(one, "rule", one) for one in looked] == ["W7"]
        assert not loaded(shop)
    assert shop.system.alerts.list() == ()


def _stopped(*_: object, **__: object) -> None:
    raise PolicyRefusal("W7", "recognition was stopped.", "Wait.")


@contextmanager
def _looking(watching: Any) -> Iterator[list[object]]:
    done: list[object] = []
    thread = threading.Thread(target=lambda: done.append(_error(watching.check)))
    thread.start()
    yield done
    thread.join(LIMIT)


def _error(act: Callable[[], object]) -> Any:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - looked at by who asked
        act()
    return caught.value


def _until(true: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(3000):
        if true():
            return
        waited.wait(0.01)
    raise AssertionError("it did not come about")


def test_W7_a_look_counts_from_its_beginning(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = watch_period.still

    def slow(*given: Any, **named: Any) -> Any:
        rests = real(*given, **named)
        shop.ticks.advance(1.5)
        return rests

    with shop.watch() as watching:
        monkeypatch.setattr(watch_period, "still", slow)
        watching.check()
        shop.ticks.advance(0.4)
        assert watching.compare(shop.features("Hugo"))
        shop.ticks.advance(0.2)
        with pytest.raises(PolicyRefusal, match="W7"):
            watching.compare(shop.features("Hugo"))


@pytest.mark.parametrize("fails", [False, True])
def test_W1_what_is_made_of_a_sample_to_compare_is_overwritten(
    shop: Any, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    made: list[Any] = []
    fuse = module.fuse

    def kept(rows: Any, sharpening: float) -> Any:
        made.append(np.array(fuse(rows, sharpening)))
        return made[-1]

    monkeypatch.setattr(module, "fuse", kept)
    with shop.watch() as watching:
        if fails:
            monkeypatch.setattr(type(shop.deployment.gallery("theft")), "search_many", full)
            with pytest.raises(EnvironmentFailure):
                watching.compare(shop.features("a stranger"))
        else:
            assert watching.compare(shop.features("a stranger")) == ()
    assert [probe.any() for probe in made] == [False]
    assert made[0].size > 1


def test_W7_what_was_opened_is_overwritten_before_anything_is_written(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []
    for place, name in ((Desk, "close"), (module.watch_counts, "tell")):
        real = getattr(place, name)
        monkeypatch.setattr(place, name, lambda *a, real=real, **k: opened.append(bool(loaded(shop))) or real(*a, **k))
    with shop.watch() as watching:
        assert watching.compare(shop.features("Hugo"))
        assert loaded(shop)
        monkeypatch.setattr(watch_period, "still", _stopped)
        with pytest.raises(PolicyRefusal):
            watching.check()
    assert opened == [False, False]


def test_W6_the_faces_of_a_watch_that_was_refused_are_counted(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.watch() as watching:
        watching.compared("door", 7)
        monkeypatch.setattr(watch_period, "still", _stopped)
        with pytest.raises(PolicyRefusal):
            watching.check()
    assert [line.opened["details"]["faces"] for line in shop.lines("watch.count")] == [7]
    assert shop.system.monitoring.purposes()[0]["faces"] == 7


def test_W6_faces_that_could_not_be_written_are_written_when_the_watch_ends(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.watch("door", "till") as watching:
        watching.compared("door", 7)
        shop.ticks.advance(61)
        journal, write = type(shop.system._desk.journal), type(shop.system._desk.journal).write
        failures = [1]

        def once(*given: Any, **named: Any) -> Any:
            if failures:
                failures.pop()
                raise EnvironmentFailure(FULL)
            return write(*given, **named)

        monkeypatch.setattr(journal, "write", once)
        with pytest.raises(EnvironmentFailure):
            watching.check()
    assert failures == []
    assert [line.opened["details"]["cameras"] for line in shop.lines("watch.count")] == [{"door": 7}]
    assert shop.lines("watch")[-1].opened["details"]["cameras"]["door"]["tracks"] == 7


def test_W6_what_passes_while_the_log_is_told_is_told_next_time(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.watch() as watching:
        watching.compared("door", 2)
        journal, write = type(shop.system._desk.journal), type(shop.system._desk.journal).write
        with monkeypatch.context() as patched:
            patched.setattr(journal, "write", lambda *a, **k: watching.compared("door", 5) or write(*a, **k))
            shop.ticks.advance(61)
            watching.check()
    assert [line.opened["details"]["faces"] for line in shop.lines("watch.count")] == [2, 5]


def test_a_watch_that_is_ended_with_a_reason_gives_it_to_whoever_waits(shop: Any) -> None:
    reason = EnvironmentFailure(FULL)
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        watching.compared("door", 4)
        watching.end(reason)
        assert not loaded(shop)
        for late in (lambda: watching.alert(sighting), lambda: watching.compare(shop.features("Hugo")), watching.check):
            assert _error(late) is reason
        watching.end()
    last = shop.lines("watch")[-1]
    assert (last.phase, last.opened["details"]["failed"]) == ("end", "EnvironmentFailure")
    assert [line.opened["details"]["faces"] for line in shop.lines("watch.count")] == [4]
    # The sighting is the next watch's.
    with shop.watch() as watching:
        assert watching.alert(sighting) is not None


def test_a_watch_that_ends_without_a_reason_says_so(shop: Any) -> None:
    for end in (lambda watching: watching.end(), lambda watching: watching.end(KeyboardInterrupt())):
        with shop.watch() as watching:
            end(watching)
            with pytest.raises(UsageError, match="has ended"):
                watching.compare(shop.features("Hugo"))
        assert "failed" not in shop.lines("watch")[-1].opened["details"]


def test_a_watch_that_ends_waits_for_the_alert_that_is_being_recorded(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        held = Held(monkeypatch, module.raising, "raise_alert")
        with meanwhile(held, lambda: watching.alert(sighting)) as alerted:
            ends = threading.Thread(target=watching.end)
            ends.start()
            _until(lambda: watching._running is None)
            assert shop.lines("watch")[-1].phase == "begin"
        ends.join(LIMIT)
    assert [alert.state for alert in shop.system.alerts.list()] == ["waiting"]
    assert alerted == list(shop.system.alerts.list())
    assert [line.phase for line in shop.lines("watch")] == ["begin", "end"]
    assert shop.lines("watch")[-1].index > shop.lines("watch.alert")[-1].index
