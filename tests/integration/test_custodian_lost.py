"""The custodian is gone for a while: nothing opens, nothing is half-done, and what needs no key goes on."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal
from faceward.custody.client import CustodyClient
from faceward.custody.custodian import Custodian
from faceward.custody.messages import Lease
from faceward.custody.presenter import Claim
from faceward.custody.server import CustodyServer
from faceward.operations.deployment import Deployment
from faceward.operations.signing_in import Credentials
from faceward.operations.system import System
from faceward.policy.requests import Decision
from faceward.policy.sshsig import PrivateKey

DAY = timedelta(days=1)
WORKER = Path(__file__).resolve().parents[1] / "operations_worker.py"


class Keeper:
    """A custodian apart from the deployment, which goes away and comes back."""

    def __init__(self, folder: Path, clock: Any) -> None:
        folder.mkdir(mode=0o700)
        self.socket, self._state, self._clock = folder / "s", folder / "state.db", clock
        self._master = secrets.token_bytes(32)
        self._thread: threading.Thread | None = None
        Custodian.set_up(self._state, self._master, clock, separate=True).close()

    def come(self) -> Custodian:
        self.custodian = Custodian.open(self._state, self._master, self._clock, separate=True)
        self._server = CustodyServer(self.custodian, self.socket)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self.custodian

    def go(self) -> None:
        if self._thread is not None:
            self._server.stop()
            self._thread.join(timeout=30)
            self._server.close()
            self.custodian.close()
            self._thread = None


@pytest.fixture
def keeper(tmp_path: Path, fakes: ModuleType) -> Iterator[Keeper]:
    made = Keeper(tmp_path / "keeper", fakes.FixedClock())
    made.come()
    yield made
    made.go()


@pytest.fixture
def museum(make_world: Callable[..., Any], keeper: Keeper) -> Any:
    """Return a deployment with a custodian apart, in which Ada and Grace are enrolled."""
    world = make_world("museum", custodian=keeper.socket)
    system = world.open()
    # The deployment and its custodian go by one clock.
    keeper.custodian._clock = keeper._clock = world.clock
    world.enrol(system, "Ada", "Grace")
    world.close()
    return world


def waits(act: Callable[[], object]) -> None:
    """Check that something fails in one line that says what to do, and by the exit code 1."""
    with pytest.raises(EnvironmentFailure) as caught:
        act()
    assert "no custodian answers" in str(caught.value) or "without an answer" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def nothing_is_half_done(system: System) -> None:
    assert system.verify_log().unfinished == ()
    assert not system._deployment.keys.grants._granted


def test_L2_without_its_custodian_nobody_is_recognised_and_with_it_again_everybody(museum: Any, keeper: Keeper) -> None:
    system = museum.open()
    assert museum.found(system, "Ada") == ["Ada"]
    keeper.go()
    all_wait(museum, system)
    # The same for a process that is started now.
    system = museum.reopen()
    all_wait(museum, system)
    keeper.come()
    assert museum.found(system, "Ada") == ["Ada"]
    assert museum.matches(system, "Ada")
    museum.enrol(system, "Hugo")
    assert museum.found(system, "Hugo") == ["Hugo"]
    nothing_is_half_done(system)


def all_wait(museum: Any, system: System) -> None:
    waits(lambda: museum.found(system, "Ada"))
    waits(lambda: museum.matches(system, "Ada"))
    waits(lambda: museum.enrol(system, "Hugo"))
    waits(lambda: system.subject("Ada"))
    waits(lambda: system.rotate("door"))
    nothing_is_half_done(system)


def test_L2_killed_in_the_middle_of_a_search_it_leaves_no_search(
    museum: Any, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = museum.open()
    size = system.log_size
    # Features are extracted after the entry and before the key is asked for.
    museum.fake(system).watch = keeper.go
    waits(lambda: museum.found(system, "Ada"))
    assert [(line.operation, line.phase) for line in system.log_lines(size)] == [
        ("identify", p) for p in ("begin", "end")
    ]
    nothing_is_half_done(system)
    museum.fake(system).watch = None
    keeper.come()
    assert museum.found(system, "Ada") == ["Ada"]


@pytest.mark.parametrize("fresh", [False, True])
def test_T2_an_erasure_does_not_wait_for_the_custodian(museum: Any, keeper: Keeper, fresh: bool) -> None:
    system = museum.open()
    museum.found(system, "Ada")
    keeper.go()
    if fresh:
        system = museum.reopen()
    erased = system.erase("Ada")
    assert (erased.references, bool(erased.receipt)) == (1, True)
    nothing_is_half_done(system)
    keeper.come()
    assert museum.found(system, "Ada") == []
    assert museum.found(system, "Grace") == ["Grace"]


def test_C2_a_withdrawal_does_not_wait_for_the_custodian(museum: Any, keeper: Keeper) -> None:
    system = museum.open()
    keeper.go()
    assert system.rights.withdraw("Grace", "door").references == 1
    nothing_is_half_done(system)
    keeper.come()
    assert museum.found(system, "Grace") == []
    assert museum.found(system, "Ada") == ["Ada"]


def test_D1_a_complaint_is_taken_without_the_custodian(museum: Any, keeper: Keeper) -> None:
    system = museum.open()
    keeper.go()
    taken = system.rights.complain("Ada", "That was not me.")
    assert [one.identifier for one in system.rights.due()] == [taken.identifier]
    nothing_is_half_done(system)
    # What it says is read with an entry that the custodian has not refused.
    waits(system.rights.complaints)
    keeper.come()
    assert [one.identifier for one in system.rights.complaints()] == [taken.identifier]


def test_T1_terms_end_without_the_custodian(museum: Any, keeper: Keeper) -> None:
    system = museum.open()
    keeper.go()
    museum.clock.advance(400 * DAY)
    told = system.rights.tick()
    assert (told.failed, told.due) == ((), ())
    assert any("erased 2 references" in line for line in told.done)
    assert system._deployment.store.counts().references == 0


def test_what_opens_no_reference_is_told_without_the_custodian(museum: Any, keeper: Keeper) -> None:
    keeper.go()
    system = museum.open()
    assert [gallery.name for gallery in system.galleries()] == ["door"]
    assert [purpose.name for purpose in system.purposes()] == ["door"]
    assert system.verify_log().unfinished == ()
    assert system.prove(0)
    assert len(list(system.log_lines())) == system.log_size
    assert system.rights.due() == ()


def test_K2_who_erases_without_the_custodian_is_still_who_may(museum: Any, keeper: Keeper) -> None:
    keys = {name: PrivateKey.generate() for name in ("ana", "ben", "cem")}
    system = museum.open()
    for name, roles in (("ana", ("operator", "approver")), ("cem", ("auditor",)), ("ben", ("operator", "approver"))):
        system.people.add(name, keys[name].public.line, roles, date(2030, 1, 1))
        system = museum.reopen(credentials=Credentials("ana", keys["ana"]))
    keeper.go()

    def erase(name: str, key: PrivateKey, subject: str = "Ada") -> None:
        museum.reopen(credentials=Credentials(name, key)).erase(subject)

    for name, key in (("ana", PrivateKey.generate()), ("cem", keys["cem"]), ("eve", keys["ana"])):
        with pytest.raises(PolicyRefusal):
            erase(name, key)
    with pytest.raises(PolicyRefusal):
        museum.reopen().erase("Ada")
    erase("ana", keys["ana"])
    keeper.come()
    system = museum.reopen(credentials=Credentials("ana", keys["ana"]))
    assert museum.found(system, "Ada") == []
    # A change of people is judged by the custodian, and waits for it.
    asked = system.people.remove("cem")
    museum.reopen(credentials=Credentials("ben", keys["ben"])).requests.decide(asked.digest, Decision.APPROVE)
    keeper.go()
    with pytest.raises(PolicyRefusal, match="not in the roster"):
        erase("cem", keys["cem"], "Grace")
    erase("ben", keys["ben"], "Grace")


def test_what_the_custodian_said_last_is_authenticated(museum: Any, keeper: Keeper) -> None:
    system = museum.open()
    museum.found(system, "Ada")
    store = system._deployment.store
    [name] = store.documents("custody")
    store.put_document("custody", name, store.document("custody", name)[:-1] + b" ")
    keeper.go()
    with pytest.raises(IntegrityError, match="altered"):
        museum.reopen().erase("Ada")


def test_W7_a_stop_without_the_custodian_says_so_and_closes_what_is_open_here(museum: Any, keeper: Keeper) -> None:
    system = museum.open()
    museum.found(system, "Ada")
    rows = opened(system)
    assert rows.any()
    keeper.go()
    waits(lambda: system.control.stop("a test"))
    assert not rows.any()
    # Nothing was stopped that would have to be restarted.
    keeper.come()
    assert museum.found(system, "Ada") == ["Ada"]


def opened(system: System) -> np.ndarray:
    """Return the rows of opened references as they lie in memory."""
    [loaded] = system._deployment.gallery("door")._loaded.values()
    index = loaded._comparator._index  # type: ignore[attr-defined]
    matrix: np.ndarray = index._matrix
    return matrix


def test_L2_what_was_opened_is_overwritten_when_its_term_ends(
    museum: Any, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = museum.open()
    presenter = type(system._deployment.presenter)
    release, given = presenter.release, []

    def short(self: Any, claim: Claim) -> Lease:
        given.append(claim.index)
        return replace(release(self, claim), seconds=0.4)

    monkeypatch.setattr(presenter, "release", short)
    ended = threading.Event()
    end = system._deployment.terms._end

    def noticed(gallery: str) -> None:
        end(gallery)
        ended.set()

    system._deployment.terms._end = noticed
    assert museum.found(system, "Ada") == ["Ada"]
    rows = opened(system)
    if not ended.is_set():
        assert rows.any()
    assert ended.wait(20)
    assert not rows.any()
    assert system._deployment.gallery("door")._loaded == {}
    # Nothing brings it back but another release, and without the custodian there is none.
    keeper.go()
    waits(lambda: museum.found(system, "Ada"))
    keeper.come()
    assert museum.found(system, "Ada") == ["Ada"]
    assert len(given) == 2


def test_L2_a_lease_lasts_as_long_as_the_standard_says(museum: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system = museum.open()
    lasting: list[float] = []
    monkeypatch.setattr(system._deployment.terms, "extend", lambda gallery, seconds: lasting.append(seconds))
    museum.found(system, "Ada")
    assert lasting == [system._deployment.standard.parameters.custody.lease.total_seconds()]


@pytest.mark.parametrize("lost", ["before", "after"])
def test_L2_a_gallery_whose_key_was_drawn_unheard_is_completed_by_repeating(
    make_world: Callable[..., Any], keeper: Keeper, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    world = make_world("new", custodian=keeper.socket)
    keeper.custodian._clock = keeper._clock = world.clock
    system = world.open()
    create = CustodyClient.create

    def dying(client: CustodyClient, *given: Any) -> Lease:
        if lost == "after":
            create(client, *given)
        keeper.go()
        return create(client, *given)

    monkeypatch.setattr(CustodyClient, "create", dying)
    waits(lambda: world.enrol(system, "Ada"))
    monkeypatch.undo()
    nothing_is_half_done(system)
    assert system.galleries() == ()
    custodian = keeper.come()
    world.enrol(system, "Ada")
    assert world.found(system, "Ada") == ["Ada"]
    assert kept_keys(custodian) == [system._deployment.keys.custodied("door")]


def kept_keys(custodian: Custodian) -> list[str]:
    with custodian._state.turn() as turn:
        row = turn.get("gallery", "door")
        assert row is not None
        return [str(pair[0]) for pair in row["keys"]]  # type: ignore[union-attr, index]


@pytest.mark.parametrize("step", ["drawn", "rewrapped", "retired"])
def test_K1_a_rotation_during_which_the_custodian_dies_is_completed_by_repeating(
    museum: Any, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    system = museum.open()
    method = "retire" if step != "drawn" else "rotate"
    original = getattr(CustodyClient, method)

    def dying(client: CustodyClient, *given: Any) -> Any:
        if step != "rewrapped":
            original(client, *given)
        keeper.go()
        return original(client, *given)

    monkeypatch.setattr(CustodyClient, method, dying)
    waits(lambda: system.rotate("door"))
    monkeypatch.undo()
    nothing_is_half_done(system)
    keeper.come()
    everything_opens(museum, system)
    system.rotate("door")
    assert kept_keys(keeper.custodian) == [system._deployment.keys.custodied("door")]
    everything_opens(museum, museum.reopen())


def everything_opens(museum: Any, system: System) -> None:
    for somebody in ("Ada", "Grace"):
        assert museum.found(system, somebody) == [somebody]
        assert system.subject(somebody).references


@pytest.mark.parametrize("step", ["drawn", "rewrapped", "retired"])
def test_K1_a_rotation_whose_process_is_killed_is_completed_by_repeating(
    museum: Any, keeper: Keeper, step: str
) -> None:
    job = {"do": "rotate_and_die", "home": str(museum.home), "step": step, "at": museum.clock.now().isoformat()}
    died = run_worker(job)
    assert died.returncode == -signal.SIGKILL, died.stdout
    system = museum.open()
    nothing_is_half_done(system)
    everything_opens(museum, system)
    system.rotate("door")
    assert kept_keys(keeper.custodian) == [system._deployment.keys.custodied("door")]
    everything_opens(museum, museum.reopen())


def run_worker(job: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(
        [sys.executable, str(WORKER), json.dumps(job)],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_the_custodian_said_last_is_kept_once_for_all_who_act(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system = world.open()
    system.acting("clerk").galleries()
    read: list[tuple[str, str]] = []
    kept = Deployment.kept

    def counted(deployment: Deployment, kind: str, name: str) -> Any:
        read.append((kind, name))
        return kept(deployment, kind, name)

    world.enrol(system.acting("clerk"), "Ada")
    monkeypatch.setattr(Deployment, "kept", counted)
    for name in ("ana", "ben"):
        world.found(system.acting(name), "Ada")
    assert read
    assert ("custody", "last") not in read
