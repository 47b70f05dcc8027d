"""The loop of a watch and the watch on record, together: a stop, a log that takes nothing, a camera reconfigured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, PolicyRefusal
from faceward.core.faces import Quality, Sample
from faceward.policy.sessions import OpenSession
from faceward.video import holding
from faceward.video.ports import Event, Order, Ports
from faceward.video.watch import Watch


@pytest.fixture(scope="module")
def looking(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


class Guarded:
    """A watch of the shop's door; its networks see Hugo, who is on the list, or a stranger."""

    def __init__(self, shop: Any, looking: ModuleType, who: str) -> None:
        self.shop, self.looking = shop, looking
        self.networks = looking.FakeNetworks([looking.Person(looking.face_box(100, 100, 110), 1)])
        self.networks.samples = lambda picture, faces: tuple(
            Sample(face, Quality(), shop.features(who)[0].copy(), shop.deployment.pipeline.identifier) for face in faces
        )
        self.told: list[Event] = []
        self.feeds = looking.FakeFeeds()
        self.feeds.items.append(self.frame)
        self.number = 0
        ports = Ports(
            specs=lambda: (looking.spec(),),
            feeds=lambda specs: self.feeds,
            opening=lambda: shop.system.watching(shop.request("door")),
            networks=[self.networks],
            board=looking.FakeBoard(),
            tell=self.told.append,
        )
        self.watch = Watch(Order("theft", "theft", (looking.camera(),), patient=True), ports)

    def frame(self) -> Any:
        self.feeds.items.append(self.frame)
        if len(self.feeds.out) > 3:
            return None
        self.number += 1
        return self.looking.frame("door", self.number / 5, textured=self.networks.people[0].box)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]

    def run(self, ends: Callable[[], bool]) -> Any:
        limit = time.monotonic() + 60

        def guarded() -> bool:
            assert time.monotonic() < limit, [event.message for event in self.told]
            return ends()

        return self.watch.run(guarded)

    def begun(self) -> int:
        return sum(line.phase == "begin" for line in self.shop.lines("watch"))


def test_W7_a_stop_ends_the_watch_and_locks_the_list(shop: Any, looking: ModuleType) -> None:
    guarded = Guarded(shop, looking, "Ada")
    stopped = threading.Event()

    def ends() -> bool:
        if "begun" in guarded.kinds() and guarded.networks.detections and not stopped.is_set():
            stopped.set()
            session = OpenSession.begin("ana", shop.keys["ana"], shop.deployment.log.origin, shop.deployment.now())
            shop.system.acting("ana", session).control.stop("a test")
        return False

    with pytest.raises(PolicyRefusal, match="W7"):
        guarded.run(ends)
    assert guarded.feeds.out == {}
    shop.act("olga")
    assert {line.phase for line in shop.lines("watch")} >= {"begin", "end"}
    assert "alert" not in guarded.kinds()


def test_what_cannot_be_logged_is_not_compared_and_the_sighting_is_not_lost(
    shop: Any, looking: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "_FIRST_WAIT", 0.05)
    log, full = shop.deployment.log, [True]

    def refuse(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **options: Any) -> Any:
            if full[0] and "begun" in guarded.kinds():
                raise EnvironmentFailure("log.db: the disk is full; free some space")
            return real(*arguments, **options)

        return act

    monkeypatch.setattr(type(log), "require_writable", refuse(type(log).require_writable))
    monkeypatch.setattr(type(log), "append", refuse(type(log).append))
    guarded = Guarded(shop, looking, "Hugo")

    def ends() -> bool:
        if guarded.kinds().count("interrupted") >= 2:
            full[0] = False
        return "alert" in guarded.kinds()

    summary = guarded.run(ends)
    kinds = guarded.kinds()
    assert kinds.index("interrupted") < kinds.index("resumed") < kinds.index("alert")
    assert (summary.alerts, summary.lost) == (1, 0)
    assert summary.interruptions >= 1
    assert len(shop.act("olga").alerts.list()) == 1
    assert guarded.begun() >= 2


def test_a_stranger_leaves_nothing_in_the_deployment_but_a_number(shop: Any, looking: ModuleType) -> None:
    guarded = Guarded(shop, looking, "Ada")
    before = {path for path in Path(shop.world.home).rglob("*") if path.is_file()}
    guarded.run(lambda: len(guarded.networks.detections) > 5)
    after = {path for path in Path(shop.world.home).rglob("*") if path.is_file()}
    assert {path.suffix for path in after - before} <= {".db-wal", ".db-shm", ".guard", ""}
    [ended] = [line for line in shop.lines("watch") if line.phase == "end"]
    counted = ended.opened["details"]["cameras"]["door"]
    assert (counted["tracks"], counted["alerts"]) == (1, 0)
    assert shop.act("olga").alerts.list() == ()
