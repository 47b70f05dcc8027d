"""A document as PDF, from the same content as the HTML: selectable text, page numbers, the digest on each page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, KeepTogether, PageTemplate, Spacer
from reportlab.platypus import Paragraph as Text
from reportlab.platypus.tables import Table, TableStyle

from faceward.core.words import clean
from faceward.documents.content import NOT_ANSWERED, Answer, Block, Bullets, Document, Grid, Pairs, Paragraph
from faceward.documents.fonts import STRONG, TEXT, register, runs, shown
from faceward.documents.frame import LEGAL, head, missing_title, moment

_MARGIN, _FOOT = 20 * mm, 24 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_INK, _SOFT, _LINE, _SHADE = (colors.HexColor(c) for c in ("#1b1d22", "#5a606b", "#d5d9e0", "#f4f6f9"))
_WARN, _WARN_SHADE, _ANSWER = (colors.HexColor(c) for c in ("#8a1c1c", "#fdf0ef", "#2f4f8f"))
_NUMBER_WIDTH = 20 * mm
_SECTION_TOP, _FIELD_TOP = 48 * mm, 36 * mm
_CODED = (
    "Some characters have no font that can show them here and are written as their Unicode numbers, like [U+0928]. "
    "The HTML of this document shows them."
)


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:  # noqa: ANN401 - reportlab's own attributes
    settings = {"fontName": TEXT, "fontSize": size, "leading": size * 1.4, "textColor": _INK, **more}
    return ParagraphStyle(name, **settings)


_BODY = _style("body", 9.5, spaceAfter=4)
_SMALL = _style("small", 8, textColor=_SOFT, spaceAfter=4)
_TITLE = _style("title", 17, fontName=STRONG, leading=21, spaceAfter=4)
_HEADING = _style("heading", 11.5, fontName=STRONG, spaceBefore=12, spaceAfter=1, keepWithNext=1)
_SOURCE = _style("source", 8, textColor=_SOFT, spaceAfter=5, keepWithNext=1)
_CELL = _style("cell", 8.5)
_CELL_NAME = _style("cell-name", 8.5, textColor=_SOFT)
_CELL_HEAD = _style("cell-head", 8, fontName=STRONG)
_CELL_NUMBER = _style("cell-number", 8.5, alignment=TA_RIGHT)
_CELL_HEAD_NUMBER = _style("cell-head-number", 8, fontName=STRONG, alignment=TA_RIGHT)
_QUESTION = _style("question", 9.5, fontName=STRONG)
_NONE = _style("none", 9.5, fontName=STRONG, textColor=_WARN)
_MISSING = _style("missing", 10.5, fontName=STRONG, textColor=_WARN, spaceAfter=3)


def render_pdf(document: Document) -> bytes:
    """Return the document as PDF 1.4, A4.

    The same document gives the same bytes. Names are text and never markup.
    """
    register()
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_FOOT,
        title=clean(document.title),
        author=clean(document.controller),
        subject=clean(document.law),
        creator=clean(document.software),
        keywords=f"configuration {document.configuration}",
        lang="en",
        invariant=1,
    )
    frame = Frame(_MARGIN, _FOOT, _WIDTH, A4[1] - _MARGIN - _FOOT, 0, 0, 0, 0)
    template.addPageTemplates([PageTemplate("page", [frame])])
    template.build(_story(document), canvasmaker=_canvas_of(document))
    return buffer.getvalue()


def _canvas_of(document: Document) -> type[Canvas]:
    """Return a canvas that writes the foot of each page once the number of pages is known."""
    title, made = _short(document.title), moment(document.made)

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, object]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self._foot(f"page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

        def _foot(self, place: str) -> None:
            self.setStrokeColor(_LINE)
            self.line(_MARGIN, 17 * mm, A4[0] - _MARGIN, 17 * mm)
            self.setFillColor(_SOFT)
            self.setFont(TEXT, 7.5)
            self.drawString(_MARGIN, 13 * mm, f"{title} · {made}")
            self.drawRightString(A4[0] - _MARGIN, 13 * mm, place)
            self.drawString(_MARGIN, 9.5 * mm, f"configuration {document.configuration}")

    return Numbered


def _short(title: str) -> str:
    return title if len(title) <= 80 else title[:79] + "…"


def _story(document: Document) -> list[Flowable]:
    story: list[Flowable] = [
        _text(document.title, _TITLE),
        _text(document.law, _SMALL),
        _text(document.about, _BODY),
        *_pairs(head(document)),
        _text(LEGAL, _SMALL),
    ]
    if not all(shown(clean(text)) for text in _texts(document)):
        story.append(_text(_CODED, _SMALL))
    if document.missing:
        story += _framed([_text(missing_title(document), _MISSING), *_bullets(document.missing)], _WARN, _WARN_SHADE)
    for number, section in enumerate(document.sections, 1):
        story += [CondPageBreak(_SECTION_TOP), _text(f"{number}. {section.title}", _HEADING)]
        story.append(_text(section.source, _SOURCE))
        for block in section.blocks:
            story += _flowables(block)
    return story


def _flowables(block: Block) -> list[Flowable]:
    match block:
        case Paragraph():
            return [_text(block.text, _BODY)]
        case Bullets():
            lists = _bullets(block.items)
            # The last two stay together, so that none stands alone on a page.
            return [*lists[:-1], *(KeepTogether([last]) for last in lists[-1:]), Spacer(0, 2 * mm)]
        case Pairs():
            return _pairs(block.rows)
        case Grid():
            return _grid(block)
        case Answer():
            return _answer(block)


def _text(text: str, style: ParagraphStyle) -> Text:
    # Each run names its font, because no font holds every script.
    marked = "".join(
        escape(run) if font == style.fontName else f'<font name="{font}">{escape(run)}</font>'
        for font, run in runs(clean(text), style.fontName)
    )
    return Text(marked, style)


def _bullets(items: Sequence[str]) -> list[Flowable]:
    dot = _text("•", _BODY)
    rows = [[dot, _text(item, _BODY)] for item in items]
    plain = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(1, 0)])
    parts = [part for part in (rows[:-2], rows[-2:]) if part]
    return [Table(part, [5 * mm, None], style=plain, hAlign="LEFT", splitInRow=1) for part in parts]


def _pairs(rows: Sequence[tuple[str, str]]) -> list[Flowable]:
    if not rows:
        return []
    cells = [[_text(name, _CELL_NAME), _text(value, _CELL)] for name, value in rows]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
            ("LINEABOVE", (0, 0), (-1, 0), 0.5, _LINE),
            *_padding(3, 4),
        ]
    )
    widths = [_WIDTH * 0.24, _WIDTH * 0.76]
    return [Spacer(0, 1 * mm), Table(cells, widths, style=style, splitInRow=1), Spacer(0, 3 * mm)]


def _grid(grid: Grid) -> list[Flowable]:
    if not grid.rows:
        return [_text(grid.empty, _BODY)]
    numeric = [column.endswith("#") for column in grid.columns]
    top = [
        _text(column.rstrip("#"), _CELL_HEAD_NUMBER if number else _CELL_HEAD)
        for column, number in zip(grid.columns, numeric, strict=True)
    ]
    cells = [
        [_text(cell, _CELL_NUMBER if number else _CELL) for cell, number in zip(row, numeric, strict=True)]
        for row in grid.rows
    ]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
            *_padding(3, 4),
        ]
    )
    # A row may be taller than a page, so that rows are split where they must be.
    table = Table([top, *cells], _widths(grid, numeric), style=style, repeatRows=1, splitInRow=1)
    return [Spacer(0, 1 * mm), table, Spacer(0, 3 * mm)]


def _widths(grid: Grid, numeric: Sequence[bool]) -> list[float]:
    if grid.widths:
        return [_WIDTH * share / sum(grid.widths) for share in grid.widths]
    if all(numeric) or not any(numeric):
        return [_WIDTH / len(numeric)] * len(numeric)
    number = min(_NUMBER_WIDTH, _WIDTH * 0.6 / sum(numeric))
    rest = (_WIDTH - number * sum(numeric)) / (len(numeric) - sum(numeric))
    return [number if is_number else rest for is_number in numeric]


def _answer(answer: Answer) -> list[Flowable]:
    lines = [line for line in answer.text.split("\n") if line.strip()]
    body = [_text(line, _BODY) for line in lines] or [_text(NOT_ANSWERED, _NONE)]
    mark = _ANSWER if answer.text else _WARN
    return _framed([_text(answer.question, _QUESTION), _text(answer.source, _SMALL), *body], mark, _SHADE)


def _framed(inner: Sequence[Flowable], mark: colors.Color, shade: colors.Color) -> list[Flowable]:
    style = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), shade),
            ("LINEBEFORE", (0, 0), (0, -1), 2.5, mark),
            *_padding(1, 8),
            ("TOPPADDING", (0, 0), (-1, 0), 6),
            ("BOTTOMPADDING", (0, -1), (-1, -1), 6),
        ]
    )
    return [
        # A field's question stays with the first line of its answer, however long that is.
        CondPageBreak(_FIELD_TOP),
        Spacer(0, 1 * mm),
        Table([[flowable] for flowable in inner], [_WIDTH], style=style, splitInRow=1),
        Spacer(0, 3 * mm),
    ]


def _padding(vertical: float, horizontal: float) -> list[tuple[object, ...]]:
    whole = ((0, 0), (-1, -1))
    return [
        ("TOPPADDING", *whole, vertical),
        ("BOTTOMPADDING", *whole, vertical),
        ("LEFTPADDING", *whole, horizontal),
        ("RIGHTPADDING", *whole, horizontal),
    ]


def _texts(document: Document) -> list[str]:
    found = [document.title, document.law, document.about, document.controller]
    for section in document.sections:
        found += [section.title, section.source]
        for block in section.blocks:
            found += _of_block(block)
    return found


def _of_block(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return [block.text]
        case Bullets():
            return list(block.items)
        case Pairs():
            return [text for row in block.rows for text in row]
        case Grid():
            return [text for row in block.rows for text in row] or [block.empty]
        case Answer():
            return [block.question, block.source, *block.text.split("\n")]
