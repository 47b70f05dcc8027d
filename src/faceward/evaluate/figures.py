"""The figures of one-to-one comparison: DET, scores, error versus discard, groups, likelihood ratios.

Each takes plain curves and rates and returns a document's figure with words for whoever does not see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from faceward.core.rate_words import measured, rate_text, stated
from faceward.documents.content import Figure
from faceward.evaluate.drawing import (
    FIRST,
    INK,
    LOWEST,
    PAGE,
    PALE,
    SECOND,
    SOFT,
    Curve,
    finished,
    floor_of,
    rates,
    shares,
    sheet,
    spread,
    styled,
    tag,
)
from faceward.evaluate.ratios import Tippett
from faceward.policy.evaluation import Point

_BINS = 90
_MARKS = 4
_NAMED = 2


@dataclass(frozen=True, slots=True)
class DetCurve:
    """A DET curve (ISO/IEC 19795-1) with its band.

    Attributes:
        fmr: False-match rates, shape (k,), 0 to 1.
        fnmr: False-non-match rates there, shape (k,).
        low: Lower ends of their intervals, shape (k,), or empty.
        high: Upper ends, shape (k,), or empty.
        supported: The lowest FMR that the data support, 0 to 1.
    """

    fmr: Curve
    fnmr: Curve
    low: Curve
    high: Curve
    supported: float


@styled
def det(curve: DetCurve, points: Sequence[Point]) -> Figure:
    """Draw FNMR over FMR on logarithmic axes, with a band and the operating points."""
    figure, [axes] = sheet(3.7)
    inside = curve.fmr > 0
    chosen = [point.fmr.estimate for point in points if point.fmr.estimate > 0]
    lowest = min([float(fmr) for fmr in curve.fmr[inside]] + chosen + [0.1])
    left = max(LOWEST, min(lowest, curve.supported or 1.0) / 1.5)
    shown = inside & (curve.fmr >= left) & (curve.fmr <= 0.5)
    floor = floor_of([*curve.fnmr[shown], *(curve.low[shown] if len(curve.low) else ()), *(p.fnmr.low for p in points)])
    rates(axes, "x", left, 0.5)
    rates(axes, "y", floor, 1.0, (1, 2, 5))
    if curve.supported > left:
        axes.axvspan(left, curve.supported, color=PALE, alpha=0.16, linewidth=0)
        tag(axes, "too few comparisons", (left, floor), (4, 5), color=SOFT, fontsize=8)
    if len(curve.low):
        low, high = np.maximum(curve.low[shown], floor), np.maximum(curve.high[shown], floor)
        axes.fill_between(curve.fmr[shown], low, high, color=FIRST, alpha=0.2, linewidth=0)
    axes.plot(curve.fmr[shown], np.where(curve.fnmr[shown] > 0, curve.fnmr[shown], np.nan), color=FIRST)
    for point in points:
        _operating(axes, point, left, floor)
    axes.set_xlabel("strangers taken for the person (FMR)")
    axes.set_ylabel("own reference not recognised (FNMR)")
    seen = "; ".join(f"at an FMR of {stated(p.fmr)} the FNMR is {measured(p.fnmr)}" for p in points)
    note = (
        "Lower is better. Each step to the left admits fewer strangers and refuses more people who are enrolled. "
        "The band is the 95 % interval of the FNMR over subjects."
    )
    hollow = (
        " A hollow point is extrapolated: its FMR is at most what is written."
        if any(p.extrapolated for p in points)
        else ""
    )
    return finished(
        figure, "det", "Error trade-off (DET)", f"DET curve: {seen or 'no operating point'}.", note + hollow
    )


def _operating(axes: Axes, point: Point, left: float, floor: float) -> None:
    at = (max(point.fmr.estimate, left), max(point.fnmr.estimate, floor))
    face = PAGE if point.extrapolated else FIRST
    axes.plot(*at, "o", markersize=6, markerfacecolor=face, markeredgecolor=FIRST, zorder=4, clip_on=False)
    errors = "0 seen" if point.fnmr.estimate <= 0 else rate_text(point.fnmr.estimate)
    tag(axes, f"{errors} at {stated(point.fmr)}" if point.fmr.estimate > 0 else errors, at, (6, 6))


@styled
def scores(mated: Curve, nonmated: Curve, points: Sequence[Point]) -> Figure:
    """Draw how scores of mated and non-mated comparisons are distributed, plainly and by their tails.

    Args:
        mated: Scores of mated comparisons, shape (m,).
        nonmated: Scores of non-mated comparisons, shape (n,).
        points: Operating points, whose thresholds are drawn.
    """
    figure, [plain, tails] = sheet(4.8, rows=2, sharex=True, gridspec_kw={"height_ratios": (3, 2)})
    low, high = _extent([mated, nonmated, np.array([point.threshold for point in points])])
    edges = np.linspace(low, high, _BINS + 1)
    top = max(_hump((plain, tails), nonmated, edges, mated=False), _hump((plain, tails), mated, edges, mated=True))
    rates(tails, "y", 0.5 / max(len(mated), len(nonmated), 2), 1.0)
    tails.yaxis.set_major_locator(_sparse(tails))
    shares(plain, "y")
    plain.set_title("share of comparisons in each bin")
    tails.set_title("the same on a logarithmic scale: the tails")
    tails.set_xlabel("score (the higher, the more alike)")
    plain.set_xlim(low, high + (high - low) * 0.05)
    _thresholds(plain, tails, points, top)
    alt = f"Scores of {len(mated):,} mated comparisons ({_middle(mated)}) and {len(nonmated):,} non-mated ones "
    alt += f"({_middle(nonmated)})."
    note = "A stranger to the right of a threshold is a false match; the same person to its left is not recognised."
    return finished(figure, "scores", "How scores are distributed", alt, note)


def _hump(panels: Sequence[Axes], values: Curve, edges: Curve, *, mated: bool) -> float:
    """Draw one distribution into both panels; return the height of its peak."""
    if len(values) == 0:
        return 0.0
    colour, line = (FIRST, "-") if mated else (SECOND, (0, (4, 1.5)))
    share = np.histogram(values, edges)[0] / len(values)
    for axes in panels:
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.18)
        axes.stairs(share, edges, color=colour, linewidth=1.4, linestyle=line)
    peak = int(share.argmax())
    name, side = ("same person", "left") if mated else ("different people", "right")
    at = ((edges[peak] + edges[peak + 1]) / 2, share[peak])
    tag(panels[0], name, at, (0, 5), color=colour, ha=side, weight="bold")
    return float(share[peak])


def _sparse(axes: Axes) -> FixedLocator:
    ticks = [float(tick) for tick in axes.get_yticks()]
    return FixedLocator(ticks[:: max(1, -(-len(ticks) // 4))])


def _middle(values: Curve) -> str:
    if len(values) == 0:
        return "none"
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"median {middle:.3f}, nine in ten between {low:.3f} and {high:.3f}"


def _extent(several: Sequence[Curve]) -> tuple[float, float]:
    values = [float(end) for one in several if len(one) for end in (one.min(), one.max())] or [0.0, 1.0]
    low, high = min(values), max(values)
    margin = (high - low) * 0.03 or 0.05
    return low - margin, high + margin


def _thresholds(plain: Axes, tails: Axes, points: Sequence[Point], peak: float) -> None:
    """Draw the thresholds; each reaches up to a label to its left, the higher the threshold, so that none meet."""
    marked = sorted(points, key=lambda point: point.threshold)[:_MARKS]
    step = peak * 0.115
    for place, point in enumerate(marked, 1):
        level = peak + step * (place + 0.6)
        plain.vlines(point.threshold, 0, level, color=INK, linewidth=0.9, linestyle=":")
        tails.axvline(point.threshold, color=INK, linewidth=0.9, linestyle=":")
        words = f"FMR {rate_text(point.fmr.estimate)}" if point.fmr.estimate > 0 else "no false match seen"
        tag(plain, words, (point.threshold, level), (-3, 0), ha="right", va="top", fontsize=8)
    plain.set_ylim(0, (peak + step * (len(marked) + 1)) or 1.0)


@dataclass(frozen=True, slots=True)
class DiscardLine:
    """The FNMR of what is kept when the samples of lowest quality by one measure are left out (ISO/IEC 29794-1).

    Attributes:
        name: The measure.
        discarded: Shares of samples left out, shape (k,), rising from 0.
        fnmr: FNMR of the others, shape (k,).
    """

    name: str
    discarded: Curve
    fnmr: Curve


@styled
def discard(lines: Sequence[DiscardLine]) -> Figure:
    """Draw error versus discard; the first lines are named, the others pale.

    Args:
        lines: The most telling measure first; each of two points or more.
    """
    figure, [axes] = sheet(3.2)
    end = max(float(line.discarded[-1]) for line in lines) or 1.0
    top = max(float(line.fnmr.max()) for line in lines) * 1.08 or 1.0
    for place, line in reversed([*enumerate(lines)]):
        named = place < _NAMED
        colour, width = (FIRST, 2.0) if place == 0 else (SECOND, 1.6) if named else (PALE, 1.0)
        style = "-" if place != 1 else (0, (4, 1.5))
        axes.plot(line.discarded, line.fnmr, color=colour, linewidth=width, linestyle=style if named else "-")
    first = [(float(line.discarded[-1]), float(line.fnmr[-1])) for line in lines[:_NAMED]]
    for line, (across, _), at in zip(lines, first, spread([at for _, at in first], top / 14, top), strict=False):
        tag(axes, line.name.replace("_", " "), (across, at), (6, 0), va="center", fontsize=8)
    axes.set_xlim(0, end * 1.22)
    axes.set_ylim(0, top)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= end * 1.001])
    shares(axes, "x")
    shares(axes, "y")
    axes.set_xlabel("samples of lowest quality left out")
    axes.set_ylabel("FNMR of the others")
    alt = "; ".join(
        f"{line.name}: FNMR {rate_text(float(line.fnmr[0]))} with all samples, {rate_text(float(line.fnmr[-1]))} "
        f"without {rate_text(float(line.discarded[-1]))}"
        for line in lines
    )
    note = "A line falls fast where its measure finds the samples that will not be recognised. Pale: other measures."
    return finished(figure, "discard", "Error versus discard", alt + ".", note)


@styled
def tippett(curves: Tippett, cllr: float) -> Figure:
    """Draw which share of comparisons has at least each log10 likelihood ratio (Tippett plot).

    Args:
        curves: Of mated and non-mated comparisons.
        cllr: Cost of the log likelihood ratio, in bits.
    """
    figure, [axes] = sheet(3.2)
    for values, colour, style, name in (
        (curves.nonmated, SECOND, (0, (4, 1.5)), "different people"),
        (curves.mated, FIRST, "-", "same person"),
    ):
        axes.plot(curves.log10, values, color=colour, linestyle=style, drawstyle="steps-pre")
        level, side, shift = (0.5, "right", -7) if name == "same person" else (0.3, "left", 7)
        place = int(np.argmin(np.abs(values - level)))
        tag(axes, name, (curves.log10[place], values[place]), (shift, 0), color=colour, ha=side, weight="bold")
    reach = max(1.0, *(abs(float(end)) for end in (curves.log10[0], curves.log10[-1]))) * 1.05
    axes.set_xlim(-reach, reach)
    axes.set_ylim(0, 1.02)
    axes.axvline(0, color=SOFT, linewidth=0.9, linestyle=":")
    shares(axes, "y")
    axes.set_xlabel("log10 likelihood ratio (right of 0: speaks for the same person)")
    axes.set_ylabel("comparisons with as much or more")
    middle = int(np.searchsorted(curves.log10, 0.0))
    wrong = (1 - float(curves.mated[middle]), float(curves.nonmated[middle]))
    alt = f"{rate_text(wrong[0])} of mated comparisons have a ratio below 1 and {rate_text(wrong[1])} of non-mated "
    alt += f"ones at least 1; Cllr {cllr:.3f} bits."
    note = "Misleading evidence: the solid line falls short of 100 % left of 0, the dashed line is above 0 right of it."
    return finished(figure, "tippett", "Tippett plot", alt, note)
