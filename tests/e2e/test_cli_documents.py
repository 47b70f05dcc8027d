"""Documents from the command line: template, make, sign, status."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

NAMES = ("dpia", "fria", "record", "system-card", "model-card", "annual-report")


@pytest.fixture
def answered(cli: Cli, tmp_path: Path) -> Path:
    """Return a file in which everything is answered."""
    text = cli.ok("document", "template", "all").out
    path = tmp_path / "answers.toml"
    path.write_text(re.sub(r'^(\w+) = ""$', r'\1 = "said of \1"', text, flags=re.MULTILINE), encoding="utf-8")
    return path


@pytest.fixture
def approver(cli: Cli, tmp_path: Path) -> list[object]:
    """Return the options by which an approver signs in."""
    key = tmp_path / "key"
    cli.ok("person", "key", key, "--no-passphrase")
    roles = ("--role", "approver", "--role", "operator")
    cli.ok("person", "add", "Anna Approver", "--key", f"{key}.pub", *roles)
    return ["--as", "Anna Approver", "--key", key]


def test_O1_documents_are_made_signed_and_void_after_a_change(
    cli: Cli, tmp_path: Path, answered: Path, approver: list[object]
) -> None:
    folder = tmp_path / "papers"
    made = cli.json("document", "make", "all", "-o", folder, "--answers", answered, *approver)
    assert len(made["files"]) == 12
    expected = {f"{name}.{kind}" for name in NAMES for kind in ("html", "pdf")}
    assert {Path(file["file"]).name for file in made["files"]} == expected
    assert not [file for file in made["files"] if file["missing"]]
    signed = cli.json("document", "sign", "dpia", folder / "dpia.pdf", *approver)
    assert (signed["state"], signed["person"]) == ("signed", "Anna Approver")
    assert cli.json("status", *approver)["documents"]["dpia"] == "signed"
    assert "signed off by Anna Approver" in cli.ok("document", "status", *approver).out
    terms = ("--basis", "consent", "--fmr", "1e-3", "--retention", "1d", "--alternative", "a list")
    cli.ok("purpose", "add", "event", *terms, *approver)
    states = {one["document"]: one for one in cli.json("document", "status", *approver)["documents"]}
    assert states["dpia"]["state"] == "void"
    assert states["dpia"]["changes"] == ["the purpose 'event' was added"]
    assert states["fria"]["state"] == "missing"
    shown = " ".join(cli.ok("document", "status", *approver).out.split())
    assert "void since the configuration changed: the purpose 'event' was added" in shown
    status = cli.ok("status", *approver)
    assert "void since the configuration changed: dpia" in status.err
    message = cli.refused(3, "document", "sign", "dpia", folder / "dpia.pdf", *approver)
    assert "another configuration" in message


def test_O1_open_questions_are_told_and_forbid_the_sign_off(cli: Cli, tmp_path: Path, approver: list[object]) -> None:
    made = cli.ok("document", "make", "dpia", "-o", tmp_path, "--format", "html", *approver)
    assert "10 questions not answered" in made.err
    assert "NOT ANSWERED" in (tmp_path / "dpia.html").read_text(encoding="utf-8")
    assert not (tmp_path / "dpia.pdf").exists()
    assert "10 questions of the document dpia not answered" in cli.refused(
        3, "document", "sign", "dpia", tmp_path / "dpia.html", *approver
    )


def test_O2_the_year_of_the_report_is_chosen(cli: Cli, tmp_path: Path) -> None:
    cli.ok("document", "make", "annual-report", "-o", tmp_path, "--format", "html", "--year", "2020")
    assert "2020-01-01 to 2020-12-31" in (tmp_path / "annual-report.html").read_text(encoding="utf-8")
    cli.refused(2, "document", "make", "annual-report", "-o", tmp_path, "--year", "2999")


def test_O1_what_cannot_be_made_is_one_line(cli: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "answers.toml"
    bad.write_text("[dpia]\nnothing = 'x'\n", encoding="utf-8")
    cli.refused(2, "document", "make", "nothing", "-o", tmp_path)
    cli.refused(2, "document", "make", "dpia", "-o", tmp_path, "--format", "docx")
    cli.refused(4, "document", "make", "dpia", "-o", tmp_path, "--answers", bad)
    cli.refused(4, "document", "make", "dpia", "-o", tmp_path, "--answers", tmp_path / "none.toml")
    cli.refused(2, "document", "sign", "nothing", bad)
    cli.refused(2, "document", "sign", "dpia", bad)
    cli.refused(2, "document", "template", "nothing")


def test_O1_a_template_needs_no_deployment(bare: Cli) -> None:
    text = bare.json("document", "template", "dpia")["file"]
    assert "[dpia]" in text
    assert "necessity" in text
