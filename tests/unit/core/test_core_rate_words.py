"""Rates in words: nothing rounds to a better claim than it is."""

from __future__ import annotations

import pytest

from faceward.core.rate_words import interval, measured, of_hundred, rate_text, share_of, times
from faceward.core.rates import Rate


def rate(estimate: float, low: float, high: float, errors: int = 5, trials: int = 1000) -> Rate:
    return Rate(estimate, low, high, errors, trials, "wilson")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, "100 %"),
        (0.9996, "100 %"),
        (0.9994, "99.9 %"),
        (0.173, "17.3 %"),
        (0.05, "5.0 %"),
        (0.0097, "0.97 %"),
        (0.001, "0.10 %"),
        (0.0009, "1 in 1,110"),
        (1e-6, "1 in 1,000,000"),
        (0.0, "0"),
    ],
)
def test_rates_are_said_in_per_cent_or_as_one_in(value: float, said: str) -> None:
    assert rate_text(value).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (rate(0.05, 0.041, 0.06), "5.0 % (4.1 to 6.0 %)"),
        (rate(0.001, 0.00087, 0.0012), "0.10 % (0.087 to 0.12 %)"),
        (rate(1e-4, 7.3e-5, 1.34e-4), "1 in 10,000 (13,700 to 7,460)"),
        (rate(1e-4, 0.0, 2e-3), "1 in 10,000 (0 to 0.20 %)"),
        (rate(0.0, 0.0, 0.006, 0, 500), "none of 500 (at most 0.60 %)"),
        (rate(0.0, 0.0, 0.0, 0, 0), "not measured"),
        (rate(1.0, 0.98, 1.0, 150, 150), "100 % (98.0 to 100 %)"),
    ],
)
def test_rates_come_with_their_intervals(given: Rate, said: str) -> None:
    assert measured(given).replace("\u00a0", " ") == said


def test_an_interval_of_nothing_seen_is_its_upper_end() -> None:
    assert interval(rate(0.0, 0.0, 3e-4, 0, 10_000)).replace("\u00a0", " ") == "at most 1 in 3,330"
    assert interval(rate(0.0, 0.0, 0.0, 0, 0)) == "not measured"


def test_counts_of_a_hundred_say_what_was_seen() -> None:
    assert of_hundred(rate(0.05, 0.041, 0.06)) == "5.0 (4.1 to 6.0)"
    assert of_hundred(rate(0.0, 0.0, 0.0167, 0, 180)) == "none of the 180 seen (at most 1.7 of 100)"
    assert of_hundred(rate(0.0, 0.0, 0.0, 0, 0)) == "an unknown number"
    assert share_of(rate(0.001, 0.00087, 0.0012), 1000) == "1.0 (0.87 to 1.2)"
    assert share_of(rate(0.5, 0.0, 1.0), 1000) == "500 (0 to 1,000)"


@pytest.mark.parametrize(("value", "said"), [(1.44, "1.4"), (12.3, "12"), (1400.0, "1,400")])
def test_factors_have_two_digits(value: float, said: str) -> None:
    assert times(value) == said
