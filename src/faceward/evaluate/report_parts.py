"""The parts of a report that hold tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from faceward.core.canonical import JSONValue
from faceward.core.rate_words import measured, rate_text, times
from faceward.core.rates import Rate
from faceward.documents.content import Block, Grid, Pairs, Paragraph
from faceward.evaluate import figures, metrics, search_figures
from faceward.evaluate.drawing import Curve
from faceward.evaluate.group_figure import fairness
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.outcome import Outcome
from faceward.evaluate.report_words import cost
from faceward.evaluate.scores import Scores
from faceward.evaluate.searching import SearchScores
from faceward.policy.evaluation import Differential, Evaluation, Fairness, IdentificationPoint, Point

_RANKS = 20
_MOST_ROWS = 40
# A curve has no use for more points than its width on paper shows.
_CURVE = 160


def operating(outcome: Outcome) -> tuple[Block, ...]:
    """Return the table of operating points and, where there are scores, the DET curve."""
    evaluation, scores = outcome.evaluation, outcome.scores
    widths = (1.8, 3.9, 3.0, 3.9, 3.0)
    table = Grid(
        ("Threshold#", "FMR#", "FNMR#", "GFAR#", "GFRR#"), tuple(_row(p) for p in evaluation.points), widths=widths
    )
    told = Pairs(
        (
            ("Mated comparisons", f"{evaluation.mated:,}"),
            ("Non-mated comparisons", f"{evaluation.nonmated:,}"),
            ("Failures to acquire", _failures(evaluation)),
        )
    )
    note = Paragraph(
        "A score at or above the threshold is a match. FMR: strangers taken for the person. FNMR: people not matched "
        "with their own reference. GFAR and GFRR count pictures without a usable face as well. In brackets 95 % "
        "intervals over people."
        + (" * Extrapolated from the tail of the scores." if any(p.extrapolated for p in evaluation.points) else "")
    )
    if scores is None or not len(scores.mated) or not len(scores.nonmated):
        return (told, table, note)
    return (told, figures.det(_det(scores), evaluation.points), table, note)


def _failures(evaluation: Evaluation) -> str:
    share = f" ({rate_text(evaluation.failed / evaluation.attempts)})" if evaluation.failed else ""
    return f"{evaluation.failed:,} of {evaluation.attempts:,} pictures{share}"


def _row(point: Point) -> tuple[str, ...]:
    mark = "\u00a0*" if point.extrapolated else ""
    rates: tuple[Rate, ...] = (point.fmr, point.fnmr, point.gfar, point.gfrr)
    return (f"{point.threshold:.4f}{mark}", *(measured(rate) for rate in rates))


def _det(scores: Scores) -> figures.DetCurve:
    curve = metrics.det(scores, _CURVE)
    bands = SubjectBootstrap(scores).fnmr(curve.thresholds)
    low, high = (np.array([getattr(rate, end) for rate in bands], dtype=np.float64) for end in ("low", "high"))
    supported = metrics.SUPPORTING_ERRORS / len(scores.nonmated)
    return figures.DetCurve(curve.fmr, curve.fnmr, low, high, supported)


def distributions(outcome: Outcome) -> tuple[Block, ...]:
    """Return the histograms of scores and what sums them up."""
    scores = outcome.scores
    if scores is None:
        return ()
    known = [point for point in outcome.evaluation.points if not point.extrapolated]
    equal = Paragraph(
        f"Equal error rate: {rate_text(metrics.eer(scores))}, at the threshold where both errors are alike. It "
        "compares networks; nobody operates there."
    )
    return (figures.scores(_floats(scores.mated), _floats(scores.nonmated), known), equal)


def _floats(values: object) -> Curve:
    return np.asarray(values, dtype=np.float64)


def searching(outcome: Outcome) -> tuple[Block, ...]:
    """Return tables and figures of searches."""
    points = outcome.evaluation.identification
    rows = tuple(_search_row(point) for point in points)
    columns = ("Gallery#", "Simulated#", "Threshold#", "FPIR#", "FNIR#", "Rank#")
    blocks: list[Block] = []
    if len({point.references for point in points}) > 1:
        blocks.append(search_figures.growth(points))
    curves = [curve for search in outcome.searches if (curve := _search_curve(search)) is not None]
    if any((curve.fpir > 0).any() for curve in curves):
        blocks.append(search_figures.trade_off(curves))
    if curves:
        blocks.append(search_figures.cmc(curves))
    text = Paragraph(
        "FPIR: searches for somebody who is not in the gallery that return anybody. FNIR: searches for somebody who "
        "is in it that do not return this person among the candidates."
    )
    table = Grid(columns, rows, empty="No operating point was measured.", widths=(1.6, 1.6, 1.8, 3.6, 3.6, 1))
    return (*blocks, table, text)


def _search_row(point: IdentificationPoint) -> tuple[str, ...]:
    counts = (f"{point.references:,}", f"{point.simulated:,}", f"{point.threshold:.4f}")
    return (*counts, measured(point.fpir), measured(point.fnir), str(point.rank))


def _search_curve(search: SearchScores) -> search_figures.SearchCurve | None:
    strangers = search.best[~search.enrolled]
    if not search.enrolled.any() or not len(strangers):
        return None
    finite = strangers[np.isfinite(strangers)]
    if not len(finite):
        return None
    thresholds = np.unique(np.quantile(finite, np.linspace(0, 1, _CURVE), method="nearest"))
    rank = min(_RANKS, search.references)
    return search_figures.SearchCurve(
        references=search.references,
        simulated=search.simulated,
        fpir=search.fpir(thresholds),
        fnir=search.fnir(thresholds, rank),
        cmc=search.cmc(rank),
    )


def groups(one: Fairness, point: Point | None) -> tuple[Block, ...]:
    """Return the errors of each group, how unevenly they fall, and what it costs to set the point by the worst."""
    overall = point if point is not None and point.threshold == one.threshold else None
    rows = tuple(
        (
            group.name,
            f"{group.subjects:,}",
            measured(group.fmr) if group.fmr else "too few",
            measured(group.fnmr) if group.fnmr else "too few",
            group.note if not group.supported else "",
        )
        for group in one.groups
    )
    uneven = tuple(_uneven(differential) for differential in one.differentials)
    return (
        Paragraph(f"Compared at the threshold {one.threshold:.4f}, within each group, by the data set's own labels."),
        fairness(one, overall),
        Grid(("Group", "People#", "FMR#", "FNMR#", "Note"), rows, widths=(3, 1.3, 3.2, 3.2, 3)),
        Grid(
            ("Error", "Worst group", "Worst to geometric mean#", "Gini#", "Highest to lowest#"),
            uneven,
            empty="Fewer than two groups are large enough to be compared.",
            widths=(1.2, 3, 3, 2.4, 3),
        ),
        Paragraph(cost(one, overall)),
    )


def _uneven(one: Differential) -> tuple[str, ...]:
    ratio = f"{one.ratio.estimate:.2f} ({one.ratio.low:.2f} to {one.ratio.high:.2f})"
    low, high = one.gini_interval
    spread = "" if one.inequity_interval is None else " ({} to {})".format(*map(times, one.inequity_interval))
    return (
        one.measure.upper(),
        one.worst,
        ratio,
        f"{one.gini:.2f} ({low:.2f} to {high:.2f})",
        f"{times(one.inequity)}{spread}",
    )


def likelihood(outcome: Outcome) -> tuple[Block, ...]:
    """Return the Tippett plot of the run's likelihood ratios, and its Cllr."""
    scores = outcome.scores
    if scores is None:
        return ()
    known, ratios = (np.array(side) for side in zip(*outcome.evaluation.likelihood, strict=True))
    mated, nonmated = (np.interp(_floats(side), known, ratios) for side in (scores.mated, scores.nonmated))
    cllr = outcome.details.get("cllr")
    value = float(cllr) if isinstance(cllr, int | float) else _cllr(mated, nonmated)
    text = (
        f"Cllr {value:.3f} bits: 0 is perfect, 1 says nothing (a coin). A ratio says how much more probable the score "
        "is if both pictures show one person than if they show two; it is no probability that they do."
    )
    return (figures.tippett(mated, nonmated, value), Paragraph(text))


