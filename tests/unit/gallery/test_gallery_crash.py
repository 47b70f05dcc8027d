"""A process killed at any instant of enrolling, renewing or erasing leaves a deployment that opens and is whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from faceward.gallery.results import Recovery

WORKER = Path(__file__).with_name("enrol_worker.py")


def _run_and_kill(nursery: Any, folder: Path, worker: int, after: float) -> list[list[str]]:
    told = folder / f"told-{worker}"
    with told.open("wb") as output:
        process = nursery.start(WORKER, [str(folder), str(worker), "100000"], output.fileno())
    while not told.read_bytes().startswith(b"ready"):
        assert process.poll() is None
        time.sleep(0.001)
    time.sleep(after)
    process.kill()
    process.wait()
    # The last line may have been cut by the kill.
    return [line.split() for line in told.read_text().split("\n")[:-1]]


@pytest.mark.slow
def test_a_process_killed_at_any_instant_leaves_a_store_that_opens_verifies_and_resumes(
    home: Any, reopen: Any, nursery: Any
) -> None:
    present: set[str] = set()
    gone: set[str] = set()
    for turn in range(8):
        # Instants spread over the steps of a round, which takes a few milliseconds.
        lines = _run_and_kill(nursery, home.folder, turn, 0.05 + 0.0257 * turn)
        present |= {name for action, name in lines if action == "enrolled"}
        gone |= {name for action, name in lines if action == "erased"}
        unsure = {name for action, name in lines if action == "erasing"} - gone
        now = reopen(home.folder)
        # Before anything is swept, what was erased is not found and what was enrolled is.
        assert all(not now.finds(name) for name in gone)
        assert all(now.finds(name) for name in present - gone - unsure)
        recovery = now.gallery.recover()
        assert not recovery.busy
        assert now.gallery.recover() == Recovery(0, 0)
        now.store.check()
        now.keys.check()
        now.gallery.check()
        assert set(now.store.keys("staff").values()) == set(now.keys.subject_keys("staff"))
        assert all(now.finds(name) for name in present - gone - unsure)
        gone |= {name for name in unsure if not now.finds(name)}
        now.close()
    assert len(present) > 50
    assert gone


@pytest.mark.parametrize("step", ["keys", "rows"])
def test_T2_an_erasure_killed_between_its_steps_is_finished_by_recovery(home: Any, reopen: Any, step: str) -> None:
    [reference_id] = home.enrol("Ada")
    home.enrol("Grace")
    key_id = home.store.reference(reference_id).key_id
    if step == "keys":
        home.keys.destroy([key_id])
    else:
        # The keys are gone from use, and their bytes are still in the journal.
        with home.keys._database.transaction() as connection:
            connection.execute("DELETE FROM subject_key WHERE key_id = ?", (key_id,))
            connection.execute("INSERT INTO destroyed_key (key_id) VALUES (?)", (key_id,))
    now = reopen(home.folder)
    assert not now.finds("Ada")
    assert now.gallery.recover() == Recovery(0, 1)
    assert (home.folder / "keys.db-wal").stat().st_size == 0
    assert now.store.counts().references == 1
    assert now.finds("Grace")
    now.close()
