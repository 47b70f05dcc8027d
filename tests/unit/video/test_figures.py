"""What a watch counts, in memory that does not grow."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.video.figures import Latencies, Summary


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
