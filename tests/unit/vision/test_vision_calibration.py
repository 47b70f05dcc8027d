from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.vision.calibration import Calibration, parse_calibration
from faceward.vision.fields import Table
from faceward.vision.packs import DEFAULT_PACK, PackStore

TABLE = np.array(
    [
        [1e-1, 0.9e-1, 1.1e-1, 0.2, 0.001],
        [1e-2, 0.8e-2, 1.2e-2, 0.4, 0.01],
        [1e-4, 0.5e-4, 2.0e-4, 0.5, 0.1],
    ]
)


@pytest.fixture
def calibration() -> Calibration:
    return Calibration("data", 100, 1000, 1e-2, TABLE)


def test_measured_points_are_returned_as_they_are(calibration: Calibration) -> None:
    for fmr, low, high, threshold, fnmr in TABLE:
        point = calibration.at_fmr(fmr)
        assert (point.fmr, point.fmr_low, point.fmr_high) == pytest.approx((fmr, low, high))
        assert point.threshold == pytest.approx(threshold)
        assert calibration.fnmr_at(point.threshold) == pytest.approx(fnmr)


def test_between_points_it_is_linear_in_the_logarithm(calibration: Calibration) -> None:
    point = calibration.at_fmr(1e-3)
    assert point.threshold == pytest.approx(0.45)
    assert point.fmr == pytest.approx(1e-3)
    assert point.fmr_low < 1e-3 < point.fmr_high


def test_a_lower_rate_never_has_a_lower_threshold(pack_store: PackStore) -> None:
    calibration = pack_store.get(DEFAULT_PACK).manifest.calibration
    assert calibration is not None
    rates = np.geomspace(calibration.strictest, calibration.loosest, 500)
    thresholds = [calibration.at_fmr(rate).threshold for rate in rates]
    assert (np.diff(thresholds) < 0).all()
    misses = [calibration.fnmr_at(threshold) for threshold in thresholds]
    assert (np.diff(misses) <= 0).all()


def test_the_rate_of_a_threshold_is_the_rate_it_was_chosen_for(pack_store: PackStore) -> None:
    calibration = pack_store.get(DEFAULT_PACK).manifest.calibration
    assert calibration is not None
    for rate in np.geomspace(calibration.strictest, calibration.loosest, 100):
        assert calibration.fmr_of(calibration.at_fmr(rate).threshold) == pytest.approx(rate, rel=1e-6)


def test_the_rate_of_a_score_outside_the_table_is_not_understated(calibration: Calibration) -> None:
    assert calibration.fmr_of(0.99) == pytest.approx(1e-4)
    assert calibration.fmr_of(0.2) == pytest.approx(0.1)
    assert calibration.fmr_of(0.19) == 1.0
    assert calibration.fmr_of(-1) == 1.0


@pytest.mark.parametrize("rate", [0.99e-4, 1e-6, 1e-300])
def test_V1_a_rate_below_what_the_data_support_is_refused(calibration: Calibration, rate: float) -> None:
    with pytest.raises(PolicyRefusal, match="below what the pack's calibration supports") as caught:
        calibration.at_fmr(rate)
    assert caught.value.rule == "V1"


def test_V1_a_search_that_would_need_such_a_rate_is_refused(calibration: Calibration) -> None:
    assert calibration.at_fpir(0.01, 100).fmr == pytest.approx(1e-4, rel=0.01)
    with pytest.raises(PolicyRefusal):
        calibration.at_fpir(0.01, 101_000)


@pytest.mark.parametrize("rate", [0, -1, 0.11, 1, math.inf, math.nan])
def test_a_rate_out_of_range_is_a_wrong_call(calibration: Calibration, rate: float) -> None:
    with pytest.raises(UsageError, match="out of range"):
        calibration.at_fmr(rate)


@pytest.mark.parametrize(("rate", "size"), [(0, 1), (1, 1), (-0.1, 1), (math.nan, 1), (0.1, -1)])
def test_a_search_out_of_range_is_a_wrong_call(calibration: Calibration, rate: float, size: int) -> None:
    with pytest.raises(UsageError):
        calibration.at_fpir(rate, size)


