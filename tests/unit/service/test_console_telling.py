"""A subject's account as pages tell it: whole, in words that are known, and of nobody else."""

from __future__ import annotations

from faceward.core.reports import LogLine, ReferenceView, SubjectView
from faceward.core.subject_results import SubjectAccount
from faceward.operations.access_words import SENTENCES, told
from faceward.service.console import telling


def line(operation: str, phase: str, index: int = 1, **opened: dict[str, object]) -> LogLine:
    return LogLine(index, "2026-06-01T12:00:00.000000Z", operation, phase, None, opened, ())  # type: ignore[arg-type]


def account(*history: LogLine, record: dict[str, object] | None = None) -> SubjectAccount:
    held = () if record is None else (ReferenceView("r1", "door", "door", "p", "2026", "2027", record),)  # type: ignore[arg-type]
    return SubjectAccount(SubjectView("Ada", held, history), (), (), ("r1",), ("door",), 7, 30, "", "", "")


def test_D1_what_an_operator_wrote_of_a_search_is_not_told_to_its_candidates() -> None:
    found = line(
        "identify",
        "end",
        details={"operator": "Ana", "reason": "to find Bob", "gallery": "door"},
        **{"subject/0": {"subject": "Ada", "outcome": "candidate", "reference": "r1"}},
    )

    [one] = telling.happenings(account(found))

    assert (one.sentence, one.by, one.said) == ("You were among the candidates of a search", "Ana", ())
    assert "Bob" not in str(one)
    assert "Bob" not in told(found.to_json())


def test_D1_refusals_and_adverse_actions_are_told_as_such() -> None:
    denied = line("subject.erase", "denied", details={"operator": "Eve", "reason": "not allowed"})
    adverse = line("adverse.note", "begin", **{"subject/0": {"subject": "Ada", "action": "asked to leave"}})

    newest, oldest = telling.happenings(account(denied, adverse))

    assert (oldest.tone, newest.tone) == ("bad", "bad")
    assert newest.said == (("action", "asked to leave"),)


def test_what_has_no_sentence_is_left_out_and_every_sentence_is_a_word_to_translate() -> None:
    assert telling.happenings(account(line("subject.show", "end"))) == []
    assert set(telling.WORDS) >= SENTENCES


def test_a_reference_without_a_record_shows_what_is_known() -> None:
    [bare] = telling.held(account(record={}))
    assert (bare.because, bare.notice, bare.suspended) == ("", "", True)
    [whole] = telling.held(
        account(record={"basis": "consent", "release": {"signed_on": "2026-01-01"}, "source": {"name": "a.png"}})
    )
    assert (whole.because, whole.signed, whole.source) == ("You agreed to it", "2026-01-01", "a.png")
