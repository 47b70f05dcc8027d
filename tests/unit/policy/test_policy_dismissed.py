"""Which faces reviewers dismissed, since when, and what a later finding makes of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.policy import review
from faceward.policy.dismissed import KEPT, complained, dismissed, ends, false_alerts, require_accuracy, since
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Search, Version
from faceward.policy.rights import Complaint
from faceward.policy.verdicts import CORRECT, DISMISSED, INCORRECT, Found, Searched, Verdict, judged

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEFT, RIGHT = (0.0, 0.0, 0.4, 1.0), (0.6, 0.0, 1.0, 1.0)
YES, NO = "same-strong", "different-strong"


def case(*faces: tuple[float, float, float, float] | None) -> Case:
    """Return a case with a candidate for each of these faces, unanswered."""
    candidates = tuple(Candidate(n, f"subject-{n}", f"{n:032x}", 0.9, face) for n, face in enumerate(faces, 1))
    original = Version("0" * 64, None, "original", "", "olga", NOW, "probe.jpg")
    search = Search(7, "olga", "theft", "theft", "", "who is it")
    return Case("c" * 32, NOW, "olga", NOW + KEPT * 6, "frame", search, (original,), candidates)


def answered(of: Case, name: str, *steps: str, amendment: bool = False) -> Case:
    compared = tuple(Comparison(n, {}, step, "") for n, step in enumerate(steps, 1))
    when = NOW + HOUR * (len(of.answers) + 1)
    return replace(of, answers=(*of.answers, Answer(name, when, compared, amendment, "", "", "")))


def two(of: Case, *steps: str) -> Case:
    return answered(answered(of, "rosa", *steps), "remy", *steps)


def test_W6_nothing_is_dismissed_before_the_review_is_decided() -> None:
    one = answered(case(LEFT), "rosa", NO)
    assert (dismissed(case(LEFT)), dismissed(one), since(one)) == ((), (), None)
    disputed = answered(one, "remy", YES)
    assert (dismissed(disputed), since(disputed)) == ((), None)
    third = answered(disputed, "ruth", NO)
    assert (false_alerts(third), since(third)) == (1, NOW + 3 * HOUR)
    assert since(two(case(LEFT), review.INCONCLUSIVE)) == NOW + 2 * HOUR


def test_W6_a_face_counts_once_all_of_its_candidates_are_dismissed() -> None:
    several = case(LEFT, LEFT, RIGHT)
    assert false_alerts(two(several, NO, NO, NO)) == 2
    in_part = two(several, NO, YES, NO)
    assert [one.number for some in dismissed(in_part) for one in some] == [3]
    assert (false_alerts(in_part), since(in_part)) == (1, None)
    # Of which face a candidate is may not be known; each may be of another.
    assert false_alerts(two(case(None, None), NO, NO)) == 2
    assert false_alerts(two(case(None, None), NO, YES)) == 0


def test_W6_who_was_erased_settles_nothing() -> None:
    erased = review.forgotten(two(case(LEFT, RIGHT), NO, NO), "subject-1")
    assert (false_alerts(erased), since(erased)) == (1, None)
    unseen = review.forgotten(case(LEFT), "subject-1")
    assert review.decided(unseen)
    assert (false_alerts(unseen), since(unseen)) == (0, None)


def test_T1_support_that_is_taken_back_dismisses_from_then_on() -> None:
    lead = two(case(LEFT), YES)
    assert (false_alerts(lead), since(lead)) == (0, None)
    assert since(answered(lead, "rosa", NO, amendment=True)) == NOW + 3 * HOUR
    assert not ends(None, NOW, list_ended=True)
    assert not ends(NOW, NOW + KEPT - HOUR, list_ended=False)
    assert ends(NOW, NOW + KEPT, list_ended=False)
    assert ends(NOW, NOW, list_ended=True)


def test_H3_correct_is_refused_unless_every_face_has_a_lead() -> None:
    for decided in (two(case(LEFT), NO), two(case(LEFT, RIGHT), YES, NO)):
        with pytest.raises(PolicyRefusal) as refused:
            require_accuracy(decided, CORRECT)
        assert refused.value.rule == "H3"
        for accuracy in (INCORRECT, "undetermined"):
            require_accuracy(decided, accuracy)
    require_accuracy(two(case(LEFT, LEFT, RIGHT), NO, YES, YES), CORRECT)
    require_accuracy(case(), CORRECT)


def test_D1_a_complaint_is_about_a_candidate_or_names_the_case() -> None:
    mine = two(case(LEFT), NO)
    about = Complaint("1" * 16, "ab", "", NOW, 3)
    assert complained(mine, ["ab"], [(about, "")])
    assert not complained(mine, ["cd"], [(about, "I was stopped")])
    assert complained(mine, ["cd"], [(about, "it was case CCCCCCCC")])
    of_another = replace(about, reference="f" * 32)
    assert not complained(mine, ["ab"], [(of_another, "")])
    assert complained(mine, ["ab"], [(replace(about, reference=f"{1:032x}"), "")])


def test_W6_what_was_dismissed_is_taken_back_by_nobody_who_had_a_part_in_it() -> None:
    search = Searched(8, NOW, 7, "theft", 2, 2, operator="olga")
    noted = Found(20, NOW, search, DISMISSED, 1, reviewers=("remy", "rosa"))
    assert (noted.false_alerts, noted.known) == (1, 1)
    verdict = judged(None, noted)
    assert verdict == Verdict(2, 1, 1, ("remy", "rosa"))
    for by in ("olga", "rosa", "remy"):
        assert judged(verdict, Found(30, NOW, search, "undetermined", None, by)).false_alerts == 1
    assert judged(verdict, Found(30, NOW, search, "undetermined", None, "ruth")).false_alerts == 0
    # A finding that came before, from whomever, is not made less of.
    before = judged(None, Found(19, NOW, search, INCORRECT, None, "rosa"))
    assert judged(before, noted) == Verdict(2, 2, 2, ("rosa", "remy"))
