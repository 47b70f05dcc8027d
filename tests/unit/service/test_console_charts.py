"""Charts: coordinates lie within the drawing and say what the figures say."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from faceward.service.console.charts import HEIGHT, WIDTH, Sample, bars, curve, level

rates = st.floats(0, 1, allow_nan=False)


def sample(x: float, y: float) -> Sample:
    return Sample(x, y, y / 2, min(1.0, y * 2))


@given(st.lists(st.tuples(st.floats(1e-9, 1), rates), max_size=20))
def test_every_point_lies_within_the_drawing(points: list[tuple[float, float]]) -> None:
    drawn = curve([sample(x, y) for x, y in points])
    if drawn is None:
        assert len(points) < 2
        return
    assert len(drawn.points) == len(points)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn.points)
    assert [x for x, _ in drawn.points] == sorted(x for x, _ in drawn.points)


def test_a_rate_ten_times_lower_is_one_step_further_down_and_left() -> None:
    drawn = curve([sample(1e-4, 0.1), sample(1e-3, 0.01), sample(1e-2, 0.001)])
    assert drawn is not None
    (x0, y0), (x1, y1), (x2, y2) = drawn.points
    assert math.isclose(x1 - x0, x2 - x1, abs_tol=0.2)
    assert math.isclose(y1 - y0, y2 - y1, abs_tol=0.2)
    assert y0 < y1 < y2
    assert {tick.text for tick in drawn.across} == {"1e-4", "1e-3", "1e-2"}


def test_no_error_seen_runs_along_the_floor() -> None:
    drawn = curve([Sample(1e-3, 0, 0, 0), Sample(1e-2, 0, 0, 0)])
    assert drawn is not None
    assert drawn.points[0][1] == max(tick.at for tick in drawn.upward)


def test_the_worst_group_is_marked_and_bars_are_as_long_as_their_rates() -> None:
    drawn = bars([("a", Sample(1, 0.02, 0.01, 0.03)), ("b", Sample(1, 0.04, 0.03, 0.05))])
    assert drawn is not None
    one, two = drawn.bars
    assert (one.worst, two.worst) == (False, True)
    assert math.isclose(two.width, 2 * one.width, abs_tol=0.3)
    assert one.low < one.high
    assert bars([]) is None
    assert bars([("a", Sample(1, 0, 0, 0))]) is not None


def test_the_alarm_is_as_near_as_the_logarithm_says() -> None:
    assert level(0.5, 20) == level(1, 20) == 0
    assert math.isclose(level(math.sqrt(20), 20), 0.5)
    assert level(100, 20) == 1
