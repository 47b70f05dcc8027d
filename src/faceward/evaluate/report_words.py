"""What an evaluation says to somebody who decides: sentences that are computed, never canned."""

from __future__ import annotations

import math
from collections.abc import Sequence

from faceward.core.rate_words import measured, of_hundred, rate_text, share_of, span_text
from faceward.core.rates import EXTRAPOLATED, Rate
from faceward.core.words import plural
from faceward.documents.content import Grid
from faceward.evaluate.report_kinds import compares, without_groups
from faceward.evaluate.steps import MEASURED_ERRORS
from faceward.policy.evaluation import DataSet, Evaluation, Fairness, Group, Point

SIZES = (10, 100, 1_000, 10_000)
_USUAL = 1e-3
_MOST_POINTS = 4
_DEPENDENT = (
    "Comparisons of one person depend on each other: intervals are taken over people, not over pairs, and say how far "
    "another set of such people could lead to another rate. They say nothing of other cameras."
)
_TAIL = "; what stands below it is extrapolated from the tail of the scores, and bounded by its upper end alone."
_GROUNDS = {
    "consented": "pictures of people who consented",
    "public-research": "a public research data set",
    "synthetic": "synthetic faces of people who do not exist",
    "reviewed-operation": "what people found when they reviewed the operation",
}


def usual(points: Sequence[Point]) -> Point | None:
    """Return the measured point whose FMR is nearest to 1 in 1,000, by ratio; None where none was measured."""
    known = [point for point in points if not point.extrapolated and point.fmr.trials]
    return min(known, key=lambda point: abs(math.log(max(point.fmr.estimate, 1e-12) / _USUAL)), default=None)


def strictest(points: Sequence[Point]) -> Point | None:
    """Return the measured point with the highest threshold, None where none was measured."""
    known = [point for point in points if not point.extrapolated]
    return max(known, key=lambda point: point.threshold, default=None)


