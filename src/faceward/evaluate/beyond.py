"""What is said of rates that the comparisons are too few for: extrapolated where the tail allows it, else nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import PolicyRefusal
from faceward.evaluate import likelihood
from faceward.evaluate.intervals import SubjectBootstrap, rate
from faceward.evaluate.metrics import SUPPORTING_ERRORS, generalised
from faceward.evaluate.scores import Scores
from faceward.evaluate.tail import MEASURED_ERRORS, Tail, extend
from faceward.policy.evaluation import Point

NAMED = 20
"""Most pairs that a list names."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Rates below what was measured.

    Attributes:
        tail: The tail of the non-mated scores; None where there are too few of them for one.
        points: Extrapolated operating points, FMR falling.
        unsupported: A sentence for each rate that there is no point for.
    """

    tail: Tail | None
    points: tuple[Point, ...]
    unsupported: tuple[str, ...]

    def to_json(self, scores: Scores, names: Sequence[str]) -> JSONValue:
        """Return how far the tail may be trusted, or None.

        `lowest` (the lowest FMR that was measured on at least ten errors), `trusted_to`, `reasons` (why not further),
        and `suspects`: pairs whose scores are too high for strangers, to be looked at.
        """
        if self.tail is None:
            return None
        suspects: list[JSONValue] = [
            {"first": names[int(first)], "second": names[int(second)], "score": float(scores.nonmated[place])}
            for place in self.tail.suspects[:NAMED]
            for first, second in [scores.nonmated_pairs[place]]
        ]
        return {
            "lowest": self.tail.lowest,
            "trusted_to": self.tail.trusted_to,
            "reasons": list(self.tail.reasons),
            "suspects": suspects,
        }


@dataclass(frozen=True, slots=True)
class Weighed:
    """Likelihood ratios.

    Attributes:
        table: Pairs of score and log10 likelihood ratio; empty where the data support none.
        details: `cllr`, `cllr_min` and `log10_bounds`; empty likewise.
        unsupported: Why there are none, or nothing.
    """

    table: tuple[tuple[float, float], ...]
    details: JSONObject
    unsupported: tuple[str, ...]


def beyond(scores: Scores, bootstrap: SubjectBootstrap, rates: Sequence[float], acquisition: tuple[int, int]) -> Beyond:
    """Extrapolate the false-match rates that the comparisons are too few for, as far as their tail may be trusted.

    Args:
        scores: The comparisons.
        bootstrap: Over the same scores.
        rates: False-match rates, falling.
        acquisition: Samples that were to be acquired, and failures among them.
    """
    count = len(scores.nonmated)
    tail = extend(scores, bootstrap) if count >= MEASURED_ERRORS else None
    found: list[Point] = []
    lacking = []
    for wanted in (one for one in rates if one * count < SUPPORTING_ERRORS):
        sentence = f"an FMR of {wanted:g}: {count:,} non-mated comparisons support none below {_least(count)}"
        if tail is None:
            lacking.append(sentence)
            continue
        try:
            threshold = tail.threshold(wanted)
        except PolicyRefusal:
            why = "; ".join(tail.reasons) or f"their tail is trusted to {tail.trusted_to:.1e}"
            lacking.append(f"{sentence}, and {why}")
            continue
        found.append(_point(tail, scores, bootstrap, threshold, acquisition))
    return Beyond(tail, tuple(found), tuple(lacking))


def weigh(scores: Scores) -> Weighed:
    """Return likelihood ratios where the data support any."""
    why = likelihood.lack(scores)
    if why:
        return Weighed((), {}, (f"a likelihood ratio: {why}",))
    found = likelihood.assess(scores)
    details: JSONObject = {"cllr": found.cllr, "cllr_min": found.cllr_min, "log10_bounds": list(found.bounds)}
    return Weighed(found.table, details, ())


def _least(count: int) -> str:
    return f"{SUPPORTING_ERRORS / count:.1e}" if count > SUPPORTING_ERRORS else "1"


def _point(
    tail: Tail, scores: Scores, bootstrap: SubjectBootstrap, threshold: float, acquisition: tuple[int, int]
) -> Point:
    attempts, failed = acquisition
    failures = rate(failed, attempts)
    fmr, [fnmr] = tail.rate(threshold), bootstrap.fnmr([threshold])
    return Point(
        threshold,
        fmr,
        fnmr,
        gfar=generalised(fmr, scores.nonmated_lost, failures, rejected=False),
        gfrr=generalised(fnmr, scores.mated_lost, failures, rejected=True),
        extrapolated=True,
    )
