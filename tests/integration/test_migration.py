"""A deployment changes its pack; its references follow from the very pictures that were enrolled, or not at all."""

from __future__ import annotations

import importlib.resources
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceward.bootstrap import open_system
from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.operations import migration, pack_use, pinned_config
from faceward.operations.config import read_config
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.standalone import pipeline
from faceward.vision.packs import DEFAULT_PACK

KEPT = ("reference_id", "subject", "gallery", "purpose", "created", "expires", "sample")


class _KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that adds a pack which differs from the built-in one in name and detector."""
    builtin = importlib.resources.files("faceward.vision") / "builtin" / f"{DEFAULT_PACK}.toml"
    text = re.sub(r"(?ms)^\[(cohort|evaluation)\]\n.*?(?=^(#|\[))", "", builtin.read_text(encoding="utf-8"))
    monkeypatch.setenv("FACEWARD_PACKS", str(tmp_path / "packs"))

    def add(name: str) -> str:
        path = tmp_path / "packs" / name / "pack.toml"
        path.parent.mkdir(parents=True)
        other = text.replace(f'name = "{DEFAULT_PACK}"', f'name = "{name}"').replace("size = 150", "size = 151")
        path.write_text(other, encoding="utf-8")
        return name

    return add


@pytest.fixture
def opened(world: Any, fakes: Any) -> Callable[..., Any]:
    """Return a function that opens the deployment; another pack than the built-in one makes other features."""

    class Newer(fakes.FakePipeline):  # type: ignore[misc,name-defined]
        def samples(self, picture: Any, faces: Any) -> Any:
            mine = super().samples(picture, faces)
            return tuple(replace(one, features=np.ascontiguousarray(one.features[::-1])) for one in mine)

    def again(**options: Any) -> Any:
        world.close()
        system = world.open(fake=False, **options)
        real = system._deployment.pipeline
        made = fakes.FakePipeline if real.pack.manifest.name == DEFAULT_PACK else Newer
        system._deployment.pipeline = made(real)
        return system

    return again


def model(fakes: Any, name: str) -> Any:
    return fakes.FakePipeline(pipeline(name))


def switched(opened: Callable[..., Any], fakes: Any, name: str) -> Any:
    """Let the founders' deployment go over to a pack, and open it again."""
    change = opened().use_pack(model(fakes, name))
    assert change.state == "in use"
    return opened()


def store_of(system: Any) -> Any:
    return system._deployment.store


def rows(system: Any) -> dict[str, Any]:
    store = store_of(system)
    return {name: store.reference(name) for info in store.galleries() for name in store.keys(info.name)}


def whole(system: Any, world: Any) -> None:
    """Fail unless every reference opens, every key belongs to one, and the log verifies."""
    report = system.verify_log()
    assert report.unfinished == ()
    with world.opened(system) as gallery:
        gallery.check()
        keys = system._deployment.keys
        assert set(store_of(system).keys("door").values()) == set(keys.subject_keys("door"))
        assert not keys.pending("door")


