"""A document as one HTML file: no script, nothing loaded from elsewhere, dark and light, fit to print."""

from __future__ import annotations

from functools import cache

import jinja2

from faceward.core.words import clean
from faceward.documents.content import NOT_ANSWERED, Document
from faceward.documents.frame import LEGAL, head, missing_title, moment


def render_html(document: Document) -> bytes:
    """Return the document in UTF-8.

    Everything in it is escaped, and control and invisible characters are shown as escapes: no name can add markup or
    turn a line around.
    """
    text = _template().render(
        document=document,
        head=head(document),
        legal=LEGAL,
        missing_title=missing_title(document),
        made=moment(document.made),
        not_answered=NOT_ANSWERED,
    )
    return text.encode() + b"\n"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("faceward.documents", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["clean"] = clean
    return environment.get_template("page.html.j2")
