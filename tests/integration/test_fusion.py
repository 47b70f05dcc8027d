"""Several references of a subject count as one template, in verifications and in searches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.operations import suspension


def references(system: Any, who: str) -> list[str]:
    store, pseudonym = system._deployment.store, system._deployment.pseudonym(who)
    return sorted(one.reference_id for one in store.by_subject(pseudonym))


def search(world: Any, system: Any, who: str) -> Any:
    return system.identify(world.picture(who), gallery="door", purpose="door", reason="a test")


def test_V1_the_threshold_is_that_of_one_comparison_however_many_references(world: Any) -> None:
    system = world.open()
    world.prove(system)
    world.enrol(system, "Ada", "Grace")
    one = system.verify(world.picture("Ada"), subject="Ada", purpose="door").operating_point
    searched = search(world, system, "Ada")
    world.enrol(system, "Ada", "Ada")
    assert system.verify(world.picture("Ada"), subject="Ada", purpose="door").operating_point == one
    again = search(world, system, "Ada")
    assert again.operating_point == searched.operating_point
    assert (again.compared.references, again.compared.subjects) == (4, 2)
    [candidate] = again.probes[0].candidates
    assert candidate.references == tuple(references(system, "Ada"))
    assert candidate.reference in candidate.references
    told = [line.opened for line in system.log_lines() if line.operation == "identify" and line.phase == "end"][-1]
    [about] = [said for said in told.values() if said.get("subject") == "Ada"]
    assert about["references"] == list(candidate.references)
    assert told["details"]["subjects"] == 2


def test_W4_a_suspended_reference_does_not_contribute_and_comes_back(world: Any) -> None:
    system = world.open()
    world.prove(system)
    world.enrol(system, "Ada", "Ada", "Grace")
    first, second = references(system, "Ada")
    assert search(world, system, "Ada").probes[0].candidates[0].references == (first, second)
    suspension.hold(system._deployment, first, "review")
    assert search(world, system, "Ada").probes[0].candidates[0].references == (second,)
    with pytest.raises(PolicyRefusal, match="D1"):
        world.matches(system, "Ada")
    suspension.hold(system._deployment, second, "review")
    assert search(world, system, "Ada").probes[0].candidates == ()
    assert world.found(system, "Grace") == ["Grace"]
    for name in (first, second):
        suspension.release_hold(system._deployment, name)
    assert search(world, system, "Ada").probes[0].candidates[0].references == (first, second)


def test_T1_an_expired_reference_does_not_contribute(world: Any) -> None:
    system = world.open()
    world.prove(system)
    world.enrol(system, "Ada")
    soon = world.release("Ada", until=world.clock.now() + timedelta(days=30), evidence="a short sheet")
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=soon)
    assert len(search(world, system, "Ada").probes[0].candidates[0].references) == 2
    world.clock.advance(timedelta(days=31))
    [candidate] = search(world, system, "Ada").probes[0].candidates
    assert len(candidate.references) == 1


def test_a_redaction_shares_its_rate_among_faces_and_subjects(
    world: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    system = world.open()
    world.prove(system)
    world.enrol(system, "Ada", "Ada", "Ada")
    asked: list[int] = []
    kind = type(system._deployment.pipeline.calibration)
    original = kind.at_fpir

    def at_fpir(self: Any, fpir: float, size: int) -> Any:
        asked.append(size)
        return original(self, fpir, size)

    monkeypatch.setattr(kind, "at_fpir", at_fpir)
    group = world.picture("Ada", "Mallory")
    system.redact(group, tmp_path / "out.png", keep=["Ada"], purpose="door")
    assert asked[-1] == 2
