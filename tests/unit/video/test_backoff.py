"""Waits between tries, and silence that counts as a stall."""

from __future__ import annotations

import pytest

from faceward.video.backoff import Backoff, Patience


def test_waits_double_to_the_most_and_start_over_after_a_steady_connection() -> None:
    backoff = Backoff(Patience(first=1, most=8, steady=10), draw=lambda: 1.0)
    assert [backoff.lost(0.0) for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    backoff.connected(100.0)
    backoff.heard(104.0)
    assert backoff.lost(105.0) == 113, "a connection that does not last is no success"
    backoff.connected(200.0)
    backoff.heard(211.0)
    assert backoff.lost(211.0) == 212


def test_a_camera_whose_connections_give_no_frame_is_asked_ever_more_seldom() -> None:
    backoff = Backoff(Patience(first=1, most=8, steady=10), draw=lambda: 1.0)
    waits = []
    for start in range(0, 600, 100):
        backoff.connected(float(start))
        # It held the connection for long, and showed nothing.
        waits.append(backoff.lost(start + 60.0) - start - 60.0)
    assert waits == [1, 2, 4, 8, 8, 8]


def test_a_camera_that_takes_what_others_need_is_waited_for_longest_until_it_is_steady() -> None:
    backoff = Backoff(Patience(first=1, most=8, steady=10), draw=lambda: 1.0)
    backoff.connected(0.0)
    backoff.heard(11.0)
    assert backoff.lost(11.0, harmful=True) == 19
    assert backoff.lost(20.0) == 28
    backoff.connected(30.0)
    backoff.heard(41.0)
    assert backoff.lost(41.0) == 42


@pytest.mark.parametrize(("drawn", "wait"), [(0.0, 2.0), (0.5, 3.0), (1.0, 4.0)])
def test_a_wait_is_drawn_from_the_upper_half(drawn: float, wait: float) -> None:
    assert Backoff(Patience(first=4), draw=lambda: drawn).lost(0.0) == wait


def test_it_is_due_at_once_at_first_then_after_the_wait_and_never_while_connected() -> None:
    backoff = Backoff(Patience(first=2), draw=lambda: 1.0)
    assert backoff.due(0.0)
    backoff.connected(0.0)
    assert not backoff.due(100.0)
    backoff.lost(100.0)
    assert not backoff.due(101.9)
    assert backoff.due(102.0)


def test_ten_years_without_a_camera_overflow_nothing() -> None:
    backoff = Backoff(Patience(), draw=lambda: 1.0)
    assert {backoff.lost(0.0) for _ in range(5000)} == {0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0}


def test_a_silence_is_told_once_and_again_after_something_was_heard() -> None:
    backoff = Backoff(Patience(stall=5))
    assert not backoff.stalled(100.0), "what was never connected does not stall"
    backoff.connected(0.0)
    assert not backoff.stalled(4.9)
    assert backoff.stalled(5.0)
    assert backoff.silent
    assert not backoff.stalled(6.0)
    backoff.heard(7.0)
    assert not backoff.silent
    assert backoff.stalled(12.0)


def test_cameras_lost_together_do_not_come_back_together() -> None:
    assert len({Backoff(Patience()).lost(0.0) for _ in range(50)}) > 40
