"""The loop of a watch: what it opens and when, what it tells, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.core.watch_results import LiveState
from faceward.operations.watching import Sighting, WatchRequest
from faceward.video import open_sources, running
from faceward.video import watch as loop
from faceward.video.frames import FeedNews
from faceward.video.open_sources import OpenSources
from faceward.video.ports import Event, Order, Ports
from faceward.video.reporting import Reporter
from faceward.video.running import Conduct
from faceward.video.watch import Watch

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STOPPED = PolicyRefusal("W7", "recognition was stopped.", "Two people restart it.")
FULL = EnvironmentFailure("the log cannot be written: no space left; free some")


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


class Bench:
    """A watch whose every part is given; it ends when its feeds say so."""

    def __init__(self, kit: ModuleType, *items: Any, cameras: tuple[str, ...] = ("door",), **options: Any) -> None:
        self.kit, self.feeds, self.board = kit, kit.FakeFeeds(*items), kit.FakeBoard()
        self.helds = options.pop("helds", None) or [kit.FakeHeld()]
        self.networks = [kit.FakeNetworks(options.pop("people", [])) for _ in range(options.pop("threads", 1))]
        self.specs = [tuple(kit.spec(name) for name in cameras)]
        self.told: list[Event] = []
        self.order_of_things: list[str] = []
        self.ends: Callable[[], bool] = lambda: False
        ports = Ports(
            specs=lambda: self.specs[0] if len(self.specs) == 1 else self.specs.pop(0),
            feeds=self._open,
            opening=self._announce,
            networks=self.networks,
            board=self.board,
            tell=self._tell,
            renew=options.pop("renew", None),
        )
        made = tuple(kit.camera(name) for name in cameras)
        self.watch = Watch(Order("list", "theft", made, options.pop("patient", True)), ports)
        assert not options

    def _announce(self) -> Any:
        self.order_of_things.append("announced")
        return self.helds.pop(0) if len(self.helds) > 1 else self.helds[0]

    def _open(self, specs: Any) -> Any:
        self.order_of_things.append("opened " + ",".join(spec.camera for spec in specs))
        return self.feeds

    def _tell(self, event: Event) -> None:
        self.told.append(event)

    def run(self) -> Any:
        guard = time.monotonic() + 60
        ends = self.ends

        def done() -> bool:
            assert time.monotonic() < guard, self.told
            return ends()

        return self.watch.run(done)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]


def frames(kit: ModuleType, count: int, camera: str = "door") -> list[Any]:
    return [kit.frame(camera, n / 5) for n in range(count)]


def test_a_watch_looks_at_every_frame_counts_and_ends_with_its_sources(kit: ModuleType) -> None:
    people = [kit.Person(kit.face_box(100, 100), 3), kit.Person(kit.face_box(400, 100), 1)]
    bench = Bench(kit, *frames(kit, 6), kit.ended(), people=people)
    summary = bench.run()
    assert (summary.frames, summary.tracks, summary.compared, summary.alerts) == (6, 2, 2, 1)
    assert summary.latency[0] is not None
    assert summary.alert_latency[1] is not None
    [held] = bench.helds
    assert held.unknown == {"door": 1}
    assert held.ended == 1
    assert bench.feeds.closed == 1
    assert bench.feeds.out == {}
    assert sorted(bench.kinds()[1:-1]) == ["alert", "camera"]
    assert (bench.kinds()[0], bench.kinds()[-1]) == ("begun", "ended")
    assert bench.told[-1].details["alerts"] == 1


def test_W8_no_camera_is_opened_before_the_watch_was_announced(kit: ModuleType) -> None:
    bench = Bench(kit, kit.ended())
    bench.run()
    assert bench.order_of_things == ["announced", "opened door"]
    refused = Bench(kit, helds=[kit.FakeHeld(fails={"enter": [PolicyRefusal("W8", "no notice.", "Add one.")]})])
    with pytest.raises(PolicyRefusal, match="W8"):
        refused.run()
    assert refused.order_of_things == ["announced"]


def test_a_camera_that_cannot_be_opened_ends_the_watch_on_record(kit: ModuleType) -> None:
    bench = Bench(kit)

    def missing(specs: Any) -> Any:
        raise BadInput("door: no such file")

    ports = bench.watch._ports
    given = Ports(ports.specs, missing, ports.opening, bench.networks, bench.board, bench._tell)
    bench.watch._sources = OpenSources(given)
    with pytest.raises(BadInput):
        bench.run()
    assert bench.helds[0].ended == 1


def test_W7_a_stop_ends_the_watch_and_nothing_is_compared_any_more(kit: ModuleType) -> None:
    held = kit.FakeHeld(fails={"check": [STOPPED]})
    people = [kit.Person(kit.face_box(100, 100), 3)]
    waiting = threading.Event()

    def later() -> Any:
        # Comes when the watch has been refused, or never.
        waiting.wait(0.005)
        return kit.frame("door", time.monotonic())

    bench = Bench(kit, *[later for _ in range(2000)], helds=[held], people=people, patient=False)
    with pytest.raises(PolicyRefusal, match="W7"):
        bench.run()
    assert held.checks == 1
    assert held.ended == 1
    assert bench.feeds.out == {}
    # No thread is left that could.
    assert not any(thread.is_alive() for thread in bench.watch._pool._threads)


def test_a_log_that_cannot_be_written_interrupts_the_watch_and_it_goes_on_afterwards(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceward.video import holding

    monkeypatch.setattr(holding, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(holding, "_FIRST_WAIT", 0.05)
    first, second = kit.FakeHeld(fails={"check": [None, FULL]}), kit.FakeHeld()
    bench = Bench(kit, helds=[first, second], people=[kit.Person(kit.face_box(100, 100), 1)])
    given: list[Any] = []

    def frame() -> Any:
        given.append(kit.frame("door", len(given) / 5))
        return given[-1]

    bench.feeds.items.extend([frame] * 4000)
    bench.ends = lambda: "resumed" in bench.kinds() and bool(second.sightings)
    bench.run()
    kinds = bench.kinds()
    assert kinds.index("interrupted") < kinds.index("resumed")
    assert "free some" in next(event.message for event in bench.told if event.kind == "interrupted")
    assert (first.ended, second.ended) == (1, 1)
    assert bench.feeds.out == {}


def test_frames_that_come_while_nothing_may_be_compared_are_given_back_unseen(kit: ModuleType) -> None:
    held = kit.FakeHeld()
    bench = Bench(kit, helds=[held])
    bench.ends = lambda: True
    bench.run()
    frame = kit.frame()
    bench.feeds.out[id(frame)] = frame
    bench.watch._pool.offer(frame)
    assert bench.feeds.out == {}
    assert bench.networks[0].detections == []


def test_a_network_that_fails_ends_the_watch(kit: ModuleType) -> None:
    bench = Bench(kit, *frames(kit, 3))
    bench.networks[0].error = IntegrityError("the model failed; verify the pack")
    with pytest.raises(IntegrityError):
        bench.run()
    assert bench.helds[0].ended == 1
    assert bench.board.previews == []


def test_a_defect_is_not_passed_over(kit: ModuleType) -> None:
    bench = Bench(kit, *frames(kit, 1))
    bench.networks[0].error = ZeroDivisionError("a defect")
    with pytest.raises(ZeroDivisionError):
        bench.run()


def test_what_becomes_of_a_camera_is_told_and_shown(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_STATE_EVERY", 0.0)
    news = [
        FeedNews("door", state, f"it {state}", kit.START)  # type: ignore[arg-type]
        for state in ("connected", "stalled", "lost", "garbage", "frozen", "resized")
    ]
    bench = Bench(kit, *news, *frames(kit, 2), kit.ended())
    bench.run()
    assert [event.details["state"] for event in bench.told if event.kind == "camera"] == [
        "connected", "stalled", "lost", "garbage", "frozen", "resized", "ended",
    ]  # fmt: skip
    shown: LiveState = bench.board.states[-1]
    [camera] = shown.cameras
    assert (camera.state, camera.looked_at, camera.decoded, camera.gated, camera.dropped) == ("ended", 2, 10, 2, 1)
    assert (shown.entry, shown.fpir, shown.expected_false_alerts_per_day) == (7, 1e-3, 0.5)
    assert any("it stalled" in line for line in shown.news)
    assert LiveState.from_json(shown.to_json()) == shown


def test_W2_previews_go_to_the_board_and_a_board_that_fails_is_told_once(kit: ModuleType) -> None:
    bench = Bench(kit, *frames(kit, 11), kit.ended())
    bench.run()
    assert [name for name, _ in bench.board.previews] == ["door"] * 3
    failing = Bench(kit, *frames(kit, 11), kit.ended())
    failing.board.error = EnvironmentFailure("the disk is full; free some space")
    summary = failing.run()
    assert summary.frames == 11
    assert failing.kinds().count("board") == 1


def test_frames_without_motion_are_asked_for_while_somebody_is_there(kit: ModuleType) -> None:
    people = [kit.Person(kit.face_box(100, 100), 3)]
    bench = Bench(kit, *frames(kit, 3), people.clear, people=people)
    bench.networks[0].people = people
    pause = threading.Event()

    def gone() -> Any:
        pause.wait(0.01)
        return kit.frame("door", 5 + len(bench.feeds.wanted) + time.monotonic() % 1)

    bench.feeds.items.extend([gone] * 3000)
    bench.ends = lambda: ("door", False) in bench.feeds.wanted
    bench.run()
    assert bench.feeds.wanted[0] == ("door", True)
    assert bench.feeds.wanted[-1] == ("door", False)


def test_W10_cameras_that_were_configured_otherwise_are_opened_anew(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_READ_EVERY", 0.0)
    bench = Bench(kit, *frames(kit, 3), patient=False)
    monkeypatch.setattr(open_sources, "check_specs", lambda *_: [])
    before, after = (kit.spec("door"),), (kit.spec("door", rate=2.0),)
    bench.specs = [before, before, after, after]
    bench.ends = lambda: len(bench.order_of_things) >= 3
    bench.run()
    assert bench.order_of_things == ["announced", "opened door", "opened door"]
    assert bench.feeds.closed == 2
    assert bench.feeds.out == {}
    # What was counted before counts on.
    assert bench.watch._counts()["door"].decoded == 20


def test_a_camera_that_was_removed_is_the_watchs_to_refuse(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_READ_EVERY", 0.0)
    bench = Bench(kit, patient=False)
    reads: list[int] = []

    def removed() -> Any:
        reads.append(1)
        if len(reads) > 1:
            raise UsageError("no camera 'door'")
        return (kit.spec("door"),)

    ports = bench.watch._ports
    given = Ports(removed, ports.feeds, ports.opening, ports.networks, ports.board, ports.tell)
    bench.watch._sources = OpenSources(given)
    bench.ends = lambda: len(reads) > 3
    bench.run()
    assert bench.helds[0].ended == 1


def test_a_session_is_renewed_and_one_that_cannot_be_interrupts_the_watch(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_RENEW_EVERY", 0.0)
    renewed: list[int] = []
    bench = Bench(kit, renew=lambda: renewed.append(1))
    bench.ends = lambda: len(renewed) >= 2
    bench.run()
    refusal = PolicyRefusal("K2", "the roster has no such key.", "Ask for it.")

    def refuse() -> None:
        raise refusal

    refused = Bench(kit, renew=refuse)
    refused.ends = lambda: "interrupted" in refused.kinds()
    refused.run()
    assert "rule K2" in next(event.message for event in refused.told if event.kind == "interrupted")


def test_a_repetition_and_a_suppression_are_counted_and_raise_nothing(kit: ModuleType) -> None:
    people = [kit.Person(kit.face_box(100, 100), 1)]
    for how, wanted in ({"repeats": True}, (0, 1, 0)), ({"suppresses": True}, (0, 0, 1)):
        bench = Bench(kit, *frames(kit, 2), kit.ended(), people=people, helds=[kit.FakeHeld(**how)])
        summary = bench.run()
        assert (summary.alerts, summary.repeated, summary.suppressed) == wanted
        assert "alert" not in bench.kinds()
        assert ("suppressed" in bench.kinds()) is bool(summary.suppressed)


def test_a_sighting_that_is_refused_is_told_as_lost(kit: ModuleType) -> None:
    refusal = PolicyRefusal("P2", "the mandate was revoked.", "Ask for another.")
    people = [kit.Person(kit.face_box(100, 100), 1)]
    bench = Bench(kit, *frames(kit, 2), kit.ended(), people=people, helds=[kit.FakeHeld(fails={"alert": [refusal]})])
    summary = bench.run()
    assert summary.lost == 1
    assert "lost" in bench.kinds()


def test_a_camera_whose_film_is_gone_ends_alone_and_the_last_one_ends_the_watch(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loop, "_READ_EVERY", 0.0)
    film = tmp_path / "film.mp4"
    film.touch()
    here = replace(kit.spec("till"), source=str(film))
    gone = replace(kit.spec("door"), source=str(tmp_path / "gone.mp4"))
    bench = Bench(kit, *frames(kit, 3), patient=False)
    bench.specs = [(kit.spec("door"),), (gone, here)]
    bench.ends = lambda: len(bench.order_of_things) >= 3
    bench.run()
    assert bench.order_of_things == ["announced", "opened door", "opened till"]
    assert any("gone.mp4: no such file" in event.message for event in bench.told)
    alone = Bench(kit, patient=False)
    alone.specs = [(kit.spec("door"),), (gone,)]
    with pytest.raises(BadInput, match="no such file"):
        alone.run()
    assert alone.told[-1].kind == "ended"


def test_W10_recordings_that_were_configured_otherwise_are_not_looked_at_as_before(
    kit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_READ_EVERY", 0.0)
    monkeypatch.setattr(open_sources, "check_specs", lambda *_: [])
    bench = Bench(kit, *frames(kit, 3))
    bench.specs = [(kit.spec("door"),), (kit.spec("door", rate=2.0),)]
    with pytest.raises(UsageError, match="begin the watch anew"):
        bench.run()
    assert bench.order_of_things == ["announced", "opened door"]


def test_a_refused_watch_tells_what_it_did_not_put_on_record(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    # A sighting is there, and before it is put on record the next look refuses the watch.
    held = kit.FakeHeld(fails={"check": [STOPPED]})
    bench = Bench(kit, helds=[held], patient=False)

    def opened(self: Reporter, _: Any) -> None:
        self.add(Sighting("door", NOW, b"", (0.0, 0.0, 1.0, 1.0), (), {}), time.monotonic())

    monkeypatch.setattr(Reporter, "open", opened)
    with pytest.raises(PolicyRefusal, match="stopped"):
        bench.run()
    assert "lost" in bench.kinds()
    assert bench.kinds()[-1] == "ended"
    assert held.ended == 1


def test_W10_live_cameras_are_not_looked_at_frame_by_frame_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "overwrite_what_is_freed", lambda: None)
    system = SimpleNamespace(cameras=SimpleNamespace(source=lambda _: "rtsp://camera.example/stream"))
    asked = WatchRequest("list", "theft", ("door",))
    with pytest.raises(UsageError, match="door is live"):
        running.watch(system, asked, Conduct(tell=lambda _: None, patient=True))  # type: ignore[arg-type]


def test_P2_a_file_that_is_missing_is_told_with_its_camera_before_anything_is_announced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running, "overwrite_what_is_freed", lambda: None)
    announced: list[object] = []
    system = SimpleNamespace(
        cameras=SimpleNamespace(source=lambda _: str(tmp_path / "gone.mp4"), get=announced.append),
        watching=announced.append,
    )
    asked = WatchRequest("list", "theft", ("door",))
    with pytest.raises(BadInput, match=r"camera door: .*gone\.mp4: no such file"):
        running.watch(system, asked, Conduct(tell=lambda _: None))  # type: ignore[arg-type]
    assert not announced
