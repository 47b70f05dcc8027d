"""The calibration that a pack carries, made from scores: what false-match rate each threshold stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceward.core.errors import BadInput, UsageError
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.scores import Scores
from faceward.evaluate.steps import ROUND_RATES, is_measured, threshold_for
from faceward.evaluate.tail import Tail, extend
from faceward.vision.calibration import TRUST

RATES = ROUND_RATES
"""The false-match rates of a table's points, from 0.2 down; those that the data support are taken."""

# Thresholds in a manifest have five digits.
_DIGITS = 5
# A manifest holds rates above 0 alone, since they are interpolated by their logarithm: a lower end that many times
# below its rate stands for none.
_UNBOUNDED = 100


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibration.

    Attributes:
        mated: Mated comparisons behind it.
        nonmated: Non-mated ones.
        rows: FMR, its 95 % interval's ends, threshold and FNMR; FMR falling, threshold rising.
        measured_to: The lowest FMR that was measured; rows below it are extrapolated.
        tail: The tail, where extrapolation was asked for: `reasons` say why it may not be trusted. Else None.
    """

    mated: int
    nonmated: int
    rows: tuple[tuple[float, float, float, float, float], ...]
    measured_to: float
    tail: Tail | None


def fit(
    scores: Scores, bootstrap: SubjectBootstrap, rates: Sequence[float] = RATES, *, extrapolate: bool = False
) -> Fitted:
    """Calibrate scores.

    A rate is measured where at least ten false matches are expected at it. Its threshold is the lowest that keeps it,
    that of an evaluation rounded up to five digits. A rate whose threshold is that of the rate before is left out: the
    scores do not tell them apart.

    Args:
        scores: The comparisons; cosine similarities.
        bootstrap: Over the same scores.
        rates: FMRs, above 0 and below 1, in any order.
        extrapolate: Whether rates below the measured ones are taken from the tail, as far as it may be trusted.

    Raises:
        BadInput: The data support fewer than two points.
    """
    trials = len(scores.nonmated)
    if not len(scores.mated):
        raise BadInput("the data hold no mated comparison: a calibration needs subjects with two acquired samples")
    measured = [rate for rate in sorted(set(rates), reverse=True) if is_measured(rate, trials)]
    rising = np.sort(scores.nonmated)
    found: list[tuple[float, float]] = []
    for rate in measured:
        threshold = _round_up(threshold_for(rising, rate))
        if threshold <= 1 and (not found or threshold > found[-1][1]):
            found.append((rate, threshold))
    if len(found) < 2:
        raise BadInput(f"{trials:,} non-mated comparisons support no table of two rates; evaluate on more people")
    thresholds = [threshold for _, threshold in found]
    rows = [
        (rate, min(seen.low, rate), max(seen.high, rate), threshold, missed.estimate)
        for (rate, threshold), seen, missed in zip(
            found, bootstrap.fmr(thresholds), bootstrap.fnmr(thresholds), strict=True
        )
    ]
    measured_to = found[-1][0]
    # From the same place as an evaluation, whatever rates are asked for, so that both give the same thresholds.
    tail = extend(scores, bootstrap) if extrapolate else None
    if tail is not None:
        lower = [rate for rate in rates if measured_to / TRUST * (1 - 1e-9) <= rate < measured_to]
        rows += _beyond(scores, tail, lower, thresholds[-1])
    return Fitted(len(scores.mated), trials, tuple(rows), measured_to, tail)


def calibration_table(
    scores: Scores,
    bootstrap: SubjectBootstrap,
    rates: Sequence[float],
    data: str,
    default_fmr: float,
) -> str:
    """Return the `[calibration]` table of a pack's manifest, in TOML, from measured rates alone.

    Args:
        scores: The comparisons.
        bootstrap: Over the same scores.
        rates: FMRs of its points, in any order.
        data: Which data and which protocol, a line.
        default_fmr: The rate used where nobody names one.

    Raises:
        BadInput: The data support fewer than two points.
        UsageError: The default rate is not between the measured ones.
    """
    return as_toml(fit(scores, bootstrap, rates), data, default_fmr)


def as_toml(fitted: Fitted, data: str, default_fmr: float) -> str:
    """Return a calibration as the `[calibration]` table of a pack's manifest.

    Args:
        fitted: The calibration.
        data: Which data and which protocol, a line.
        default_fmr: The rate used where nobody names one.

    Raises:
        UsageError: The default rate is not between the measured ones, or the text of the data is not one line.
    """
    loosest = fitted.rows[0][0]
    if not fitted.measured_to * (1 - 1e-9) <= default_fmr <= loosest * (1 + 1e-9):
        raise UsageError(
            f"a default FMR of {default_fmr:g} was not measured; give one from {fitted.measured_to:.0e} to {loosest:g}"
        )
    if not data.strip() or not data.isprintable():
        raise UsageError("the text that names the data must be one line")
    extrapolated = fitted.rows[-1][0] < fitted.measured_to * (1 - 1e-9)
    lines = [
        "[calibration]",
        f"data = {json.dumps(data, ensure_ascii=False)}",
        f"mated = {fitted.mated}",
        f"nonmated = {fitted.nonmated}",
        f"default_fmr = {default_fmr:g}",
        *(["# points with a lower FMR are extrapolated", f"measured_to = {fitted.measured_to:.2e}"] * extrapolated),
        "# FMR, its 95 % interval (bootstrap over subjects), threshold, FNMR at it",
        "points = [",
    ]
    for fmr, low, high, threshold, fnmr in fitted.rows:
        rates = ", ".join(f"{value:.2e}" for value in (fmr, low or fmr / _UNBOUNDED, high))
        lines.append(f"    [{rates}, {threshold:.{_DIGITS}f}, {fnmr:.4f}],")
    return "\n".join([*lines, "]"])


def _beyond(
    scores: Scores, tail: Tail, rates: Sequence[float], last: float
) -> list[tuple[float, float, float, float, float]]:
    """Return rows for extrapolated rates whose threshold rises."""
    rows = []
    for fmr, low, high, exact in tail.rows(rates):
        threshold = _round_up(exact)
        if last < threshold <= 1:
            missed = float((scores.mated < threshold).mean())
            rows.append((fmr, low, high, threshold, missed))
            last = threshold
    return rows


def _round_up(threshold: float) -> float:
    """Return a threshold as the manifest states it, never lower."""
    steps = float(10**_DIGITS)
    return math.ceil(threshold * steps) / steps
