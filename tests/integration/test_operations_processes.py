"""Several processes with one deployment: they see each other's changes at once, and the log stays one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from faceward.core.clock import SystemClock
from faceward.core.errors import UsageError

Worker = Callable[..., Any]


def release(world: Any, who: str) -> Any:
    return world.release(
        who,
        until=datetime(2090, 1, 1, tzinfo=UTC),
        signed_on=datetime.now(tz=UTC).date(),
        evidence=f"sheet {world.drawn}",
    )


def enrol(world: Any, system: Any, who: str) -> None:
    system.enrol([world.picture(who)], subject=who, purpose="door", releases=release(world, who))


def test_two_processes_enrol_while_a_third_identifies(world: Any, worker: Worker) -> None:
    world.clock = SystemClock()
    system = world.open()
    assert system.galleries() == ()
    folder, stop = world.folder / "drawn", world.folder / "stop"
    # The gallery does not exist yet, so that they race for its creation too.
    left = worker("enrol_many", world.home, fake=True, name="left", count=12, folder=folder)
    right = worker("enrol_many", world.home, fake=True, name="right", count=12, folder=folder)
    searcher = worker("identify_until", world.home, fake=True, name="left", folder=folder, stop=stop)
    for process, name in ((left, "left"), (right, "right")):
        assert process.finish() == ["ready", *(f"enrolled {name}-{n}" for n in range(12))]
    assert world.found(system, "left-3") == ["left-3"]
    for number in range(2):
        system.erase(f"left-{number}")
    stop.touch()
    told = searcher.finish()
    assert told[-1].startswith("found"), told
    report = system.verify_log()
    assert report.unfinished == ()
    names = {(operation, phase.value): count for (operation, phase), count in report.operations.items()}
    assert names["enrol", "begin"] == names["enrol", "end"] == 24
    assert system.status()["references"] == 22
    assert [gallery.name for gallery in system.galleries()] == ["door"]
    for name in ("left", "right"):
        for number in range(2 if name == "left" else 0, 12):
            assert world.found(system, f"{name}-{number}") == [f"{name}-{number}"]


def test_T2_an_erasure_in_one_process_stops_matching_in_another_at_its_next_search(world: Any, worker: Worker) -> None:
    world.clock = SystemClock()
    system = world.open()
    enrol(world, system, "Ada")
    other = worker("listen", world.home, fake=True, folder=world.folder / "heard")
    assert other.ask("Ada") == "Ada"
    assert other.ask("Grace") == "unknown"
    enrol(world, system, "Grace")
    assert other.ask("Grace") == "Grace"
    system.erase("Ada")
    assert other.ask("Ada") == "unknown"
    enrol(world, system, "Ada")
    assert other.ask("Ada") == "Ada"
    assert system.verify_log().unfinished == ()


def test_an_opening_beside_another_process_interrupts_nothing(world: Any) -> None:
    """Recovery belongs to whoever is alone; what another process has under way stays open."""
    first = world.open()
    seen: list[Any] = []
    world.enrol(first, "Ada")

    def watch() -> None:
        second = world.open()
        seen.append(second.verify_log().unfinished)

    world.fake(first).watch = watch
    assert world.matches(first, "Ada")
    assert len(seen[0]) == 1
    assert first.verify_log().unfinished == ()


def test_T2_threads_that_name_a_subject_at_once_share_its_key(world: Any) -> None:
    systems = [world.open() for _ in range(2)]
    names = [f"person {number}" for number in range(6)]
    for who in names:
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(_refused, world, system, who) for system in systems]:
                future.result()
    for who in names:
        history = systems[0].subject(who).history
        assert [line.phase for line in history] == ["denied", "denied"]
        systems[1].erase(who)
    for who in names:
        with pytest.raises(UsageError, match="nothing is held"):
            systems[0].subject(who)
    opened = [dict(line.opened) for line in systems[0].log_lines()]
    assert not [line for line in opened if "person" in str(line)]
    assert len(systems[0]._deployment.keys.subject_keys("\x01log")) == 0


def _refused(world: Any, system: Any, who: str) -> None:
    from faceward.core.errors import PolicyRefusal

    with pytest.raises(PolicyRefusal):
        system.enrol([world.picture(who)], subject=who, purpose="door")


def test_a_candidate_erased_while_a_search_is_under_way_is_no_candidate(world: Any) -> None:
    first, second = world.open(), world.open()
    world.enrol(first, "Ada")
    gallery = first._deployment.gallery("door")
    search = gallery.search

    class Late(type(gallery)):  # type: ignore[misc]
        def __init__(self) -> None:
            """Stand before the gallery, and let another process erase after each search."""

        def search(self, *args: Any, **options: Any) -> Any:
            hits = search(*args, **options)
            if hits:
                second.erase("Ada")
            return hits

    first._deployment._galleries["door"] = Late()
    found = first.identify(world.picture("Ada"), gallery="door", purpose="door", reason="a test")
    assert found.probes[0].candidates == ()
    first._deployment._galleries["door"] = gallery
    assert first.verify_log().unfinished == ()
