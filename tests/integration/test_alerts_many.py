"""Alerts where there are many: what is asked again and again reads nothing again, and nothing older is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, UsageError
from faceward.operations import alert_states, dismissals, watch_grounds
from faceward.operations.case_store import CaseStore
from faceward.policy import dismissed

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def raised(shop: Any, count: int) -> list[Any]:
    found = []
    shop.act("olga")
    with shop.watch("door") as watching:
        for number in range(count):
            found.append(shop.alerted(watching, ("Hugo", "Iris")[number % 2]))
            shop.world.clock.advance(6 * MINUTE)
    assert all(found)
    return found


def reads(shop: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return a list that grows by each reading of documents: kind, and how their names begin."""
    asked: list[tuple[str, str]] = []
    store = shop.deployment.store
    real_all, real_one = store.documents, store.document

    def documents(kind: str, start: str = "") -> Any:
        asked.append((kind, start))
        return real_all(kind, start)

    def document(kind: str, name: str) -> Any:
        asked.append((kind, name))
        return real_one(kind, name)

    monkeypatch.setattr(store, "documents", documents)
    monkeypatch.setattr(store, "document", document)
    return asked


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by each case that is opened."""
    opened: list[str] = []
    real = CaseStore.open

    def opening(self: CaseStore, held: Any) -> Any:
        opened.append(held.id)
        return real(self, held)

    monkeypatch.setattr(CaseStore, "open", opening)
    return opened


def put_in(home: Path, kind: str) -> Callable[[], None]:
    """Return what puts the rows of a kind back as they are now, in the place of all of them."""
    with closing(sqlite3.connect(home / "gallery.db")) as database:
        rows = database.execute("SELECT * FROM document WHERE kind = ?", (kind,)).fetchall()

    def put_back() -> None:
        with closing(sqlite3.connect(home / "gallery.db")) as database, database:
            database.execute("DELETE FROM document WHERE kind = ?", (kind,))
            database.executemany("INSERT INTO document VALUES (?, ?, ?)", rows)

    return put_back


def test_the_newest_alerts_are_listed_in_the_order_in_which_they_were_raised(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [alert.alert for alert in raised(shop, 5)]
    alerts = shop.act("rosa").alerts
    opened = counted(monkeypatch)
    assert [one.alert for one in alerts.list(newest=2)] == found[-2:]
    assert len(opened) == 2
    assert [one.alert for one in alerts.list(newest=9)] == found
    assert [one.alert for one in alerts.list(state="waiting", newest=3)] == found[-3:]
    assert alerts.list(state="confirmed", newest=3) == ()
    for number in (0, -1):
        with pytest.raises(UsageError, match="give a number from 1"):
            alerts.list(newest=number)


@pytest.mark.parametrize("few", [0, 200])
def test_H1_states_are_told_as_they_are_however_many_cases_there_are(
    shop: Any, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(alert_states, "_FEW", few)
    first, second, third = raised(shop, 3)
    assert [one.state for one in shop.act("rosa").alerts.list()] == ["waiting"] * 3
    shop.decide(first.case, support=True)
    shop.decide(second.case)
    assert [one.state for one in shop.act("rosa").alerts.list()] == ["confirmed", "dismissed", "waiting"]
    opened = counted(monkeypatch)
    assert [one.alert for one in shop.system.alerts.list(state="waiting")] == [third.alert]
    assert set(opened) <= {third.case}
    assert [one.alert for one in shop.system.alerts.list(state="dismissed")] == [second.alert]


def test_H1_what_another_process_changed_is_told_at_once(shop: Any) -> None:
    [alert] = raised(shop, 1)
    mine = shop.act("rosa")
    before = put_in(shop.world.home, "alert")
    assert [one.flags for one in mine.alerts.list()] == [()]
    with closing(sqlite3.connect(shop.world.home / "gallery.db")) as database, database:
        database.execute("DELETE FROM document WHERE kind = 'alert'")
    assert mine.alerts.list() == ()
    before()
    assert [one.alert for one in mine.alerts.list()] == [alert.alert]


def test_P7_an_older_copy_of_a_case_is_told_also_by_who_had_opened_it_before(shop: Any) -> None:
    [alert] = raised(shop, 1)
    put_back = put_in(shop.world.home, "case")
    assert [one.state for one in shop.act("rosa").alerts.list()] == ["waiting"]
    shop.decide(alert.case)
    put_back()
    with pytest.raises(IntegrityError, match="is an older copy, put back"):
        shop.act("rosa").alerts.list(state="confirmed")


def test_W7_what_a_watch_asks_twice_a_second_reads_no_alert_again(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    raised(shop, 3)
    request, desk = shop.request("door"), shop.system._desk
    watch_grounds.grounds(shop.deployment, desk, request, own=1)
    asked = reads(shop, monkeypatch)
    assert watch_grounds.grounds(shop.deployment, desk, request, own=1).context
    assert asked
    assert not [kind for kind, _ in asked if kind in ("alert", "case", "case-standing")]
    # Whatever changes is seen: here the time alone, and then an alert's end.
    shop.world.clock.advance(8 * DAY)
    assert len(dismissals.waiting(shop.deployment, "theft")) == 3
    shop.deployment.store.delete_document("alert", shop.act("rosa").alerts.list()[0].alert)
    assert len(dismissals.waiting(shop.deployment, "theft")) == 2


def test_W6_no_more_alerts_are_looked_at_than_tell_that_too_many_wait(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(shop, 4)
    shop.world.clock.advance(8 * DAY)
    monkeypatch.setattr(dismissed, "MOST_WAITING", 4)
    assert not dismissals.too_many_wait(shop.deployment, "theft")
    monkeypatch.setattr(dismissed, "MOST_WAITING", 1)
    opened = counted(monkeypatch)
    assert dismissals.too_many_wait(shop.deployment, "theft")
    assert len(opened) == 2
    assert not dismissals.too_many_wait(shop.deployment, "another")


def test_a_case_is_found_without_reading_the_others(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = raised(shop, 2)
    store, asked = CaseStore(shop.deployment), reads(shop, monkeypatch)
    assert store.find(first.case).id == first.case
    assert store.find(second.case[:8]).id == second.case
    assert {start for kind, start in asked if kind == "case"} == {first.case, second.case[:8]}
    # A name of a document is no identifier of a case.
    for prefix in ("", first.case[:3], f"{first.case}/", f"{first.case}/00000001", "zzzz"):
        with pytest.raises(UsageError, match="no case"):
            store.find(prefix)
    assert [held.id for held in store.named([second.case, "f" * 32])] == [second.case]
