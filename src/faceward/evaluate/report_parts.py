"""The parts of a report that hold tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from faceward.core.canonical import JSONValue
from faceward.core.rate_words import measured, rate_text, times
from faceward.core.rates import Rate
from faceward.documents.content import Block, Grid, Pairs, Paragraph
from faceward.evaluate import figures, metrics, search_figures
from faceward.evaluate.drawing import Curve
from faceward.evaluate.group_figure import fairness
from faceward.evaluate.intervals import SubjectBootstrap
from faceward.evaluate.likelihood import assess
from faceward.evaluate.outcome import Outcome
from faceward.evaluate.report_kinds import named
from faceward.evaluate.report_words import cost, shown
from faceward.evaluate.scores import Scores
from faceward.evaluate.searching import SearchScores
from faceward.evaluate.steps import MEASURED_ERRORS
from faceward.policy.evaluation import Differential, Evaluation, Fairness, IdentificationPoint, Point

_RANKS = 20
_MOST_ROWS, _MOST_NAMED, _MOST_SHARES = 40, 8, 7
# A curve has no use for more points than its width on paper shows.
_CURVE = 160
TAIL = (
    " * Extrapolated from the tail of the scores: the FMR that is stated there is the upper end of its 95 % interval."
)
_UNSEEN = (
    " No failure to acquire was seen. The intervals of GFAR and GFRR are wider than those of FMR and FNMR all the "
    "same: they allow for as many failures as may have gone unseen among so many pictures (rule of three)."
)


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
        + ("" if evaluation.failed or not evaluation.attempts else _UNSEEN)
        + (TAIL if any(p.extrapolated for p in evaluation.points) else "")
    )
    if scores is None or not len(scores.mated) or not len(scores.nonmated):
        return (told, table, note)
    return (told, figures.det(_det(scores), shown(evaluation.points)), table, note)


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
    supported = MEASURED_ERRORS / len(scores.nonmated)
    return figures.DetCurve(curve.fmr, curve.fnmr, low, high, supported)


def distributions(outcome: Outcome) -> tuple[Block, ...]:
    """Return the histograms of scores and what sums them up."""
    scores = outcome.scores
    if scores is None:
        return ()
    known = [point for point in shown(outcome.evaluation.points) if not point.extrapolated]
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
    rank = max((point.rank for point in points), default=_RANKS)
    curves = [curve for search in outcome.searches if (curve := _search_curve(search, rank)) is not None]
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


def _search_curve(search: SearchScores, rank: int) -> search_figures.SearchCurve | None:
    strangers = search.best[~search.enrolled]
    if not search.enrolled.any() or not len(strangers):
        return None
    finite = strangers[np.isfinite(strangers)]
    if not len(finite):
        return None
    thresholds = np.unique(np.quantile(finite, np.linspace(0, 1, _CURVE), method="nearest"))
    return search_figures.SearchCurve(
        references=search.references,
        simulated=search.simulated,
        fpir=search.fpir(thresholds),
        fnir=search.fnir(thresholds, min(rank, search.references)),
        cmc=search.cmc(min(_RANKS, search.references)),
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
            group.note,
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
        *((Paragraph(price),) if (price := cost(one, overall)) else ()),
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
    """Return the Tippett plot of the run's likelihood ratios on held-out people, and their Cllr."""
    if outcome.scores is None:
        return ()
    found = assess(outcome.scores)
    low, high = (10.0**bound for bound in found.bounds)
    text = (
        f"Cllr {found.cllr:.3f} bits, of which {found.cllr_min:.3f} would remain after the best recalibration; 0 is "
        "perfect, 1 says nothing (a coin). A ratio says how much more probable the score is if both pictures show one "
        "person than if they show two; it is no probability that they do."
    )
    bounds = (
        f"Tried on {found.mated:,} mated and {found.nonmated:,} non-mated comparisons of people who took no part in "
        f"making the ratios. They support no ratio below {low:.2g} and none above {high:,.0f}."
    )
    return (figures.tippett(found.tippett, found.cllr), Paragraph(text), Paragraph(bounds))


def details(outcome: Outcome, *, private: bool) -> tuple[Block, ...]:
    """Return the run's other figures: the quality curves, and plain values by name.

    Args:
        outcome: The run.
        private: Whether lists, which name pictures, are given by their length alone.
    """
    found: list[Block] = []
    quality = outcome.details.get("quality")
    components = outcome.details.get("components", quality.get("components") if isinstance(quality, Mapping) else None)
    lines = [*_discards(components)] if isinstance(components, list) else []
    if lines:
        found += [figures.discard(lines), _discard_table(lines)]
    left = {key: value for key, value in outcome.details.items() if key not in _TOLD}
    rows = [*_flat(left, private=private)][:_MOST_ROWS]
    return (*found, Pairs(tuple(rows))) if rows else tuple(found)


# What other parts of the report say better.
_TOLD = frozenset({"unsupported", "quality", "components", "eer", "galleries", "cllr", "cllr_min", "log10_bounds"})


def _discard_table(lines: Sequence[figures.DiscardLine]) -> Grid:
    """Return the FNMR of what each measure keeps."""
    shares = sorted({float(share) for line in lines for share in line.discarded})[:_MOST_SHARES]
    rows = []
    for line in lines:
        known = dict(zip(line.discarded.tolist(), line.fnmr.tolist(), strict=True))
        rates = (rate_text(known[share]) if share in known else "too few" for share in shares)
        rows.append((line.name.replace("_", " "), *rates))
    columns = ("FNMR without the lowest", *(f"{share * 100:.3g} %#" for share in shares))
    return Grid(columns, tuple(rows), widths=(3, *(1.2 for _ in shares)))


def _discards(components: list[JSONValue]) -> Iterator[figures.DiscardLine]:
    for one in components:
        if not isinstance(one, Mapping) or not isinstance(points := one.get("points"), list) or len(points) < 2:
            continue
        columns = {
            key: np.array([float(str(point[key])) for point in points if isinstance(point, Mapping)])
            for key in ("discarded", "fnmr")
        }
        yield figures.DiscardLine(str(one.get("name")), columns["discarded"], columns["fnmr"])


def _flat(value: Mapping[str, JSONValue], before: str = "", *, private: bool) -> Iterator[tuple[str, str]]:
    for key, inside in value.items():
        name = f"{before}{named(key)}"
        if isinstance(inside, Mapping) and set(inside) == set(Rate.__dataclass_fields__):
            yield name, measured(Rate(**inside))  # type: ignore[arg-type]
        elif isinstance(inside, Mapping):
            yield from _flat(inside, f"{name}: ", private=private)
        elif isinstance(inside, list):
            if inside:
                yield name, f"{len(inside):,}" if private else _several(inside)
        elif inside is not None:
            yield name, _short(inside)


def _several(values: Sequence[JSONValue]) -> str:
    more = f" and {len(values) - _MOST_NAMED:,} more" if len(values) > _MOST_NAMED else ""
    return ", ".join(_short(value) for value in values[:_MOST_NAMED]) + more


def _short(value: JSONValue) -> str:
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " = ".join(_short(item) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{named(key)} {_short(item)}" for key, item in value.items())
    return str(value)
