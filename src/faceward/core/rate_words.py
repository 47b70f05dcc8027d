"""Rates in words and figures, so that nobody mistakes what was seen for what is certain."""

from __future__ import annotations

from faceward.core.rates import EXTRAPOLATED, Rate
from faceward.core.words import one_in

_SPACE = "\u00a0"
# Below this a rate in per cent is hard to read, and `1 in N` says it.
_SMALL = 0.00099


def rate_text(value: float) -> str:
    """Say a rate: in per cent with two digits, or as `1 in N` below 0.1 %."""
    if value <= 0:
        return "0"
    if value < _SMALL:
        return one_in(value).replace(" ", _SPACE)
    return f"{_per_cent(value)}{_SPACE}%"


def _per_cent(value: float) -> str:
    share = value * 100
    if share <= 0:
        return "0"
    if share < 0.095:
        return f"{share:.2g}"
    return "100" if share >= 99.95 else f"{share:.2f}" if share < 0.995 else f"{share:.1f}"


def span_text(low: float, high: float, estimate: float) -> str:
    """Say an interval of rates, lower end first, in the unit in which the estimate is said."""
    if estimate >= _SMALL or (estimate <= 0 and high >= _SMALL):
        return f"{_per_cent(low)} to {_per_cent(high)}{_SPACE}%"
    # `1 in 10,000 (13,700 to 7,440)`
    if low <= 0:
        return f"0 to {rate_text(high)}"
    return " to ".join(one_in(end).removeprefix("1 in ") for end in (low, high))


def interval(rate: Rate) -> str:
    """Say a rate's 95 % interval; where no error was seen, its upper end alone."""
    if rate.trials == 0:
        return "not measured"
    if rate.errors == 0 and rate.estimate <= 0:
        return f"at most {rate_text(rate.high)}"
    return span_text(rate.low, rate.high, rate.estimate)


def measured(rate: Rate) -> str:
    """Say a rate with its interval.

    `5.0 % (4.1 to 6.0 %)`, `1 in 10,000 (13,700 to 7,440)`, or `none of 500 (at most 0.60 %)`. What was extrapolated is
    bounded and no more: `at most 1 in 100,000`.
    """
    if rate.trials == 0:
        return "not measured"
    if rate.method == EXTRAPOLATED:
        return stated(rate)
    # A line ends before an interval, never within.
    within = f"({interval(rate)})".replace(" ", _SPACE)
    if rate.errors == 0 and rate.estimate <= 0:
        return f"none of {rate.trials:,} {within}"
    return f"{rate_text(rate.estimate)} {within}"


def stated(rate: Rate) -> str:
    """Say a rate without its interval: `5.0 %`, or where nothing was counted its bound, `at most 1 in 100,000`."""
    return f"at most {rate_text(rate.high)}" if rate.method == EXTRAPOLATED else rate_text(rate.estimate)


def times(value: float) -> str:
    """Say a factor: `1.4`, `12`, `140`."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def of_hundred(rate: Rate) -> str:
    """Say how many of 100 a rate is, with its interval: `4.9 (3.7 to 6.2)`."""
    if rate.trials == 0:
        return "an unknown number"
    if rate.errors == 0 and rate.estimate <= 0:
        return f"none of the {rate.trials:,} seen (at most {_count(rate.high * 100)} of 100)"
    return share_of(rate, 100)


def share_of(rate: Rate, count: int) -> str:
    """Say how many of so many a rate is, with its interval: `1.0 (0.88 to 1.2)`."""
    return f"{_count(rate.estimate * count)} ({_count(rate.low * count)} to {_count(rate.high * count)})"


def _count(value: float) -> str:
    if value <= 0:
        return "0"
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"