def test_references_follow_to_the_new_pack_and_nothing_else_of_them_changes(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = opened()
    world.enrol(system, "Ada", "Grace", "Ada")
    before = rows(system)
    notices = system.notice("Ada")
    system = switched(opened, fakes, packs("newer"))
    assert system.status()["pack"] != before[next(iter(before))].pack
    result = system.migrate("door", world.folder / "pictures")
    assert (result.migrated, result.superseded, result.simulated, result.ask_again) == (3, 0, 0, ())
    after = rows(system)
    assert after.keys() == before.keys()
    for name, was in before.items():
        now = after[name]
        assert [getattr(now, one) for one in KEPT] == [getattr(was, one) for one in KEPT]
        assert (now.pack, now.key_id != was.key_id) == (result.pack, True)
        assert now.sealed != was.sealed
    assert system._deployment.keys.destroyed([was.key_id for was in before.values()]) == {
        was.key_id for was in before.values()
    }
    assert world.matches(system, "Ada")
    assert not world.matches(system, "Grace", "Ada")
    assert system.notice("Ada") == notices
    view = system.subject("Ada")
    record = view.references[0].record
    assert record["migrated"]["from"] == next(iter(before.values())).pack
    assert "gallery.migrate" in [line.operation for line in view.history]
    [told] = [line.opened for line in view.history if line.operation == "gallery.migrate"]
    [about] = [said for said in told.values() if said.get("subject") == "Ada"]
    assert [one["outcome"] for one in about["references"]] == ["migrated", "migrated"]
    whole(system, world)
    assert system.migrate("door", world.folder / "pictures").migrated == 0


def test_who_has_no_kept_sample_is_named_and_keeps_the_old_reference(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any], tmp_path: Path
) -> None:
    system = opened()
    world.enrol(system, "Ada", "Grace", "Hedy", "Joan")
    before = rows(system)
    system = switched(opened, fakes, packs("newer"))
    kept = tmp_path / "kept"
    (kept / "deeper").mkdir(parents=True)
    pictures = sorted((world.folder / "pictures").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    shutil.copyfile(pictures[0], kept / "deeper" / "whatever.PNG")
    # The same pixels in another file, another picture of the same person, and a file that is none.
    copy = pictures[1].read_bytes() + b"\0"
    (kept / "grace.png").write_bytes(copy)
    fakes.paint(kept / "hedy.png", "Hedy", variant=99)
    (kept / "joan.png").write_bytes(b"no picture")
    result = system.migrate("door", kept)
    assert result.migrated == 1
    assert [one.subject for one in result.ask_again] == ["Grace", "Hedy", "Joan"]
    assert {one.reference for one in result.ask_again} <= before.keys()
    assert all("SHA-256" in one.reason and one.picture.endswith(".png") for one in result.ask_again)
    after = rows(system)
    assert sum(after[name] == was for name, was in before.items()) == 3
    assert world.matches(system, "Ada")
    with pytest.raises(UsageError, match="migrate"):
        world.matches(system, "Grace")
    world.prove(system)
    found = system.identify(world.picture("Grace"), gallery="door", purpose="door", reason="a test")
    assert (found.compared.references, found.compared.subjects, found.compared.left_out) == (1, 1, 3)
    assert found.probes[0].candidates == ()
    assert world.found(system, "Ada") == ["Ada"]
    assert [gallery["left_out"] for gallery in system.status()["galleries"]] == [3]
    assert system.migrate("door").ask_again == result.ask_again
    # Who is asked again is enrolled with another picture; what was left goes with an erasure.
    world.enrol(system, "Grace")
    assert world.matches(system, "Grace")
    assert system.erase("Grace").references == 2
    whole(system, world)


def test_a_file_that_cannot_be_read_and_a_link_are_passed_over_and_hold_up_nobody_else(
    world: Any,
    fakes: Any,
    packs: Callable[[str], str],
    opened: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = opened()
    world.enrol(system, "Ada", "Grace", "Hedy")
    system = switched(opened, fakes, packs("newer"))
    kept = tmp_path / "kept"
    shutil.copytree(world.folder / "pictures", kept)
    ada, grace, hedy = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    # A process's memory has no size, opens, and gives an error of input and output; so does a bad block.
    (kept / "a.jpg").symlink_to("/proc/self/mem")
    outside = grace.rename(tmp_path / "outside.png")
    grace.symlink_to(outside)
    read = {ada: 0, hedy: 0}

    def failing(path: Path) -> bytes:
        # Ada's file can be read at first and no more when it is its turn; Hedy's never.
        read[path] += 1
        if path == hedy or read[path] > 1:
            raise EnvironmentFailure(f"{path}: cannot be read: Input/output error; check the disk")
        return path.read_bytes()

    with monkeypatch.context() as patched:
        patched.setattr(migration, "read_file", failing)
        result = system.migrate("door", kept)
    assert (result.migrated, [one.subject for one in result.ask_again]) == (0, ["Ada", "Grace", "Hedy"])
    reasons = [one.reason for one in result.ask_again]
    assert "Input/output error" in reasons[0]
    assert all("SHA-256" in one for one in reasons[1:])
    result = system.migrate("door", kept)
    assert (result.migrated, [one.subject for one in result.ask_again]) == (2, ["Grace"])


def test_a_picture_that_was_enrolled_again_meanwhile_takes_the_place(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    [old] = rows(system)
    system = switched(opened, fakes, packs("newer"))
    picture = next((world.folder / "pictures").iterdir())
    outcome = system.enrol([picture], subject="Ada", purpose="door", releases=world.release("Ada"))
    assert outcome.samples[0].outcome == "enrolled"
    result = system.migrate("door", world.folder / "pictures")
    assert (result.migrated, result.superseded, result.ask_again) == (0, 1, ())
    assert old not in rows(system)
    assert world.matches(system, "Ada")
    whole(system, world)


def test_E2_a_sample_below_the_floors_is_not_migrated(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    system = switched(opened, fakes, packs("newer"))
    monkeypatch.setattr(system._deployment.pipeline, "_components", lambda *, blurred: {"sharpness": 0.0}, raising=True)
    [one] = system.migrate("door", world.folder / "pictures").ask_again
    assert one.subject == "Ada"
    assert "enrolled" not in one.reason
    monkeypatch.undo()


def test_simulated_references_are_erased_and_the_gallery_can_be_filled_again(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = opened()
    system.simulate("crowd", purpose="door", count=40, seed=1)
    system = switched(opened, fakes, packs("newer"))
    result = system.migrate("crowd")
    assert (result.migrated, result.simulated, result.ask_again) == (0, 40, ())
    [gallery] = system.status()["galleries"]
    assert (gallery["references"], gallery["simulated"]) == (0, 0)
    assert system.simulate("crowd", purpose="door", count=10, seed=1) == 10


def test_D1_what_was_suspended_stays_so(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    system.rights.suspend("Ada", "asked to")
    system = switched(opened, fakes, packs("newer"))
    system.migrate("door", world.folder / "pictures")
    with pytest.raises(PolicyRefusal, match="D1"):
        world.matches(system, "Ada")


def test_T1_an_expired_reference_is_not_migrated(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    system = switched(opened, fakes, packs("newer"))
    world.clock.advance(timedelta(days=400))
    result = system.migrate("door", world.folder / "pictures")
    assert (result.migrated, result.ask_again) == (0, ())


def test_a_pack_in_use_is_not_changed_to_and_an_unknown_gallery_or_folder_is_refused(
    world: Any, fakes: Any, opened: Callable[..., Any]
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    with pytest.raises(UsageError, match="in use already"):
        system.use_pack(model(fakes, DEFAULT_PACK))
    with pytest.raises(UsageError, match="no gallery"):
        system.migrate("lake")
    with pytest.raises(BadInput, match="no such folder"):
        system.migrate("door", world.folder / "nowhere")


def test_K2_who_has_the_deployment_open_with_the_former_pack_recognises_nobody(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    other = open_system(world.home, passphrase=fakes.PASSPHRASE, clock=world.clock)
    other._deployment.pipeline = fakes.FakePipeline(other._deployment.pipeline)
    assert other.verify(world.picture("Ada"), subject="Ada", purpose="door").decision == "match"
    assert system.use_pack(model(fakes, packs("newer"))).galleries == (("door", 1),)
    for former in (system, other):
        with pytest.raises(PolicyRefusal, match="K2"):
            former.verify(world.picture("Ada"), subject="Ada", purpose="door")
        with pytest.raises(PolicyRefusal, match="K2"):
            world.enrol(former, "Grace")
    assert other.erase("Ada").references == 1
    other.close()


def test_the_way_back_is_the_same_way(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    world.enrol(opened(), "Ada", "Grace")
    system = switched(opened, fakes, packs("newer"))
    world.enrol(system, "Hedy")
    system = switched(opened, fakes, DEFAULT_PACK)
    assert world.matches(system, "Ada"), "nothing was migrated, so it is as it was"
    result = system.migrate("door")
    assert [one.subject for one in result.ask_again] == ["Hedy"]
    assert system.migrate("door", world.folder / "pictures").migrated == 1
    whole(system, world)


@pytest.mark.parametrize("where", ["put_secret", "write_atomically", "pin", "use_pack"])
def test_a_switch_that_is_killed_leaves_one_pack_or_the_other(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any], where: str
) -> None:
    system = opened()
    world.enrol(system, "Ada")
    name = packs("newer")

    def killed(*_: Any, **__: Any) -> None:
        raise _KilledError

    with pytest.MonkeyPatch.context() as patch:
        if where in ("write_atomically", "pin"):
            patch.setattr(pinned_config, where, killed)
        else:
            part = system._deployment.store if where == "use_pack" else system._deployment.keys
            patch.setattr(type(part), where, killed)
        with pytest.raises(_KilledError):
            system.use_pack(model(fakes, name))
    system = opened()
    switched_over = where in ("pin", "use_pack")
    assert read_config(world.home).pack == (name if switched_over else DEFAULT_PACK)
    if not switched_over:
        # The custodian has pinned the new pack already, so nothing is recognised until the switch is repeated.
        with pytest.raises(PolicyRefusal, match="K2"):
            world.matches(system, "Ada")
        assert system.use_pack(model(fakes, name)).state == "in use"
        system = opened()
    assert {info.pack for info in system.galleries()} == {system.status()["pack"]}
    assert system.migrate("door", world.folder / "pictures").migrated == 1
    assert world.matches(system, "Ada")
    whole(system, world)


# Calls of the key store and the gallery store of which one is the last.
_KILLS = [
    ("create_subject_keys", 2),
    ("replace", 1),
    ("replace", 3),
    ("set_pending", 1),
    ("set_pending", 4),
    ("destroy", 1),
    ("destroy", 3),
]


@pytest.mark.parametrize("kill", _KILLS, ids=lambda kill: f"{kill[0]}-{kill[1]}")
def test_a_migration_that_is_killed_is_repeated_and_loses_nobody(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any], kill: tuple[str, int]
) -> None:
    where, after = kill
    people = ("Ada", "Grace", "Hedy")
    world.enrol(opened(), *people)
    system = switched(opened, fakes, packs("newer"))
    before = rows(system)
    part = type(system._deployment.store if where == "replace" else system._deployment.keys)
    original, calls = getattr(part, where), 0

    def maybe(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == after:
            raise _KilledError
        return original(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, where, maybe)
        with pytest.raises(_KilledError):
            system.migrate("door", world.folder / "pictures")
    system = opened()
    whole(system, world)
    between = rows(system)
    assert between.keys() == before.keys()
    for who in people:
        mine = store_of(system).by_subject(system._deployment.pseudonym(who))
        if mine[0].pack == system.status()["pack"]:
            assert world.matches(system, who)
    result = system.migrate("door", world.folder / "pictures")
    assert result.ask_again == ()
    assert all(world.matches(system, who) for who in people)
    assert rows(system).keys() == before.keys()
    whole(system, world)


def test_an_erasure_in_the_middle_of_a_migration_is_final(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.enrol(opened(), "Ada", "Grace")
    system = switched(opened, fakes, packs("newer"))
    other = open_system(world.home, passphrase=fakes.PASSPHRASE, clock=world.clock)
    erased: list[str] = []
    original = migration._Batch._extracted

    def extracted(self: Any, job: Any) -> Any:
        done = original(self, job)
        if job.subject == "Ada" and not erased:
            erased.append("Ada")
            other.erase("Ada")
        return done

    monkeypatch.setattr(migration._Batch, "_extracted", extracted)
    result = system.migrate("door", world.folder / "pictures")
    assert (result.migrated, result.ask_again) == (1, ())
    other.close()
    deployment = system._deployment
    assert store_of(system).by_subject(deployment.pseudonym("Ada")) == []
    with world.opened(system):
        assert len(deployment.keys.subject_keys("door")) == 1
    assert world.matches(system, "Grace")


def test_a_description_that_was_edited_is_still_refused(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    opened()
    name = packs("newer")
    world.close()
    old = read_config(world.home)
    digest = pipeline(name).pack.manifest.digest
    path = world.home / "deployment.json"
    path.write_text(path.read_text().replace(old.pack, name).replace(old.pack_digest, digest))
    with pytest.raises(IntegrityError, match="altered"):
        opened()
    path.write_text(path.read_text().replace(name, old.pack).replace(digest, old.pack_digest))
    switched(opened, fakes, name)
    world.close()
    path.write_text(path.read_text().replace(name, old.pack).replace(digest, old.pack_digest))
    with pytest.raises(IntegrityError, match="altered"):
        opened()


def test_the_steps_of_a_switch_are_in_the_log(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    system = switched(opened, fakes, packs("newer"))
    assert ("pack", "begin") in world.log(system)
    assert (pack_use._USE, "note") in world.log(system)


def test_an_upgrade_that_brings_another_pack_under_the_same_name_is_gone_over_to(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any], tmp_path: Path
) -> None:
    world.enrol(opened(), "Ada")
    system = switched(opened, fakes, packs("newer"))
    assert system.migrate("door", world.folder / "pictures").migrated == 1
    path = tmp_path / "packs" / "newer" / "pack.toml"
    path.write_text(path.read_text().replace("size = 151", "size = 152"))
    system = opened()
    with pytest.raises(PolicyRefusal, match="packs use newer"):
        world.matches(system, "Ada")
    with pytest.raises(PolicyRefusal, match="packs use newer"):
        system.migrate("door", world.folder / "pictures")
    assert system.use_pack(model(fakes, "newer")).galleries == (("door", 1),)
    system = opened()
    assert system.migrate("door", world.folder / "pictures").migrated == 1
    assert world.matches(system, "Ada")
    whole(system, world)


def test_S2_another_person_approves_the_pack_before_it_is_used(
    world: Any, fakes: Any, packs: Callable[[str], str], opened: Callable[..., Any]
) -> None:
    keys = {name: PrivateKey.generate() for name in ("ana", "ben", "cem")}

    def act(system: Any, name: str) -> Any:
        deployment = system._deployment
        session = OpenSession.begin(name, keys[name], deployment.log.origin, deployment.now())
        deployment.begin_session(session)
        return system

    system = opened()
    world.enrol(system, "Ada")
    until = date(2026, 12, 31)
    system.people.add("ana", keys["ana"].public.line, ("operator", "approver"), until)
    act(system, "ana").people.add("ben", keys["ben"].public.line, ("approver",), until)
    asked = act(system, "ana").people.add("cem", keys["cem"].public.line, ("operator",), until)
    act(system, "ben").requests.decide(asked.digest, Decision.APPROVE)
    newer = model(fakes, packs("newer"))
    change = act(system, "ana").use_pack(newer)
    assert (change.state, change.galleries) == ("waiting", (("door", 1),))
    with pytest.raises(PolicyRefusal, match="S2"):
        act(system, "ana").requests.decide(change.request, Decision.APPROVE)
    assert act(system, "ana").use_pack(newer).state == "waiting", "asking again changes nothing"
    assert read_config(world.home).pack == DEFAULT_PACK
    assert world.matches(act(system, "ana"), "Ada")
    act(system, "ben").requests.decide(change.request, Decision.APPROVE)
    with pytest.raises(PolicyRefusal, match="K2"):
        world.matches(act(system, "ana"), "Ada")
    assert act(system, "cem").use_pack(newer).state == "in use"
    system = act(opened(), "cem")
    assert system.migrate("door", world.folder / "pictures").migrated == 1
    assert world.matches(system, "Ada")
    # Back again, by the same two steps; who is no operator migrates nothing.
    back = act(system, "ana").use_pack(model(fakes, DEFAULT_PACK)).request
    act(system, "ben").requests.decide(back, Decision.APPROVE)
    assert act(system, "ana").use_pack(model(fakes, DEFAULT_PACK)).state == "in use"
    system = act(opened(), "ben")
    with pytest.raises(PolicyRefusal, match="not registered as an operator"):
        system.migrate("door", world.folder / "pictures")
