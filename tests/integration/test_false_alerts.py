"""A reference with two false alerts suspends itself (rule W4), and nobody talks that away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal
from faceward.operations import false_alerts
from faceward.operations.suspension import FALSE_ALERTS, is_held, suspended

MINUTE = timedelta(minutes=1)


def reference(shop: Any, name: str = "Hugo") -> str:
    [mine] = shop.deployment.store.by_subject(shop.deployment.pseudonym(name))
    return str(mine.reference_id)


def out(shop: Any) -> frozenset[str]:
    return suspended(shop.deployment, shop.deployment.now()).references


def searched(shop: Any, *people: str, picture: Path | None = None, support: bool = True) -> str:
    """Identify people, and return the case, decided."""
    shop.act("olga")
    mandate = shop.mandate(cameras=(), operations=("identify",))
    found = shop.system.identify(
        picture or shop.world.picture(*people), gallery="theft", purpose="theft", reason="who is it", mandate=mandate
    )
    assert found.case is not None
    return str(shop.decide(found.case, support=support))


def alerted(shop: Any, name: str = "Hugo", *, support: bool = True) -> str:
    """Have a camera take somebody for a subject, and return the case, decided; without support it is dismissed."""
    shop.world.clock.advance(6 * MINUTE)
    shop.act("olga")
    with shop.watch() as watching:
        # So many that two false alerts among them are no more than is accepted (rule W6).
        watching.compared("door", 50_000)
        return str(shop.decide(shop.alerted(watching, name).case, support=support))


def notes(shop: Any) -> list[Any]:
    return [line.opened["details"]["references"] for line in shop.lines("watchlist.suspend") if line.phase == "begin"]


@pytest.mark.parametrize("second", [searched, alerted])
def test_W4_two_false_alerts_suspend_a_reference_whatever_brought_them_about(shop: Any, second: Any) -> None:
    mine = reference(shop)
    shop.found(alerted(shop))
    assert out(shop) == frozenset()
    case = searched(shop, "Hugo") if second is searched else alerted(shop)
    shop.found(case)
    assert out(shop) == {mine}
    assert notes(shop) == [[mine]]
    with shop.watch() as watching:
        assert watching.compare(shop.features("Hugo")) == ()
        assert watching.compare(shop.features("Iris"))
    assert shop.system.identify(
        shop.world.picture("Hugo"), gallery="theft", purpose="theft", reason="x",
        mandate=shop.mandate(cameras=(), operations=("identify",)),
    ).case is None  # fmt: skip


def test_W4_a_picture_that_is_searched_twice_is_one_false_alert(shop: Any) -> None:
    picture = shop.world.picture("Hugo")
    for _ in range(2):
        case = searched(shop, picture=picture)
        shop.found(case)
        shop.found(case, by="remy")
    assert out(shop) == frozenset()
    shop.found(searched(shop, "Hugo"))
    assert out(shop) == {reference(shop)}


def test_W4_another_finding_takes_nothing_back_and_a_review_begins_anew(shop: Any) -> None:
    mine, case = reference(shop), alerted(shop)
    shop.found(case)
    shop.found(case, "correct", by="remy")
    second = alerted(shop)
    shop.found(second)
    assert out(shop) == {mine}
    shop.found(second, "correct", by="remy")
    assert shop.act(None).rights.tick().failed == ()
    assert out(shop) == {mine}
    shop.act("ben").rights.review(mine, "We looked at the pictures: it is a good one.")
    assert out(shop) == frozenset()
    shop.found(alerted(shop))
    assert out(shop) == frozenset()
    shop.found(alerted(shop))
    assert out(shop) == {mine}
    assert notes(shop) == [[mine], [mine]]


def test_W4_resuming_a_subject_begins_anew_too(shop: Any) -> None:
    for _ in range(2):
        shop.found(alerted(shop))
    assert out(shop)
    shop.act("ben").rights.resume("Hugo", "a new picture was taken")
    assert out(shop) == frozenset()
    assert not any("false alerts" in line for line in shop.act(None).rights.tick().done)
    shop.found(alerted(shop))
    assert out(shop) == frozenset()


def test_W4_of_a_picture_of_several_only_those_count_who_were_found_to_be_nobody(shop: Any) -> None:
    with shop.watch() as watching:
        watching.compared("door", 50_000)
    for _ in range(2):
        shop.found(searched(shop, "Hugo", "Iris", support=False), "incorrect", false_alerts=1)
    # Reviewers took neither for a lead, so that both were wrong.
    assert out(shop) == {reference(shop), reference(shop, "Iris")}


def test_W4_who_was_a_lead_in_a_list_that_was_wrong_in_part_was_no_false_alert(shop: Any) -> None:
    for _ in range(2):
        shop.found(alerted(shop), "incorrect", false_alerts=1)
    assert out(shop) == frozenset()
    shop.found(alerted(shop))
    shop.found(alerted(shop))
    assert out(shop) == {reference(shop)}


def test_W4_correct_and_undetermined_findings_suspend_nobody(shop: Any) -> None:
    for accuracy in ("correct", "correct", "undetermined", "undetermined"):
        shop.found(alerted(shop), accuracy)
    assert out(shop) == frozenset()


def test_W4_what_a_killed_process_left_undone_the_clock_does_and_without_what_is_kept_it_counts_the_same(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = reference(shop)
    shop.found(alerted(shop))
    case = alerted(shop)
    with monkeypatch.context() as patched:
        patched.setattr("faceward.operations.dismissals.false_alerts.suspend", lambda *_: ())
        shop.found(case)
    assert out(shop) == frozenset()
    shop.deployment.store.delete_document("false-alerts", "references")
    told = shop.act(None).rights.tick()
    assert any("two false alerts" in line for line in told.done)
    assert out(shop) == {mine}
    assert is_held(shop.deployment, mine, FALSE_ALERTS)
    # Whoever deletes the suspension alone finds it there again.
    shop.deployment.store.delete_document("hold", mine)
    shop.act(None).rights.tick()
    assert out(shop) == {mine}


def test_T2_an_erasure_takes_what_is_suspended(shop: Any) -> None:
    for _ in range(2):
        shop.found(alerted(shop))
    shop.act("olga").erase("Hugo")
    assert out(shop) == frozenset()
    assert false_alerts.suspend(shop.deployment, shop.system._desk) == ()


def test_what_is_kept_is_read_on_from_and_checked(shop: Any) -> None:
    shop.found(alerted(shop))
    deployment, place = shop.deployment, ("false-alerts", "references")
    kept = deployment.kept(*place)
    assert kept["stop"] <= deployment.log.size
    assert list(kept["references"]) == [reference(shop)]
    deployment.keep(*place, {**kept, "stop": 10**6})
    with pytest.raises(IntegrityError, match="shorter"):
        false_alerts.suspend(deployment, shop.system._desk)
    deployment.keep(*place, {**kept, "references": []})
    with pytest.raises(IntegrityError, match="damaged"):
        false_alerts.suspend(deployment, shop.system._desk)
    deployment.keep(*place, {**kept, "version": 0})
    shop.found(alerted(shop))
    assert out(shop) == {reference(shop)}


def test_W4_only_an_approver_without_a_hand_in_it_ends_what_false_alerts_suspended(shop: Any) -> None:
    mine = reference(shop)
    for _ in range(2):
        shop.found(alerted(shop))
    for who, why in (("olga", "only an approver"), ("ana", "whoever enrolled"), ("rosa", "only an approver")):
        rights = shop.act(who).rights
        for act, of in ((rights.review, mine), (rights.resume, "Hugo")):
            with pytest.raises(PolicyRefusal, match=f"rule W4: {why}"):
                act(of, "fine")
            assert [*shop.world.log(shop.system)][-1][1] == "denied"
    # What is kept of the suspension may be deleted: the count is the log's.
    shop.deployment.store.delete_document("hold", mine)
    with pytest.raises(PolicyRefusal, match="rule W4"):
        shop.act("ana").rights.review(mine, "fine")
    shop.act("ben").rights.review(mine, "We looked at the pictures.")
    assert out(shop) == frozenset()


def test_W4_the_log_tells_who_made_the_watches_since_a_reference_was_released(shop: Any, monkeypatch: Any) -> None:
    mine = reference(shop)
    for _ in range(2):
        shop.found(alerted(shop))
    assert false_alerts.makers(shop.deployment, shop.system._desk, {mine}) == {"olga"}
    monkeypatch.setattr(false_alerts, "makers", lambda *_: frozenset({"ben"}))
    with pytest.raises(PolicyRefusal, match="rule W4: whoever enrolled somebody, or made the searches"):
        shop.act("ben").rights.resume("Hugo", "it is fine")
    monkeypatch.undo()
    shop.act("ben").rights.resume("Hugo", "it is another person")
    assert false_alerts.makers(shop.deployment, shop.system._desk, {mine}) == frozenset()


def test_W4_a_suspension_that_was_deleted_is_back_when_a_watch_begins(shop: Any) -> None:
    for _ in range(2):
        shop.found(alerted(shop))
    shop.deployment.store.delete_document("hold", reference(shop))
    assert out(shop) == frozenset()
    shop.act("olga")
    with shop.watch() as watching:
        assert watching.compare(shop.features("Hugo")) == ()
    assert out(shop) == {reference(shop)}
