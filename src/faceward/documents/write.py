"""The documents by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from faceward.documents.annual import annual_report
from faceward.documents.as_html import render_html
from faceward.documents.as_pdf import render_pdf
from faceward.documents.assessment import dpia
from faceward.documents.cards import model_card, system_card
from faceward.documents.content import Document
from faceward.documents.facts import Facts
from faceward.documents.questions import Answers
from faceward.documents.record import record
from faceward.documents.rights import fria

ANNUAL = "annual-report"
WRITERS: Mapping[str, Callable[[Facts, Answers], Document]] = {
    "dpia": dpia,
    "fria": fria,
    "record": record,
    "system-card": system_card,
    "model-card": model_card,
    ANNUAL: annual_report,
}
SIGNED = tuple(name for name in WRITERS if name != ANNUAL)
"""What is signed off: documents that describe the configuration. The report counts a year that is over."""

FORMATS: Mapping[str, Callable[[Document], bytes]] = {"html": render_html, "pdf": render_pdf}
