"""A process killed at any instant leaves a deployment that opens, verifies and goes on."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceward.core.clock import SystemClock
from faceward.core.errors import UsageError
from faceward.operations.journal import Happening
from faceward.policy.facts import rights_context

Worker = Callable[..., Any]


def check_whole(system: Any) -> None:
    """Fail unless the log verifies with nothing left open, and every reference opens."""
    report = system.verify_log()
    assert report.unfinished == ()
    deployment = system._deployment
    deployment.store.check()
    deployment.keys.check()
    for info in system.galleries():
        happening = Happening("subject.show", {"galleries": [info.name]})
        with system._desk.operation("show", rights_context(), happening) as act:
            act.gallery(info.name).check()
            used = set(deployment.store.keys(info.name).values())
            assert used == set(deployment.keys.subject_keys(info.name))
        assert not deployment.keys.pending(info.name)


def kill_after(process: Any, seconds: float) -> list[list[str]]:
    time.sleep(seconds)
    return [line.split() for line in process.kill()]


@pytest.mark.slow
@pytest.mark.data
def test_a_process_killed_while_it_enrols_a_folder_resumes_with_every_picture_once(
    world: Any, worker: Worker, synthetic_faces: list[Path]
) -> None:
    world.clock = SystemClock()
    world.open(fake=False)
    world.close()
    folder = world.folder / "people"
    for path in synthetic_faces[:60]:
        (folder / path.stem).mkdir(parents=True)
        shutil.copyfile(path, folder / path.stem / path.name)
    rng = np.random.default_rng(20260601)
    stored = 0
    for _ in range(12):
        kill_after(worker("enrol_folder", world.home, folder=folder), rng.uniform(0.0, 0.7))
        system = world.open(fake=False)
        check_whole(system)
        now = system.status()["references"]
        assert stored <= now <= 60
        stored = now
        world.close()
    assert stored > 0
    told = worker("enrol_folder", world.home, folder=folder).finish()[1:]
    outcomes = Counter(line.split()[0] for line in told if not line.startswith("done"))
    assert sum(outcomes.values()) == 60
    assert outcomes["already-enrolled"] == stored
    system = world.open(fake=False)
    check_whole(system)
    assert system.status()["references"] == outcomes["already-enrolled"] + outcomes["enrolled"]
    for entry in folder.iterdir():
        assert len(system._deployment.store.by_subject(system._deployment.pseudonym(entry.name))) <= 1
    interrupted = [
        line
        for line in system.log_lines()
        if line.phase == "end" and line.opened["details"].get("outcome") == "interrupted"
    ]
    assert interrupted


def test_T2_an_erasure_that_was_killed_is_completed_at_the_next_opening(world: Any, worker: Worker) -> None:
    world.clock = SystemClock()
    subjects = [f"person {number}" for number in range(16)]
    system = world.open()
    for who in subjects:
        system.enrol([world.picture(who)], subject=who, purpose="door", releases=_release(world, who))
    # Kept beside: what an erasure that was reported or begun must make unreadable.
    key_of = {who: system._deployment.store.by_subject(system._deployment.pseudonym(who))[0].key_id for who in subjects}
    world.close()
    rng = np.random.default_rng(7)
    for _ in range(6):
        left = [who for who in subjects if who in key_of]
        if not left:
            break
        told = kill_after(worker("erase_many", world.home, fake=True, subjects=left), rng.uniform(0.0, 0.05))
        begun = [" ".join(words[1:]) for words in told if words[0] == "erasing"]
        done = {" ".join(words[1:]) for words in told if words[0] == "erased"}
        system = world.open()
        check_whole(system)
        for who in left:
            mine = system._deployment.store.by_subject(system._deployment.pseudonym(who))
            gone = bool(system._deployment.keys.destroyed([key_of[who]]))
            assert gone == (not mine)
            assert gone or who not in done
            assert not gone or who in begun
            if gone:
                del key_of[who]
                with pytest.raises(UsageError, match="nothing is held"):
                    system.subject(who)
                # The name can be used again.
                system.enrol([world.picture(who)], subject=who, purpose="door", releases=_release(world, who))
                system.erase(who)
        world.close()
    assert len(key_of) < len(subjects)


def _release(world: Any, who: str) -> Any:
    world.drawn += 1
    return world.release(
        who,
        until=datetime(2090, 1, 1, tzinfo=UTC),
        signed_on=datetime.now(tz=UTC).date(),
        evidence=f"sheet {world.drawn}",
    )


@pytest.mark.parametrize("step", ["begun", "gallery keys", "gallery", "log key", "openings", "document"])
def test_T2_an_erasure_stopped_after_each_of_its_steps_is_completed(world: Any, step: str) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    deployment, journal = system._deployment, system._desk.journal
    reference, key_id = deployment.store.by_subject(deployment.pseudonym("Ada"))[0], journal.subject_key_id("Ada")
    from faceward.audit.entries import Phase
    from faceward.operations.journal import Happening
    from faceward.operations.subjects import ERASE

    journal.write(Phase.BEGIN, [Happening(ERASE, {"references": 1}, {"Ada": {}})])
    steps = {
        "begun": lambda: None,
        "gallery keys": lambda: deployment.keys.destroy([reference.key_id]),
        "gallery": lambda: deployment.gallery("door").erase(deployment.pseudonym("Ada")),
        "log key": lambda: deployment.keys.destroy([key_id]),
        "openings": lambda: deployment.log.delete_openings(key_id),
        "document": lambda: deployment.store.delete_document("log-key", deployment.pseudonym("Ada").hex()),
    }
    for name, act in steps.items():
        act()
        if name == step:
            break
    # Closing writes nothing, so this is what a killed process leaves.
    system = world.reopen()
    check_whole(system)
    assert system._deployment.keys.destroyed([reference.key_id, key_id]) == {reference.key_id, key_id}
    assert system._desk.journal.subject_key_id("Ada") is None
    assert system._deployment.log.entries_of(key_id) == ()
    with pytest.raises(UsageError, match="nothing is held"):
        system.subject("Ada")
    assert world.found(system, "Ada") == []
    assert world.found(system, "Grace") == ["Grace"]
    ended = [line for line in system.log_lines() if (line.operation, line.phase) == (ERASE, "end")]
    assert len(ended) == 1
    world.enrol(system, "Ada")
    assert world.matches(system, "Ada")
    system.erase("Ada")


@pytest.mark.slow
def test_a_set_up_that_was_killed_leaves_nothing_in_the_way_of_another(tmp_path: Path, worker: Worker) -> None:
    home = tmp_path / "deep" / "home"
    rng = np.random.default_rng(3)
    done = 0
    for _ in range(4):
        told = kill_after(worker("create", home), rng.uniform(0.0, 1.2))
        if home.exists():
            # Whole or not at all.
            assert {path.name for path in home.iterdir()} >= {"deployment.json", "master.key", "keys.db", "log.db"}
            done += 1
            shutil.rmtree(home)
        assert (["created"] not in told) or done
    assert worker("create", home).finish() == ["ready", "created"]
