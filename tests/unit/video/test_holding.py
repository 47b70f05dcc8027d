"""Holding a watch: asked twice a second, ended by a refusal, begun anew after a failure of the machine."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, PolicyRefusal
from faceward.video.holding import CHECK_EVERY, Holder

STOPPED = PolicyRefusal("W7", "recognition was stopped.", "Two people restart it.")
FULL = EnvironmentFailure("the log cannot be written: no space left; free some")


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


class Opening:
    """Gives out watches, one after the other; an error takes the place of one that cannot be begun."""

    def __init__(self, kit: ModuleType, *planned: Any) -> None:
        self._kit, self._planned = kit, list(planned)
        self.given: list[Any] = []

    def __call__(self) -> Any:
        one = self._planned.pop(0) if self._planned else self._kit.FakeHeld()
        if isinstance(one, Exception):
            one = self._kit.FakeHeld(fails={"enter": [one]})
        self.given.append(one)
        return one


def test_W7_it_is_asked_twice_a_second(kit: ModuleType) -> None:
    opening = Opening(kit)
    holder = Holder(opening)
    holder.begin(0.0)
    for tenth in range(1, 41):
        assert holder.step(tenth / 10) is None
    assert opening.given[0].checks == 8
    assert CHECK_EVERY <= 1.0


def test_W7_a_refusal_ends_it_for_good(kit: ModuleType) -> None:
    opening = Opening(kit, kit.FakeHeld(fails={"check": [None, STOPPED]}))
    holder = Holder(opening)
    holder.begin(0.0)
    assert holder.step(0.5) is None
    with pytest.raises(PolicyRefusal, match="W7"):
        holder.step(1.0)
    assert holder.watcher is None
    assert (opening.given[0].ended, len(opening.given)) == (1, 1)


def test_a_machine_that_fails_ends_it_at_once_and_it_begins_anew_later_each_time(kit: ModuleType) -> None:
    held = kit.FakeHeld(fails={"check": [FULL]})
    opening = Opening(kit, held, FULL, FULL, FULL, FULL, FULL, FULL, FULL)
    holder = Holder(opening)
    holder.begin(0.0)
    assert holder.step(0.5) is FULL
    assert holder.watcher is None
    assert held.ended == 1
    tries = []
    for tenth in range(6, 2000):
        before = len(opening.given)
        holder.step(tenth / 10)
        if len(opening.given) > before:
            tries.append(tenth / 10)
        if holder.watcher is not None:
            break
    waits = [round(later - earlier, 1) for earlier, later in zip([0.5, *tries], tries, strict=False)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert holder.interruptions == 1
    # Once it goes on well, the next failure is tried again as soon as the first.
    assert holder.watcher is not None
    now = tries[-1] + CHECK_EVERY
    assert holder.step(now) is None
    holder.interrupt(FULL, now)
    assert holder.retry_in == 1.0


def test_a_refusal_to_begin_anew_ends_it(kit: ModuleType) -> None:
    holder = Holder(Opening(kit, kit.FakeHeld(fails={"check": [FULL]}), STOPPED))
    holder.begin(0.0)
    holder.step(0.5)
    with pytest.raises(PolicyRefusal):
        holder.step(2.0)


def test_what_cannot_begin_is_raised(kit: ModuleType) -> None:
    with pytest.raises(EnvironmentFailure):
        Holder(Opening(kit, FULL)).begin(0.0)


@pytest.mark.parametrize("error", [FULL, STOPPED])
def test_a_comparison_that_failed_begins_the_watch_anew_which_decides(kit: ModuleType, error: Any) -> None:
    opening = Opening(kit)
    holder = Holder(opening)
    holder.begin(0.0)
    assert holder.interrupt(error, 0.1) is error
    assert (holder.watcher, opening.given[0].ended, holder.interruptions) == (None, 1, 1)
    assert holder.step(1.2) is None
    assert holder.watcher is opening.given[1]


def test_an_end_that_cannot_be_written_is_passed_over(kit: ModuleType) -> None:
    holder = Holder(Opening(kit, kit.FakeHeld(fails={"exit": [FULL]})))
    holder.begin(0.0)
    holder.end()
    assert holder.watcher is None
    holder.end()
