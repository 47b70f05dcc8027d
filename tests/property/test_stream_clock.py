"""Whatever a stream's stamps are, time goes on."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from faceward.video.stream_clock import StreamClock

STAMPS = st.one_of(st.none(), st.floats(-1e9, 1e9), st.floats(0, 100))


@given(st.booleans(), st.lists(st.tuples(STAMPS, st.floats(0, 100)), max_size=60))
def test_captured_times_grow_whatever_the_stamps_are(live: bool, given_steps: list[tuple[float | None, float]]) -> None:
    clock, arrival, last = StreamClock(live=live, period=0.2), 1.7e9, -math.inf
    for stamp, passed in given_steps:
        arrival += passed
        captured = clock.captured(stamp, arrival)
        assert captured > last
        # Of a live stream none is in the future, but for what order needs.
        assert not live or captured <= arrival + 1e-3
        last = captured