def _cllr(mated: Curve, nonmated: Curve) -> float:
    """Return the cost of the log likelihood ratio in bits (Brümmer and du Preez, 2006)."""
    log2 = np.log(10) / np.log(2)
    costs = (np.logaddexp2(0, -mated * log2).mean(), np.logaddexp2(0, nonmated * log2).mean())
    return float(sum(costs) / 2)


def details(outcome: Outcome) -> tuple[Block, ...]:
    """Return the run's other figures: the quality curves, and plain values by name."""
    found: list[Block] = []
    components = outcome.details.get("components")
    lines = [*_discards(components)] if isinstance(components, list) else []
    if lines:
        found.append(figures.discard(lines))
    left = {key: value for key, value in outcome.details.items() if key not in _TOLD}
    rows = [*_flat(left)][:_MOST_ROWS]
    return (*found, Pairs(tuple(rows))) if rows else tuple(found)


_TOLD = frozenset({"unsupported", "components", "cllr", "seconds"})


def _discards(components: list[JSONValue]) -> Iterator[figures.DiscardLine]:
    for one in components:
        if not isinstance(one, Mapping) or not isinstance(points := one.get("points"), list) or len(points) < 2:
            continue
        columns = {
            key: np.array([float(str(point[key])) for point in points if isinstance(point, Mapping)])
            for key in ("discarded", "fnmr")
        }
        yield figures.DiscardLine(str(one.get("name")), columns["discarded"], columns["fnmr"])


def _flat(value: Mapping[str, JSONValue], before: str = "") -> Iterator[tuple[str, str]]:
    for key, inside in value.items():
        name = f"{before}{key.replace('_', ' ')}"
        if isinstance(inside, Mapping):
            yield from _flat(inside, f"{name}: ")
        elif inside is None or isinstance(inside, bool):
            yield name, {True: "yes", False: "no", None: "none"}[inside]
        elif isinstance(inside, str):
            yield name, inside
        elif isinstance(inside, int):
            yield name, f"{inside:,}"
        elif isinstance(inside, float):
            yield name, f"{inside:.4g}"
        elif all(not isinstance(item, Mapping | list) for item in inside):
            yield name, ", ".join(str(item) for item in inside)
