"""A watch that is killed at any step of an alert leaves none or a whole one; on a full disk it ends and says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceward.operations.case_store import CaseStore

TESTS = Path(__file__).resolve().parents[1]
BEFORE = ("announced", "pictures of the case")
ONCE = ("the case", "the case is announced", "the alert", "its end")


@pytest.fixture
def run(shop: Any, nursery: Any, tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Return a function that watches in another process, and returns its exit code and what it said."""
    key = tmp_path / "olga"
    shop.keys["olga"].write(key, None)
    shop.world.close()
    numbers = iter(range(99))

    def start(**job: Any) -> tuple[int, list[str]]:
        told = tmp_path / f"told-{next(numbers)}.txt"
        given = {"home": str(shop.world.home), "key": str(key), "mandate": shop.mandate_digest}
        with told.open("wb") as file:
            process = nursery.start(
                TESTS / "watch_worker.py",
                [json.dumps({**given, "folder": str(tmp_path / "drawn"), **job})],
                file.fileno(),
            )
        return process.wait(), told.read_text(encoding="utf-8").split("\n")[:-1]

    return start


def check_whole(shop: Any) -> tuple[Any, ...]:
    """Fail unless the log has ended everything and each alert has its case; return the alerts."""
    shop.open()
    system = shop.act("rosa")
    assert system.verify_log().unfinished == ()
    system._deployment.store.check()
    system._deployment.keys.check()
    alerts: tuple[Any, ...] = system.alerts.list()
    store = CaseStore(system._deployment)
    cases = {held.id: held for held in store.held()}
    assert {alert.case for alert in alerts if alert.case} == set(cases)
    for alert in alerts:
        if alert.case:
            case = store.open(cases[alert.case])
            assert case.search.entry == alert.entry
            assert store.picture(cases[alert.case], case.versions[0].sha256).startswith(b"\x89PNG")
            [seen] = system.alerts.get(alert.alert).candidates
            assert seen.subject == "Hugo"
    # What is counted is what is on record.
    row = system.monitoring.purposes()[0]
    assert row["alerts"] == sum(alert.case is not None for alert in alerts)
    assert not system._deployment.keys.pending("theft")
    return alerts


@pytest.mark.parametrize("step", [*BEFORE, *ONCE])
def test_a_process_killed_while_it_raises_an_alert_leaves_none_or_a_whole_one(shop: Any, run: Any, step: str) -> None:
    code, told = run(step=step)
    assert (code, told) == (-9, [])
    alerts = check_whole(shop)
    assert len(alerts) == (step in ONCE)
    for alert in alerts:
        assert (alert.camera, alert.branch, alert.state, alert.matches, alert.flags) == (
            "door",
            "London",
            "waiting",
            1,
            (),
        )
        assert alert.fpir == pytest.approx(1e-3)
    end = shop.lines("watch.alert")[-1].opened["details"]
    assert end.get("outcome") == (None if step in ONCE else "interrupted")
    # The watch goes on where it was, and the same sighting is no news if it is on record.
    shop.act("olga")
    with shop.watch() as watching:
        assert (shop.alerted(watching, "Hugo") is None) == (step in ONCE)


@pytest.mark.parametrize("step", ["suppressed, announced", "suppressed, kept", "suppressed, flagged"])
def test_W5_a_process_killed_while_it_suppresses_flags_both_all_the_same(shop: Any, run: Any, step: str) -> None:
    code, told = run(step=step)
    assert code == -9
    assert len(told) == 1
    alerts = check_whole(shop)
    assert [(alert.camera, alert.state, alert.flags) for alert in alerts] == [
        ("door", "waiting", ("impossible-travel",)),
        ("hall", "suppressed", ("impossible-travel",)),
    ]


@pytest.mark.parametrize("room", [0, 40_000])
def test_on_a_full_disk_a_watch_ends_and_what_it_told_of_is_on_record(shop: Any, run: Any, room: int) -> None:
    largest = max(path.stat().st_size for path in shop.world.home.iterdir())
    code, told = run(limit=largest + room)
    assert code == 0
    assert told[-1].startswith("failed EnvironmentFailure")
    assert "space" in told[-1] or "full" in told[-1]
    raised = sum(line.startswith("alert") for line in told)
    alerts = check_whole(shop)
    assert raised <= len(alerts) <= raised + 1


def test_a_process_that_is_not_killed_raises_one(shop: Any, run: Any) -> None:
    code, told = run()
    assert code == 0
    [alert] = check_whole(shop)
    assert told == [f"alert {alert.alert}"]
