from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from faceward.audit.entries import Phase
from faceward.audit.sealed import SealedOpening
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.operations.journal import Happening


def test_simulated_references_fill_a_gallery_before_people_do(world: Any) -> None:
    system = world.open()
    told: list[tuple[int, int]] = []
    assert system.simulate("door", purpose="door", count=2500, progress=lambda *n: told.append(n)) == 2500
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]
    assert system.simulate("door", purpose="door", count=10, seed=1) == 10
    [gallery] = system.status()["galleries"]
    assert (gallery["references"], gallery["simulated"]) == (2510, 2510)
    world.enrol(system, "Ada")
    assert world.found(system, "Ada") == ["Ada"]
    with pytest.raises(PolicyRefusal, match="rule E1"):
        system.simulate("door", purpose="door", count=10)


@pytest.mark.parametrize("count", [0, -1, 10_000_001])
def test_the_number_of_simulated_references_is_bounded(world: Any, count: int) -> None:
    with pytest.raises(UsageError, match="cannot be simulated"):
        world.open().simulate("door", purpose="door", count=count)


def test_E1_people_are_told_from_simulated_references_also_when_their_numbers_are_equal(world: Any) -> None:
    system = world.open(purpose=None)
    system.add_purpose("door", basis="consent", fmr=1e-3, retention=timedelta(days=1), alternative="a badge")
    system.simulate("door", purpose="door", count=2)
    world.clock.advance(timedelta(days=2))
    world.enrol(system, "Ada", "Grace")
    with pytest.raises(PolicyRefusal, match="rule E1"):
        system.simulate("door", purpose="door", count=2)


def test_an_interrupted_simulation_can_be_repeated(world: Any) -> None:
    system = world.open()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system.simulate("door", purpose="door", count=1500, progress=stop)
    assert system.simulate("door", purpose="door", count=500) == 500
    assert system.status()["references"] == 1500
    assert system.verify_log().unfinished == ()


def test_an_operation_that_a_killed_process_left_is_recorded_as_interrupted_once(world: Any) -> None:
    system = world.open()
    system._desk.journal.write(Phase.BEGIN, [Happening("identify", {"reason": "a test"})])
    assert len(system.verify_log().unfinished) == 1
    system = world.reopen()
    assert system.verify_log().unfinished == ()
    *_, last = system.log_lines()
    assert (last.operation, last.phase, last.opened["details"]["outcome"]) == ("identify", "end", "interrupted")
    size = system.log_size
    assert world.reopen().log_size == size


def test_a_key_that_nothing_leads_to_is_swept(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    keys = system._deployment.keys
    orphans = [key_id for key_id, _ in keys.create_subject_keys("\x01log", 2)]
    system._desk.journal.write(Phase.BEGIN, [Happening("enrol", {})])
    system = world.reopen()
    assert system._deployment.keys.destroyed(orphans) == set(orphans)
    assert not system._deployment.keys.pending("\x01log")
    assert system.subject("Ada").history


def test_a_destroyed_key_is_replaced_when_its_subject_is_named_again(world: Any) -> None:
    """An erasure that stopped after it destroyed the key must not leave a name that nothing can be recorded of."""
    system = world.open()
    world.enrol(system, "Ada")
    key_id = system._desk.journal.subject_key_id("Ada")
    system._deployment.keys.destroy([key_id])
    assert world.matches(system, "Ada")
    assert system._desk.journal.subject_key_id("Ada") not in (None, key_id)
    assert [line.operation for line in system.subject("Ada").history] == ["verify", "verify"]
    assert system.erase("Ada").references == 1


def test_a_key_that_is_lost_but_was_never_destroyed_is_no_erasure(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    key_id = system._desk.journal.subject_key_id("Ada")
    with system._deployment.keys._database.transaction() as connection:
        connection.execute("DELETE FROM subject_key WHERE key_id = ?", (key_id,))
    with pytest.raises(IntegrityError):
        list(system.log_lines())


def test_L4_an_opening_cannot_be_moved_to_another_entry(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    log, journal = system._deployment.log, system._desk.journal
    begins = [line.index for line in system.log_lines() if (line.operation, line.phase) == ("enrol", "begin")]
    [details, subject] = log.openings(begins[0])
    assert (details.slot, subject.slot) == ("details", "subject/0")
    entry = log.entry(begins[1])

    class Swapped:
        def openings(self, index: int) -> tuple[SealedOpening, ...]:
            return (details,)

    real = system._deployment.log
    system._deployment.log = Swapped()
    try:
        with pytest.raises(IntegrityError):
            journal.opened(begins[1], entry)
    finally:
        system._deployment.log = real


def test_the_state_names_everything_but_people(world: Any) -> None:
    system = world.open(operator="olga")
    world.enrol(system, "Ada")
    state = system.status()
    assert (state["standard"], state["jurisdiction"], state["operator"]) == ("workplace", "EU", "olga")
    assert state["references"] == 1
    assert state["log"]["size"] == system.log_size
    assert "Ada" not in str(state)


def test_a_purpose_is_registered_once(world: Any) -> None:
    system = world.open()
    with pytest.raises(UsageError, match="registered already"):
        system.add_purpose("door", basis="consent", fmr=1e-2, retention=timedelta(days=1), alternative="a badge")
    assert [purpose.fmr for purpose in system.purposes()] == [1e-3]


def test_a_proof_of_an_entry_shows_nothing_of_anybody(world: Any) -> None:
    from faceward.audit.verifier import verify_receipt
    from faceward.operations.log_files import read_vkey

    system = world.open()
    world.enrol(system, "Ada")
    proof = system.prove(system.log_size - 1)
    report = verify_receipt(proof, read_vkey(world.home))
    assert dict(report.opened) == {}
    for index in (-1, system.log_size):
        with pytest.raises(UsageError):
            system.prove(index)
