"""Which frames are looked at; what is frozen, and what is garbage."""

from __future__ import annotations

import numpy as np
import pytest

from faceward.video.attention import Garbage, Pace, Sizes, Stillness


@pytest.mark.parametrize("source", [25.0, 30.0, 7.0, 5.0, 12.5])
@pytest.mark.parametrize("tremble", [0.0, 0.01])
def test_five_frames_a_second_are_chosen_of_any_stream(source: float, tremble: float) -> None:
    pace = Pace(5)
    noise = np.random.default_rng(2).uniform(-tremble, tremble, 10_000)
    chosen = [n / source for n in range(int(source * 60)) if pace.due(n / source + noise[n])]
    assert len(chosen) == pytest.approx(300, abs=3)


def test_a_slower_stream_is_looked_at_whole() -> None:
    pace = Pace(15)
    assert all(pace.due(n / 4) for n in range(100))


def test_after_a_pause_nothing_is_made_up_for() -> None:
    pace = Pace(5)
    assert pace.due(0.0)
    assert sum(pace.due(60 + n / 25) for n in range(250)) in {50, 51}


def test_no_frame_that_is_left_out_early_would_be_chosen() -> None:
    ahead, pace = Pace(5), Pace(5)
    for n in range(500):
        moment = n / 25
        early = ahead.early(moment)
        assert not (early and pace.due(moment))
        if not early:
            assert ahead.due(moment) == pace.due(moment)


def test_the_same_picture_for_long_is_frozen_and_told_once() -> None:
    stillness = Stillness(30)
    picture = np.zeros((8, 8), np.uint8)
    assert [stillness.changed(picture, float(n)) for n in range(40)] == [None] * 30 + [True] + [None] * 9
    assert stillness.changed(picture + 1, 41.0) is False
    assert stillness.changed(picture + 1, 42.0) is None


def test_a_sensor_that_trembles_is_not_frozen() -> None:
    stillness = Stillness(30)
    assert all(stillness.changed(np.full((8, 8), n % 2, np.uint8), n * 10.0) is None for n in range(100))


def test_a_lost_packet_is_no_garbage_and_garbage_is_told_now_and_then() -> None:
    garbage = Garbage(many=5, seconds=5, pause=60)
    assert not any(garbage.broken(n * 2.0) for n in range(100))
    told = [n for n in range(1300) if garbage.broken(1000 + n / 10)]
    assert told == [4, 604, 1204]


def test_a_new_size_is_told_at_once_and_of_one_that_flips_how_often_now_and_then() -> None:
    sizes = Sizes(pause=5)
    assert sizes.changed((320, 240)), "the first frame begins a background"
    assert sizes.news(0.0) == ""
    assert sizes.changed((640, 480))
    assert sizes.news(1.0) == "the picture is 640x480 now and was 320x240"
    told = []
    for n in range(1, 101):
        assert sizes.changed((320, 240) if n % 2 else (640, 480))
        told.append(sizes.news(1.0 + n / 10))
    assert [n for n, news in enumerate(told, 1) if news] == [50, 100]
    assert told[49] == "the picture is 640x480 now and was 640x480; it changed 50 times, check the camera"
    assert not sizes.changed((640, 480))
    assert sizes.news(100.0) == ""


def test_a_size_that_changed_while_nothing_was_told_is_told_later() -> None:
    sizes = Sizes(pause=5)
    for number, size in enumerate([(320, 240), (640, 480), (800, 600)]):
        sizes.changed(size)
        told = sizes.news(float(number))
    assert told == ""
    assert not sizes.changed((800, 600))
    assert sizes.news(6.0) == "the picture is 800x600 now and was 640x480"
