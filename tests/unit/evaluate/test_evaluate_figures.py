"""Figures at their edges: no error, one value, no room for a label, a machine with other settings."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest

from faceward.core.rates import Rate
from faceward.documents.as_html import render_html
from faceward.documents.content import Document, Figure, Section
from faceward.evaluate import figures, search_figures
from faceward.evaluate.drawing import finished, floor_of, label, sheet, spread, styled, tick_text
from faceward.evaluate.group_figure import fairness
from faceward.evaluate.ratios import Ratios, tippett
from faceward.policy.evaluation import Fairness, Group, IdentificationPoint, Point

NONE = Rate(0.0, 0.0, 0.02, 0, 150, "rule of three")
SOME = Rate(0.01, 0.005, 0.02, 10, 1000, "wilson")
UNKNOWN = Rate(0.0, 0.0, 0.0, 0, 0, "wilson")


def in_page(figure: Figure) -> str:
    """Render a figure, which checks that it is nothing but shapes."""
    made = datetime(2026, 1, 1, tzinfo=UTC)
    document = Document("x", "x", "", "", "", (Section("x", "", (figure,)),), made, "0" * 64, "x")
    return render_html(document).decode()


def point(threshold: float, fmr: Rate = SOME, fnmr: Rate = SOME, *, extrapolated: bool = False) -> Point:
    return Point(threshold, fmr, fnmr, fmr, fnmr, extrapolated)


def curve(fmr: list[float], fnmr: list[float]) -> figures.DetCurve:
    return figures.DetCurve(np.array(fmr), np.array(fnmr), np.array(fnmr) / 2, np.array(fnmr) * 1.5, 1e-3)


@pytest.mark.parametrize(
    "figure",
    [
        figures.det(curve([1.0, 0.1, 0.01], [0.0, 0.0, 0.0]), ()),
        figures.det(curve([1.0], [0.5]), (point(0.5),)),
        figures.det(curve([0.0, 0.0], [0.5, 0.6]), (point(0.5, NONE, NONE), point(0.6, extrapolated=True))),
        figures.scores(np.array([0.9]), np.array([0.1, 0.2]), (point(0.5), point(0.55, NONE))),
        figures.scores(np.full(5, 0.5), np.full(5, 0.5), ()),
        figures.discard([figures.DiscardLine("a_b", np.array([0.0, 0.3]), np.array([0.0, 0.0]))]),
        figures.tippett(tippett(Ratios.of([0.0], [0.0])), 1.0),
        figures.tippett(tippett(Ratios.of([2.0, 3.0], [-3.0, -1.0])), 0.02),
    ],
)
def test_V1_figures_of_little_are_still_drawn(figure: Figure) -> None:
    assert figure.svg in in_page(figure)
    assert figure.alt.endswith(".")
    assert "nan" not in figure.svg.lower()


def test_V1_no_error_seen_is_not_drawn_as_a_line_at_zero() -> None:
    some = figures.det(curve([1.0, 0.1, 0.01, 0.001], [0.0, 0.0, 0.02, 0.2]), (point(0.7, SOME, NONE),))
    assert "none of 150 (at most 2.0" in some.alt.replace("\u00a0", " ")


def test_V2_groups_too_small_have_no_dot_and_say_why() -> None:
    groups = (
        Group("sex=female", 40, 80, True, SOME, NONE),
        Group("sex=male, age=from sixty to ninety-nine and " + "x" * 80, 30, 60, True, SOME, UNKNOWN),
        Group("sex=other", 1, 2, False, None, None, "needs 30"),
    )
    drawn = fairness(Fairness(("sex", "age"), 0.5, groups, (), None, None), None)
    alt = drawn.alt.replace("\u00a0", " ")
    assert "sex=other (1 people): FMR not known, too few people" in alt
    assert "FNMR none of 150 (at most 2.0 %)" in alt
    only = fairness(Fairness(("sex",), 0.5, groups[2:], (), None, None), point(0.5))
    for one in (drawn, only):
        assert one.svg in in_page(one)


def test_V1_searches_are_drawn_whatever_they_found() -> None:
    points = [IdentificationPoint(10, 0, 0.5, SOME, NONE, 5), IdentificationPoint(1000, 900, 0.6, SOME, SOME, 5)]
    drawn = search_figures.growth(points)
    assert "gallery of 1,000 (simulated)" in drawn.alt
    perfect = search_figures.SearchCurve(10, 0, np.array([0.0, 0.1]), np.array([0.0, 0.0]), np.ones(3))
    steep = search_figures.SearchCurve(100, 90, np.array([0.0, 0.01, 0.5]), np.array([1.0, 0.5, 0.1]), np.full(30, 0.4))
    for figure in (drawn, search_figures.trade_off([perfect, steep]), search_figures.cmc([perfect, steep])):
        assert figure.svg in in_page(figure)


def test_V1_figures_do_not_depend_on_the_machine_s_settings() -> None:
    before = figures.scores(np.array([0.9, 0.8]), np.array([0.1, 0.2]), ())
    with mpl.rc_context({"font.size": 31, "axes.grid": False, "savefig.dpi": 20, "svg.fonttype": "none"}):
        after = figures.scores(np.array([0.9, 0.8]), np.array([0.1, 0.2]), ())
    assert (after.svg, after.png) == (before.svg, before.png)


def test_V1_names_are_text_in_figures_too() -> None:
    @styled
    def drawn() -> Figure:
        sheet_, [axes] = sheet(1.0)
        axes.set_title(label("</svg><script>alert(1)</script> $\\frac{1}{2}$ -- 漢"))
        return finished(sheet_, "hostile", "x", 'quote " < &')

    page = in_page(drawn())
    assert "<script" not in page
    assert 'aria-label="quote &#34; &lt; &amp;"' in page
    assert label("漢\x1b") == "[U+6F22]\\x1b"


@pytest.mark.parametrize(
    "svg",
    [
        "<svg viewBox='0 0 1 1'><script>x</script></svg>",
        "<svg viewBox='0 0 1 1'><path onload='x'/></svg>",
        "<svg viewBox='0 0 1 1'><use xlink:href='https://a.example/x'/></svg>",
        "<svg viewBox='0 0 1 1'><path style='fill: url(https://a.example/x)'/></svg>",
        "<svg viewBox='0 0 1 1'><image href='#x'/></svg>",
        "<svg viewBox='0 0 1 1'><style>*{}</style></svg>",
        "<!DOCTYPE x><svg viewBox='0 0 1 1'></svg>",
        "<p>no drawing</p>",
    ],
)
def test_O1_a_page_takes_no_drawing_that_is_more_than_shapes(svg: str) -> None:
    with pytest.raises(ValueError, match="more than shapes"):
        in_page(Figure("x", "x", svg, b""))


@pytest.mark.parametrize(
    ("places", "gap", "top"), [([1.0, 1.0, 1.0], 0.5, 1.2), ([0.2, 5.0, 0.1], 0.5, 9.0), ([], 1.0, 1.0)]
)
def test_labels_are_moved_apart_and_keep_their_order(places: list[float], gap: float, top: float) -> None:
    moved = spread(places, gap, top)
    order = sorted(range(len(places)), key=lambda place: places[place])
    heights = [moved[place] for place in order]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(heights))
    assert all(height <= top for height in heights)


def test_axes_begin_at_a_round_rate_below_all() -> None:
    assert floor_of([0.013, 0.0]) == pytest.approx(0.01)
    assert floor_of([0.0]) == pytest.approx(0.2)
    assert tick_text(0.001) == "0.1\u00a0%"
    assert tick_text(1e-4) == "1\u00a0in\u00a010,000"
