"""How figures are drawn: one style, the same bytes each time, readable in the dark and on grey paper."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from faceward.core.rate_words import rate_text
from faceward.core.words import clean
from faceward.documents.content import Figure
from faceward.documents.fonts import TEXT, coded, runs

_Arguments = ParamSpec("_Arguments")
Curve = npt.NDArray[np.float64]

INK, SOFT, PAGE = "#1b1d22", "#5a606b", "#fefefe"
GRID, PALE = "#e3e6eb", "#9aa1ad"
# A dark blue and a light orange: told apart by every common colour blindness, and as grey by their lightness.
FIRST, SECOND = "#0b4f8a", "#d9730d"
WIDTH = 7.2
LOWEST = 1e-7
_DPI = 200
_THEME = {
    INK: "--ink",
    SOFT: "--soft",
    PAGE: "--page",
    GRID: "--fig-grid",
    PALE: "--fig-pale",
    FIRST: "--fig-first",
    SECOND: "--fig-second",
}
# Any, because the keys are the one thing that matplotlib types as literals.
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.titlecolor": SOFT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "lines.linewidth": 1.8,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.fonttype": "path",
    "path.simplify": True,
}


def styled(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Have a function draw in this style, whatever the machine's own settings of matplotlib are."""

    @wraps(draw)
    def drawing(*args: _Arguments.args, **options: _Arguments.kwargs) -> Figure:
        with style.context(["default", _STYLE]):
            return draw(*args, **options)

    return drawing


def sheet(height: float, columns: int = 1, rows: int = 1, **options: object) -> tuple[Sheet, list[Axes]]:
    """Return an empty sheet of a page's width with its axes, row by row.

    Args:
        height: In inches; the width is `WIDTH`.
        columns: Axes side by side.
        rows: Axes above one another.
        options: Of `matplotlib.figure.Figure.subplots`.
    """
    figure = Sheet(figsize=(WIDTH, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, **options)  # type: ignore[call-overload]
    return figure, [axes for row in grid for axes in row]


def finished(figure: Sheet, name: str, title: str, alt: str, note: str = "") -> Figure:
    """Return a drawn sheet as a document's figure.

    Args:
        figure: The sheet.
        name: What it is called: lower-case letters; no two figures of a document share one.
        title: See `documents.content.Figure`.
        alt: See there.
        note: See there.
    """
    with mpl.rc_context({"svg.hashsalt": name}):
        vector, raster = io.StringIO(), io.BytesIO()
        FigureCanvasSVG(figure)
        figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
        # Both are laid out alike, and layout is what takes time.
        figure.set_layout_engine("none")
        FigureCanvasAgg(figure)
        figure.savefig(raster, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return Figure(title, alt, _inline(vector.getvalue(), name), raster.getvalue(), note)


def label(text: str) -> str:
    """Return a text that the figures' font can show: other characters are written as their numbers."""
    return "".join(run if font == TEXT else coded(run) for font, run in runs(clean(text)))


def rates(axes: Axes, axis: str, low: float, high: float, steps: Sequence[int] = (1,)) -> None:
    """Make an axis one of rates, by decades.

    Args:
        axes: The axes.
        axis: `x` or `y`.
        low: Lower end, above 0.
        high: Upper end, at most 1.
        steps: Which multiples of each power of ten bear a tick.
    """
    powers = range(int(np.floor(np.log10(low))), 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    scale = axes.set_xscale if axis == "x" else axes.set_yscale
    limit = axes.set_xlim if axis == "x" else axes.set_ylim
    one = axes.xaxis if axis == "x" else axes.yaxis
    scale("log")
    limit(low, high)
    one.set_major_locator(FixedLocator([tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]))
    one.set_minor_locator(NullLocator())
    # Long ticks stand in two lines where they stand side by side.
    gap = "\n" if axis == "x" else "\u00a0"
    one.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value).replace("in\u00a0", f"in{gap}")))


def shares(axes: Axes, axis: str) -> None:
    """Make an axis one of shares in per cent."""
    one = axes.xaxis if axis == "x" else axes.yaxis
    one.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.6g}\u00a0%"))


def tick_text(value: float) -> str:
    """Say a rate at a tick, without digits that it does not need."""
    return f"{value * 100:.3g}\u00a0%" if value >= 0.00099 else rate_text(value)


def floor_of(values: Sequence[float]) -> float:
    """Return the lower end of an axis of rates: a little below the lowest one, by 1, 2 or 5 of a power of ten."""
    least = max(LOWEST, min([float(v) for v in values if v > 0] + [0.2]))
    power = 10.0 ** np.floor(np.log10(least))
    return float(max(step * power for step in (1, 2, 5) if step * power <= least * 1.001))


def tag(axes: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **options: object) -> None:
    """Write a label beside a place in the data.

    Args:
        axes: The axes.
        text: What is written.
        at: The place, in the data's units.
        shift: How far beside it, in points.
        options: Of `matplotlib.axes.Axes.annotate`.
    """
    box = {"facecolor": PAGE, "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    settings: dict[str, object] = {"textcoords": "offset points", "color": INK, "bbox": box, **options}
    axes.annotate(label(text), at, shift, **settings)  # type: ignore[arg-type]


def spread(places: Sequence[float], gap: float, top: float) -> list[float]:
    """Move labels apart so that none meet.

    Args:
        places: Where each would stand, in any order.
        gap: The least distance between two.
        top: The highest that one may stand.

    Returns:
        Places in the same order, at least `gap` apart.
    """
    order = sorted(range(len(places)), key=lambda one: places[one])
    moved = [places[one] for one in order]
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + gap)
    for place in range(len(moved) - 1, -1, -1):
        moved[place] = min(moved[place], top - gap * (len(moved) - 1 - place))
    return [value for _, value in sorted(zip(order, moved, strict=True))]


def _inline(svg: str, name: str) -> str:
    """Return what stands inside a page: one element, colours of the page's theme, names that no other figure has."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*|<defs>\s*<style.*?</defs>\s*", "", body, flags=re.DOTALL)
    [box] = re.findall(r'viewBox="([^"]+)"', body[: body.index(">")])
    opening = (
        f'<svg viewBox="{box}" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'stroke-linejoin="round" focusable="false">'
    )
    body = opening + body[body.index(">") + 1 :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r"-?\d+\.\d{3,}", _shorter, body)
    for colour, variable in _THEME.items():
        body = body.replace(colour, f"var({variable}, {colour})")
    return re.sub(r"\s*\n\s*", " ", body).strip()


def _shorter(number: re.Match[str]) -> str:
    # Scales of glyphs need more digits than places on the sheet.
    value = float(number.group())
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.6g}"
