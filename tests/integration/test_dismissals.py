"""What reviewers dismissed counts at once, nobody takes it away, and it is not kept longer than it has to be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.operations.case_store import CaseStore
from faceward.operations.search_log import DISMISSAL
from faceward.operations.suspension import suspended
from faceward.policy import dismissed

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def alert(shop: Any, name: str = "Hugo", tracks: int = 50_000) -> str:
    """Have a camera take somebody for a subject, and return the case."""
    shop.world.clock.advance(6 * MINUTE)
    shop.act("olga")
    with shop.watch() as watching:
        # So many that a few false alerts among them are no more than is accepted (rule W6).
        watching.compared("door", tracks)
        return str(shop.alerted(watching, name).case)


def incorrect(shop: Any) -> int:
    return int(shop.system.monitoring.purposes()[0]["incorrect"])


def notes(shop: Any) -> list[Any]:
    return [line.opened for line in shop.lines(DISMISSAL)]


def kept(shop: Any) -> set[str]:
    return {held.id for held in CaseStore(shop.deployment).held()}


def out(shop: Any) -> frozenset[str]:
    return suspended(shop.deployment, shop.deployment.now()).references


def due(shop: Any) -> list[Any]:
    return [one for one in shop.act(None).rights.tick().due if one["what"] == "alert"]


def test_W4_W6_dismissed_alerts_count_without_anybody_s_finding(shop: Any) -> None:
    case = shop.decide(alert(shop))
    [note] = notes(shop)
    told = note["details"]
    assert (told["case"], told["false_alerts"], told["reviewers"]) == (case, 1, ["remy", "rosa"])
    assert note["subject/0"]["outcome"] == "dismissed"
    assert (incorrect(shop), out(shop)) == (1, frozenset())
    shop.decide(alert(shop))
    assert (incorrect(shop), len(out(shop))) == (2, 1)
    # The finding that comes later says nothing new, and a lead is none.
    shop.found(case)
    shop.decide(alert(shop, "Iris"), support=True)
    assert (incorrect(shop), len(notes(shop))) == (2, 2)


def test_W6_dismissed_alerts_alone_halt_the_watch(shop: Any) -> None:
    first, second = alert(shop, tracks=1), alert(shop, "Iris", tracks=1)
    shop.decide(first)
    shop.decide(second)
    shop.act("olga")
    with pytest.raises(PolicyRefusal) as refused:
        shop.watch().__enter__()
    assert refused.value.rule == "W6"


def test_W6_what_a_killed_process_left_unnoted_is_noted_once_by_the_clock_and_before_an_erasure(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("faceward.operations.cases.dismissals.settle", lambda *_: None)
        shop.decide(alert(shop))
        erased = alert(shop, "Iris")
        shop.decide(erased)
    assert notes(shop) == []
    shop.act("olga").erase("Iris")
    assert [one["details"]["case"] for one in notes(shop)] == [erased]
    assert any("1 cases that reviewers dismissed" in line for line in shop.act(None).rights.tick().done)
    assert (incorrect(shop), len(notes(shop))) == (2, 2)
    # A process that died between the note and what is kept of it repeats nothing.
    for name in shop.deployment.kept_all("case-standing"):
        shop.deployment.store.delete_document("case-standing", name)
    assert not any("dismissed" in line for line in shop.act(None).rights.tick().done)
    assert (incorrect(shop), len(notes(shop))) == (2, 2)


def test_W6_who_was_erased_before_the_decision_is_no_false_alert(shop: Any) -> None:
    alert(shop)
    shop.act("olga").erase("Hugo")
    shop.act(None).rights.tick()
    assert (notes(shop), incorrect(shop)) == ([], 0)


def test_H3_nobody_calls_right_what_two_people_dismissed(shop: Any) -> None:
    case = shop.decide(alert(shop))
    with pytest.raises(PolicyRefusal) as refused:
        shop.found(case, "correct")
    assert refused.value.rule == "H3"
    # Who answered does not take it back either.
    for by in ("rosa", "remy"):
        shop.found(case, "undetermined", by=by)
    assert incorrect(shop) == 1


def test_H3_a_case_is_deleted_by_hand_after_its_finding_and_never_by_who_watched(shop: Any) -> None:
    case, open_one = alert(shop), alert(shop, "Iris")
    shop.decide(case)
    for name in ("olga", "ana"):
        for one in (case, open_one):
            with pytest.raises(PolicyRefusal) as refused:
                shop.act(name).cases.delete(one, reason="tidying up")
            assert refused.value.rule == "H3"
    shop.found(case)
    with pytest.raises(PolicyRefusal, match="whoever made the search") as refused:
        shop.act("olga").cases.delete(case, reason="tidying up")
    assert refused.value.rule == "H3"
    shop.act("ana").cases.delete(case, reason="it was somebody else")
    assert kept(shop) == {open_one}
    assert shop.deployment.kept_all("case-standing").keys() <= {open_one}
    assert incorrect(shop) == 1


def test_W6_a_case_that_ends_with_its_term_is_counted_first(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("faceward.operations.cases.dismissals.settle", lambda *_: None)
        shop.decide(alert(shop))
    shop.world.clock.advance(181 * DAY)
    shop.act(None).rights.tick()
    assert (kept(shop), incorrect(shop)) == (set(), 1)


def test_T1_a_dismissed_case_ends_with_its_list_and_no_other_does(shop: Any) -> None:
    gone, lead, undecided = alert(shop), alert(shop, "Iris"), alert(shop)
    shop.decide(gone)
    shop.decide(lead, support=True)
    shop.world.clock.advance(29 * DAY)
    shop.act(None).rights.tick()
    assert kept(shop) == {gone, lead, undecided}
    shop.world.clock.advance(DAY)
    told = shop.act(None).rights.tick()
    assert any("deleted 1 cases that reviewers dismissed" in line for line in told.done)
    assert kept(shop) == {lead, undecided}
    assert incorrect(shop) == 1
    assert [one.case for one in shop.act("rosa").alerts.list()] == [lead, undecided]


@pytest.mark.parametrize("about", ["the subject", "the case", "something else"])
def test_T1_a_dismissed_case_ends_after_30_days_unless_a_complaint_about_it_is_open(
    shop: Any, monkeypatch: pytest.MonkeyPatch, about: str
) -> None:
    monkeypatch.setattr("faceward.operations.dismissals._list_ended", lambda *_: False)
    case = shop.decide(alert(shop))
    shop.world.clock.advance(30 * DAY - MINUTE)
    shop.act(None).rights.tick()
    assert kept(shop) == {case}
    text = f"I was stopped, they said it is case {case[:8].upper()}" if about == "the case" else "I was stopped"
    name = "Hugo" if about == "the subject" else "A passer-by"
    complaint = shop.act("ana").rights.complain(name, text)
    shop.world.clock.advance(2 * MINUTE)
    shop.act(None).rights.tick()
    assert kept(shop) == (set() if about == "something else" else {case})
    shop.act("ana").rights.decide(complaint.identifier, upheld=False, reason="it was looked at")
    shop.act(None).rights.tick()
    assert kept(shop) == set()


def test_H3_alerts_that_wait_longer_than_7_days_are_due(shop: Any) -> None:
    case, late = alert(shop), alert(shop, "Iris")
    shop.decide(case)
    shop.world.clock.advance(7 * DAY - MINUTE)
    assert due(shop) == []
    shop.world.clock.advance(MINUTE)
    [one] = due(shop)
    [alerted] = [view for view in shop.act("rosa").alerts.list() if view.case == late]
    assert one["identifier"] == alerted.alert
    shop.decide(late)
    assert due(shop) == []


def test_W6_nothing_new_is_watched_while_too_many_alerts_wait_too_long(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dismissed.MOST_WAITING == 20
    monkeypatch.setattr(dismissed, "MOST_WAITING", 1)
    cases = [alert(shop), alert(shop, "Iris")]
    shop.world.clock.advance(7 * DAY - 7 * MINUTE)
    alert(shop)
    shop.world.clock.advance(8 * MINUTE)
    shop.act("olga")
    with pytest.raises(PolicyRefusal, match="wait longer than 7 days") as refused:
        shop.watch().__enter__()
    assert refused.value.rule == "W6"
    shop.decide(cases[0])
    shop.act("olga")
    with shop.watch():
        pass
