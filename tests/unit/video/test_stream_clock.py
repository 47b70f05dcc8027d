"""From time stamps to UTC: late packets, drift, jumps, stamps that are missing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from faceward.video.stream_clock import StreamClock

UTC = 1_700_000_000.0


def test_a_live_stream_keeps_the_camera_s_pace_through_a_network_that_trembles() -> None:
    clock = StreamClock(live=True, period=0.2)
    late = np.random.default_rng(1).exponential(0.05, 2000)
    made = [clock.captured(7000 + 0.2 * n, UTC + 0.2 * n + late[n]) for n in range(2000)]
    steps = np.diff(made)
    # The stream's zero settles within the first packets; from then on no frame is where its packet was.
    assert np.abs(steps[200:] - 0.2).max() < 0.01
    assert np.abs(np.array(made[200:]) - UTC - 0.2 * np.arange(200, 2000)).max() < 0.01


@pytest.mark.parametrize("pace", [1.0005, 0.9995])
def test_the_drift_of_a_camera_s_clock_is_followed(pace: float) -> None:
    clock = StreamClock(live=True, period=0.2)
    for n in range(5 * 3600):
        made = clock.captured(0.2 * n * pace, UTC + 0.2 * n)
    # 0.05 % for an hour are 1.8 s, of which at most a window's share is left.
    assert abs(made - (UTC + 0.2 * (5 * 3600 - 1))) < 0.04
    assert abs(clock.drift) == pytest.approx(1.8, abs=0.05)
    assert clock.jumps == 0


def test_nothing_is_taken_after_it_came() -> None:
    clock = StreamClock(live=True, period=0.1)
    clock.captured(0.0, UTC + 3)
    assert clock.captured(0.1, UTC + 0.5 + 3) == pytest.approx(UTC + 3.1)
    assert clock.captured(2.0, UTC + 4) == pytest.approx(UTC + 4), "the first packet had waited"


@pytest.mark.parametrize("stamp", [0.0, -5e4, 9e4])
def test_after_a_jump_a_live_stream_counts_from_its_arrival(stamp: float) -> None:
    clock = StreamClock(live=True, period=0.2)
    for n in range(5):
        clock.captured(100 + 0.2 * n, UTC + 0.2 * n)
    assert clock.captured(stamp, UTC + 1.0) == pytest.approx(UTC + 1.0)
    assert clock.jumps == 1
    assert clock.captured(stamp + 0.2, UTC + 1.2) == pytest.approx(UTC + 1.2)


def test_a_pause_of_the_camera_is_no_jump() -> None:
    clock = StreamClock(live=True, period=0.2)
    clock.captured(0.0, UTC)
    assert clock.captured(500.0, UTC + 500.0) == pytest.approx(UTC + 500)
    assert clock.jumps == 0


def test_stamps_that_are_missing_or_go_back_a_little_leave_time_going_on() -> None:
    clock = StreamClock(live=True, period=0.1)
    stamps = [0.0, None, 0.2, 0.15, None, 0.2, 0.3]
    made = [clock.captured(stamp, UTC + 0.1 * n) for n, stamp in enumerate(stamps)]
    assert all(later > earlier for earlier, later in pairwise(made))


def test_a_file_counts_from_its_opening_however_fast_it_is_read() -> None:
    clock = StreamClock(live=False, period=0.1)
    made = [clock.captured(40 + 0.1 * n, UTC + 0.001 * n) for n in range(50)]
    assert made == pytest.approx([UTC + 0.1 * n for n in range(50)])


@pytest.mark.parametrize("stamp", [3.0, 1e6])
def test_a_file_s_jump_is_one_period_long(stamp: float) -> None:
    clock = StreamClock(live=False, period=0.1)
    clock.captured(40.0, UTC)
    assert clock.captured(stamp, UTC) == pytest.approx(UTC + 0.1)
    assert clock.captured(stamp + 0.1, UTC) == pytest.approx(UTC + 0.2)


def test_a_file_without_stamps_has_its_period() -> None:
    clock = StreamClock(live=False, period=0.5)
    assert [clock.captured(None, UTC) for _ in range(3)] == pytest.approx([UTC, UTC + 0.5, UTC + 1.0])


def test_what_a_stamp_will_be_is_known_before_it_is_decoded() -> None:
    clock = StreamClock(live=True, period=0.2)
    assert clock.expects(1.0) is None
    clock.captured(1.0, UTC)
    assert clock.expects(1.2) == pytest.approx(UTC + 0.2)
