"""Which faces belong to one person, at the speeds at which people pass cameras."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box
from faceward.video.tracking import HIDDEN, Tracker

WIDTH, HEIGHT = 40.0, 50.0


def walk(speed: float, *, rate: float = 5.0, looks: int = 12, missed: Iterable[int] = ()) -> list[int | None]:
    """Return the numbers that a face gets which moves so many pixels a look."""
    tracker, found = Tracker(rate, 0.5), []
    for look in range(looks):
        boxes = [] if look in missed else [at(100 + speed * look)]
        found += tracker.follow(boxes, [0.9] * len(boxes), 1 + look / rate)
    return found


def at(x: float, y: float = 100.0, side: float = 1.0) -> Box:
    return Box(x, y, x + WIDTH * side, y + HEIGHT * side)


@pytest.mark.parametrize("speed", [0, 10, 40, 70, 90])
def test_who_walks_by_is_one_track_at_five_looks_a_second(speed: float) -> None:
    # 70 pixels a look are 1.75 widths of a face: 1.4 m/s.
    assert set(walk(speed)) == {0}


@pytest.mark.parametrize("rate", [2.0, 5.0, 15.0])
def test_one_missed_look_ends_no_track(rate: float) -> None:
    assert set(walk(20, rate=rate, missed=(5,))) == {0}


def test_who_turns_up_where_somebody_has_left_is_somebody_else() -> None:
    assert sorted(set(walk(0, missed=(4, 5, 6)))) == [0, 1]  # type: ignore[type-var]


def test_two_who_cross_keep_their_numbers() -> None:
    tracker = Tracker(5, 0.5)
    for look in range(15):
        left, right = at(60 + 30 * look, 100), at(480 - 30 * look, 190)
        assert tracker.follow([left, right], [0.9, 0.9], 1 + look / 5) == (0, 1)


def test_a_faint_face_carries_a_track_on_and_begins_none() -> None:
    tracker = Tracker(5, 0.5)
    assert tracker.follow([at(100)], [0.3], 1.0) == (None,)
    assert tracker.alive == frozenset()
    assert tracker.follow([at(100)], [0.9], 1.2) == (0,)
    assert tracker.follow([at(104), at(400)], [0.2, 0.3], 1.4) == (0, None)


def test_somebody_who_is_seen_once_has_a_number() -> None:
    tracker = Tracker(0.5, 0.5)
    assert tracker.follow([at(10), at(300)], [0.9, 0.8], 1.0) == (0, 1)
    assert tracker.follow([at(550)], [0.9], 3.0) == (2,)


def test_a_clock_that_goes_back_ends_all_tracks_and_no_number_returns() -> None:
    tracker = Tracker(5, 0.5)
    assert tracker.follow([at(100)], [0.9], 10.0) == (0,)
    assert tracker.follow([at(100)], [0.9], 9.0) == (1,)
    assert tracker.follow([at(100)], [0.9], 9.2) == (1,)
    assert tracker.follow([], [], 9.2) == ()
    assert tracker.alive == frozenset()


def test_a_face_is_expected_where_it_goes_and_for_a_while_after_it_was_lost() -> None:
    tracker = Tracker(5, 0.5)
    tracker.follow([at(100)], [0.9], 1.0)
    tracker.follow([at(150)], [0.9], 1.2)
    assert tracker.expected(1.4)[0] == at(200)
    for look in range(7):
        tracker.follow([], [], 1.4 + look / 5)
    assert tracker.alive == frozenset()
    assert set(tracker.expected(1.19 + HIDDEN)) == {0}
    assert tracker.expected(1.21 + HIDDEN) == {}


def test_a_library_that_does_not_load_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **options: Any) -> Any:
        if name == "trackers":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(EnvironmentFailure, match=r"libGL\.so\.1.*libgl1") as caught:
        Tracker(5, 0.5)
    assert "\n" not in str(caught.value)
