"""The figures of searching a gallery: the trade-off of its two errors, how they grow with it, and the CMC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.typing import LineStyleType

from faceward.core.rate_words import measured, rate_text
from faceward.documents.content import Figure
from faceward.evaluate.drawing import (
    FIRST,
    LOWEST,
    PAGE,
    SECOND,
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
from faceward.policy.evaluation import IdentificationPoint

_MOST_RANKS = 20


@dataclass(frozen=True, slots=True)
class SearchCurve:
    """What searches of galleries of one size gave.

    Attributes:
        references: Subjects in the gallery.
        simulated: How many of them are simulated.
        fpir: False-positive identification rates, shape (k,), 0 to 1.
        fnir: False-negative identification rates there, shape (k,).
        cmc: Share of mated probes whose own reference is among the first r, shape (r,), from rank 1.
    """

    references: int
    simulated: int
    fpir: Curve
    fnir: Curve
    cmc: Curve


def _size(references: int, simulated: int) -> str:
    return f"{references:,}" + (" (simulated)" if simulated else "")


@styled
def trade_off(curves: Sequence[SearchCurve]) -> Figure:
    """Draw FNIR over FPIR, a line for each size of gallery; larger galleries are drawn fainter."""
    figure, [axes] = sheet(3.4)
    shown = [curve for curve in curves if (curve.fpir > 0).any()]
    left = floor_of([float(curve.fpir[curve.fpir > 0].min()) for curve in shown])
    floor = floor_of([float(value) for curve in shown for value in curve.fnir[curve.fpir > 0]])
    rates(axes, "x", left, 1.0, (1, 3))
    rates(axes, "y", floor, 1.0, (1, 2, 5))
    for place, curve in enumerate(shown):
        inside = (curve.fpir > 0) & (curve.fnir > 0)
        style = (0, (4, 1.5)) if curve.simulated else "-"
        axes.plot(curve.fpir[inside], curve.fnir[inside], color=FIRST, alpha=_faint(place, len(shown)), linestyle=style)
    _name_lines(axes, [(_size(c.references, c.simulated), c.fpir, c.fnir) for c in shown], left)
    axes.set_xlabel("searches for strangers that return somebody (FPIR)")
    axes.set_ylabel("people of the gallery missed (FNIR)")
    alt = "; ".join(
        f"gallery of {_size(curve.references, curve.simulated)}: {_at(curve, 0.01)}; {_at(curve, 0.1)}"
        for curve in shown
    )
    note = "One line for each size of gallery; dashed where the gallery is filled up with simulated references."
    return finished(figure, "search", "Searching: error trade-off", alt + ".", note)


def _faint(place: int, count: int) -> float:
    return 1.0 - 0.6 * place / max(1, count - 1)


def _at(curve: SearchCurve, fpir: float) -> str:
    place = int(np.argmin(np.abs(curve.fpir - fpir)))
    return f"FNIR {rate_text(float(curve.fnir[place]))} at FPIR {rate_text(float(curve.fpir[place]))}"


def _name_lines(axes: Axes, lines: Sequence[tuple[str, Curve, Curve]], left: float) -> None:
    """Write each line's name at its left end, above it."""
    starts = []
    for _, across, down in lines:
        inside = (across > 0) & (down > 0)
        # Of the thresholds with the lowest FPIR the one that misses fewest.
        nearest = inside & (across == across[inside].min()) if inside.any() else inside
        ends = (float(across[nearest][0]), float(down[nearest].min())) if nearest.any() else (left, axes.get_ylim()[0])
        starts.append((max(ends[0], left), float(np.log10(ends[1]))))
    bottom, top = (float(np.log10(end)) for end in axes.get_ylim())
    heights = spread([height for _, height in starts], (top - bottom) / 16, top - 0.02)
    for (name, _, _), (place, _), height in zip(lines, starts, heights, strict=True):
        tag(axes, name, (place, 10**height), (4, 3), fontsize=8)


