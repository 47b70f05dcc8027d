"""A list is destroyed at its end, whoever is there (rule W3), so that no copy of it can be opened (rule T2)."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward import bootstrap
from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.operations import gallery_end, gallery_notes, gallery_term
from faceward.operations.backup import Places
from faceward.operations.restore_order import Order
from faceward.operations.restoring import restore

HOUR = timedelta(hours=1)
PASSPHRASE = "correct horse"


@pytest.fixture
def gate(world: Any) -> Any:
    """Return a deployment with a list of two, the system open."""
    world.enrol(world.open(), "Ada", "Grace")
    return world


def system_of(world: Any) -> Any:
    return world.systems[-1]


def end_in(world: Any, span: timedelta) -> datetime:
    ends: datetime = system_of(world).end_gallery("door", world.clock.now() + span)
    return ends


def key_ids(world: Any) -> list[str]:
    return sorted(system_of(world)._deployment.store.keys("door").values())


def is_gone(world: Any, system: Any, keys: list[str]) -> None:
    """Fail unless nothing of the list is left and no key of it can be had."""
    assert [one.name for one in system.galleries()] == []
    assert system.status()["galleries"] == []
    assert system._deployment.keys.destroyed(keys) == set(keys)
    assert list(system._deployment.store.references("door", world.clock.now())) == []
    assert system.verify_log().unfinished == ()


def test_W3_a_list_is_destroyed_at_its_end_by_the_clock_with_nobody_at_the_keyboard(gate: Any) -> None:
    system, keys = system_of(gate), key_ids(gate)
    end_in(gate, HOUR)
    gate.clock.advance(HOUR - timedelta(seconds=1))
    assert system.rights.tick().failed == ()
    assert gate.found(system, "Ada") == ["Ada"]
    gate.clock.advance(timedelta(seconds=1))
    told = gate.reopen(operator="nobody", purpose=None).rights.tick()
    assert told.failed == ()
    assert told.done[0] == "destroyed the gallery 'door' with 2 references: its end has come"
    is_gone(gate, system_of(gate), keys)
    # Repeating it does nothing more.
    assert not [line for line in system_of(gate).rights.tick().done if "destroyed" in line]
    lines = [line for line in system_of(gate).log_lines() if line.operation == "gallery.delete"]
    assert [line.phase for line in lines] == ["begin", "end"]
    assert sorted(lines[0].opened["details"]["keys"]) == keys
    assert lines[0].opened["details"]["ends"] == "2026-06-01T13:00:00.000000Z"


@pytest.mark.parametrize("act", ["identify", "verify", "enrol", "redact", "subject"])
def test_W3_a_passed_end_counts_at_once_before_the_clock_was_turned(gate: Any, act: str, tmp_path: Path) -> None:
    system, keys = system_of(gate), key_ids(gate)
    end_in(gate, HOUR)
    gate.clock.advance(HOUR)
    if act == "identify":
        with pytest.raises(UsageError, match="no gallery 'door'"):
            gate.found(system, "Ada")
    elif act == "enrol":
        gate.enrol(system, "Hugo")
        # The name is free again, and what is enrolled anew has no end of before.
        assert gallery_term.gallery_end(system._deployment, "door") is None
        assert gate.found(system, "Hugo") == ["Hugo"]
    elif act == "redact":
        with pytest.raises(UsageError):
            system.redact(gate.picture("Ada"), tmp_path / "out.png", keep=["Ada"])
    elif act == "verify":
        with pytest.raises(UsageError):
            gate.matches(system, "Ada")
    else:
        assert system.subject("Ada").references == ()
    assert system._deployment.keys.destroyed(keys) == set(keys)


@pytest.mark.parametrize("action", ["identify", "verify"])
def test_W3_the_rule_refuses_even_where_nothing_was_destroyed_yet(gate: Any, action: str, monkeypatch: Any) -> None:
    system = system_of(gate)
    end_in(gate, HOUR)
    gate.clock.advance(HOUR)
    monkeypatch.setattr(gallery_term, "end_due", lambda *_: {})
    with pytest.raises(PolicyRefusal, match="rule W3: the end of this gallery has come"):
        gate.found(system, "Ada") if action == "identify" else gate.matches(system, "Ada")
    assert gate.log(system)[-1] == (action, "denied")


def test_W3_an_end_only_ever_comes_nearer(gate: Any) -> None:
    system = system_of(gate)
    first = end_in(gate, 3 * HOUR)
    for later in (3 * HOUR, 4 * HOUR):
        with pytest.raises(PolicyRefusal, match="rule W3: this gallery ends on"):
            end_in(gate, later)
        assert gate.log(system)[-1] == ("gallery.end", "denied")
    assert gallery_term.gallery_end(system._deployment, "door") == first
    assert end_in(gate, 2 * HOUR) == first - HOUR
    assert [one["ends"] for one in system.status()["galleries"]] == ["2026-06-01T14:00:00.000000Z"]
    assert system.overview.gallery("door").ends == "2026-06-01T14:00:00.000000Z"


def test_W3_of_two_who_set_it_at_once_the_earlier_end_stays(gate: Any, monkeypatch: Any) -> None:
    system = system_of(gate)
    real = system._desk.operation

    def overtaken(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(system._desk, "operation", real)
        end_in(gate, HOUR)
        return real(*given, **more)

    monkeypatch.setattr(system._desk, "operation", overtaken)
    with pytest.raises(UsageError, match="given an earlier end meanwhile"):
        end_in(gate, 2 * HOUR)
    assert gallery_term.gallery_end(system._deployment, "door") == gate.clock.now() + HOUR


def test_W3_an_end_lies_ahead_and_no_further_than_anything_is_kept(gate: Any) -> None:
    for span in (timedelta(0), -HOUR):
        with pytest.raises(UsageError, match="has passed"):
            end_in(gate, span)
    with pytest.raises(PolicyRefusal, match="rule T1: the end lies more than 1825d ahead"):
        end_in(gate, timedelta(days=1825, seconds=1))
    with pytest.raises(UsageError, match="no gallery 'none'"):
        system_of(gate).end_gallery("none", gate.clock.now() + HOUR)
    end_in(gate, timedelta(days=1825))


def test_W3_notes_of_a_gallery_leave_its_end_alone(world: Any) -> None:
    system = world.open()
    system.simulate("crowd", purpose="door", count=3)
    ends = system.end_gallery("crowd", world.clock.now() + HOUR)
    system.simulate("crowd", purpose="door", count=3, seed=1)
    assert system._deployment.gallery_note("crowd") == {
        "purpose": "door",
        "simulated": 6,
        "ends": "2026-06-01T13:00:00.000000Z",
    }
    assert gallery_term.gallery_end(system._deployment, "crowd") == ends
    assert not gallery_notes.change(system._deployment, "none", "simulated", 1)
    assert not gallery_notes.bring_forward(system._deployment, "none", ends)
    system._deployment.keep("gallery", "crowd", {"purpose": "door", "ends": "soon"})
    with pytest.raises(IntegrityError, match="is no moment"):
        gallery_term.gallery_end(system._deployment, "crowd")
    # The clock tells it, and does the rest.
    assert any("is no moment" in line for line in system.rights.tick().failed)


def test_W3_a_killed_destruction_is_taken_up_again(gate: Any, monkeypatch: Any) -> None:
    system, keys = system_of(gate), key_ids(gate)
    end_in(gate, HOUR)
    gate.clock.advance(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(gallery_notes, "drop", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            system.rights.tick()
    # The keys are gone first.
    assert system._deployment.keys.destroyed(keys) == set(keys)
    system = gate.reopen(purpose=None)
    system.rights.tick()
    is_gone(gate, system, keys)


def test_W3_others_forget_the_list_before_its_note_goes(gate: Any, monkeypatch: Any) -> None:
    told: list[tuple[str, bool]] = []

    def forget(deployment: Any, name: str) -> None:
        told.append((name, deployment.gallery_note(name) is not None))

    monkeypatch.setattr(gallery_end, "FORGETS", (*gallery_end.FORGETS, forget))
    end_in(gate, HOUR)
    gate.clock.advance(HOUR)
    system_of(gate).rights.tick()
    assert told == [("door", True)]


def test_W3_one_list_that_ends_leaves_the_others(gate: Any) -> None:
    system = system_of(gate)
    picture, sheet = gate.picture("Emmy"), gate.release("Emmy")
    system.enrol([picture], subject="Emmy", purpose="door", releases=sheet, gallery="staff")
    end_in(gate, HOUR)
    gate.clock.advance(HOUR)
    system.rights.tick()
    assert [one.name for one in system.galleries()] == ["staff"]
    found = system.identify(gate.picture("Emmy"), gallery="staff", purpose="door", reason="a test")
    assert [one.subject for one in found.probes[0].candidates] == ["Emmy"]


# ---- T2: copies and backups from before the end ---------------------------------------------------


@pytest.mark.parametrize("files", [("gallery.db",), ("keys.db",), ("gallery.db", "keys.db")])
def test_T2_W3_files_copied_before_the_end_open_nothing_after_it(gate: Any, files: tuple[str, ...]) -> None:
    keys = key_ids(gate)
    end_in(gate, HOUR)
    assert gate.found(system_of(gate), "Ada") == ["Ada"]
    gate.close()
    copied = gate.copy("gallery.db", "keys.db")
    gate.clock.advance(HOUR)
    gate.open(purpose=None).rights.tick()
    gate.close()
    for name in files:
        for path in gate.home.glob(f"{name}*"):
            if not path.name.endswith(".guard"):
                path.unlink()
        for path in copied.glob(f"{name}*"):
            shutil.copyfile(path, gate.home / path.name)
    system = gate.open(purpose=None)
    assert system._deployment.keys.destroyed(keys) == set(keys)
    with pytest.raises(UsageError):
        gate.found(system, "Ada")
    with pytest.raises(UsageError):
        gate.matches(system, "Ada")
    is_gone(gate, system, keys)


def restored(world: Any, archive: Path, keys: Path) -> Any:
    def opener(home: Path) -> Any:
        return bootstrap.open_system(home, passphrase=PASSPHRASE, clock=world.clock, operator="clerk")

    log = world.home / "log.db"
    world.close()
    order = Order(archive, keys, world.folder / "restored", log)
    result = restore(order, lambda path: bootstrap.Secret(PASSPHRASE).holder(path), opener)
    world.home = result.home
    return world.open(operator="clerk", purpose=None)


def test_T2_W3_a_backup_from_before_the_end_brings_no_list_back(gate: Any) -> None:
    system, keys = system_of(gate), key_ids(gate)
    end_in(gate, HOUR)
    (gate.folder / "stick").mkdir()
    system.back_up(Places(gate.folder / "one.tar", gate.folder / "stick" / "one.keys"))
    gate.clock.advance(HOUR)
    system.rights.tick()
    system = restored(gate, gate.folder / "one.tar", gate.folder / "stick" / "one.keys")
    assert system._deployment.keys.destroyed(keys) == set(keys)
    system.rights.tick()
    is_gone(gate, system, keys)


def test_W3_an_end_that_was_set_after_the_backup_holds_after_a_restore(gate: Any) -> None:
    system = system_of(gate)
    (gate.folder / "stick").mkdir()
    system.back_up(Places(gate.folder / "one.tar", gate.folder / "stick" / "one.keys"))
    ends = end_in(gate, HOUR)
    system = restored(gate, gate.folder / "one.tar", gate.folder / "stick" / "one.keys")
    assert gallery_term.gallery_end(system._deployment, "door") == ends
    gate.clock.advance(HOUR)
    system.rights.tick()
    assert system.galleries() == ()


# ---- The custodian is away -------------------------------------------------------------------------


class Away:
    """A custodian that does not answer."""

    def __init__(self, custody: Any) -> None:
        self._custody = custody

    def status(self) -> Any:
        raise EnvironmentFailure("no custodian answers; start it")

    def close(self) -> None:
        self._custody.close()


def test_W3_a_list_ends_also_while_the_custodian_is_away(gate: Any) -> None:
    system, keys = system_of(gate), key_ids(gate)
    end_in(gate, HOUR)
    gate.clock.advance(HOUR)
    system._deployment.custody = Away(system._deployment.custody)
    told = system.rights.tick()
    assert any("destroyed the gallery 'door'" in line for line in told.done)
    assert system._deployment.keys.destroyed(keys) == set(keys)
