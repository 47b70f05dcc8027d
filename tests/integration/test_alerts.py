"""Alerts: on record before anybody hears of them, nameless, confirmed by two, never of who cannot have been there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.operations import alert_store, raising, upkeep
from faceward.operations.case_store import CaseStore
from faceward.operations.grounds import Grounds

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FLAG = "impossible-travel"


def states(shop: Any) -> list[str]:
    return [alert.state for alert in shop.system.alerts.list()]


def test_L1_an_alert_is_logged_like_a_search_and_its_case_holds_crop_and_candidate(shop: Any) -> None:
    with shop.watch() as watching:
        watching.compared("door", 9)
        sighting = shop.sighting(watching, "Hugo", quality={"sharpness": 0.512345})
        alert = watching.alert(sighting)
        terms = watching.terms
    begin, end = shop.lines("watch.alert")
    told, outcome = begin.opened["details"], end.opened["details"]
    assert (begin.index, end.refers) == (alert.entry, alert.entry)
    assert (told["camera"], told["branch"], told["gallery"], told["purpose"]) == ("door", "London", "theft", "theft")
    assert (told["probe_kind"], told["operating_point"], told["fpir"]) == ("frame", terms.threshold, terms.fpir)
    assert told["period"] == shop.lines("watch")[0].index
    assert (told["mandate"], told["quality"]) == (shop.mandate_digest, {"sharpness": 0.5123})
    assert begin.opened["gallery"]["members"] == 2
    assert (outcome["faces"], outcome["unknown"], outcome["case"]) == (1, 0, alert.case)
    named = end.opened["subject/0"]
    assert (named["subject"], named["outcome"], named["references"]) == ("Hugo", "candidate", [named["reference"]])
    assert alert.fpir == terms.fpir
    # Ten tracks in the first minute of a watch.
    assert alert.expected_false_alerts_per_day == pytest.approx(10 * 1440 * terms.fpir)
    held, case = CaseStore(shop.deployment).read(alert.case)
    assert (case.kind, case.search.entry, case.search.mandate) == ("frame", alert.entry, shop.mandate_digest)
    assert (case.candidates[0].subject, case.candidates[0].face) == ("Hugo", (0.1, 0.1, 0.9, 0.9))
    assert case.candidates[0].enrolled is not None
    assert CaseStore(shop.deployment).picture(held, case.versions[0].sha256) == sighting.crop
    assert shop.system.verify_log().unfinished == ()


def test_H2_who_has_not_answered_sees_no_score_and_lists_name_nobody(shop: Any) -> None:
    with shop.watch() as watching:
        alert = shop.alerted(watching, "Hugo")
    [listed] = shop.act("rosa").alerts.list()
    assert listed == alert
    assert "Hugo" not in json.dumps(listed.to_json())
    [blind] = shop.system.alerts.get(alert.alert[:6]).candidates
    assert (blind.number, blind.subject, blind.score, blind.result) == (1, "Hugo", None, None)
    shop.decide(alert.case, support=True)
    [seen] = shop.act("rosa").alerts.get(alert.alert).candidates
    assert (seen.result, seen.score) == ("actionable-lead", pytest.approx(0.97, abs=0.02))
    looked = [line.opened["details"] for line in shop.lines("case.show") if line.phase == "begin"]
    assert [(one["operator"], one["case"]) for one in looked][::2] == [("rosa", alert.case)] * 2


def test_H1_only_two_people_confirm_an_alert(shop: Any) -> None:
    with shop.watch() as watching:
        first, second = shop.alerted(watching, "Hugo"), shop.alerted(watching, "Iris")
    assert states(shop) == ["waiting", "waiting"]
    # Who watched reviews nothing of it.
    with pytest.raises(PolicyRefusal, match="H1"):
        shop.act("olga").cases.answer(first.case, ())
    shop.decide(first.case, support=True)
    shop.decide(second.case)
    assert states(shop) == ["confirmed", "dismissed"]
    alerts = shop.act("ana").alerts
    assert [one.alert for one in alerts.list(state="confirmed")] == [first.alert]
    assert [one.alert for one in alerts.list(camera="door", since=shop.deployment.now())] == [first.alert, second.alert]
    assert alerts.list(camera="till") == alerts.list(since=shop.deployment.now() + MINUTE) == ()
    with pytest.raises(UsageError, match="never"):
        alerts.list(state="sure")


def test_W2_the_crop_is_seen_through_the_case_and_the_log_says_so(shop: Any) -> None:
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        alert = watching.alert(sighting)
    assert shop.act("rosa").alerts.crop(alert.alert) == sighting.crop
    assert shop.lines("case.picture")[0].opened["details"] == {
        **shop.lines("case.picture")[0].opened["details"], "case": alert.case, "operator": "rosa"
    }  # fmt: skip
    for name, data in shop.world.contents().items():
        assert sighting.crop not in data, name
        assert b"Hugo" not in data, name


def test_E4_what_a_camera_saw_is_no_picture_to_enrol_from(shop: Any) -> None:
    with shop.watch() as watching:
        crop = shop.world.folder / "crop.png"
        sighting = shop.sighting(watching, "Hugo")
        crop.write_bytes(sighting.crop)
        watching.alert(sighting)
    from faceward.operations.recognition import read_picture

    assert shop.deployment.was_probe(read_picture(crop))
    with pytest.raises(PolicyRefusal):
        shop.act("ana").enrol_on(Grounds(), [crop], subject="Hugo", purpose="theft")


def test_the_same_subject_alerts_again_at_a_camera_after_five_minutes_at_the_earliest(shop: Any) -> None:
    with shop.watch("door", "till") as watching:
        assert shop.alerted(watching, "Hugo") is not None
        shop.world.clock.advance(4 * MINUTE)
        assert shop.alerted(watching, "Hugo") is None
        # Another camera of the branch, and another subject, are news.
        assert shop.alerted(watching, "Hugo", "till") is not None
        assert shop.alerted(watching, "Iris") is not None
        shop.world.clock.advance(MINUTE)
        assert shop.alerted(watching, "Hugo") is not None
    # A watch that begins anew knows of it too.
    with shop.watch() as watching:
        assert shop.alerted(watching, "Hugo") is None
        assert watching.totals.repeated == 1


def test_W5_an_alert_that_implies_impossible_travel_is_suppressed_and_both_are_flagged(shop: Any) -> None:
    with shop.watch("door", "hall") as watching:
        first = shop.alerted(watching, "Hugo", "door")
        shop.world.clock.advance(HOUR)
        assert shop.alerted(watching, "Hugo", "hall") is None
        assert shop.alerted(watching, "Iris", "hall") is not None
        assert (watching.totals.suppressed, watching.totals.alerts) == (1, 2)
    one, two, three = shop.system.alerts.list()
    assert (one.alert, one.state, one.flags) == (first.alert, "waiting", (FLAG,))
    assert (two.camera, two.branch, two.state, two.flags, two.case) == ("hall", "Leeds", "suppressed", (FLAG,), None)
    assert (three.state, three.flags) == ("waiting", ())
    begin, end = shop.lines("watch.suppressed")
    assert begin.opened["details"]["others"] == [first.alert]
    assert begin.opened["subject/0"]["subject"] == "Hugo"
    assert end.refers == begin.index
    # It names nobody and has no picture.
    assert shop.system.alerts.get(two.alert).candidates == ()
    with pytest.raises(UsageError, match="no picture"):
        shop.system.alerts.crop(two.alert)
    # It is a face, and no alert that somebody would have to settle.
    row = shop.system.monitoring.purposes()[0]
    assert (row["faces"], row["alerts"], row["watched"]) == (3, 2, 1)


def test_W5_who_had_the_time_to_travel_or_was_not_there_is_an_alert(shop: Any) -> None:
    with shop.watch("door", "hall") as watching:
        first = shop.alerted(watching, "Hugo", "door")
        shop.world.clock.advance(3 * HOUR)
        second = shop.alerted(watching, "Hugo", "hall")
        assert (second.state, second.flags) == ("waiting", ())
        shop.world.clock.advance(HOUR)
        assert shop.alerted(watching, "Hugo", "door") is None
        # While that stands it is no news, and is not put on record again.
        assert shop.alerted(watching, "Hugo", "door") is None
        assert (watching.totals.suppressed, watching.totals.repeated) == (1, 1)
        # Two people find that the sighting in Leeds was somebody else: it rules nothing out any more, at once.
        shop.decide(second.case)
        shop.act("olga")
        watching.check()
        assert shop.alerted(watching, "Hugo", "door") is not None
        assert shop.alerted(watching, "Hugo", "door") is None
        assert (watching.totals.suppressed, watching.totals.repeated) == (1, 2)
    assert [alert.flags for alert in shop.system.alerts.list()] == [(), (FLAG,), (FLAG,), ()]
    assert first.flags == ()


def test_W5_of_several_whom_a_track_may_be_those_who_can_be_there_are_named(shop: Any) -> None:
    with shop.watch("door", "hall") as watching:
        first = shop.alerted(watching, "Hugo", "door")
        both = (*watching.compare(shop.features("Hugo")), *watching.compare(shop.features("Iris")))
        alert = watching.alert(shop.sighting(watching, "Iris", "hall", hits=both))
        assert alert.matches == 1
    [seen] = shop.system.alerts.get(alert.alert).candidates
    assert seen.subject == "Iris"
    assert [one.flags for one in shop.system.alerts.list() if one.alert == first.alert] == [(FLAG,)]


def test_W9_what_is_kept_of_an_alert_links_no_two_cameras_of_who_is_unknown(shop: Any) -> None:
    with shop.watch("door", "till") as watching:
        for camera in ("door", "till"):
            assert watching.compare(shop.features("a stranger")) == ()
            watching.compared(camera)
    assert shop.system.alerts.list() == ()
    told = [line.opened["details"] for line in shop.lines("watch.count")]
    assert [set(one) for one in told] == [{"operator", "purpose", "gallery", "period", "faces", "cameras"}]


def test_T2_who_is_erased_leaves_no_pseudonym_in_alerts(shop: Any) -> None:
    with shop.watch("door", "hall") as watching:
        kept = shop.alerted(watching, "Hugo", "door")
        assert shop.alerted(watching, "Hugo", "hall") is None
        shop.alerted(watching, "Iris", "door")
    pseudonym = shop.deployment.pseudonym("Hugo").hex()
    assert sum(pseudonym in alert.subjects for alert in alert_store.listed(shop.deployment)) == 2
    shop.system.erase("Hugo")
    found = alert_store.listed(shop.deployment)
    # The one that was suppressed said nothing else.
    assert [(alert.id == kept.alert, len(alert.subjects)) for alert in found] == [(True, 0), (False, 1)]
    [gone] = shop.system.alerts.get(kept.alert).candidates
    assert (gone.subject, gone.reference) == (None, None)


def test_W3_a_list_that_ends_leaves_no_pseudonym_in_alerts(shop: Any) -> None:
    with shop.watch("door", "hall") as watching:
        shop.alerted(watching, "Hugo", "door")
        assert shop.alerted(watching, "Hugo", "hall") is None
    shop.world.clock.advance(timedelta(days=31))
    upkeep.expire(shop.deployment, shop.system._desk)
    assert [alert.subjects for alert in alert_store.listed(shop.deployment)] == [()]


def test_T1_an_alert_goes_with_its_case_and_one_that_was_suppressed_after_the_same_time(shop: Any) -> None:
    with shop.watch("door", "hall") as watching:
        first = shop.alerted(watching, "Hugo", "door")
        assert shop.alerted(watching, "Hugo", "hall") is None
        shop.alerted(watching, "Iris", "door")
    shop.found(shop.decide(first.case))
    shop.act("ana").cases.delete(first.case, reason="it was a mistake")
    assert [alert.state for alert in shop.system.alerts.list()] == ["suppressed", "waiting"]
    now = shop.deployment.now()
    assert alert_store.expire(shop.deployment, now + timedelta(days=179)) == 0
    assert alert_store.expire(shop.deployment, now + timedelta(days=180)) == 1
    [left] = shop.system.alerts.list()
    # What a killed process left of a case that is gone goes too.
    CaseStore(shop.deployment).delete(CaseStore(shop.deployment).find(left.case))
    assert any("1 alerts without a case" in line for line in shop.act(None).rights.tick().done)
    assert alert_store.listed(shop.deployment) == ()


def test_an_alert_that_was_altered_is_refused(shop: Any) -> None:
    with shop.watch() as watching:
        alert = shop.alerted(watching, "Hugo")
    document = shop.deployment.store.document("alert", alert.alert)
    shop.deployment.store.put_document("alert", alert.alert, document.replace(b"London", b"Leeds!"))
    with pytest.raises(IntegrityError, match="altered"):
        shop.system.alerts.list()


def test_a_crop_that_is_no_picture_raises_no_alert_and_ends_no_watch(shop: Any) -> None:
    with shop.watch() as watching:
        with pytest.raises(BadInput):
            watching.alert(shop.sighting(watching, "Hugo", crop=b"\x89PNG and nothing more"))
        assert shop.alerted(watching, "Hugo") is not None
    assert len(shop.system.alerts.list()) == 1


def test_a_prefix_names_one_alert_or_none(shop: Any) -> None:
    with shop.watch() as watching:
        alert = shop.alerted(watching, "Hugo")
    for prefix in ("", alert.alert[:3], "f" * 32):
        with pytest.raises(UsageError, match="no alert"):
            shop.system.alerts.get(prefix)
    assert shop.system.alerts.get(alert.alert[:4]).alert == alert.alert


def test_an_alert_that_cannot_be_written_ends_the_watch_and_nobody_hears_of_it(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise EnvironmentFailure("the disk is full; free some space and repeat")

    with shop.watch() as watching:
        with monkeypatch.context() as patched:
            patched.setattr(alert_store, "put", full)
            with pytest.raises(EnvironmentFailure, match="disk is full"):
                shop.alerted(watching, "Hugo")
        with pytest.raises(EnvironmentFailure, match="disk is full"):
            watching.compare(shop.features("Hugo"))
    assert shop.system.alerts.list() == ()
    assert shop.lines("watch.alert")[-1].opened["details"]["failed"] == "EnvironmentFailure"


@pytest.mark.parametrize("logged", [True, False])
def test_H1_a_case_whose_alert_cannot_be_kept_is_deleted_and_the_next_try_opens_the_only_one(
    shop: Any, monkeypatch: pytest.MonkeyPatch, logged: bool
) -> None:
    keys: list[tuple[str, str]] = []

    def full(*_: object, **__: object) -> None:
        keys.extend((held.key, held.pictures) for held in CaseStore(shop.deployment).held())
        if not logged:
            monkeypatch.setattr(type(shop.system._desk.journal), "write", full)
        raise EnvironmentFailure("the disk is full; free some space and repeat")

    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        monkeypatch.setattr(alert_store, "put", full)
        with pytest.raises(EnvironmentFailure, match="disk is full"):
            watching.alert(sighting)
        monkeypatch.undo()
    assert list(CaseStore(shop.deployment).held()) == []
    assert shop.deployment.keys.destroyed(keys[0]) == set(keys[0])
    deleted = shop.lines("case.delete")
    assert [line.phase for line in deleted] == (["begin", "end"] if logged else [])
    if logged:
        assert deleted[0].opened["details"]["reason"] == "its alert could not be kept"
        assert deleted[0].opened["subject/0"]["subject"] == "Hugo"
    with shop.watch() as watching:
        alert = watching.alert(sighting)
    assert [held.id for held in CaseStore(shop.deployment).held()] == [alert.case]


def test_H1_a_case_that_cannot_be_announced_as_opened_is_deleted_too(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = type(shop.system._desk).close

    def full(desk: Any, operation: str, *given: Any, **named: Any) -> Any:
        if operation == "case.open" and "failure" not in named:
            raise EnvironmentFailure("the disk is full; free some space and repeat")
        return close(desk, operation, *given, **named)

    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        monkeypatch.setattr(type(shop.system._desk), "close", full)
        with pytest.raises(EnvironmentFailure, match="disk is full"):
            watching.alert(sighting)
        monkeypatch.undo()
    assert list(CaseStore(shop.deployment).held()) == []
    assert shop.system.alerts.list() == ()


@pytest.fixture
def stopped_at(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """Return a function that lets the process 'die' at a step; what follows in the log is not written either."""

    class Died(BaseException):
        pass

    def die(module: Any, name: str) -> None:
        def gone(*_: object, **__: object) -> None:
            raise Died

        monkeypatch.setattr(module, name, gone)
        monkeypatch.setattr(type(shop.system._desk), "close", lambda *_, **__: None)

    die.error = Died  # type: ignore[attr-defined]
    return die


def test_the_clock_finishes_an_alert_whose_process_died_while_another_one_runs_on(
    shop: Any, stopped_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = shop.watch().__enter__()
    sighting = shop.sighting(watching, "Hugo")
    stopped_at(raising.alert_store, "put")
    with pytest.raises(stopped_at.error):
        watching.alert(sighting)
    monkeypatch.undo()
    assert shop.system.alerts.list() == ()
    assert not any("watch.alert" in line for line in shop.system.rights.tick().done)
    shop.world.clock.advance(6 * MINUTE)
    assert any("finished watch.alert" in line for line in shop.system.rights.tick().done)
    [alert] = shop.system.alerts.list()
    assert (alert.camera, alert.state, alert.matches) == ("door", "waiting", 1)
