"""What documents say: every question once, every section with its source, nothing that the facts do not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from faceward.core.errors import BadInput
from faceward.documents.content import Answer, Bullets, Document, Grid, Pairs, Paragraph
from faceward.documents.facts import Facts
from faceward.documents.questions import MAX_ANSWER, QUESTIONS, parse_answers, template
from faceward.documents.write import ANNUAL, SIGNED, WRITERS


def texts(document: Document) -> Iterator[str]:
    yield from (document.title, document.law, document.about, document.controller)
    for section in document.sections:
        yield from (section.title, section.source)
        for block in section.blocks:
            match block:
                case Paragraph():
                    yield block.text
                case Bullets():
                    yield from block.items
                case Pairs():
                    yield from (text for row in block.rows for text in row)
                case Grid():
                    yield from (text for row in block.rows for text in row)
                case Answer():
                    yield from (block.question, block.source, block.text)


def said(document: Document) -> str:
    return "\n".join(texts(document))


@pytest.mark.parametrize("name", WRITERS)
def test_O1_every_question_of_a_document_is_asked_once_and_every_part_cites_its_source(name: str, facts: Facts) -> None:
    document = WRITERS[name](facts, {})
    asked = [answer.question for answer in document.answers()]
    assert sorted(asked) == sorted(question.text for question in QUESTIONS[name])
    assert all(section.source for section in document.sections)
    assert all(answer.source for answer in document.answers())
    assert document.configuration == facts.configuration


@pytest.mark.parametrize("name", WRITERS)
def test_O1_what_nobody_answered_is_missing_and_never_made_up(name: str, facts: Facts) -> None:
    empty = replace(facts, controller="", contact="")
    assert list(WRITERS[name](empty, {}).missing) == [answer.question for answer in WRITERS[name](empty, {}).answers()]
    answers = {question.key: f"answer to {question.key}" for question in QUESTIONS[name]}
    full = WRITERS[name](facts, answers)
    assert full.missing == ()
    assert [answer.text for answer in full.answers() if answer.text not in answers.values()] == []


def test_O1_the_controller_of_the_deployment_answers_unless_a_person_does(facts: Facts) -> None:
    assert next(WRITERS["dpia"](facts, {}).answers()).text == "City Museum"
    assert WRITERS["dpia"](facts, {"controller": "Museum Trust"}).controller == "Museum Trust"


def test_O1_articles_of_the_law_are_all_covered(facts: Facts) -> None:
    dpia = said(WRITERS["dpia"](facts, {}))
    assert all(f"GDPR Art. 35(7)({letter})" in dpia for letter in "abcd")
    fria = said(WRITERS["fria"](facts, {}))
    assert all(f"AI Act Art. 27(1)({letter})" in fria for letter in "abcdef")
    record = said(WRITERS["record"](facts, {}))
    assert all(f"GDPR Art. 30(1)({letter})" in record for letter in "abcdefg")
    card = said(WRITERS["system-card"](facts, {}))
    assert all(f"AI Act Art. 13(3)({letter})" in card for letter in "abdef")


def test_O1_documents_follow_the_facts(facts: Facts) -> None:
    guarded = said(WRITERS["dpia"](facts, {}))
    assert "held by a custodian" in guarded
    assert "witness.example.org/w1" in guarded
    custody = replace(facts.custody, separate=False, people=0, roles={}, witnesses=())
    bare = said(WRITERS["dpia"](replace(facts, custody=custody), {}))
    assert "no separate custodian" in bare
    assert "no witness is trusted to cosign the log" in bare
    assert "claimed and not proven" in bare
    assert "Whoever controls the searching process reaches the galleries' keys." in bare
    assert "Whoever controls the searching process reaches the galleries' keys." not in guarded


def test_O1_a_rule_that_the_standard_does_not_hold_is_not_claimed(facts: Facts) -> None:
    assert "Refused by rule P1." in said(WRITERS["dpia"](facts, {}))
    lawless = replace(facts, standard=replace(facts.standard, refusals=()))
    assert "Refused by rule P1." not in said(WRITERS["dpia"](lawless, {}))
    assert "Rule P1 is not enforced by this standard." in said(WRITERS["dpia"](lawless, {}))


def test_O1_a_deployment_without_anything_is_described_too(facts: Facts) -> None:
    pack = replace(facts.pack, calibration=None, commercial=False)
    empty = replace(facts, purposes=(), galleries=(), pack=pack)
    for name, write in WRITERS.items():
        assert said(write(empty, {})), name
    assert "The pack has no calibration" in said(WRITERS["model-card"](empty, {}))
    assert "does not allow commercial use" in said(WRITERS["dpia"](empty, {}))


def test_O2_the_model_card_carries_licence_files_and_calibration(facts: Facts) -> None:
    card = said(WRITERS["model-card"](facts, {}))
    for expected in ("MIT and CC0-1.0", "09" * 32, "LFW View 1", "12,454,344", "7,485 people", "8.8e-04 to 1.2e-03"):
        assert expected in card


def test_O2_the_annual_report_names_nobody_and_carries_the_counts(facts: Facts) -> None:
    report = said(WRITERS[ANNUAL](facts, {}))
    for expected in ("1,800", "2026-01-01 to 2026-12-31", "as far as the log went on 2026-06-01", "T1", "identify"):
        assert expected in report
    with pytest.raises(AssertionError):
        WRITERS[ANNUAL](replace(facts, tally=None), {})


def test_O1_the_report_of_a_year_is_not_signed_off_against_the_configuration() -> None:
    assert set(WRITERS) - set(SIGNED) == {ANNUAL}


@pytest.mark.parametrize("name", QUESTIONS)
def test_O1_a_template_is_read_back_as_no_answer_at_all(name: str) -> None:
    assert parse_answers(template((name,)).encode(), "answers.toml") == {name: {}}
    everything = parse_answers(template(tuple(QUESTIONS)).encode(), "answers.toml")
    assert everything == {known: {} for known in QUESTIONS}


def test_O1_answers_keep_their_lines_and_lose_their_margins() -> None:
    read = parse_answers(b'[dpia]\nnecessity = """\n Two\nlines \n"""\n', "answers.toml")
    assert read == {"dpia": {"necessity": "Two\nlines"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\xff", "not UTF-8"),
        (b"[dpia", "not valid TOML"),
        (b"[dpa]", "no document 'dpa'"),
        (b"dpia = 1", "must be a table"),
        (b"[dpia]\nnecesity = ''", "unknown key 'necesity'"),
        (b"[dpia]\nnecessity = 3", "must be text"),
        (b"[dpia]\nnecessity = '" + b"x" * (MAX_ANSWER + 1) + b"'", "at most"),
    ],
)
def test_O1_a_file_of_answers_that_cannot_be_used_is_refused_in_one_line(text: bytes, problem: str) -> None:
    with pytest.raises(BadInput, match=problem) as caught:
        parse_answers(text, "answers.toml")
    assert "\n" not in str(caught.value)
