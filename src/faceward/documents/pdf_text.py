"""Type and colours of a PDF, and text as reportlab wants it."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph as Text

from faceward.core.words import clean
from faceward.documents.fonts import STRONG, TEXT, runs

MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, SOFT, LINE, SHADE = (colors.HexColor(c) for c in ("#1b1d22", "#5a606b", "#d5d9e0", "#f4f6f9"))
WARN = colors.HexColor("#8a1c1c")


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:  # noqa: ANN401 - reportlab's own attributes
    settings = {"fontName": TEXT, "fontSize": size, "leading": size * 1.4, "textColor": INK, **more}
    return ParagraphStyle(name, **settings)


BODY = _style("body", 9.5, spaceAfter=4)
SMALL = _style("small", 8, textColor=SOFT, spaceAfter=4)
TITLE = _style("title", 17, fontName=STRONG, leading=21, spaceAfter=4)
HEADING = _style("heading", 11.5, fontName=STRONG, spaceBefore=12, spaceAfter=1, keepWithNext=1)
SOURCE = _style("source", 8, textColor=SOFT, spaceAfter=5, keepWithNext=1)
CELL = _style("cell", 8.5)
CELL_NAME = _style("cell-name", 8.5, textColor=SOFT)
CELL_HEAD = _style("cell-head", 8, fontName=STRONG)
CELL_NUMBER = _style("cell-number", 8.5, alignment=TA_RIGHT)
CELL_HEAD_NUMBER = _style("cell-head-number", 8, fontName=STRONG, alignment=TA_RIGHT)
QUESTION = _style("question", 9.5, fontName=STRONG)
NONE = _style("none", 9.5, fontName=STRONG, textColor=WARN)
MISSING = _style("missing", 10.5, fontName=STRONG, textColor=WARN, spaceAfter=3)
CAPTION = _style("caption", 7, textColor=SOFT, spaceBefore=2, spaceAfter=6)


def text(words: str, style: ParagraphStyle) -> Text:
    """Return a paragraph of plain text; nothing in it is markup."""
    # Each run names its font, because no font holds every script.
    marked = "".join(
        escape(run) if font == style.fontName else f'<font name="{font}">{escape(run)}</font>'
        for font, run in runs(clean(words), style.fontName)
    )
    return Text(marked, style)
