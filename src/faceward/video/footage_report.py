"""The report of a redaction of footage: where a human should look, as JSON or as one page without pictures."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from faceward.core.footage_results import FootageResult, clock
from faceward.core.words import plural
from faceward.documents.as_html import render_html
from faceward.documents.content import Bullets, Document, Grid, Pairs, Paragraph, Section

_NOTICE = (
    "This report was written by software. It names the places where hiding faces is most likely to have failed; it "
    "does not say that it worked elsewhere. Look at the whole of what you publish."
)
_NAMES = {
    "kept": "kept visible",
    "abrupt": "appears or vanishes",
    "gap": "way guessed",
    "faint": "hardly a face",
    "crowd": "many faces",
    "small": "very small faces",
    "cut": "cut",
}


def render(result: FootageResult, path: Path, made: datetime, software: str) -> bytes:
    """Return the report in the form that the name asks for."""
    if path.suffix.lower() == ".json":
        return (json.dumps(result.to_json(), ensure_ascii=False, indent=2) + "\n").encode()
    return render_html(_document(result, made, software))


def _document(result: FootageResult, made: datetime, software: str) -> Document:
    count = len(result.look_at)
    lead = (
        f"{plural(count, 'place')} to look at, the most important first. Times are minutes and seconds from the "
        "beginning."
    )
    places = Grid(
        ("from", "to", "what", "why"),
        tuple((clock(one.start), clock(one.end), _NAMES[one.kind], one.says) for one in result.look_at),
        "Nothing stands out.",
        (1.2, 1.2, 2.2, 7.0),
    )
    rest = f"Not listed: {plural(result.more, 'further place')}, of the last kind above or of lesser importance."
    more = (Paragraph(rest),)
    sections = [
        Section(
            "Where to look",
            "Found while the footage was redacted.",
            (Paragraph(lead), places, *(more if result.more else ())),
        )
    ]
    done = Pairs(
        (
            ("Read", result.footage),
            ("Written", result.output),
            ("Size", f"{result.size[0]} by {result.size[1]} pixels, {plural(result.frames, 'frame')}"),
            ("Length", clock(result.seconds)),
            ("How faces are hidden", result.mode),
            ("Hidden", plural(result.hidden, "stay")),
            ("Kept visible", ", ".join(result.kept) or "nobody"),
            ("Trouble", result.error or "none"),
        )
    )
    sections.append(Section("What was done", "One stay is one person in one shot.", (done,)))
    nothing = Paragraph("Nothing but picture and sound was in the file.")
    left = Bullets(result.left_out) if result.left_out else nothing
    sections.append(Section("What was left out", "Only picture and sound are written.", (left,)))
    return Document(
        name="footage",
        title="Redacted footage: where to look",
        law="Rule W2: who is not looked for is not shown.",
        about=f"Of {result.footage}.",
        controller="",
        made=made,
        configuration=result.sha256,
        software=software,
        sections=tuple(sections),
        describes="footage",
        notice=_NOTICE,
    )
