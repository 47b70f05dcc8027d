"""Whether a threshold falls is asked of the thresholds that are used (rule S1)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.errors import PolicyRefusal
from faceward.operations.thresholds import effective, lowered
from faceward.vision.calibration import Calibration, fmr_for

exponents = st.floats(-10, -0.01)
heights = st.floats(-1, 1)


def table(rates: list[float], thresholds: list[float]) -> Calibration:
    rows = [(fmr, fmr, fmr, at, 0.1) for fmr, at in zip(sorted(rates, reverse=True), sorted(thresholds), strict=True)]
    return Calibration("data", 1, 1, rows[0][0], np.array(rows))


@st.composite
def tables(draw: st.DrawFn) -> Calibration:
    count = draw(st.integers(2, 5))
    rates = [
        10.0**e for e in draw(st.lists(exponents, min_size=count, max_size=count, unique_by=lambda e: round(e, 3)))
    ]
    return table(rates, draw(st.lists(heights, min_size=count, max_size=count, unique_by=lambda h: round(h, 3))))


def used(calibration: Calibration, fmr: float) -> float | None:
    """Return the threshold that a search or verification applies; None where it refuses."""
    try:
        return calibration.at_fmr(min(fmr, calibration.loosest)).threshold
    except PolicyRefusal:
        return None


@settings(deadline=None, max_examples=400)
@given(tables(), tables(), st.integers(1, 10**6), exponents, exponents, st.booleans())
def test_S1_where_nothing_is_lowered_no_threshold_that_is_used_falls(
    before: Calibration, after: Calibration, size: int, accepted: float, searched: float, raise_it: bool
) -> None:
    if raise_it:
        # Pairs of which none lies lower are rare by chance.
        after = table(list(before.table[:, 0]), [min(1.0, at + 0.01 * k) for k, at in enumerate(before.table[:, 3])])
    fmr, fpir = 10.0**accepted, 10.0**searched
    if lowered(before, after, fmr):
        return
    for rate in (fmr, min(fmr, fmr_for(fpir, size))):
        new, old = used(after, rate), used(before, rate)
        if new is not None:
            # Where the former refused, its end is what the new one must not lie below.
            assert new >= (effective(before, rate) if old is None else old) - 1e-8


def test_S1_a_table_of_other_rates_lowers_where_a_search_would_use_its_end() -> None:
    pack = table([1e-1, 1e-3, 1e-6], [0.85, 0.904, 0.93])
    assert lowered(pack, table([1e-9, 1e-10], [-0.9, -0.8]), 1e-3)
    assert lowered(pack, table([1e-9, 1e-10], [-0.9, -0.8]))
    assert not lowered(pack, table([1e-9, 1e-10], [0.94, 0.95]), 1e-3)
    # It reaches less far: what is rarer is refused.
    assert not lowered(pack, table([1e-1, 1e-3], [0.85, 0.904]), 1e-3)
    # It reaches farther, from below the end of the former.
    assert lowered(table([1e-1, 1e-3], [0.85, 0.95]), table([1e-1, 1e-3, 1e-6], [0.85, 0.94, 0.96]), 1e-3)
    assert effective(pack, 0.5) == pytest.approx(0.85)


def test_S1_a_calibration_that_comes_or_goes_counts_as_lower() -> None:
    one = table([1e-1, 1e-3], [0.2, 0.5])
    assert lowered(None, one, 1e-3)
    assert lowered(one, None, 1e-3)
    assert not lowered(None, None, 1e-3)
    assert not lowered(one, one, 1e-3)
