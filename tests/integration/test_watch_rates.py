"""What a watch rests on and what is counted of it: evidence at a track's rate, faces once, findings that were made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, PolicyRefusal
from faceward.operations import false_alerts
from faceward.operations.case_store import CaseStore
from faceward.operations.suspension import suspended

MINUTE = timedelta(minutes=1)


def test_V1_a_watch_needs_evidence_at_a_third_of_the_rate_that_a_search_needs(shop: Any, load_beside: Any) -> None:
    made = load_beside("faceward_test_evaluations", "evaluations.py")
    # Two people at one false alarm in a thousand: a search needs 5e-4 of a comparison, a track a third of that.
    rows = ((1e-1, 0.3, 0.01), (1e-2, 0.4, 0.01), (1e-3, 0.5, 0.01), (3e-4, 0.55, 0.01))
    shop.world.clock.advance(MINUTE)
    shop.measure(points=made.points(rows))
    shop.act("olga")
    found = shop.system.identify(
        shop.world.picture("Hugo"), gallery="theft", purpose="theft", reason="who is it",
        mandate=shop.mandate(cameras=(), operations=("identify",)),
    )  # fmt: skip
    assert found.case is not None
    with pytest.raises(PolicyRefusal, match=r"1\.7e-04.*reaches down to 3\.0e-04") as caught:
        shop.watch().__enter__()
    assert caught.value.rule == "V1"
    shop.world.clock.advance(MINUTE)
    shop.measure(points=made.points((*rows, (1.6e-4, 0.6, 0.01))))
    shop.act("olga")
    with shop.watch() as watching:
        assert watching.terms.threshold > 0.55


def test_W6_a_sighting_that_is_repeated_is_no_further_face(shop: Any) -> None:
    with shop.watch("door", "till") as watching:
        watching.compared("door", 2)
        assert shop.alerted(watching, "Hugo") is not None
        for _ in range(3):
            assert shop.alerted(watching, "Hugo") is None
        assert (watching.totals.compared, watching.totals.repeated) == (6, 3)
    row = shop.system.monitoring.purposes()[0]
    assert (row["faces"], row["watched"], row["alerts"]) == (3, 2, 1)
    assert [line.opened["details"]["cameras"] for line in shop.lines("watch.count")] == [{"door": 2}]


def test_W4_a_finding_that_failed_counts_against_no_reference(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def out() -> frozenset[str]:
        held: frozenset[str] = suspended(shop.deployment, shop.deployment.now()).references
        return held

    cases = []
    for _ in range(2):
        shop.world.clock.advance(6 * MINUTE)
        shop.act("olga")
        with shop.watch() as watching:
            watching.compared("door", 50_000)
            cases.append(shop.decide(shop.alerted(watching, "Hugo").case, support=True))
    shop.found(cases[0])

    def full(*_: object, **__: object) -> None:
        raise EnvironmentFailure("the disk is full; free some space and repeat")

    monkeypatch.setattr(CaseStore, "change", full)
    for _ in range(2):
        with pytest.raises(EnvironmentFailure):
            shop.found(cases[1])
    monkeypatch.undo()
    assert [line.opened["details"].get("failed") for line in shop.lines("case.outcome") if line.phase == "end"] == [
        None, "EnvironmentFailure", "EnvironmentFailure"
    ]  # fmt: skip
    assert false_alerts.suspend(shop.deployment, shop.system._desk) == ()
    assert out() == frozenset()
    shop.found(cases[1])
    assert len(out()) == 1