@styled
def growth(points: Sequence[IdentificationPoint]) -> Figure:
    """Draw how the misses of a search grow with the gallery while the rate of false alerts is kept."""
    figure, [axes] = sheet(3.2)
    series = _series(points)
    ends = [end for point in points for end in (point.fnir.low, point.fnir.estimate, point.fnir.high)]
    sizes = sorted({point.references for point in points})
    low = floor_of(ends) / 1.2
    rates(axes, "y", low, min(1.0, max(ends) * 1.6), (1, 2, 5))
    axes.set_xscale("log")
    named = [size for place, size in enumerate(sizes) if place == len(sizes) - 1 or size * 2.5 < sizes[place + 1]]
    axes.set_xticks(named, [f"{size:,}" for size in named])
    axes.set_xticks([], minor=True)
    axes.set_xlim(sizes[0] / 1.4, sizes[-1] * 2.6)
    for place, several in enumerate(series):
        _grown(axes, several, (FIRST, SECOND)[place % 2], ("-", (0, (4, 1.5)))[place % 2])
    ends_at = [float(np.log10(max(several[-1].fnir.estimate, low))) for several in series]
    bottom, top = (float(np.log10(end)) for end in axes.get_ylim())
    for place, (several, at) in enumerate(zip(series, spread(ends_at, (top - bottom) / 14, top), strict=True)):
        middle = float(np.median([point.fpir.estimate for point in several]))
        words = f"FPIR {rate_text(middle)}"
        colour = (FIRST, SECOND)[place % 2]
        tag(axes, words, (several[-1].references, 10**at), (9, 0), color=colour, va="center")
    axes.set_xlabel("people in the gallery")
    axes.set_ylabel("people missed (FNIR)")
    alt = "; ".join(
        f"gallery of {_size(p.references, p.simulated)} at FPIR {measured(p.fpir)}: FNIR {measured(p.fnir)}"
        for p in points
    )
    note = "Bars are 95 % intervals. Hollow points: part of the gallery is simulated."
    return finished(figure, "growth", "Misses as the gallery grows", alt + ".", note)


def _grown(axes: Axes, several: Sequence[IdentificationPoint], colour: str, line: LineStyleType) -> None:
    """Draw one line with its intervals; where no miss was seen stands an arrow at the interval's upper end."""
    low = axes.get_ylim()[0]
    fnir = [point.fnir.estimate or np.nan for point in several]
    axes.plot([point.references for point in several], fnir, color=colour, linestyle=line)
    for point in several:
        span = (max(point.fnir.low, low), point.fnir.high)
        face = PAGE if point.simulated else colour
        marker, at = ("o", point.fnir.estimate) if point.fnir.estimate > 0 else ("v", point.fnir.high)
        axes.plot((point.references, point.references), span, color=colour, linewidth=1.2)
        [mark] = axes.plot(point.references, at, marker, color=colour, markersize=5.5, zorder=4, clip_on=False)
        mark.set_markerfacecolor(face)


def _series(points: Sequence[IdentificationPoint]) -> list[list[IdentificationPoint]]:
    """Return the points of each kept rate over rising sizes; rates within half a power of ten are one."""
    found: dict[int, list[IdentificationPoint]] = defaultdict(list)
    for point in sorted(points, key=lambda point: (point.references, point.threshold)):
        found[round(2 * np.log10(max(point.fpir.estimate, LOWEST)))].append(point)
    return [found[rate] for rate in sorted(found, reverse=True)]


@styled
def cmc(curves: Sequence[SearchCurve]) -> Figure:
    """Draw the cumulative match characteristic: how often the own reference is among the first r (ISO/IEC 19795-1)."""
    figure, [axes] = sheet(3.0)
    most = min(_MOST_RANKS, max(len(curve.cmc) for curve in curves))
    for place, curve in enumerate(curves):
        values = curve.cmc[:most]
        style = (0, (4, 1.5)) if curve.simulated else "-"
        axes.plot(range(1, len(values) + 1), values, color=FIRST, alpha=_faint(place, len(curves)), linestyle=style)
    least = min(float(curve.cmc[0]) for curve in curves)
    axes.set_ylim(max(0.0, least - (1 - least) * 0.25 - 0.01), 1.002)
    axes.set_xlim(0.7, most * 1.24)
    gap = (1.002 - axes.get_ylim()[0]) * 0.08
    ends = [(len(curve.cmc[:most]), float(curve.cmc[:most][-1])) for curve in curves]
    for curve, (end, _), at in zip(curves, ends, spread([at for _, at in ends], gap, 1.0), strict=True):
        tag(axes, _size(curve.references, curve.simulated), (end, at), (5, 0), va="center", fontsize=8)
    ranks = [rank for rank in (1, 2, 3, 5, 10, 15, 20) if rank <= most]
    axes.set_xticks(ranks, [str(rank) for rank in ranks])
    shares(axes, "y")
    axes.set_xlabel("length of the list of candidates (rank)")
    axes.set_ylabel("own reference is on it")
    alt = "; ".join(
        f"gallery of {_size(curve.references, curve.simulated)}: rank 1 {rate_text(float(curve.cmc[0]))}, "
        f"rank {len(curve.cmc[:most])} {rate_text(float(curve.cmc[:most][-1]))}"
        for curve in curves
    )
    note = "Counted without a threshold, over people who are in the gallery: it says nothing of strangers."
    return finished(figure, "cmc", "Ranks (CMC)", alt + ".", note)
