"""An error rate with what it rests on: nobody reads 0 errors in 500 as zero."""

from __future__ import annotations

from dataclasses import dataclass

EXTRAPOLATED = "extrapolated"
"""Method of a rate that no error was counted for: its estimate is the upper end of its interval."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of trials that erred, with its 95 % interval.

    Attributes:
        estimate: The share seen, 0 to 1.
        low: Lower end of the interval.
        high: Upper end; above zero also where no error was seen.
        errors: Trials that erred.
        trials: Trials.
        method: How the interval was made: `wilson`, `bootstrap over subjects`, `rule of three`, `extrapolated`.
    """

    estimate: float
    low: float
    high: float
    errors: int
    trials: int
    method: str
