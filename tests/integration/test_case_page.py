"""The page of a case in a real browser: each printed page says that it is a lead only (rule H4)."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faceward.core.canonical import sha256_hex
from faceward.operations.case_export import Exported, package_of
from faceward.policy import review
from faceward.policy.review_features import review_scheme
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Finding, Outcome, Search, Version
from faceward.policy.review_view import LEAD_ONLY, answers_seen, view
from faceward.policy.rules import Principal

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
REVIEWERS = [Principal(name, True, frozenset({"reviewer"}), True) for name in ("Rosa", "Remy")]


@dataclass
class Pictures:
    """Where the page takes its pictures from."""

    by_digest: dict[str, bytes]

    def picture(self, _: object, digest: str) -> bytes:
        return self.by_digest[digest]


def _picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at the secret place"
    Image.new("RGB", (300, 200), (shade, 90, 90)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def _page(*, answers: bool) -> tuple[Case, str, dict[str, Any]]:
    probe, sample = _picture(10), _picture(200)
    candidates = tuple(
        Candidate(n, f"Person {n}", f"{n:032x}", 0.987, (0.1, 0.1, 0.5, 0.9), sample=sha256_hex(sample))
        for n in (1, 2, 3)
    )
    search = Search(7, "Olga", "suspects", "robberies", "ab" * 32, "robbery of 3 May")
    original = Version(sha256_hex(probe), None, "original", "", "Olga", NOW, "till.jpg")
    case = Case("1f" * 16, NOW, "Olga", NOW + timedelta(days=30), "frame", search, (original,), candidates)
    findings = dict.fromkeys(review_scheme().features, Finding.SIMILAR)
    for reviewer in REVIEWERS if answers else ():
        compared = tuple(Comparison(c.number, findings, "same-strong", "a mole") for c in candidates)
        case = review.answered(case, reviewer, Answer(reviewer.name, NOW, compared, False, "5a" * 32))
    if answers:
        case = review.concluded(case, Outcome("Olga", NOW, "incorrect", "She was abroad.", "none"))
    shown = view(case, REVIEWERS[0])
    shown["answers"] = [{**answer, "checked": True} for answer in answers_seen(case, REVIEWERS[0])]
    store: Any = Pictures({sha256_hex(data): data for data in (probe, sample)})
    held: Any = None
    package = package_of(case, shown, Exported("Rosa", NOW), store, held)
    return case, package.html, package.shown


@pytest.mark.parametrize("answers", [True, False])
def test_H4_every_printed_page_of_a_case_says_lead_only(tmp_path: Path, answers: bool) -> None:
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    reader = shutil.which("pdftotext")
    if chromium is None or reader is None:
        pytest.skip("chromium or pdftotext is not installed")
    _, html, _ = _page(answers=answers)
    page, paper = tmp_path / "case.html", tmp_path / "case.pdf"
    page.write_text(html, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={tmp_path}/p"]
    printing = [chromium, *options, f"--print-to-pdf={paper}", page.as_uri()]
    subprocess.run(printing, check=True, capture_output=True, timeout=120)
    text = subprocess.run([reader, str(paper), "-"], check=True, capture_output=True, text=True).stdout
    pages = text.split("\f")[:-1]
    assert len(pages) >= 4
    for number, printed in enumerate(pages, 1):
        assert LEAD_ONLY in " ".join(printed.split()), number


def test_H2_the_blind_page_has_neither_score_nor_answers() -> None:
    _, html, shown = _page(answers=False)
    assert "0.987" not in html + json.dumps(shown)
    assert "Do not speak with other reviewers" in html
    assert "What to look at" in html
    _, full, _ = _page(answers=True)
    assert "0.987" in full
    assert "actionable lead, and no more than a lead" in full


def test_the_page_holds_no_metadata_of_the_files() -> None:
    import base64
    import re

    _, html, _ = _page(answers=True)
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(pictures) >= 3
    for picture in pictures:
        assert b"secret place" not in base64.b64decode(picture)
