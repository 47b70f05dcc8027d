"""The custodian against its model: a key comes out exactly when the model says so, whatever is presented."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.entries import Entry, Opening
from faceward.audit.log import Log
from faceward.core.errors import FacewardError, IntegrityError, PolicyRefusal
from faceward.custody.errors import StaleProof


def _load_kit() -> Any:
    name = "faceward_test_custody_kit"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "custody_kit.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


kit = _load_kit()
FRESH = timedelta(minutes=2)
SLACK = timedelta(seconds=5)
DISHONEST = (
    "stale", "rolled back", "forked", "not in the log", "other details", "nobody", "somebody else", "use of another",
    "without mandate", "other mandate", "unapproved", "self-approved",
)  # fmt: skip


@dataclass(eq=False)
class Warrant:
    """A mandate, and what the model knows of it."""

    shown: tuple[Any, Any]
    asked: datetime
    searches: int
    galleries: tuple[str, ...]
    approved: bool
    urgent: bool
    used_by: set[int] = field(default_factory=set)
    revoked: bool = False

    @property
    def digest(self) -> str:
        return str(self.shown[0].request.digest())


@dataclass(eq=False)
class Announced:
    """An entry of the log."""

    recorded: tuple[int, bytes]
    operation: str
    operator: str
    galleries: tuple[str, ...]
    time: datetime
    warrant: Warrant | None


class CustodianMachine(RuleBasedStateMachine):
    """Appends entries, presents them honestly and otherwise, moves the clock, stops, restarts, revokes, reopens."""

    entries = Bundle("entries")
    warrants = Bundle("warrants")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())

    @initialize(target=entries)
    def begin(self) -> Any:
        self.bench = kit.Bench.make(self.folder, "strict")
        self.bench.man()
        for gallery in ("door", "hall"):
            self.bench.create(gallery, session=self.bench.sign_in("ann"))
        self.fork = Log.create(self.folder / "fork.db", kit.SIGNER)
        self.last = self.bench.clock.now()
        self.size = self.bench.log.size
        self.floor = 0
        self.said: frozenset[str] = frozenset()
        self.stopped = False
        self.used: set[tuple[int, str]] = set()
        self.known: list[Warrant] = []
        self.released: list[tuple[int, str]] = []
        self.openings: dict[int, bytes] = {}
        self.keys: dict[str, bytes] = {}
        return multiple()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()
            self.fork.close()
        shutil.rmtree(self.folder)

    @rule(
        target=warrants,
        searches=st.integers(1, 3),
        galleries=st.sampled_from([("door",), ("door", "hall")]),
        how=st.sampled_from(["approved", "approved", "urgent", "neither"]),
    )
    def ask_for_a_mandate(self, searches: int, galleries: tuple[str, ...], how: str) -> Warrant:
        approvers = ("bob",) if how == "approved" else ()
        shown = self.bench.mandate(approvers, searches=searches, galleries=galleries, urgent=how == "urgent")
        now = self.bench.clock.now()
        self.known.append(Warrant(shown, now, searches, galleries, how == "approved", how == "urgent"))
        return self.known[-1]

    @rule(
        target=entries,
        operator=st.sampled_from(["ann", "ann", "ann", "dan"]),
        galleries=st.sampled_from([("door",), ("hall",), ("door", "hall")]),
        warrant=st.none() | warrants,
        ahead=st.sampled_from([0, 0, 0, -100, 100, -200, 200]),
        operation=st.sampled_from(["identify", "identify", "enrol"]),
    )
    def announce(
        self, operator: str, galleries: tuple[str, ...], warrant: Warrant | None, ahead: int, operation: str
    ) -> Announced:
        if operation == "enrol":
            warrant = None
        told: dict[str, Any] = {"operator": operator, "galleries": list(galleries), "purpose": "theft"}
        if warrant is not None:
            told["mandate"] = warrant.digest
        time = self.bench.clock.now() + timedelta(seconds=ahead)
        recorded = self.bench.record(operation, told, time)
        self.openings[recorded[0]] = recorded[1]
        return Announced(recorded, operation, operator, galleries, time, warrant)

    @rule(entry=entries, gallery=st.sampled_from(["door", "hall"]))
    def present_honestly(self, entry: Announced, gallery: str) -> None:
        shown = self.shown(entry, gallery)
        if not self.expected(entry, gallery):
            self.refused(lambda: self.bench.custody.release(shown))
            return
        lease = self.bench.custody.release(shown)
        assert self.keys.setdefault(gallery, lease.key) == lease.key
        self.last = self.effective()
        self.size = lease.size
        self.used.add((entry.recorded[0], gallery))
        self.released.append((entry.recorded[0], gallery))
        if entry.warrant is not None:
            entry.warrant.used_by.add(entry.recorded[0])

    @rule(entry=entries, gallery=st.sampled_from(["door", "hall"]), how=st.sampled_from(DISHONEST))
    def present_dishonestly(self, entry: Announced, gallery: str, how: str) -> None:
        harmless, shown = self.forged(entry, gallery, how)
        if not harmless:
            error = self.refused(lambda: self.bench.custody.release(shown))
            if how in ("rolled back", "forked", "not in the log", "other details") and self.on_time():
                assert isinstance(error, IntegrityError)

    @rule(warrant=warrants, gallery=st.sampled_from(["door", "door", "hall"]), how=st.sampled_from(DISHONEST))
    def search(self, warrant: Warrant, gallery: str, how: str) -> None:
        """What operators do all day: so that keys do come out, and each forgery stands beside what it imitates."""
        entry = self.announce("ann", ("door", "hall"), warrant, 0, "identify")
        self.present_dishonestly(entry, gallery, how)
        for asked in (gallery, gallery, "hall"):
            self.present_honestly(entry, asked)

    @rule(
        searches=st.integers(1, 3),
        how=st.sampled_from(DISHONEST),
        then=st.sampled_from(["go on", "stop", "revoke", "set back", "restart", "restart later"]),
    )
    def work_on_a_case(self, searches: int, how: str, then: str) -> None:
        """A mandate from its approval to its end, with something in between."""
        searches = 3 if then == "set back" else searches
        warrant = self.ask_for_a_mandate(searches, ("door", "hall"), "approved")
        waiting = self.announce("ann", ("door",), warrant, 0, "identify")
        self.search(warrant, "door", how)
        if then == "revoke":
            self.revoke(warrant, "bob")
        if then == "stop":
            self.stop("eve")
        if then == "set back":
            self.bench.clock.move(seconds=60)
            self.search(warrant, "door", how)
            self.bench.clock.move(seconds=-30)
            self.search(warrant, "door", how)
            self.bench.clock.move(seconds=30)
        if then.startswith("restart"):
            if then == "restart later":
                self.bench.clock.move(seconds=300)
                self.search(warrant, "door", how)
                self.bench.clock.move(seconds=-300)
            self.restart(("cleo",))
        self.present_honestly(waiting, "door")
        for _ in range(searches):
            self.search(warrant, "hall", how)

    @rule(seconds=st.sampled_from([1, 30, 60, 110, 125, 1, 4000, 200_000]))
    def time_passes(self, seconds: int) -> None:
        self.bench.clock.move(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 4, 4, 5, 90]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.bench.clock.move(seconds=-seconds)

    @rule(name=st.sampled_from(["ann", "eve"]))
    def stop(self, name: str) -> None:
        statement = self.bench.stop(name)
        said, self.said = statement.digest() in self.said, self.said | {statement.digest()}
        if said and not self.stopped:
            self.refused(lambda: self.bench.custody.stop(statement))
            return
        self.bench.custody.stop(statement)
        self.stopped = True

    @rule(approvers=st.sampled_from([("cleo",), ("cleo",), ("cleo",), (), ("bob",), ("ann",)]))
    def restart(self, approvers: tuple[str, ...]) -> None:
        asked = self.bench.ask("restart", {}, "bob", approvers)
        if approvers != ("cleo",):
            self.refused(lambda: self.bench.custody.decide(*asked))
            return
        self.bench.custody.decide(*asked)
        self.stopped, self.floor = False, self.size
        self.last = self.bench.clock.now()
        self.refused(lambda: self.bench.custody.decide(*asked))

    @rule(warrant=warrants, name=st.sampled_from(["ann", "bob", "dan"]))
    def revoke(self, warrant: Warrant, name: str) -> None:
        statement = self.bench.revoke(warrant.digest, name)
        if name == "dan" or not self.on_time():
            self.refused(lambda: self.bench.custody.revoke(statement, warrant.shown[0]))
            return
        self.bench.custody.revoke(statement, warrant.shown[0])
        warrant.revoked = True

    @rule()
    def reopen(self) -> None:
        self.bench.reopen()

    @invariant()
    def the_state_is_the_models(self) -> None:
        if not hasattr(self, "bench"):
            return
        status = self.bench.custody.status()
        assert status.size == self.size
        assert status.root == self.bench.log.root(self.size)
        assert status.stopped == self.stopped
        assert status.revoked == {warrant.digest for warrant in self.known if warrant.revoked}
        assert status.spent == {w.digest: len(w.used_by) for w in self.known if w.used_by}
        assert all(len(warrant.used_by) <= warrant.searches for warrant in self.known)

    @invariant()
    def no_key_was_released_without_an_entry_that_names_its_mandate(self) -> None:
        if not hasattr(self, "bench"):
            return
        assert len(set(self.released)) == len(self.released)
        digests = {warrant.digest for warrant in self.known}
        for index, gallery in self.released[-1:]:
            entry: Entry = self.bench.log.entry(index)
            opening = Opening.decode(self.openings[index])
            assert opening.opens(entry.digest("details"))
            details: Any = opening.details
            assert gallery in details["galleries"]
            assert entry.operation == "enrol" or details["mandate"] in digests

    def effective(self) -> datetime:
        return max(self.bench.clock.now(), self.last)

    def on_time(self) -> bool:
        return bool(self.bench.clock.now() >= self.last - SLACK)

    def expected(self, entry: Announced, gallery: str) -> bool:
        """Say whether an honest presentation gets the key."""
        now, index = self.effective(), entry.recorded[0]
        return (
            self.on_time()
            and abs(entry.time - now) <= FRESH
            and gallery in entry.galleries
            and (index, gallery) not in self.used
            and index >= self.floor
            and (entry.operation == "enrol" or (not self.stopped and self.covered(entry, gallery, now)))
        )

    def covered(self, entry: Announced, gallery: str, now: datetime) -> bool:
        warrant = entry.warrant
        return (
            warrant is not None
            and entry.operator == "ann"
            and not warrant.revoked
            and gallery in warrant.galleries
            and len(warrant.used_by - {entry.recorded[0]}) < warrant.searches
            and warrant.asked <= now < warrant.asked + timedelta(days=2)
            and (warrant.approved or (warrant.urgent and now < warrant.asked + timedelta(hours=48)))
            and (warrant.approved or not self.undecided(warrant, now))
        )

    def undecided(self, but: Warrant, now: datetime) -> bool:
        """Whether an earlier urgent mandate was used and its time ended; nobody decides on one here."""
        return any(
            one.urgent and one.used_by and one is not but and now >= one.asked + timedelta(hours=48)
            for one in self.known
        )

    def shown(self, entry: Announced, gallery: str) -> Any:
        session = self.bench.sign_in(entry.operator)
        mandate = None if entry.warrant is None else entry.warrant.shown
        return self.bench.show(entry.recorded, gallery, session, mandate, since=self.size)

    def refused(self, call: Callable[[], object]) -> FacewardError:
        before = self.bench.custody.status()
        try:
            call()
        except FacewardError as error:
            raised = error
        else:
            raise AssertionError("the custodian gave what the model refuses")
        assert "\n" not in str(raised)
        assert self.bench.custody.status() == before
        return raised

    def forged(self, entry: Announced, gallery: str, how: str) -> tuple[bool, Any]:
        """Return whether the forgery is none after all, and the presentation."""
        shown = self.shown(entry, gallery)
        if how in ("stale", "rolled back", "forked", "not in the log"):
            return self.forged_log(shown, how)
        if how == "other details":
            details = Opening(secrets.token_bytes(32), Opening.decode(shown.details).details).encode()
            return False, replace(shown, details=details)
        if how in ("nobody", "somebody else", "use of another"):
            return self.forged_person(entry, gallery, shown, how)
        return self.forged_mandate(entry, shown, how)

    def forged_log(self, shown: Any, how: str) -> tuple[bool, Any]:
        log, proof = self.bench.log, shown.proof
        if how == "stale":
            return False, replace(shown, proof=log.proof(proof.index, self.size - 1))
        if how == "rolled back":
            size = self.size - 1
            note = sign_checkpoint(Checkpoint(kit.ORIGIN, size, log.root(size)), kit.SIGNER)
            index = min(proof.index, size - 1)
            inclusion = log.inclusion(index, size)
            return False, replace(shown, proof=replace(proof, checkpoint=note, index=index, inclusion=inclusion))
        if how == "forked":
            real, self.bench.log = log, self.fork
            try:
                while self.fork.size < self.size:
                    self.bench.record("enrol", {"operator": "ann", "gallery": "door"})
                recorded = self.bench.record("enrol", {"operator": "ann", "gallery": "door"})
                return False, self.bench.show(recorded, "door", self.bench.sign_in("ann"), since=self.size)
            finally:
                self.bench.log = real
        other = replace(proof, leaf=proof.leaf.replace(b'"phase":"begin"', b'"phase":"note"'))
        return False, replace(shown, proof=other)

    def forged_person(self, entry: Announced, gallery: str, shown: Any, how: str) -> tuple[bool, Any]:
        if how == "nobody":
            return False, replace(shown, authority=replace(shown.authority, session=None, use=None))
        if how == "somebody else":
            other = self.bench.sign_in("dan" if entry.operator == "ann" else "ann")
            mandate = None if entry.warrant is None else entry.warrant.shown
            return False, self.bench.show(entry.recorded, gallery, other, mandate, since=self.size)
        session = self.bench.sign_in(entry.operator)
        use = session.sign_use(secrets.token_bytes(32), gallery)
        return False, replace(shown, authority=replace(shown.authority, session=session.signed, use=use))

    def forged_mandate(self, entry: Announced, shown: Any, how: str) -> tuple[bool, Any]:
        authority = shown.authority
        if how == "other mandate":
            signed, approvals = self.bench.mandate(galleries=("door", "hall"))
            return False, replace(shown, authority=replace(authority, mandate=signed, approvals=approvals))
        if authority.mandate is None:
            return True, shown
        if how == "without mandate":
            return False, replace(shown, authority=replace(authority, mandate=None, approvals=()))
        assert entry.warrant is not None
        if how == "unapproved":
            return entry.warrant.urgent, replace(shown, authority=replace(authority, approvals=()))
        forged = self.bench.ask("export", {}, "ann", ("ann",))[1]
        forged = tuple(replace(approval, request=entry.warrant.digest) for approval in forged)
        return False, replace(shown, authority=replace(authority, approvals=forged))


TestCustodian = CustodianMachine.TestCase
TestCustodian.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_L2_the_model_meets_both_releases_and_refusals(tmp_path: Path) -> None:
    """The machine's own rules, once by hand: what the model calls released is."""
    del tmp_path
    machine = CustodianMachine()
    machine.begin()
    warrant = machine.ask_for_a_mandate(1, ("door",), "approved")
    entry = machine.announce("ann", ("door",), warrant, 0, "identify")
    assert machine.expected(entry, "door")
    assert isinstance(
        machine.refused(lambda: machine.bench.custody.release(machine.forged(entry, "door", "stale")[1])), StaleProof
    )
    assert isinstance(
        machine.refused(lambda: machine.bench.custody.release(machine.forged(entry, "door", "nobody")[1])),
        PolicyRefusal,
    )
    machine.teardown()
