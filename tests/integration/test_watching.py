"""A watch: announced and ended in the log, compared at the rates of a track, ended by what ends its authority."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from faceward.audit import log as log_module
from faceward.core.errors import EnvironmentFailure, FacewardError, PolicyRefusal, UsageError
from faceward.operations import monitoring, tally
from faceward.operations.watching import Watching, WatchRequest
from faceward.vision.calibration import fpir_of

DAY = timedelta(days=1)


def loaded(shop: Any) -> dict[str, Any]:
    """Return what is opened of the list in memory."""
    return dict(shop.deployment.gallery("theft")._loaded)


def refused(rule: str, call: Callable[[], object]) -> PolicyRefusal:
    with pytest.raises(PolicyRefusal) as caught:
        call()
    assert caught.value.rule == rule, caught.value
    return caught.value


def ended(shop: Any, watching: Any, rule: str, *, check: bool = True) -> None:
    """Fail unless the watch is ended by a rule, with nothing opened, for good, and as the log says."""
    if check:
        refused(rule, watching.check)
    assert not loaded(shop)
    for again in (watching.check, lambda: watching.compare(shop.features("Hugo")), lambda: watching.terms):
        refused(rule, again)
    last = shop.lines("watch")[-1]
    assert (last.phase, last.opened["details"]["failed"]) == ("end", "PolicyRefusal")
    assert f"rule {rule}" in last.opened["details"]["message"]


def test_L1_a_period_is_announced_with_its_cameras_list_mandate_and_evidence_and_ends_with_what_it_counted(
    shop: Any,
) -> None:
    with shop.watch("door", "till") as watching:
        begun = shop.lines("watch")[-1]
        assert (begun.index, begun.phase) == (watching.entry, "begin")
        assert watching.compare(shop.features("a stranger")) == ()
        watching.compared("door", 2)
        watching.compared("till")
        assert shop.alerted(watching, "Hugo", "till") is not None
        assert shop.alerted(watching, "Hugo", "till") is None
        assert (watching.totals.compared, watching.totals.alerts, watching.totals.repeated) == (5, 1, 1)
    told = begun.opened["details"]
    assert (told["cameras"], told["gallery"], told["purpose"]) == (["door", "till"], "theft", "theft")
    assert (told["mandate"], told["operator"]) == (shop.mandate_digest, "olga")
    assert told["reason"] == "2026/118: Theft Act 1968"
    assert len(told["evidence"]) == 64
    assert begun.opened["gallery"]["members"] == 2
    end = shop.lines("watch")[-1]
    counted = end.opened["details"]["cameras"]
    assert counted["door"] == {"tracks": 2, "alerts": 0, "repeated": 0, "suppressed": 0}
    assert counted["till"] == {"tracks": 3, "alerts": 1, "repeated": 1, "suppressed": 0}
    assert end.opened["details"]["operating_point"] == pytest.approx(0.4984, abs=1e-4)
    assert not loaded(shop)
    with pytest.raises(UsageError, match="has ended"):
        watching.compare(shop.features("Hugo"))


def test_S1_a_track_is_compared_three_times_at_a_third_of_what_the_purpose_accepts(shop: Any) -> None:
    purpose = shop.deployment.purpose("theft")
    with shop.watch() as watching:
        before = watching.terms
        assert (before.subjects, before.most_comparisons, before.dwell) == (2, 3, 30.0)
        assert 3 * fpir_of(before.fmr, 2) == pytest.approx(before.fpir)
        assert before.fpir == pytest.approx(purpose.fpir, rel=1e-6)
        # A list that grows needs a stricter threshold, at once.
        shop.enter("Jo")
        shop.act("olga")
        watching.check()
        after = watching.terms
        assert (after.subjects, after.fpir) == (3, pytest.approx(purpose.fpir, rel=1e-6))
        assert after.threshold > before.threshold
        [hit] = watching.compare(shop.features("Jo"))
        assert hit.subject == shop.deployment.pseudonym("Jo")


def test_D1_what_is_suspended_is_not_looked_for_from_that_moment_on(shop: Any) -> None:
    with shop.watch() as watching:
        assert watching.compare(shop.features("Hugo"))
        shop.system.rights.suspend("Hugo", "we look into it")
        assert watching.compare(shop.features("Hugo")) == ()
        assert watching.compare(shop.features("Iris"))


def test_C2_who_is_erased_is_not_looked_for_from_that_moment_on(shop: Any) -> None:
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        shop.system.erase("Hugo")
        assert watching.compare(shop.features("Hugo")) == ()
        assert watching.alert(sighting) is None
        assert shop.system.alerts.list() == ()


def test_W7_a_stop_ends_the_watch_and_nothing_is_compared_again(shop: Any) -> None:
    with shop.watch() as watching:
        watching.check()
        assert loaded(shop) or watching.compare(shop.features("Hugo"))
        shop.deployment.custody.stop(shop.act("ben").control._statement(_stopping(), "wrong person"))
        shop.act("olga")
        ended(shop, watching, "W7")


def _stopping() -> Any:
    from faceward.operations.journal import Happening

    return Happening("stop", {"reason": "wrong person"})


def test_W7_an_alert_that_comes_after_a_stop_is_refused_and_ends_the_watch(shop: Any) -> None:
    with shop.watch() as watching:
        sighting = shop.sighting(watching, "Hugo")
        shop.act("ben").control.stop("wrong person")
        shop.act("olga")
        refused("W7", lambda: watching.alert(sighting))
        ended(shop, watching, "W7", check=False)
    assert shop.system.alerts.list() == ()
    assert shop.lines("case.open") == []


def test_W7_nothing_is_compared_unless_somebody_looked_within_two_seconds(shop: Any) -> None:
    with shop.watch() as watching:
        shop.ticks.advance(1.9)
        assert watching.compare(shop.features("Hugo"))
        shop.ticks.advance(0.2)
        refused("W7", lambda: watching.compare(shop.features("Hugo")))
        watching.check()
        assert watching.compare(shop.features("Hugo"))


def test_W7_threads_that_compare_all_end_when_another_one_sees_the_stop(shop: Any) -> None:
    found: list[object] = []
    rows = {name: shop.features(name) for name in ("Hugo", "a stranger")}

    def compare(name: str) -> None:
        try:
            while True:
                watching.compare(rows[name].copy())
        except FacewardError as error:
            found.append(error)

    with Watching(shop.deployment, shop.system._desk, shop.request()) as watching:
        threads = [threading.Thread(target=compare, args=(name,)) for name in rows]
        for thread in threads:
            thread.start()
        for _ in range(20):
            watching.check()
        shop.deployment.custody.stop(shop.act("ben").control._statement(_stopping(), "wrong person"))
        shop.act("olga")
        with suppress(PolicyRefusal):
            while True:
                watching.check()
        for thread in threads:
            thread.join(30)
    assert [getattr(error, "rule", error) for error in found] == ["W7", "W7"]
    assert not loaded(shop)


def test_P2_a_mandate_that_is_revoked_or_ends_ends_the_watch(shop: Any) -> None:
    with shop.watch() as watching:
        shop.act("ben").mandates.revoke(shop.mandate_digest, "the case is closed")
        shop.act("olga")
        ended(shop, watching, "P2")
    shop.mandate_digest = shop.mandate(until=shop.deployment.now() + timedelta(hours=1))
    with shop.watch() as watching:
        shop.world.clock.advance(timedelta(hours=1))
        ended(shop, watching, "P2")


def test_P2_a_mandate_is_spent_by_periods_and_not_within_one(shop: Any) -> None:
    shop.mandate_digest = shop.mandate(searches=2)
    with shop.watch() as watching:
        first = watching.entry
        for _ in range(3):
            shop.ticks.advance(400)
            watching.check()
            assert shop.alerted(watching, "Hugo") is not None
            shop.world.clock.advance(timedelta(minutes=6))
        assert watching.entry != first
        shop.ticks.advance(841)
        refused("P2", watching.check)
        assert not loaded(shop)
    assert sum(line.phase == "begin" for line in shop.lines("watch")) == 2
    refused("P2", shop.watch().__enter__)


def test_P2_each_camera_must_be_one_that_the_mandate_names(shop: Any) -> None:
    shop.mandate_digest = shop.mandate(cameras=("door",))
    assert "this camera: 'till'" in str(refused("P2", shop.watch("door", "till").__enter__))
    assert "none is named" in str(refused("P2", shop.watch("door", mandate=None).__enter__))
    unknown = str(refused("P2", shop.watch("door", mandate="deadbeef").__enter__))
    assert "begins with 'deadbeef'" in unknown
    assert "faceward mandate list" in unknown
    with shop.watch("door"):
        pass
    assert shop.lines("watch")[0].phase == "denied"


def test_W3_a_list_whose_end_comes_is_destroyed_and_looked_for_no_more(shop: Any) -> None:
    shop.end_in(timedelta(hours=2))
    shop.act("olga")
    with shop.watch() as watching:
        assert shop.alerted(watching, "Hugo") is not None
        shop.world.clock.advance(timedelta(hours=2))
        refused("W3", watching.check)
        assert not loaded(shop)
        assert shop.deployment.gallery_note("theft") is None
        refused("W3", watching.check)
    assert [len(kept) for kept in _pseudonyms(shop)] == [0]


def _pseudonyms(shop: Any) -> list[tuple[str, ...]]:
    from faceward.operations.alert_store import listed

    return [alert.subjects for alert in listed(shop.deployment)]


def test_W8_a_camera_that_is_removed_ends_the_watch(shop: Any) -> None:
    with shop.watch("door", "till") as watching:
        shop.act("ana").cameras.remove("till")
        shop.act("olga")
        ended(shop, watching, "W8")
    assert "'till'" in str(refused("W8", shop.watch("door", "till").__enter__))


def test_P2_a_mandate_for_another_operation_is_refused_by_name_and_one_for_none_is_not_asked_for(shop: Any) -> None:
    digest = shop.mandate(operations=("identify",))
    said = str(refused("P2", shop.watch("door", mandate=digest).__enter__))
    assert "operation 'watch', only identify" in said
    assert "--operation watch" in said
    for unknown in ("nonsense", "gate"):
        with pytest.raises(UsageError, match=f"no mandate is for '{unknown}'; choose among .*watch"):
            shop.mandate(operations=(unknown,))


def test_W8_W10_a_refusal_names_the_camera(shop: Any) -> None:
    shop.add_camera("spare", notice=None)
    shop.mandate_digest = shop.mandate(cameras=("door", "spare"))
    said = str(refused("W8", shop.watch("door", "spare").__enter__))
    assert "the camera 'spare' has no notice record" in said
    assert "camera change spare --notice" in said


def test_V1_evidence_speaks_for_cameras_of_its_class_and_while_it_is_fresh(shop: Any) -> None:
    shop.add_camera("drone", camera_class="drone")
    shop.mandate_digest = shop.mandate(cameras=("door", "drone"))
    assert "several camera classes" in str(refused("V1", shop.watch("door", "drone").__enter__))
    refused("V1", shop.watch("drone").__enter__)
    with shop.watch("door") as watching:
        shop.deployment.store.delete_document("evidence", str(shop.lines("watch")[-1].opened["details"]["evidence"]))
        ended(shop, watching, "V1")


def test_S2_a_session_that_ends_ends_the_watch_unless_its_person_signs_in_again(shop: Any) -> None:
    with shop.watch() as watching:
        shop.world.clock.advance(timedelta(hours=7))
        shop.act("olga")
        shop.world.clock.advance(timedelta(hours=7))
        watching.check()
        shop.world.clock.advance(timedelta(hours=7))
        with pytest.raises(PolicyRefusal):
            watching.check()
        assert not loaded(shop)


def test_W6_more_false_alerts_than_the_purpose_accepts_halt_the_watch(shop: Any) -> None:
    with shop.watch() as watching:
        cases = []
        for _ in range(4):
            cases.append(shop.alerted(watching, "Hugo").case)
            shop.world.clock.advance(timedelta(minutes=6))
        watching.compared("door", 50)
        shop.ticks.advance(61)
        watching.check()
        row = shop.system.monitoring.purposes()[0]
        assert (row["faces"], row["watched"], row["alerts"]) == (54, 50, 4)
        for case in cases:
            if monitoring.breached(shop.deployment, "theft") is None:
                shop.act("olga")
                watching.check()
                shop.found(shop.decide(case))
        assert monitoring.breached(shop.deployment, "theft") is not None
        ended(shop, watching, "W6")
    refused_again = pytest.raises(PolicyRefusal)
    with refused_again:
        shop.watch().__enter__()
    shop.world.clock.advance(timedelta(minutes=1))
    shop.measure()
    shop.act("olga")
    with shop.watch() as watching:
        assert monitoring.breaches(shop.deployment) == {}


def test_W6_what_passes_cameras_is_counted_once_a_minute_and_at_the_end(shop: Any) -> None:
    with shop.watch("door", "till") as watching:
        watching.compared("door", 3)
        watching.check()
        assert shop.lines("watch.count") == []
        shop.ticks.advance(60)
        watching.check()
        watching.compared("till", 4)
    counts = [line.opened["details"] for line in shop.lines("watch.count")]
    assert [one["cameras"] for one in counts] == [{"door": 3}, {"till": 4}]
    assert {one["faces"] for one in counts} == {3, 4}
    assert shop.system.monitoring.purposes()[0]["faces"] == 7
    monitoring._LATEST.clear()
    shop.deployment.store.delete_document("monitoring", "counts")
    assert shop.system.monitoring.purposes()[0]["faces"] == 7
    shop.act("ana")
    rows = shop.system.monitoring.outcomes()
    assert [(row["faces"], row["alerts"]) for row in rows] == [(3, 0), (4, 0)]


def test_a_period_lasts_no_longer_than_the_custodian_lends_the_key(shop: Any) -> None:
    with shop.watch() as watching:
        watching.compared("door", 5)
        entries = [watching.entry]
        for _ in range(3):
            shop.ticks.advance(839)
            watching.check()
            assert watching.entry == entries[-1]
            shop.ticks.advance(1)
            watching.check()
            assert watching.compare(shop.features("Hugo"))
            entries.append(watching.entry)
    lines = shop.lines("watch")
    # One begins before the other ends, so that who compares waits for neither.
    assert [line.phase for line in lines] == ["begin", *["begin", "end"] * 3, "end"]
    assert [line.refers for line in lines if line.phase == "end"] == entries
    assert [line.index for line in lines if line.phase == "begin"] == entries
    assert [line.opened["details"]["cameras"] for line in lines if line.phase == "end"] == [
        {"door": {"tracks": 5, "alerts": 0, "repeated": 0, "suppressed": 0}}, {}, {}, {}
    ]  # fmt: skip


def test_a_log_that_another_process_keeps_for_itself_ends_the_watch_and_nothing_is_searched(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_WAIT_SECONDS", 0.05)
    searched: list[object] = []
    gallery = shop.deployment.gallery("theft")
    found = type(gallery).search_many
    monkeypatch.setattr(type(gallery), "search_many", lambda *a, **k: searched.append(1) or found(*a, **k))
    # Ending must not wait ten seconds for the log either; the lock is given back by then.
    other = sqlite3.connect(shop.deployment.home / "log.db", isolation_level=None)
    watching = shop.watch()
    with watching:
        watching.check()
        assert watching.compare(shop.features("Hugo"))
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(type(shop.system._desk), "close", _unwritable)
        with pytest.raises(EnvironmentFailure, match="keeps it busy"):
            watching.check()
        before = len(searched)
        for again in (watching.check, lambda: watching.compare(shop.features("Hugo"))):
            with pytest.raises(EnvironmentFailure, match="keeps it busy"):
                again()
        assert len(searched) == before
        assert not loaded(shop)
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.undo()
    # Another watch begins where the log takes entries again, and the next opening closes what was left.
    with shop.watch() as watching:
        watching.check()
    shop.world.close()
    shop.open()
    assert shop.system.verify_log().unfinished == ()


def _unwritable(*_: object, **__: object) -> None:
    raise EnvironmentFailure("the log is not to be written")


def test_a_disk_that_is_nearly_full_ends_the_watch(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.watch() as watching:
        monkeypatch.setattr(type(shop.deployment.log).require_writable, "__defaults__", (2**62,))
        with pytest.raises(EnvironmentFailure, match="disk is full"):
            watching.check()
        with pytest.raises(EnvironmentFailure, match="disk is full"):
            watching.compare(shop.features("Hugo"))
        assert not loaded(shop)
    assert shop.lines("watch")[-1].opened["details"]["failed"] == "EnvironmentFailure"


def test_what_fails_in_the_midst_of_a_watch_ends_it_and_the_log_says_so(shop: Any) -> None:
    with pytest.raises(ZeroDivisionError), shop.watch() as watching:
        _ = 1 // int(bool(watching.compare(shop.features("a stranger"))))
    assert shop.lines("watch")[-1].opened["details"]["failed"] == "ZeroDivisionError"
    with suppress(KeyboardInterrupt), shop.watch():
        raise KeyboardInterrupt
    assert "failed" not in shop.lines("watch")[-1].opened["details"]


def test_a_watch_names_a_list_that_exists_and_a_camera(shop: Any) -> None:
    with pytest.raises(UsageError, match="no gallery"):
        shop.watch(gallery="nowhere").__enter__()
    assert shop.lines("watch")[-1].phase == "denied"
    with pytest.raises(UsageError, match="name at least one"):
        shop.system.watching(WatchRequest("theft", "theft", ()))
    refused("P1", shop.watch(purpose="nothing").__enter__)
    with pytest.raises(UsageError, match="not begun"):
        shop.watch().check()
    with shop.system.watching(shop.request(" door ", "door")) as watching:
        assert shop.lines("watch")[-1].opened["details"]["cameras"] == ["door"]
        with pytest.raises(UsageError, match="none of this watch"):
            shop.alerted(watching, "Hugo", "hall")
        assert watching.compare(shop.features("Hugo"))


def test_the_year_s_report_counts_watches(shop: Any) -> None:
    with shop.watch() as watching:
        watching.compared("door", 9)
        shop.alerted(watching, "Hugo")
        shop.alerted(watching, "Iris")
    figures = tally.tally(shop.deployment, shop.system._desk.journal, 2026).figures
    wanted = {"watches": 1, "passed": 9, "alerts": 2, "suppressed": 0, "searches": 0}
    assert {name: figures.get(name, 0) for name in wanted} == wanted


@pytest.mark.parametrize("standard", ["workplace", "investigation", "library"])
def test_P6_standards_without_a_real_time_mode_refuse_to_watch(make_world: Callable[..., Any], standard: str) -> None:
    world = make_world(standard, standard=standard, trial=True)
    system = world.open(purpose=None)
    with pytest.raises(PolicyRefusal) as caught:
        system.watching(WatchRequest("door", "door", ("door",))).__enter__()
    assert caught.value.rule in {"P1", "P6", "S2", "K2"}
    deployment = system._deployment
    from faceward.operations import watch_grounds

    rests = watch_grounds.grounds(deployment, system._desk, WatchRequest("door", "door", ("door",)))
    happening = watch_grounds.happening(system._desk, WatchRequest("door", "door", ("door",)), rests)
    assert "P6" in {one.rule for one in system._desk.refusals("watch", rests.context, happening)}
    assert not [line for line in system.log_lines() if line.operation == "watch" and line.phase != "denied"]
