"""HTML and PDF of one content: the same bytes each time, and names that stay text."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from faceward.documents.as_html import render_html
from faceward.documents.as_pdf import render_pdf
from faceward.documents.content import NOT_ANSWERED
from faceward.documents.facts import Facts
from faceward.documents.fonts import CHINESE, JAPANESE, KOREAN, TEXT, coded, runs, shown
from faceward.documents.frame import LEGAL
from faceward.documents.write import WRITERS


class Tags(HTMLParser):
    """Which elements, attributes and text a page has."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def pdf_text(data: bytes, folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    (folder / "x.pdf").write_bytes(data)
    done = subprocess.run(["pdftotext", "-raw", folder / "x.pdf", "-"], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.parametrize("name", WRITERS)
def test_O1_the_same_facts_give_the_same_bytes(name: str, facts: Facts) -> None:
    for render in (render_html, render_pdf):
        assert render(WRITERS[name](facts, {})) == render(WRITERS[name](facts, {}))


@pytest.mark.parametrize("name", WRITERS)
def test_O1_a_page_loads_nothing_and_runs_nothing(name: str, hostile: Facts) -> None:
    page = render_html(WRITERS[name](hostile, {}))
    found = Tags(page)
    assert not found.tags & {"script", "img", "iframe", "link", "font", "b", "object", "form", "a"}
    assert not [key for key, _ in found.attributes if key.startswith("on") or key in ("src", "href")]
    assert b"default-src 'none'" in page
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text


@pytest.mark.parametrize("name", WRITERS)
def test_O1_each_document_says_that_it_is_no_legal_advice_and_what_it_describes(
    name: str, facts: Facts, tmp_path: Path
) -> None:
    document = WRITERS[name](facts, {})
    page = Tags(render_html(document)).text
    for text in (page, pdf_text(render_pdf(document), tmp_path)):
        flat = " ".join(text.split())
        assert LEGAL in flat
        assert facts.configuration in flat
        assert NOT_ANSWERED in flat
        assert f"{len(document.missing)} question" in flat
        assert all(section.title in flat for section in document.sections)


def test_O1_html_and_pdf_show_hostile_names_as_they_are(hostile: Facts, tmp_path: Path) -> None:
    document = WRITERS["record"](hostile, {})
    page = Tags(render_html(document)).text
    pdf = "".join(pdf_text(render_pdf(document), tmp_path).split())
    for purpose in hostile.purposes:
        assert purpose.name in page
        if shown(purpose.name):
            assert "".join(purpose.name.split()) in pdf, purpose.name
        else:
            assert "[U+" in pdf
    assert "Some characters have no font" in pdf_text(render_pdf(document), tmp_path)


def test_O1_a_document_without_such_names_has_no_note_on_fonts(facts: Facts, tmp_path: Path) -> None:
    assert "Some characters have no font" not in pdf_text(render_pdf(WRITERS["dpia"](facts, {})), tmp_path)


def test_O1_every_page_of_a_pdf_is_numbered_dated_and_bears_the_digest(facts: Facts, tmp_path: Path) -> None:
    data = render_pdf(WRITERS["dpia"](facts, {}))
    pages = pdf_text(data, tmp_path).split("\f")[:-1]
    assert len(pages) == len(re.findall(rb"/Type /Page\b", data)) > 2
    for number, page in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in page
        assert f"configuration {facts.configuration}" in page
        assert "Data protection impact assessment · 2026-06-01 12:00 UTC" in page


def test_O1_an_answer_longer_than_a_page_is_shown_whole(facts: Facts, tmp_path: Path) -> None:
    answer = " ".join(f"word{number}" for number in range(2500))
    document = WRITERS["dpia"](facts, {"necessity": answer, "risks": "x" * 15_000})
    text = pdf_text(render_pdf(document), tmp_path)
    assert [f"word{number}" in text for number in range(2500)] == [True] * 2500
    assert sum(line.count("x") for line in text.splitlines() if set(line) == {"x"}) == 15_000


def test_O1_answers_are_text_too(facts: Facts) -> None:
    page = render_html(WRITERS["dpia"](facts, {"necessity": "<b>bold</b>\n\nnext"})).decode()
    assert html.escape("<b>bold</b>") in page
    assert '<p dir="auto">next</p>' in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("door", [(TEXT, "door")]),
        ("門の", [(JAPANESE, "門の")]),
        ("入口 A", [(CHINESE, "入口"), (TEXT, " A")]),
        ("출입", [(KOREAN, "출입")]),
        ("Ελ", [(TEXT, "Ελ")]),
        ("दा", [(TEXT, "[U+0926 U+093E]")]),
        ("שלום", [(TEXT, coded("שלום"))]),
    ],
)
def test_O1_each_script_has_a_font_or_is_written_as_numbers(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(runs(text)) == expected


def test_O1_the_fonts_of_a_pdf_are_inside_it(facts: Facts) -> None:
    data = render_pdf(WRITERS["dpia"](facts, {}))
    assert data.count(b"/FontFile2") == 2
    assert b"DejaVuSans" in data


def test_O1_many_purposes_with_long_names_are_split_over_pages(
    tmp_path: Path, make_facts: Callable[..., Facts]
) -> None:
    names = [f"{number:02d}" + "w" * 250 for number in range(30)]
    for name in ("dpia", "fria"):
        data = render_pdf(WRITERS[name](make_facts(*names), {}))
        text = "".join(pdf_text(data, tmp_path).split())
        assert all(f"{number:02d}www" in text for number in range(30))
