"""What a watch counts, in memory that does not grow."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.video import ledger_words
from faceward.video.figures import Latencies, Summary, too_slow
from faceward.video.frames import FeedCounts
from faceward.video.ledger import Ledger


@given(st.lists(st.floats(0, 20), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_smallest_that_so_many_did_not_exceed(seconds: list[float], share: float) -> None:
    latencies = Latencies()
    for one in seconds:
        latencies.add(one)
    ordered = sorted(round(one * 1000) for one in seconds)
    assert latencies.quantile(share) == ordered[int(np.ceil(share * len(ordered))) - 1]


def test_where_nothing_came_there_is_no_latency_and_what_is_out_of_range_is_bounded() -> None:
    latencies = Latencies()
    assert latencies.quantile(0.5) is None
    latencies.add(-1)
    assert latencies.quantile(0.5) == 0
    latencies.add(1e9)
    assert latencies.quantile(1.0) == 60_000


def test_its_memory_does_not_grow() -> None:
    latencies = Latencies()
    before = sys.getsizeof(latencies._counts)
    for number in range(1000):
        latencies.add(number / 100)
    assert sys.getsizeof(latencies._counts) == before


@pytest.mark.parametrize("latency", [(None, None), (12.0, 40.0)])
def test_a_summary_is_an_object(latency: tuple[float | None, float | None]) -> None:
    shown = Summary(61.26, 2, 10, 4, 3, 1, 0, 0, 0, 5, 0, latency, (None, None)).to_json()
    assert shown["seconds"] == 61.3
    assert shown["latency_ms"] == {"median": latency[0], "p99": latency[1]}
    assert shown["alert_latency_ms"] == {"median": None, "p99": None}


def test_the_last_line_says_what_became_of_sightings_and_that_the_machine_was_too_slow() -> None:
    whole = Summary(61.26, 2, 60, 1, 3, 1, 2, 1, 0, 40, 0, (138.0, 505.0), (None, None))
    assert ledger_words.ended(whole) == (
        "ended after 61 s: 60 frames, 1 track, 3 compared, 1 alert, 2 repeated, 1 held back for impossible travel, "
        "40 frames dropped, half of the frames within 138 ms, 99 % within 505 ms; " + ledger_words.TOO_SLOW
    )
    assert whole.to_json()["too_slow"] is True
    calm = Summary(10, 1, 60, 2, 0, 0, 0, 0, 1, 1, 0, (None, None), (9.0, 12.0))
    assert ledger_words.ended(calm) == (
        "ended after 10 s: 60 frames, 2 tracks, 0 compared, 0 alerts, 1 given up, 1 frame dropped, "
        "half of the alerts within 9 ms, 99 % within 12 ms"
    )


@pytest.mark.parametrize(
    ("looked", "dropped", "slow"), [(70, 30, False), (69, 31, True), (10, 30, False), (0, 50, True)]
)
def test_a_machine_is_too_slow_where_more_than_three_in_ten_frames_are_dropped(
    looked: int, dropped: int, slow: bool
) -> None:
    assert too_slow(looked, dropped) is slow


def test_that_the_machine_is_too_slow_is_told_once() -> None:
    ledger = Ledger("list", "theft", ())
    assert ledger.slow({"door": FeedCounts(dropped=10)}) is None
    told = ledger.slow({"door": FeedCounts(dropped=60)})
    assert told is not None
    assert (told.kind, told.message) == ("slow", ledger_words.TOO_SLOW)
    assert ledger.slow({"door": FeedCounts(dropped=90)}) is None
