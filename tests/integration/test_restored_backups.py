"""Backups from before an erasure, put back: who was erased stays erased (rule T2)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, UsageError

GALLERY, KEYS, LOG = ("gallery.db",), ("keys.db",), ("log.db",)


def put_back(world: Any, backup: Path, *names: str) -> None:
    world.close()
    for name in names:
        for path in world.home.glob(f"{name}*"):
            if not path.name.endswith(".guard"):
                path.unlink()
        for path in backup.glob(f"{name}*"):
            shutil.copyfile(path, world.home / path.name)


def erase(world: Any, system: Any) -> None:
    system.erase("Ada")


def withdraw(world: Any, system: Any) -> None:
    system.rights.withdraw("Ada", "door")


def expire(world: Any, system: Any) -> None:
    world.clock.advance(timedelta(days=400))
    system.rights.tick()
    world.clock.advance(timedelta(days=-400))


ENDS = [erase, withdraw, expire]


@pytest.fixture
def backed_up(world: Any) -> tuple[Any, Path]:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    assert world.found(system, "Ada") == ["Ada"]
    world.close()
    return world, world.copy("gallery.db", "keys.db", "log.db", "custodian.db")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("files", [GALLERY, KEYS, GALLERY + KEYS])
def test_T2_a_restored_backup_brings_nobody_back(
    backed_up: tuple[Any, Path], end: Callable[..., None], files: tuple[str, ...]
) -> None:
    world, backup = backed_up
    end(world, world.open())
    put_back(world, backup, *files)
    system = world.open()
    assert world.found(system, "Ada") == []
    with pytest.raises(UsageError):
        world.matches(system, "Ada")
    if end is not expire:
        assert world.found(system, "Grace") == ["Grace"]
    assert system._deployment.store.by_subject(system._deployment.pseudonym("Ada")) == []
    assert system.verify_log().unfinished == ()


@pytest.mark.parametrize("files", [KEYS, GALLERY + KEYS])
def test_T2_a_restored_key_store_opens_nothing_that_the_log_held_of_the_erased(
    backed_up: tuple[Any, Path], files: tuple[str, ...]
) -> None:
    world, backup = backed_up
    world.open().erase("Ada")
    put_back(world, backup, *files)
    system = world.open()
    with pytest.raises(UsageError, match="nothing is held"):
        system.subject("Ada")
    assert all("Ada" not in str(line.opened) for line in system.log_lines())


def test_T2_the_destruction_is_repeated_once_and_the_bytes_are_gone(backed_up: tuple[Any, Path]) -> None:
    world, backup = backed_up
    system = world.open()
    [reference] = system._deployment.store.by_subject(system._deployment.pseudonym("Ada"))
    system.erase("Ada")
    put_back(world, backup, *GALLERY, *KEYS)
    keys = world.open()._deployment.keys
    assert keys.destroyed([reference.key_id]) == {reference.key_id}
    world.close()
    assert all(reference.key_id.encode() not in data for name, data in world.contents().items() if "gallery" in name)
    with pytest.raises(IntegrityError, match="destroyed"):
        world.open()._deployment.keys.subject_key(reference.key_id)


def test_T2_an_erasure_begun_and_stopped_is_finished_with_a_restored_key_store(
    backed_up: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceward.operations import consent

    world, backup = backed_up
    system = world.open()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(consent, "end_releases", stop)
        with pytest.raises(KeyboardInterrupt):
            system.erase("Ada")
    put_back(world, backup, *KEYS)
    system = world.open()
    assert world.found(system, "Ada") == []
    assert system.verify_log().unfinished == ()


def test_T2_a_log_from_before_the_erasure_beside_a_newer_key_store_is_refused(backed_up: tuple[Any, Path]) -> None:
    world, backup = backed_up
    world.open().erase("Ada")
    put_back(world, backup, *LOG)
    with pytest.raises(IntegrityError, match="rolled back"):
        world.open()


def test_T2_a_folder_restored_whole_is_refused_by_a_custodian_that_was_not(backed_up: tuple[Any, Path]) -> None:
    """Nothing in the folder can tell; a custodian, or a witness, that saw a longer log can."""
    world, backup = backed_up
    system = world.open()
    system.erase("Ada")
    assert world.found(system, "Grace") == ["Grace"]
    put_back(world, backup, *GALLERY, *KEYS, *LOG)
    with pytest.raises(IntegrityError):
        world.found(world.open(), "Ada")
