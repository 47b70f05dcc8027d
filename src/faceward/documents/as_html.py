"""A document as one HTML file: no script, nothing loaded from elsewhere, dark and light, fit to print."""

from __future__ import annotations

import base64
import re
from functools import cache

import jinja2

from faceward.core.words import clean
from faceward.documents.content import NOT_ANSWERED, Document
from faceward.documents.frame import head, missing_title, moment, notice

_SHAPES = frozenset({"svg", "g", "defs", "clipPath", "path", "rect", "use", "line", "circle", "pattern", "polygon"})
_TAG = re.compile(r"<([A-Za-z][^\s/>]*)([^>]*)>")
_ATTRIBUTE = re.compile(r"""([^\s=/"']+)\s*=\s*["']?([^"'>]*)""")
_DECLARATION = re.compile(r"<[!?]")


def render_html(document: Document) -> bytes:
    """Return the document in UTF-8.

    Everything in it is escaped, and control and invisible characters are shown as escapes: no name can add markup or
    turn a line around.
    """
    text = _template().render(
        document=document,
        head=head(document),
        legal=notice(document),
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
    environment.filters["drawn"] = _drawn
    environment.filters["embedded"] = _embedded
    return environment.get_template("page.html.j2")


def _drawn(svg: str) -> str:
    """Return a drawing as part of the page, once it is seen to be one: shapes that name no file and run nothing."""
    tags = _TAG.findall(svg)
    strange = {name for name, _ in tags} - _SHAPES
    attributes = [pair for _, inside in tags for pair in _ATTRIBUTE.findall(inside)]
    unsafe = [name for name, value in attributes if not _harmless(name.lower(), value)]
    if strange or unsafe or not svg.startswith("<svg ") or _DECLARATION.search(svg):
        raise ValueError(f"a drawing holds more than shapes: {', '.join(sorted({*strange, *unsafe})) or svg[:20]}")
    return svg


def _harmless(name: str, value: str) -> bool:
    if name.startswith("on"):
        return False
    targets = re.findall(r"url\(([^)]*)\)", value) + ([value] if name.endswith("href") else [])
    return all(target.startswith("#") for target in targets)


def _embedded(picture: bytes) -> str:
    """Return a picture as a `data:` address."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
