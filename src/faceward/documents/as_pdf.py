"""A document as PDF, from the same content as the HTML: selectable text, page numbers, the digest on each page."""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, KeepTogether, PageTemplate, Spacer
from reportlab.platypus.tables import Table, TableStyle

from faceward.core.words import clean
from faceward.documents.content import (
    NOT_ANSWERED,
    Answer,
    Block,
    Bullets,
    Document,
    Figure,
    Grid,
    Pairs,
    Paragraph,
    Pictures,
)
from faceward.documents.fonts import TEXT, register, shown
from faceward.documents.frame import head, missing_title, moment, notice
from faceward.documents.pdf_pictures import drawing, exhibits
from faceward.documents.pdf_text import (
    BODY,
    CELL,
    CELL_HEAD,
    CELL_HEAD_NUMBER,
    CELL_NAME,
    CELL_NUMBER,
    HEADING,
    LINE,
    MARGIN,
    MISSING,
    NONE,
    QUESTION,
    SHADE,
    SMALL,
    SOFT,
    SOURCE,
    TITLE,
    WARN,
    WIDTH,
    text,
)

_FOOT = 24 * mm
_WARN_SHADE, _ANSWER = (colors.HexColor(c) for c in ("#fdf0ef", "#2f4f8f"))
_NUMBER_WIDTH = 20 * mm
_SECTION_TOP, _FIELD_TOP, _FIGURE_TOP = 48 * mm, 36 * mm, 125 * mm
_SHORT_TABLE, _ROW = 8, 9 * mm
_CODED = (
    "Some characters have no font that can show them here and are written as their Unicode numbers, like [U+0928]. "
    "The HTML of this document shows them."
)


def render_pdf(document: Document) -> bytes:
    """Return the document as PDF 1.4, A4.

    The same document gives the same bytes. Names are text and never markup.
    """
    register()
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=_FOOT,
        title=clean(document.title),
        author=clean(document.controller),
        subject=clean(document.law),
        creator=clean(document.software),
        keywords=f"{document.describes} {document.configuration}",
        lang="en",
        invariant=1,
    )
    frame = Frame(MARGIN, _FOOT, WIDTH, A4[1] - MARGIN - _FOOT, 0, 0, 0, 0)
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
            self.setStrokeColor(LINE)
            self.line(MARGIN, 17 * mm, A4[0] - MARGIN, 17 * mm)
            self.setFillColor(SOFT)
            self.setFont(TEXT, 7.5)
            self.drawString(MARGIN, 13 * mm, f"{title} · {made}")
            self.drawRightString(A4[0] - MARGIN, 13 * mm, place)
            self.drawString(MARGIN, 9.5 * mm, f"{document.describes} {document.configuration}")

    return Numbered


def _short(title: str) -> str:
    return title if len(title) <= 80 else title[:79] + "…"


def _story(document: Document) -> list[Flowable]:
    story: list[Flowable] = [
        text(document.title, TITLE),
        text(document.law, SMALL),
        text(document.about, BODY),
        *_pairs(head(document)),
        text(notice(document), SMALL),
    ]
    if not all(shown(clean(text)) for text in _texts(document)):
        story.append(text(_CODED, SMALL))
    if document.missing:
        story += _framed([text(missing_title(document), MISSING), *_bullets(document.missing)], WARN, _WARN_SHADE)
    for number, section in enumerate(document.sections, 1):
        story += [CondPageBreak(_room(section.blocks[0])), text(f"{number}. {section.title}", HEADING)]
        story.append(text(section.source, SOURCE))
        for block in section.blocks:
            story += _flowables(block)
    return story


def _room(first: Block) -> float:
    """Return how much of a page a section's heading needs, so that it does not stand alone at the foot."""
    if isinstance(first, Figure):
        return float(_FIGURE_TOP)
    if isinstance(first, Grid) and len(first.rows) < _SHORT_TABLE:
        return float(_SECTION_TOP + _ROW * len(first.rows))
    return float(_SECTION_TOP)


def _flowables(block: Block) -> list[Flowable]:
    match block:
        case Paragraph():
            return [text(block.text, BODY)]
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
        case Figure():
            return drawing(block)
        case Pictures():
            return exhibits(block)


def _bullets(items: Sequence[str]) -> list[Flowable]:
    dot = text("•", BODY)
    rows = [[dot, text(item, BODY)] for item in items]
    plain = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(1, 0)])
    parts = [part for part in (rows[:-2], rows[-2:]) if part]
    return [Table(part, [5 * mm, None], style=plain, hAlign="LEFT", splitInRow=1) for part in parts]


def _pairs(rows: Sequence[tuple[str, str]]) -> list[Flowable]:
    if not rows:
        return []
    cells = [[text(name, CELL_NAME), text(value, CELL)] for name, value in rows]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            ("LINEABOVE", (0, 0), (-1, 0), 0.5, LINE),
            *_padding(3, 4),
        ]
    )
    widths = [WIDTH * 0.24, WIDTH * 0.76]
    return [Spacer(0, 1 * mm), Table(cells, widths, style=style, splitInRow=1), Spacer(0, 3 * mm)]


def _grid(grid: Grid) -> list[Flowable]:
    if not grid.rows:
        return [text(grid.empty, BODY)]
    numeric = [column.endswith("#") for column in grid.columns]
    top = [
        text(column.rstrip("#"), CELL_HEAD_NUMBER if number else CELL_HEAD)
        for column, number in zip(grid.columns, numeric, strict=True)
    ]
    cells = [
        [text(cell, CELL_NUMBER if number else CELL) for cell, number in zip(row, numeric, strict=True)]
        for row in grid.rows
    ]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), SHADE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            *_padding(3, 4),
        ]
    )
    # A row may be taller than a page, so that rows are split where they must be.
    table = Table([top, *cells], _widths(grid, numeric), style=style, repeatRows=1, splitInRow=1)
    parts = [Spacer(0, 1 * mm), table, Spacer(0, 3 * mm)]
    return [KeepTogether(parts)] if len(cells) <= _SHORT_TABLE else parts


def _widths(grid: Grid, numeric: Sequence[bool]) -> list[float]:
    if grid.widths:
        return [WIDTH * share / sum(grid.widths) for share in grid.widths]
    if all(numeric) or not any(numeric):
        return [WIDTH / len(numeric)] * len(numeric)
    number = min(_NUMBER_WIDTH, WIDTH * 0.6 / sum(numeric))
    rest = (WIDTH - number * sum(numeric)) / (len(numeric) - sum(numeric))
    return [number if is_number else rest for is_number in numeric]


def _answer(answer: Answer) -> list[Flowable]:
    lines = [line for line in answer.text.split("\n") if line.strip()]
    body = [text(line, BODY) for line in lines] or [text(NOT_ANSWERED, NONE)]
    mark = _ANSWER if answer.text else WARN
    return _framed([text(answer.question, QUESTION), text(answer.source, SMALL), *body], mark, SHADE)


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
        Table([[flowable] for flowable in inner], [WIDTH], style=style, splitInRow=1),
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
        case Figure():
            return [block.title, block.note]
        case Pictures():
            return [block.lead, *(exhibit.caption for exhibit in block.exhibits)]
