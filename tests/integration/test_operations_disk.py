"""A full disk: one clear line, nothing half-written, and the log verifies afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faceward.core.clock import SystemClock

Worker = Callable[..., Any]


def sizes(home: Path) -> int:
    return max(path.stat().st_size for path in home.iterdir())


def failure(told: list[str]) -> str:
    """Return the one line with which the worker failed."""
    failed = [line for line in told if line.startswith("failed")]
    assert len(failed) == 1, told
    assert failed[0].startswith("failed EnvironmentFailure 1 "), failed
    return failed[0]


@pytest.mark.parametrize("room", [0, 20_000, 60_000])
def test_a_full_disk_during_enrolment(world: Any, worker: Worker, room: int) -> None:
    world.clock = SystemClock()
    system = world.open()
    until = datetime(2090, 1, 1, tzinfo=UTC)
    for who in ("Ada", "Grace"):
        system.enrol([world.picture(who)], subject=who, purpose="door", releases=world.release(who, until=until))
    world.close()
    job = {"fake": True, "name": "x", "folder": world.folder / "drawn"}
    told = worker("enrol_many", world.home, **job, count=400, limit=sizes(world.home) + room).finish()
    line = failure(told)
    assert "space" in line or "full" in line, line
    enrolled = sum(line.startswith("enrolled") for line in told)
    assert enrolled < 400
    system = world.open()
    assert system.verify_log().unfinished == ()
    # What was reported is there, and at most the one under way besides.
    assert enrolled + 2 <= system.status()["references"] <= enrolled + 3
    with world.opened(system) as gallery:
        gallery.check()
    assert not system._deployment.keys.pending("door")
    assert world.found(system, "Ada") == ["Ada"]
    told = worker("enrol_many", world.home, **job, count=enrolled + 2).finish()
    assert len(told) == enrolled + 3


def test_a_full_disk_during_erasure(world: Any, worker: Worker) -> None:
    world.clock = SystemClock()
    system = world.open()
    until = datetime(2090, 1, 1, tzinfo=UTC)
    subjects = [f"person-{number}" for number in range(6)]
    for who in subjects:
        system.enrol([world.picture(who)], subject=who, purpose="door", releases=world.release(who, until=until))
    world.close()
    for limit in (4096, 100_000, sizes(world.home), sizes(world.home) + 4096):
        told = worker("erase_many", world.home, fake=True, subjects=subjects, limit=limit).finish()
        done = [line.split()[1] for line in told if line.startswith("erased")]
        if len(done) < len(subjects):
            failure(told)
        system = world.open()
        assert system.verify_log().unfinished == ()
        for who in subjects:
            mine = system._deployment.store.by_subject(system._deployment.pseudonym(who))
            assert not mine or who not in done
        if system.galleries():
            with world.opened(system) as gallery:
                gallery.check()
        subjects = [who for who in subjects if system._deployment.store.by_subject(system._deployment.pseudonym(who))]
        world.close()
        if not subjects:
            break
    if subjects:
        told = worker("erase_many", world.home, fake=True, subjects=subjects).finish()
        assert [line.split()[1] for line in told if line.startswith("erased")] == subjects
    assert world.open().status()["references"] == 0


@pytest.mark.parametrize("limit", [1000, 30_000])
def test_a_full_disk_during_set_up_leaves_nothing(tmp_path: Path, worker: Worker, limit: int) -> None:
    home = tmp_path / "place" / "home"
    told = worker("create", home, limit=limit).finish()
    failure(told)
    assert list((tmp_path / "place").iterdir()) == []
    assert worker("create", home).finish() == ["ready", "created"]
