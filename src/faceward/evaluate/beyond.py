"""What is said of rates that the comparisons are too few for: extrapolated where the tail allows it, else nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import PolicyRefusal
from faceward.core.words import plural
from faceward.evaluate import likelihood
from faceward.evaluate.intervals import SubjectBootstrap, rate
from faceward.evaluate.metrics import generalised
from faceward.evaluate.scores import Scores, exact_thresholds
from faceward.evaluate.steps import MEASURED_ERRORS, is_measured, least_measured
from faceward.evaluate.tail import Tail, extend
from faceward.policy.evaluation import Point
from faceward.vision.calibration import TRUST

NAMED = 20
"""Most pairs that a list names."""
_HAIR = 1e-9


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


def beyond(
    scores: Scores,
    bootstrap: SubjectBootstrap,
    rates: Sequence[float],
    acquisition: tuple[int, int],
    measured: Sequence[Point],
) -> Beyond:
    """Extrapolate the false-match rates that the comparisons are too few for, as far as their tail may be trusted.

    The rate that is stated of such a point is the one asked for: the upper end of the extrapolated rate's interval.

    Args:
        scores: The comparisons.
        bootstrap: Over the same scores.
        rates: False-match rates, falling.
        acquisition: Samples that were to be acquired, and failures among them.
        measured: The points that were measured, FMR falling; nothing more than a decade below the last is stated.
    """
    count = len(scores.nonmated)
    tail = extend(scores, bootstrap) if count >= MEASURED_ERRORS else None
    found: list[Point] = []
    lacking = []
    for wanted in (one for one in rates if not is_measured(one, count)):
        sentence = f"an FMR of {wanted:g}: {plural(count, 'non-mated comparison')} measure none below"
        sentence += f" {least_measured(count)}"
        threshold, why = _reached(tail, wanted, [*measured, *found], measured)
        if tail is None or threshold is None:
            lacking.append(f"{sentence}{why and f', and {why}'}")
        else:
            found.append(_point(tail, scores, bootstrap, (wanted, threshold), acquisition))
    return Beyond(tail, tuple(found), tuple(lacking))


def _reached(
    tail: Tail | None, wanted: float, before: Sequence[Point], measured: Sequence[Point]
) -> tuple[float | None, str]:
    """Return the threshold at which a rate can be stated, or None and why there is none."""
    if tail is None:
        return None, ""
    try:
        threshold = tail.threshold(wanted)
    except PolicyRefusal:
        return None, "; ".join(tail.reasons) or f"their tail is trusted to {tail.trusted_to:.1e}"
    if not measured:
        return None, "no rate that they measure was asked for beside it"
    lowest = measured[-1].fmr.estimate
    if wanted < lowest / TRUST * (1 - _HAIR):
        return None, f"it is more than a decade below {lowest:.1e}, the lowest rate measured here: ask for one between"
    last = before[-1]
    if wanted >= last.fmr.estimate or threshold <= last.threshold:
        return None, f"the scores do not tell it apart from {last.fmr.estimate:.1e}"
    return threshold, ""


def weigh(scores: Scores) -> Weighed:
    """Return likelihood ratios where the data support any."""
    why = likelihood.lack(scores)
    if why:
        return Weighed((), {}, (f"a likelihood ratio: {why}",))
    found = likelihood.assess(scores)
    details: JSONObject = {"cllr": found.cllr, "cllr_min": found.cllr_min, "log10_bounds": list(found.bounds)}
    return Weighed(found.table, details, ())


def _point(
    tail: Tail, scores: Scores, bootstrap: SubjectBootstrap, at: tuple[float, float], acquisition: tuple[int, int]
) -> Point:
    """Return the point at which a rate is kept, `at` being the rate and its threshold.

    The tail's own value would be no statement: it may be decades below what any comparison speaks for.
    """
    wanted, threshold = at
    attempts, failed = acquisition
    failures = rate(failed, attempts)
    seen, [fnmr] = tail.rate(threshold), bootstrap.fnmr([threshold])
    errors = int((scores.nonmated >= exact_thresholds([threshold])[0]).sum())
    fmr = replace(seen, estimate=wanted, low=min(seen.low, wanted), high=wanted, errors=errors)
    return Point(
        threshold,
        fmr,
        fnmr,
        gfar=generalised(fmr, scores.nonmated_lost, failures, rejected=False),
        gfrr=generalised(fnmr, scores.mated_lost, failures, rejected=True),
        extrapolated=True,
    )
