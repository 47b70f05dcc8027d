"""The chart of errors by groups of people (ISO/IEC 19795-10): what was seen, how sure it is, and what is not said."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from faceward.core.rate_words import measured, rate_text
from faceward.core.rates import Rate
from faceward.documents.content import Figure
from faceward.evaluate.drawing import FIRST, INK, PALE, SOFT, finished, floor_of, label, rates, sheet, styled, tag
from faceward.policy.evaluation import Fairness, Group, Point

_NAME = 24


@styled
def fairness(found: Fairness, point: Point | None) -> Figure:
    """Draw the errors of each group with their intervals; groups too small for a claim are grey and say so.

    Args:
        found: Errors by group at one operating point.
        point: That point over all people, for comparison, or None.
    """
    groups = [*sorted(found.groups, key=lambda group: (not (group.fmr or group.fnmr), group.name))][::-1]
    names = [_group_name(group) for group in groups]
    lines = max((name.count("\n") for name in names), default=1) + 1
    figure, panels = sheet(1.0 + (0.1 + 0.16 * lines) * max(2, len(groups)), columns=2, sharey=True)
    titles = ("strangers of the same group\ntaken for the person (FMR)", "own reference\nnot recognised (FNMR)")
    for axes, measure, title in zip(panels, ("fmr", "fnmr"), titles, strict=True):
        overall: Rate | None = None if point is None else getattr(point, measure)
        _dots(axes, groups, measure, overall)
        axes.set_title(title)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    panels[0].set_yticks(range(len(groups)), names)
    panels[0].set_ylim(-0.5, len(groups) - 0.4)
    for tick, group in zip(panels[0].get_yticklabels(), groups, strict=True):
        tick.set_color(INK if group.fmr or group.fnmr else PALE)
    alt = "; ".join(_said(group) for group in groups[::-1])
    # The labels' names are part of the figure's, so that several charts of a document differ.
    plain = ("".join(c for c in one.lower() if c.isascii() and c.isalnum()) for one in found.attributes)
    note = "Dots are what was seen, bars their 95 % intervals; the dotted line is the rate over all people."
    title = f"Errors by {' and '.join(found.attributes)}"
    return finished(figure, "groups-" + "-".join(plain), title, alt + ".", note)


def _said(group: Group) -> str:
    rates_said = [
        f"{name} {measured(rate) if rate else 'not known, too few people'}"
        for name, rate in (("FMR", group.fmr), ("FNMR", group.fnmr))
    ]
    return f"{group.name} ({group.subjects:,} people): {', '.join(rates_said)}"


def _group_name(group: Group) -> str:
    name = "\n".join(textwrap.wrap(label(group.name), _NAME, max_lines=2, placeholder="…"))
    return f"{name}\n{group.subjects:,} {'person' if group.subjects == 1 else 'people'}"


def _dots(axes: Axes, groups: Sequence[Group], measure: str, overall: Rate | None) -> None:
    several: list[Rate | None] = [getattr(group, measure) for group in groups]
    known = [rate for rate in (*several, overall) if rate is not None and rate.trials]
    seen = [end for rate in known for end in (rate.low, rate.estimate, rate.high) if end > 0] or [0.01]
    low = floor_of(seen) / 1.3
    high = min(1.0, max(*seen, low * 12) * 1.6)
    rates(axes, "x", low, high, (1,) if high / low > 100 else (1, 3) if high / low > 20 else (1, 2, 5))
    for place, rate in enumerate(several):
        if rate is None or rate.trials == 0:
            tag(axes, "too few people for a claim", (low, place), (4, 0), color=SOFT, va="center", fontsize=8)
        else:
            _dot(axes, rate, place, (low, high))
    if overall is not None and overall.estimate > 0:
        axes.axvline(overall.estimate, color=INK, linewidth=1.2, linestyle=":", zorder=0)
        tag(axes, "all", (overall.estimate, -0.5), (3, 1), color=SOFT, va="bottom", fontsize=8)


def _dot(axes: Axes, rate: Rate, place: int, ends: tuple[float, float]) -> None:
    low, high = ends
    axes.plot((max(rate.low, low), rate.high), (place, place), color=FIRST, linewidth=2.2, solid_capstyle="butt")
    found = rate.estimate > 0
    at = (rate.estimate if found else rate.high, place)
    axes.plot(*at, "o" if found else "<", color=FIRST, markersize=6 if found else 5)
    words = rate_text(rate.estimate) if found else f"0 seen, at most {rate_text(rate.high)}"
    across = np.log(at[0] / low) / np.log(high / low)
    side = "left" if across < 0.25 else "right" if across > 0.75 else "center"
    tag(axes, words, at, (0, 6), ha=side, fontsize=8)
