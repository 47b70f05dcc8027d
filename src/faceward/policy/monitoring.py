"""A test that may be looked at all the time, of whether false alerts come more often than was accepted (V1, W6).

The hypothesis is that each searched face is a false alert with a probability of at most `accepted`, whatever came
before it. Against it stands a mixture of alternatives, each a multiple of the accepted odds; the mixture's likelihood
ratio is the *e-value*. Under the hypothesis it is a non-negative supermartingale that starts at 1, so the probability
that it *ever* reaches 1/alpha is at most alpha (Ville 1939; Robbins, Ann. Math. Statist. 41 (1970) 1397): to look after
every finding costs nothing. See also Howard et al., Ann. Statist. 49 (2021) 1055, and Ramdas et al., Statist. Sci. 38
(2023) 576, from whom the words *e-process* and *confidence sequence* come.

With accepted odds o = p/(1-p), an alternative of odds x·o, n faces and m false alerts, the ratio is
x^m · ((1+o)/(1+x·o))^n. For x > 1 it falls with n and with o and rises with m. From these follow:

- it is a supermartingale for every probability up to p, not for p alone;
- where some false alerts are not known yet, the e-value is lower than it would be if they were, at every moment and in
  whatever order they come to be known. So late and missing findings cannot bring about a breach, they can only hide it;
- the rates that are not refuted are all those above a bound, which bisection finds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceward.core.errors import UsageError

ALPHA = 0.05
"""Probability, at most, that the test ever calls a rate too high that is not."""

_ALTERNATIVES = 96
_FURTHEST = 100.0
# Odds of the alternatives as multiples of the accepted odds: even on a logarithmic scale, from just above 1 to 100.
_MULTIPLES = _FURTHEST ** (np.arange(1, _ALTERNATIVES + 1) / _ALTERNATIVES)
_LOG_MULTIPLES = np.log(_MULTIPLES)
# By 1/x, so that the mixture expects excesses to be small, and that the ratio after one face is below 5: a single false
# alert never suffices, be it the very first face.
_LOG_WEIGHTS = -_LOG_MULTIPLES - np.log(np.sum(1 / _MULTIPLES))
_LEAST_ODDS, _MOST_ODDS = 1e-15, 1e15
_HALVINGS = 100
# What lies above is not told apart, so that it stays a number.
_MOST_LOG = 700.0


def log_evalue(accepted: npt.ArrayLike, faces: npt.ArrayLike, false_alerts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the natural logarithm of the e-value against a rate of at most `accepted`.

    Args:
        accepted: The rate, above 0 and below 1; any shape that goes with the others.
        faces: Searched faces, 0 or more.
        false_alerts: How many of them were false alerts, 0 to `faces`.

    Returns:
        The logarithms, of the shape that the three make together.
    """
    rate = np.asarray(accepted, dtype=np.float64)
    return _log_ratio(rate / (1 - rate), np.asarray(faces), np.asarray(false_alerts), 1.0)


def _log_ratio(
    odds: npt.NDArray[np.float64], faces: npt.NDArray[Any], false_alerts: npt.NDArray[Any], sign: float
) -> npt.NDArray[np.float64]:
    """Return the mixture's log likelihood ratio; with the sign -1 the alternatives lie as far below the odds."""
    logs = sign * _LOG_MULTIPLES
    shrunk = np.log1p(np.exp(logs) * odds[..., None]) - np.log1p(odds)[..., None]
    terms = _LOG_WEIGHTS + false_alerts[..., None] * logs - faces[..., None] * shrunk
    top = terms.max(axis=-1)
    result: npt.NDArray[np.float64] = top + np.log(np.sum(np.exp(terms - top[..., None]), axis=-1))
    return result


def lower_bound(faces: int, false_alerts: int, alpha: float = ALPHA) -> float:
    """Return the rate below which every rate is refuted; 0 where none is.

    If each face is a false alert with a probability of at most p whatever came before, then with a probability of at
    least 1 - alpha this stays at or below p at all times (a lower confidence sequence).

    Args:
        faces: Searched faces.
        false_alerts: How many of them were false alerts.
        alpha: Probability, at most, that it ever lies above p; above 0 and below 1.
    """
    return _bound(faces, false_alerts, alpha, 1.0)


def upper_bound(faces: int, false_alerts: int, alpha: float = ALPHA) -> float:
    """Return the rate above which every rate is refuted; 1 where none is. The mirror image of `lower_bound`."""
    return _bound(faces, false_alerts, alpha, -1.0)


def _bound(faces: int, false_alerts: int, alpha: float, sign: float) -> float:
    _check(faces, false_alerts)
    counts, limit = (np.asarray(faces), np.asarray(false_alerts)), -np.log(alpha)
    # The ratio is monotone in the odds: falling where alternatives lie above them, rising where they lie below.
    low, high = np.log(_LEAST_ODDS), np.log(_MOST_ODDS)

    def refuted(log_odds: float) -> bool:
        return bool(_log_ratio(np.exp(np.asarray(log_odds)), *counts, sign) >= limit)

    if not refuted(low if sign > 0 else high):
        return 0.0 if sign > 0 else 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if refuted(middle) == (sign > 0):
            low = middle
        else:
            high = middle
    odds = float(np.exp(low if sign > 0 else high))
    return odds / (1 + odds)


def _check(faces: int, false_alerts: int) -> None:
    if not 0 <= false_alerts <= faces:
        raise UsageError(f"{false_alerts} false alerts in {faces} faces cannot be; give at most one a face")


@dataclass(frozen=True, slots=True)
class EProcess:
    """The test as it stands after so many faces.

    Attributes:
        accepted: The rate of false alerts that is accepted of a face, above 0 and below 1.
        alpha: Probability, at most, that the test ever says breached where the rate is not above the accepted one.
        faces: Searched faces so far.
        false_alerts: How many of them are known to be false alerts.
        breached: The e-value has reached 1/alpha; it stays so, whatever comes.
        low: The highest `lower_bound` so far.
    """

    accepted: float
    alpha: float = ALPHA
    faces: int = 0
    false_alerts: int = 0
    breached: bool = False
    low: float = 0.0

    def __post_init__(self) -> None:
        _check(self.faces, self.false_alerts)
        if not 0 < self.accepted < 1 or not 0 < self.alpha < 1:
            raise UsageError("the accepted rate and alpha must lie between 0 and 1")

    @property
    def evalue(self) -> float:
        """The e-value now: how many times likelier the mixture makes what was seen, 0 to 1e304."""
        return math.exp(min(_MOST_LOG, float(log_evalue(self.accepted, self.faces, self.false_alerts))))

    def update(self, faces: int, false_alerts: int) -> EProcess:
        """Return the test after more faces, of which so many were false alerts; their order does not matter.

        Raises:
            UsageError: More false alerts than faces, or a number below 0.
        """
        _check(faces, false_alerts)
        return self.at(self.faces + faces, self.false_alerts + false_alerts)

    def at(self, faces: int, false_alerts: int) -> EProcess:
        """Return the test after so many faces in all; also where a finding was corrected since."""
        moved = replace(self, faces=faces, false_alerts=false_alerts)
        if false_alerts <= self.false_alerts and faces >= self.faces:
            # Neither the e-value nor the bound can have risen.
            return moved
        reached = bool(log_evalue(self.accepted, faces, false_alerts) >= -np.log(self.alpha))
        low = max(self.low, lower_bound(faces, false_alerts, self.alpha))
        return replace(moved, breached=self.breached or reached, low=low)
