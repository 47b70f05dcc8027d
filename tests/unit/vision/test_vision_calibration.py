from __future__ import annotations

import math

import numpy as np
import pytest

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.vision.calibration import Calibration
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
