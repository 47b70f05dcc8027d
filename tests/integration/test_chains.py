"""Chains of subjects in a deployment: kept by every writer, ended by an erasure, proven by an export."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from faceward.audit.chain import CHAINS, LINK_FIELD
from faceward.audit.chain_file import Package
from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.entries import Phase
from faceward.audit.note import parse_note
from faceward.audit.verifier import verify_receipt
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations.journal import Happening
from faceward.operations.members import Members
from faceward.verify import main
from faceward.verify.chain import ChainReport, verify_chain

WITNESSES = [Cosigner(f"witness.example.org/{n}", bytes([n]) * 32) for n in (1, 2)]


def vkey(system: Any) -> str:
    return str(system._deployment.log.vkey)


def proven(system: Any, who: str) -> ChainReport:
    system._desk.journal.commit_heads()
    return verify_chain(system._desk.journal.chain(who), vkey(system))


def note(system: Any, *people: str, count: int = 1) -> None:
    system._desk.journal.write(Phase.NOTE, [Happening("verify", {}, {who: {} for who in people})] * count)


def test_L1_an_export_proves_its_own_completeness(world: Any, tmp_path: Path, capsys: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Bob")
    world.found(system, "Ada")
    world.found(system, "Bob")
    world.matches(system, "Ada")
    exported = tmp_path / "ada.json"
    exported.write_text(json.dumps(system.export("Ada")), encoding="utf-8")
    key = tmp_path / "log.vkey"
    key.write_text(vkey(system), encoding="utf-8")
    report = verify_chain(Package.parse(exported.read_text(encoding="utf-8")), vkey(system))
    said = [(one.report.entry.operation, one.report.entry.phase.value) for one in report.entries]
    # Enrolled, a candidate, verified, and this very export.
    assert said[0] == ("enrol", "begin")
    assert ("identify", "end") in said
    assert said[-1] == ("subject.export", "begin")
    assert report.covered == len(said) == len(system.subject("Ada").history)
    # Searched against, twice.
    assert [one.entry.operation for one in report.searches] == ["identify", "identify"]
    assert main(["chain", str(exported), "--key", str(key)]) == 0
    assert "nothing between was left out" in capsys.readouterr().out
    # The next export continues it.
    later = tmp_path / "later.json"
    later.write_text(json.dumps(system.export("Ada")), encoding="utf-8")
    assert main(["chain", str(later), "--key", str(key), "--earlier", str(exported), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["earlier"], told["covered"]) == (len(said), len(told["entries"]))
    assert main(["chain", str(exported), "--key", str(key), "--earlier", str(later)]) == 5


def test_L1_receipts_of_a_chain_stay_below_4_kB_with_two_witnesses(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.found(system, "Ada")
    world.matches(system, "Ada")
    log = system._deployment.log
    system._desk.journal.commit_heads()
    text = parse_note(log.checkpoint()).text
    keep_cosignatures(log.path, log.checkpoint(), [w.cosign(text, world.clock.now()) for w in WITNESSES])
    package = system._desk.journal.chain("Ada")
    for receipt in (*package.receipts, *(search.receipt for search in package.searches)):
        assert len(parse_note(receipt.partition("\n\n")[2]).signatures) == 3
        # As large as in a log of 2^30 entries.
        assert len(receipt.encode()) + 30 * 45 < 4096


def test_L1_several_subjects_and_several_entries_at_once_are_chained(world: Any) -> None:
    system = world.open()
    note(system, "Ada", "Bob", count=3)
    note(system, "Bob", "Cy")
    assert [len(proven(system, who).entries) for who in ("Ada", "Bob", "Cy")] == [3, 4, 1]


@pytest.mark.slow
def test_L1_writers_at_once_and_killed_at_any_instant_never_fork_a_chain(world: Any) -> None:
    world.open()
    world.close()
    worker = [sys.executable, str(Path(__file__).with_name("chain_worker.py")), str(world.home), "12"]
    done = subprocess.run(worker, capture_output=True, text=True, check=True, timeout=120)
    system = world.open()
    acknowledged = int(done.stdout)
    assert acknowledged > 0
    # Each turn writes two entries; one that was not acknowledged may be there too.
    assert len(proven(system, "Ada").entries) >= 2 * acknowledged
    assert len(proven(system, "Bob").entries) > 0
    system.verify_log()


def test_L1_heads_are_committed_once_for_each_change(world: Any) -> None:
    system = world.open()
    journal = system._desk.journal
    assert journal.commit_heads() is None
    note(system, "Ada")
    entry = journal.commit_heads()
    assert world.log(system)[-1] == (CHAINS, "note")
    assert journal.commit_heads() is None
    with pytest.raises(UsageError, match="nothing about 'Bob'"):
        journal.chain("Bob")
    note(system, "Bob")
    with pytest.raises(UsageError, match="not committed yet"):
        journal.chain("Bob")
    # Another process goes on from there.
    other = world.open()
    assert other._desk.journal.commit_heads() > entry
    assert len(proven(system, "Bob").entries) == 1
    system.verify_log()


def test_L1_an_opening_removed_from_the_log_is_found_at_the_next_commitment(world: Any) -> None:
    system = world.open()
    note(system, "Ada", count=3)
    system._desk.journal.commit_heads()
    with closing(sqlite3.connect(world.home / "log.db", isolation_level=None)) as database:
        database.execute("DELETE FROM openings WHERE id = (SELECT max(id) FROM openings WHERE slot = 'subject/0')")
    note(system, "Ada")
    with pytest.raises(IntegrityError, match="shorter than was committed"):
        system._desk.journal.commit_heads()


def test_L1_altered_ends_of_chains_are_refused(world: Any) -> None:
    system = world.open()
    note(system, "Ada")
    system._desk.journal.commit_heads()
    store = system._deployment.store
    kept = store.document("chains", "heads")
    store.put_document("chains", "heads", kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="was altered"):
        system._desk.journal.commit_heads()
    # Lost, they are made anew from the log.
    store.delete_document("chains", "heads")
    system._desk.journal.commit_heads()
    assert len(proven(system, "Ada").entries) == 1


def test_T2_an_erasure_ends_the_chain_and_leaves_no_label(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Bob")
    before = proven(system, "Ada")
    label = before.label
    assert label in system._deployment.store.document("chains", "heads")
    result = system.erase("Ada")
    # The receipt is the last link: it follows what was committed before the key was destroyed.
    report = verify_receipt(result.receipt, vkey(system))
    link = report.opened["subject/0"][LINK_FIELD]
    assert link["label"] == label.hex()
    assert link["number"] > before.covered
    assert label not in system._deployment.store.document("chains", "heads")
    with pytest.raises(UsageError, match="nothing about 'Ada'"):
        system._desk.journal.chain("Ada")
    # Others' chains go on, and whoever comes again begins another.
    assert len(proven(system, "Bob").entries) == 2
    world.enrol(system, "Ada")
    again = proven(system, "Ada")
    assert again.label != label
    assert again.entries[0].link.number == 1
    world.close()
    for name, content in world.contents().items():
        assert label not in content, name


def test_L1_an_erasure_between_reading_a_key_and_writing_begins_another_chain(world: Any) -> None:
    system, other = world.open(), world.open()
    note(system, "Ada")
    journal = system._desk.journal
    drawn, raced = journal.keys.drawn, []

    def late(subject: str) -> Any:
        owner = drawn(subject)
        if not raced:
            raced.append(owner)
            other._desk.journal.forget(subject)
        return owner

    journal.keys.drawn = late
    note(system, "Ada")
    report = proven(system, "Ada")
    assert [one.link.number for one in report.entries] == [1]
    assert report.label != raced[0].label
    assert system._deployment.log.entries_of(raced[0].key_id) == ()


def test_L1_the_gallery_s_root_follows_its_members(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Bob")
    deployment = system._deployment
    members = Members(deployment)

    def root(source: Members = members) -> tuple[object, object]:
        part = source.part("door", "door")["gallery"]
        return part["root"], part["members"]

    first = root()
    assert first[1] == 2
    assert root() == root(Members(deployment)) == first
    world.enrol(system, "Cy")
    second = root()
    assert second[1] == 3
    assert second != first
    system.erase("Cy")
    assert root() == root(Members(deployment)) == first
    # Another process that was behind comes to the same.
    behind = Members(deployment)
    behind.part("door", "door")
    world.enrol(system, "Dee")
    assert root(behind) == root()


def test_L1_a_process_that_missed_several_changes_comes_to_the_same_differences(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    deployment = system._deployment
    slow, quick = Members(deployment), Members(deployment)
    slow.part("door", "door")
    for who in ("Bob", "Cy"):
        world.enrol(system, who)
        quick.part("door", "door")
    system.erase("Ada")
    assert slow.part("door", "door") == quick.part("door", "door")
    assert slow.part("door", "door")["gallery"]["version"] == 4
    # Nobody searched in between, so the next who asks makes one difference of it.
    world.enrol(system, "Dee", "Eve")
    assert Members(deployment).part("door", "door")["gallery"]["version"] == 5


def test_L1_altered_or_lost_differences_are_refused(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.found(system, "Ada")
    store = system._deployment.store
    [name] = store.documents("members")
    kept = store.document("members", name)
    store.put_document("members", name, kept[:-2] + b"x}")
    with pytest.raises(IntegrityError, match="was altered"):
        proven(system, "Ada")
    store.delete_document("members", name)
    with pytest.raises(IntegrityError, match="missing or damaged"):
        proven(system, "Ada")


def test_L1_a_search_of_long_ago_is_proven_after_the_gallery_changed(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Bob")
    world.found(system, "Ada")
    world.enrol(system, "Cy")
    system.erase("Bob")
    world.found(system, "Cy")
    ada, cy = proven(system, "Ada"), proven(system, "Cy")
    assert (len(ada.searches), len(cy.searches)) == (2, 1)


def test_asking_for_the_root_of_an_unchanged_gallery_costs_next_to_nothing(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    members = Members(system._deployment)
    first = members.part("door", "door")
    asked = []
    store = system._deployment.store

    class Counting:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(store, name)

    system._deployment.store = Counting()
    assert members.part("door", "door") == first
    assert asked == ["generation"]
