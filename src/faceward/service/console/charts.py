"""Charts as pages draw them: coordinates, computed here; a table with the same figures stands beside each. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 640, 360
LOW = 200
"""Height of a chart of counts over time."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 16, 52
_LOWEST = -8


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, in pixels, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A point of a curve: its rates, with the interval of the second.

    Attributes:
        x: FMR, above 0 up to 1.
        y: FNMR, 0 to 1.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of FNMR over FMR, both axes logarithmic (ISO/IEC 19795-1, DET plot).

    Attributes:
        path: The curve, for SVG's `d`.
        band: The area of the intervals.
        points: Centres of the points measured.
        across: Marks of the axis of FMR.
        upward: Marks of the axis of FNMR.
    """

    path: str
    band: str
    points: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    upward: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A group's rate with its interval.

    Attributes:
        name: The group.
        y: Top of the bar.
        width: Its length.
        low: Where its interval begins.
        high: Where it ends.
        text: The rate, in words.
        worst: Whether it is the highest.
    """

    name: str
    y: float
    width: float
    low: float
    high: float
    text: str
    worst: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """Rates of groups beside each other.

    Attributes:
        bars: One a group.
        height: Of the whole chart.
        across: Marks of the axis.
    """

    bars: tuple[Bar, ...]
    height: int
    across: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """What was counted in an hour, standing on the axis.

    Attributes:
        x: Its left edge.
        y: Its top.
        height: Down to the axis.
    """

    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts of consecutive hours.

    Attributes:
        columns: One an hour in which something was counted.
        width: Of each.
        gaps: Where nothing was watched: left edge and width.
        across: Marks of the axis of time.
        upward: Marks of the axis of counts.
    """

    columns: tuple[Column, ...]
    width: float
    gaps: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    upward: tuple[Tick, ...]


def curve(samples: Sequence[Sample]) -> Curve | None:
    """Return the curve of some points, or None where fewer than two can be drawn."""
    drawn = sorted((one for one in samples if one.x > 0), key=lambda one: one.x)
    if len(drawn) < 2:
        return None
    lowest = max(_LOWEST, math.floor(math.log10(drawn[0].x)))
    highest = max(lowest + 1, math.ceil(math.log10(drawn[-1].x)))
    seen = [value for one in drawn for value in (one.y, one.low, one.high) if value > 0]
    # Where no error was seen, the curve runs along the floor of the chart.
    least = max(-5, math.floor(math.log10(min(seen)))) if seen else -3
    most = max(least + 1, math.ceil(math.log10(max(seen)))) if seen else 0

    def x(value: float) -> float:
        return _between(math.log10(value), lowest, highest, _LEFT, WIDTH - _RIGHT)

    def y(value: float) -> float:
        level = math.log10(value) if value > 0 else least
        return _between(level, least, most, HEIGHT - _BOTTOM, _TOP)

    points = tuple((x(one.x), y(one.y)) for one in drawn)
    edge = [(x(one.x), y(one.high)) for one in drawn] + [(x(one.x), y(one.low)) for one in reversed(drawn)]
    return Curve(
        path=_line(points),
        band=_line(edge) + " Z",
        points=points,
        across=tuple(Tick(x(10.0**level), _power(level)) for level in range(lowest, highest + 1)),
        upward=tuple(Tick(y(10.0**level), _power(level)) for level in range(least, most + 1)),
    )


def bars(groups: Sequence[tuple[str, Sample]]) -> Bars | None:
    """Return the bars of groups by name and rate (`Sample.y`), or None where there is none."""
    if not groups:
        return None
    top = max(one.high for _, one in groups) or 1.0
    worst = max(one.y for _, one in groups)
    step, left = 34, 190

    def x(value: float) -> float:
        return _between(value, 0, top, left, WIDTH - _RIGHT - 70)

    made = tuple(
        Bar(
            name, 10.0 + number * step, x(one.y) - left, x(one.low), x(one.high), f"{100 * one.y:.3g} %", one.y == worst
        )
        for number, (name, one) in enumerate(groups)
    )
    height = 10 + len(groups) * step + 34
    return Bars(made, height, tuple(Tick(x(top * part), f"{100 * top * part:.2g} %") for part in (0, 0.5, 1)))


def columns(counts: Sequence[int | None], start: datetime) -> Columns | None:
    """Return the columns of consecutive hours, or None where there is none.

    Args:
        counts: One an hour; None where nothing was watched.
        start: When the first hour began.
    """
    if not counts:
        return None
    top = _round_up(max((one for one in counts if one is not None), default=0))
    left, floor = _LEFT - 14, LOW - 34
    step = (WIDTH - _RIGHT - left) / len(counts)
    gap = min(3.0, step * 0.2)

    def y(value: float) -> float:
        return _between(value, 0, top, floor, _TOP)

    def x(hour: float) -> float:
        return round(left + hour * step, 1)

    made = tuple(
        Column(round(x(number) + gap / 2, 1), y(one), round(floor - y(one), 1))
        for number, one in enumerate(counts)
        if one
    )
    halves = (0, top // 2, top) if top % 2 == 0 else (0, top)
    return Columns(
        made,
        round(step - gap, 1),
        tuple((x(first), round(x(last) - x(first), 1)) for first, last in _runs(counts)),
        tuple(Tick(x(hour), text) for hour, text in _hours(start, len(counts))),
        tuple(Tick(y(value), f"{value:,}") for value in halves),
    )


def _round_up(value: int) -> int:
    """Return a number that an axis may end at: 1, 2, 4 or 10 times a power of ten."""
    power = int(10 ** (len(str(value)) - 1))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value)


def _runs(counts: Sequence[int | None]) -> list[tuple[int, int]]:
    """Return where each run of hours that were not watched begins and ends."""
    found: list[tuple[int, int]] = []
    for number, one in enumerate(counts):
        if one is not None:
            continue
        if found and found[-1][1] == number:
            found[-1] = found[-1][0], number + 1
        else:
            found.append((number, number + 1))
    return found


def _hours(start: datetime, many: int) -> list[tuple[int, str]]:
    """Return which hours have a mark, and what it says: every sixth of a day, or each midnight where there are days."""
    whole = [(hour, start + hour * timedelta(hours=1)) for hour in range(many + 1)]
    if many > 48:
        return [(hour, f"{when:%m-%d}") for hour, when in whole if when.hour == 0]
    return [(hour, f"{when:%H:%M}") for hour, when in whole if when.hour % 6 == 0]


def level(value: float, limit: float) -> float:
    """Return how far something that multiplies has come to its limit, 0 to 1, by logarithms."""
    if value <= 1 or limit <= 1:
        return 0.0
    return min(1.0, math.log(value) / math.log(limit))


def _between(value: float, low: float, high: float, start: float, stop: float) -> float:
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return round(start + share * (stop - start), 1)


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x} {y}" for x, y in points)


def _power(power: int) -> str:
    return "1" if power == 0 else f"{10.0**power:.0e}".replace("e-0", "e-")
