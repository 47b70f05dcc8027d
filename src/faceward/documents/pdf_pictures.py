"""Drawings and pictures in a PDF."""

from __future__ import annotations

import io

from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import CondPageBreak, Flowable, Image, KeepTogether, Spacer
from reportlab.platypus.tables import Table, TableStyle

from faceward.documents.content import Exhibit, Figure, Pictures
from faceward.documents.pdf_text import BODY, CAPTION, QUESTION, SMALL, WIDTH, text

_COLUMNS = 4
_GAP = 3 * mm
_ROOM = 55 * mm
_BETWEEN = 0.5 * mm


def drawing(figure: Figure) -> list[Flowable]:
    """Return a drawing of the page's width with its title and note, which no page's end parts."""
    note = [text(figure.note, SMALL)] if figure.note else []
    parts = [Spacer(0, 2 * mm), text(figure.title, QUESTION), _image(figure.png, WIDTH), *note, Spacer(0, 3 * mm)]
    return [KeepTogether(parts)]


def exhibits(pictures: Pictures) -> list[Flowable]:
    """Return exhibits, four to a row, the first row with what leads to it; a page may end between rows."""
    shown = [_exhibit(one) for one in pictures.exhibits]
    lead: list[Flowable] = [CondPageBreak(_ROOM), text(pictures.lead, BODY)]
    if not shown:
        return lead
    rows = [shown[start : start + _COLUMNS] for start in range(0, len(shown), _COLUMNS)]
    rows[-1] += [[] for _ in range(_COLUMNS - len(rows[-1]))]
    return [*lead, Spacer(0, 1 * mm), _table(rows, WIDTH / _COLUMNS, _GAP, _GAP), Spacer(0, 2 * mm)]


def _exhibit(exhibit: Exhibit) -> list[Flowable]:
    side = (WIDTH / _COLUMNS - _GAP) / max(2, len(exhibit.pictures))
    images = [_image(data, side - _BETWEEN) for data in exhibit.pictures]
    return [_table([images], side, 0, 0), text(exhibit.caption, CAPTION)]


def _image(data: bytes, width: float) -> Image:
    across, down = ImageReader(io.BytesIO(data)).getSize()
    return Image(io.BytesIO(data), width, width * down / across, hAlign="LEFT")


def _table(rows: list[list[Image]] | list[list[list[Flowable]]], width: float, right: float, below: float) -> Table:
    whole = ((0, 0), (-1, -1))
    style = TableStyle(
        [
            ("VALIGN", *whole, "TOP"),
            ("LEFTPADDING", *whole, 0),
            ("RIGHTPADDING", *whole, right),
            ("TOPPADDING", *whole, 0),
            ("BOTTOMPADDING", *whole, below),
        ]
    )
    return Table(rows, [width] * len(rows[0]), style=style, hAlign="LEFT")