def shown(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return at most four points that tell most: the loosest, the usual, the strictest measured, one extrapolated."""
    if len(points) <= _MOST_POINTS:
        return tuple(points)
    kept = {id(point) for point in (points[0], usual(points), strictest(points), points[-1]) if point}
    rest = [point for point in points if id(point) not in kept]
    while len(kept) < _MOST_POINTS and rest:
        kept.add(id(rest.pop(len(rest) // 2)))
    return tuple(point for point in points if id(point) in kept)


def summary(evaluation: Evaluation) -> tuple[str, ...]:
    """Return what was found, in a few sentences."""
    basis = (_basis(evaluation.data), *_acquired(evaluation))
    main, last = usual(evaluation.points), strictest(evaluation.points)
    if main is None:
        return (*_searches(evaluation), *basis)
    found = [f"At {_point(main)}"]
    if last is not None and last.threshold > main.threshold:
        found.append(f"Stricter, at {_point(last)}")
    found.append(_crowd(main, last))
    return (*found, *_searches(evaluation), *_uneven(evaluation.fairness), *basis)


def _basis(data: DataSet) -> str:
    whose = (
        "They were taken by the deployment's own cameras."
        if data.own
        else "They were not taken by the cameras of a deployment: other cameras, light and people give other rates."
    )
    return (
        f"Measured on {plural(data.images, 'picture')} of {plural(data.subjects, 'person', 'people')} "
        f"({data.name}: {_GROUNDS[data.basis.value]}, pictures of the kind {data.camera_class!r}). {whose}"
    )


def _acquired(evaluation: Evaluation) -> tuple[str, ...]:
    if not evaluation.attempts:
        return ()
    if not evaluation.failed:
        return (f"In each of the {evaluation.attempts:,} pictures a face could be used (FTA 0).",)
    share = rate_text(evaluation.failed / evaluation.attempts)
    said = (
        f"In {evaluation.failed:,} of {plural(evaluation.attempts, 'picture')} ({share}) no face could be used (FTA)."
    )
    counted = " The generalised rates count them as people who are not recognised." if evaluation.points else ""
    return (f"{said}{counted}",)


def _point(point: Point) -> str:
    return f"a threshold of {point.threshold:.4f}: {_strangers(point.fmr)}; {_own(point.fnmr)}."


def _strangers(rate: Rate) -> str:
    if rate.errors == 0 and rate.estimate <= 0:
        return (
            f"none of {rate.trials:,} comparisons of strangers was taken for the same person, which supports no better "
            f"claim than {rate_text(rate.high)}"
        )
    count = max(100, 10 ** math.ceil(-math.log10(rate.estimate) - 0.05))
    found = share_of(rate, count)
    verb = "is" if 0.95 <= rate.estimate * count < 1.05 else "are"
    return f"of {count:,} strangers compared with one reference, {found} {verb} taken for the person"


def _own(rate: Rate) -> str:
    return f"of 100 people compared with their own reference, {of_hundred(rate)} are not recognised"


def crowd(rate: float, size: int) -> float:
    """Return the chance that a search for a stranger returns somebody, where comparisons are independent.

    Args:
        rate: FMR of one comparison.
        size: People in the gallery.
    """
    return -math.expm1(size * math.log1p(-rate)) if rate < 1 else 1.0


def _crowd(main: Point, last: Point | None) -> str:
    size = 1_000
    stricter = last is not None and last.threshold > main.threshold
    text = (
        f"In a gallery of {size:,} people {'the first of these thresholds' if stricter else 'this threshold'} returns "
        f"somebody in about "
        f"{rate_text(crowd(main.fmr.estimate, size))} of searches for a stranger"
        if main.fmr.estimate > 0
        else f"In a gallery of {size:,} people a search for a stranger returns somebody in at most about "
        f"{rate_text(crowd(main.fmr.high, size))} of cases"
    )
    if last is None or last.threshold <= main.threshold or last.fmr.estimate <= 0:
        return text + "."
    return (
        f"{text}, the stricter one in about {rate_text(crowd(last.fmr.estimate, size))}: "
        "the larger the gallery, the stricter the threshold has to be, and the more people are missed."
    )


def _searches(evaluation: Evaluation) -> tuple[str, ...]:
    known = [point for point in evaluation.identification if point.fpir.trials and point.fnir.trials]
    if not known:
        return ()
    largest = max(known, key=lambda point: (point.references - point.simulated, -point.simulated, point.threshold))
    filled = f", {largest.simulated:,} of them simulated" if largest.simulated else ""
    said = (
        f"Searches of a gallery of {largest.references:,} people{filled}: with candidates at a score of "
        f"{largest.threshold:.4f} or more, {measured(largest.fpir)} of searches for a stranger return somebody, and "
        f"{measured(largest.fnir)} of searches for a person of the gallery do not return that person "
        f"among the first {largest.rank}."
    )
    return (said,)


def _uneven(several: Sequence[Fairness]) -> tuple[str, ...]:
    found = []
    for one in several:
        for differential in one.differentials:
            said = "taken for somebody else" if differential.measure == "fmr" else "not recognised"
            found.append(
                f"By {' and '.join(one.attributes)}: people of the group {differential.worst!r} are most often {said}, "
                f"{differential.ratio.estimate:.2f} times the geometric mean over groups "
                f"({differential.ratio.low:.2f} to {differential.ratio.high:.2f})"
                + (", so that chance may explain it." if differential.ratio.low <= 1 else ".")
            )
    return tuple(found)


def galleries(points: Sequence[Point]) -> Grid:
    """Return how often a search for a stranger returns somebody, by size of gallery and operating point."""
    columns = shown(points)
    titles = tuple(f"Threshold {point.threshold:.4f}{' *' if point.extrapolated else ''}#" for point in columns)
    rows = tuple((f"{size:,} people", *(_alarm(point.fmr, size) for point in columns)) for size in SIZES)
    missed = ("missed of 100 enrolled", *(of_hundred(point.fnmr) for point in columns))
    widths = (2.2, *(3.0 for _ in columns))
    return Grid(("Gallery", *titles), (*rows, missed) if columns else (), "No operating point was measured.", widths)


def _alarm(rate: Rate, size: int) -> str:
    ends = crowd(rate.low, size), crowd(rate.high, size)
    if rate.estimate <= 0 or rate.method == EXTRAPOLATED:
        return f"at most {rate_text(ends[1])}"
    middle = crowd(rate.estimate, size)
    return f"{rate_text(middle)} " + f"({span_text(*ends, middle)})".replace(" ", "\N{NO-BREAK SPACE}")


def _lack(group: Group) -> str:
    return group.note or plural(group.subjects, "person", "people")


def cost(one: Fairness, point: Point | None) -> str:
    """Say what it costs to set the operating point by the worst group; nothing where fewer than two have a rate."""
    if one.worst_threshold is None or one.worst_fnmr is None:
        return ""
    before = "" if point is None else f" instead of {rate_text(point.fnmr.estimate)} at {one.threshold:.4f}"
    return (
        f"At a threshold of {one.worst_threshold:.4f} the worst group, too, has no higher FMR than all people together "
        f"have at {one.threshold:.4f}. There {rate_text(one.worst_fnmr)} of people are not recognised{before}: "
        "that is what it costs. Thresholds by group are not offered."
    )


def limits(evaluation: Evaluation, unsupported: Sequence[str], kind: str = "verification") -> tuple[str, ...]:
    """Return what the data cannot tell, in plain words; `kind` is what was evaluated."""
    compared = compares(kind)
    figures, camera = "rates" if compared else "figures", evaluation.data.camera_class
    found = [
        *((_DEPENDENT,) if compared else ()),
        f"The {figures} hold for pictures of the kind {camera!r} and people such as these.",
    ]
    if not evaluation.data.own:
        found[-1] += " Whoever relies on them for a camera of their own measures there first."
    if evaluation.nonmated and evaluation.points:
        tail = any(point.extrapolated for point in evaluation.points)
        found.append(
            f"{plural(evaluation.nonmated, 'non-mated comparison')} of {evaluation.data.subjects:,} people support no "
            f"false-match rate below {rate_text(MEASURED_ERRORS / evaluation.nonmated)}: fewer than "
            f"{MEASURED_ERRORS} would be expected to err" + (_TAIL if tail else ".")
        )
    if any(point.simulated for point in evaluation.identification):
        found.append("Simulated references show how errors grow with the number of people; they are no people.")
    small = [group for one in evaluation.fairness for group in one.groups if not (group.fmr and group.fnmr)]
    if small:
        found.append(
            f"Too small for a claim: {'; '.join(f'{group.name} ({_lack(group)})' for group in small)}. "
            "That no difference was found there does not mean that there is none."
        )
    if not evaluation.fairness:
        found += filter(None, [without_groups(kind)])
    else:
        found.append("Groups are those of the data set's own labels. The software infers none.")
    return (*found, *unsupported)