@pytest.mark.parametrize("size", [1, 2, 10, 90])
def test_the_rate_of_a_search_is_that_of_its_comparisons(calibration: Calibration, size: int) -> None:
    fmr = calibration.at_fpir(0.05, size).fmr
    assert 1 - (1 - fmr) ** size == pytest.approx(0.05)


def test_a_larger_gallery_never_has_a_lower_threshold(calibration: Calibration) -> None:
    thresholds = [calibration.at_fpir(0.05, size).threshold for size in range(500)]
    assert (np.diff(thresholds) >= 0).all()


def test_a_loose_rate_for_a_small_gallery_stays_within_the_table(calibration: Calibration) -> None:
    assert calibration.at_fpir(0.9, 1).threshold == pytest.approx(0.2)
    assert calibration.at_fpir(0.05, 0) == calibration.at_fpir(0.05, 1)


def _extrapolated(**changes: Any) -> dict[str, Any]:
    points = [*TABLE.tolist(), [5e-5, 1e-5, 5e-5, 0.52, 0.2], [1e-5, 1e-6, 1e-5, 0.6, 0.3]]
    return {
        "data": "data",
        "mated": 100,
        "nonmated": 1000,
        "default_fmr": 1e-2,
        "measured_to": 1e-4,
        "points": points,
        **changes,
    }


def _parsed(**changes: Any) -> Calibration:
    return parse_calibration(Table(_extrapolated(**changes), "pack.toml [calibration]"))


def test_points_below_what_was_measured_are_marked() -> None:
    calibration = _parsed()
    assert (calibration.measured_to, calibration.strictest_measured, calibration.strictest) == (1e-4, 1e-4, 1e-5)
    assert not calibration.at_fmr(1e-4).extrapolated
    assert not calibration.at_fmr(1e-2).extrapolated
    assert calibration.at_fmr(0.99e-4).extrapolated
    assert calibration.at_fmr(1e-5).extrapolated
    assert calibration.at_fpir(0.01, 101).extrapolated


def test_V1_the_refusal_says_from_where_it_is_extrapolated() -> None:
    with pytest.raises(PolicyRefusal, match=r"supports \(1e-05; below 1e-04 it is extrapolated already\)"):
        _parsed().at_fmr(9e-6)


def test_a_table_without_the_key_is_measured_throughout(calibration: Calibration) -> None:
    assert calibration.measured_to is None
    assert calibration.strictest_measured == calibration.strictest
    assert not calibration.at_fmr(calibration.strictest).extrapolated


def test_the_key_may_name_the_last_point() -> None:
    calibration = _parsed(points=TABLE.tolist())
    assert not calibration.at_fmr(1e-4).extrapolated


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measured_to": 2e-4}, "measured_to is 0.0002, which is the FMR of none of the points"),
        ({"measured_to": 0.1}, "measured_to must leave at least two points"),
        ({"measured_to": 1e-6}, "measured_to is 1e-06: a number from"),
        ({"measured_to": "1e-4"}, "measured_to is '1e-4': a number"),
        ({"measured_to": 1e-2}, "points must not go further than 0.001"),
        ({"default_fmr": 5e-5}, "default_fmr is 5e-05: a number from 0.0001"),
        (
            {"points": [*TABLE.tolist(), [5e-5, 1e-5, 6e-5, 0.52, 0.2]]},
            "points below measured_to must state the upper end",
        ),
        ({"points": [*TABLE.tolist(), [9e-6, 1e-6, 9e-6, 0.6, 0.3]]}, "points must not go further than 1e-05"),
    ],
)
def test_an_extrapolation_that_goes_too_far_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        _parsed(**changes)


def test_what_a_pack_is_good_for_follows_from_its_table() -> None:
    rows = np.array([[1e-1, 9e-2, 2e-1, 0.1, 0.01], [1e-2, 9e-3, 2e-2, 0.2, 0.04], [1e-4, 1e-5, 1e-3, 0.4, 0.20]])
    calibration = Calibration("made up", 10, 100, 1e-2, rows)
    assert calibration.largest_gallery(0.01, 0.05) == 1
    assert calibration.largest_gallery(0.01, 0.20) == 100
    assert calibration.largest_gallery(0.01, 0.001) == 0
    words = calibration.good_for()
    assert "of up to 1 (missing at most 5%) or 100 (at most 25%)" in words
    assert "FMR of 0.001, missing 12.0%" in words
    assert words.endswith("made up")
