"""An attacker's evening: what an operator with every file, his own passwords and root can try, and what stops it.

The custodian runs apart from the deployment, as it would as another user on another machine. What nothing here can
stop stands in docs/threat-model.md.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.audit.entries import Phase
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.custody.custodian import Custodian
from faceward.custody.presenter import Claim
from faceward.custody.server import CustodyServer
from faceward.operations.journal import DETAILS, Happening
from faceward.operations.system import System
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision, SignedRequest, sign_approval
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Station:
    """An investigation with a custodian apart, an operator (ana) and an approver (ben)."""

    def __init__(self, world: Any, custodian: Custodian) -> None:
        self.world, self.custodian = world, custodian
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben", "eve")}
        self.system: System = world.open(purpose=None)
        self.add("ana", "operator", "approver")
        self.add("ben", "approver")
        self.system.add_purpose("door", basis="public-task", fmr=1e-3, retention=30 * DAY)
        self.system.simulate("door", purpose="door", count=20)

    def add(self, name: str, *roles: str) -> None:
        self.system.people.add(name, self.keys[name].public.line, roles, date(2030, 1, 1))
        self.act("ana")

    def act(self, name: str) -> System:
        deployment = self.system._deployment
        deployment.begin_session(OpenSession.begin(name, self.keys[name], deployment.log.origin, deployment.now()))
        return self.system

    def reopen(self) -> System:
        self.system = self.world.reopen(purpose=None)
        return self.act("ana")

    def mandate(self, **changes: Any) -> Mandate:
        now = self.world.clock.now()
        terms = {
            "purpose": "door", "operations": ("identify",), "galleries": ("door",), "cameras": (), "place": "harbour",
            "case": "17", "basis": "s. 5", "starts": now, "until": now + 7 * DAY, "searches": 5,
            "operators": ("ana",), "urgent": False, "recipient": "",
        }  # fmt: skip
        return Mandate(**{**terms, **changes})

    def ask(self, **changes: Any) -> str:
        return self.act("ana").mandates.request(self.mandate(**changes)).digest

    def approved(self, **changes: Any) -> str:
        digest = self.ask(**changes)
        self.act("ben").mandates.decide(digest, Decision.APPROVE)
        self.act("ana")
        return digest

    def search(self, mandate: str | None) -> int:
        picture = self.world.picture("somebody")
        return self.system.identify(picture, gallery="door", purpose="door", reason="theft", mandate=mandate).entry

    def begin(self, operation: str, **details: Any) -> Any:
        """Write a beginning as an attacker would who calls what lies below the operations."""
        session = self.system._deployment.session
        assert session is not None
        told = {"gallery": "door", "purpose": "door", "session": session.signed.session.digest(), **details}
        [kept] = self.system._desk.journal.write(Phase.BEGIN, [Happening(operation, told)])
        return kept

    def claim(self, kept: Any, digest: str | None = None, **changes: Any) -> Claim:
        mandates = self.system.mandates
        signed, approvals = mandates.presented(digest) if digest else (None, ())
        given = Claim(kept.index, kept.openings[DETAILS].encode(), "door", signed, approvals)
        return replace(given, **changes)

    def present(self, claim: Claim) -> object:
        return self.system._deployment.presenter.release(claim)


@pytest.fixture
def station(make_world: Callable[..., Any], fakes: ModuleType, tmp_path: Path) -> Iterator[Station]:
    folder = tmp_path / "keeper"
    folder.mkdir(mode=0o700)
    master = secrets.token_bytes(32)
    # One clock for both, which a test may turn; the custodian's own machine would have another.
    world_clock = fakes.FixedClock()
    Custodian.set_up(folder / "state.db", master, world_clock, separate=True).close()
    custodian = Custodian.open(folder / "state.db", master, world_clock, separate=True)
    with CustodyServer(custodian, folder / "s") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            world = make_world("station", custodian=folder / "s", standard="investigation", trial=True)
            world.clock = world_clock
            yield Station(world, custodian)
        finally:
            server.stop()
            thread.join(timeout=30)
            custodian.close()


def refused(act: Callable[[], object], rule: str) -> str:
    with pytest.raises(PolicyRefusal) as caught:
        act()
    assert caught.value.rule == rule, caught.value
    assert "\n" not in str(caught.value)
    return str(caught.value)


def closed(station: Station) -> None:
    """Check that no reference can be opened."""
    keys = station.system._deployment.keys
    refused(lambda: keys.subject_keys("door"), "L2")


def test_S2_an_operator_who_approves_himself_is_refused_at_the_desk_and_below_it(station: Station) -> None:
    digest = station.ask()
    refused(lambda: station.system.mandates.decide(digest, Decision.APPROVE), "S2")
    # Below the desk: an approval of his own, written where approvals are kept.
    deployment = station.system._deployment
    signed, _ = station.system.mandates.presented(digest)
    own = sign_approval(signed.request, "ana", Decision.APPROVE, deployment.now(), station.keys["ana"])
    deployment.keep("approval", f"{digest}/ana", own.to_json())
    refused(lambda: station.search(digest), "P2")
    refused(lambda: station.present(station.claim(station.begin("identify", mandate=digest), digest)), "S2")
    # In somebody else's name, with his own key.
    forged = sign_approval(signed.request, "ben", Decision.APPROVE, deployment.now(), station.keys["ana"])
    deployment.keep("approval", f"{digest}/ben", forged.to_json())
    refused(lambda: station.search(digest), "P2")
    refused(lambda: station.present(station.claim(station.begin("identify", mandate=digest), digest)), "S2")
    closed(station)


def test_S2_an_approval_of_another_request_is_no_approval(station: Station) -> None:
    old, new = station.approved(case="16"), station.ask(case="17")
    deployment = station.system._deployment
    kept = deployment.kept("approval", f"{old}/ben")
    assert isinstance(kept, dict)
    deployment.keep("approval", f"{new}/ben", {**kept, "request": new})
    refused(lambda: station.search(new), "P2")
    _, approvals = station.system.mandates.presented(old)
    claim = station.claim(station.begin("identify", mandate=new), new, approvals=approvals)
    assert "another request" in refused(lambda: station.present(claim), "S2")
    closed(station)


def test_P2_a_mandate_widened_after_it_was_approved_is_another(station: Station) -> None:
    digest = station.approved(searches=1)
    signed, _ = station.system.mandates.presented(digest)
    wider = replace(signed.request, body={**signed.request.body, "searches": 50})
    station.search(digest)
    kept = station.begin("identify", mandate=wider.digest())
    claim = replace(station.claim(kept, digest), mandate=SignedRequest(wider, signed.signature))
    refused(lambda: station.present(claim), "S2")
    # Nor does forgetting how often it was used help: the custodian counts.
    refused(lambda: station.search(digest), "P2")
    closed(station)


def test_P2_documents_written_with_the_deployments_own_key_move_no_custodian(station: Station) -> None:
    """He holds the passphrase, so that he can authenticate any document; the custodian looks at signatures."""
    deployment = station.system._deployment
    roster = deployment.custody.status().roster
    for name in deployment.store.documents("request"):
        deployment.store.delete_document("request", name)
    assert deployment.custody.status().roster == roster
    refused(lambda: station.search("0" * 64), "P2")


def test_L2_an_entry_for_another_operation_gallery_or_purpose_opens_nothing(station: Station) -> None:
    digest = station.approved()
    # An erasure needs no mandate; its entry is not good for a search, and the key it brings is logged as what it is.
    refused(lambda: station.present(station.claim(station.begin("rotate.other"))), "L2")
    other = station.begin("identify", mandate=digest, gallery="vault")
    refused(lambda: station.present(station.claim(other, digest)), "L2")
    purpose = station.begin("identify", mandate=digest, purpose="fun")
    refused(lambda: station.present(station.claim(purpose, digest)), "P2")
    closed(station)


def test_L2_an_entry_is_presented_once_and_while_it_is_fresh(station: Station) -> None:
    digest = station.approved()
    kept = station.begin("identify", mandate=digest)
    station.present(station.claim(kept, digest))
    refused(lambda: station.present(station.claim(kept, digest)), "L2")
    stale = station.begin("identify", mandate=digest)
    station.world.clock.advance(5 * MINUTE)
    refused(lambda: station.present(station.claim(stale, digest)), "L2")
    closed(station)


def test_L2_details_other_than_those_committed_to_are_refused(station: Station) -> None:
    digest = station.approved()
    kept = station.begin("identify", mandate=digest)
    opening = kept.openings[DETAILS]
    other = replace(opening, details={**opening.details, "gallery": "door", "reason": "another"})
    with pytest.raises(IntegrityError, match="not those of the log entry"):
        station.present(station.claim(kept, digest, details=other.encode()))
    closed(station)


def test_L2_a_log_rolled_back_to_yesterday_is_refused_with_every_file_of_the_home(station: Station) -> None:
    """He restores the whole home, key store included, so that the deployment itself notices nothing."""
    station.search(station.approved())
    station.world.close()
    yesterday = station.world.folder / "yesterday"
    shutil.copytree(station.world.home, yesterday)
    station.reopen()
    station.search(station.approved())
    station.world.close()
    shutil.rmtree(station.world.home)
    shutil.copytree(yesterday, station.world.home)
    station.reopen()
    with pytest.raises(IntegrityError):
        station.search(station.approved())
    closed(station)


def test_L2_a_forked_log_is_refused_also_when_it_is_longer(station: Station) -> None:
    station.world.close()
    fork = station.world.folder / "fork"
    shutil.copytree(station.world.home, fork)
    station.reopen()
    station.search(station.approved())
    station.world.close()
    shutil.rmtree(station.world.home)
    shutil.copytree(fork, station.world.home)
    station.reopen()
    for number in range(30):
        station.system.add_purpose(f"p{number}", basis="public-task", fmr=1e-3, retention=DAY)
    with pytest.raises(IntegrityError):
        station.search(station.approved())
    closed(station)


def test_L2_a_clock_set_back_revives_no_mandate(station: Station) -> None:
    digest = station.approved(until=station.world.clock.now() + DAY)
    station.search(digest)
    station.world.clock.advance(2 * DAY)
    station.reopen()
    refused(lambda: station.search(digest), "P2")
    # The custodian's state remembers two days later; an own clock that was set back makes it refuse.
    station.present(station.claim(station.begin("subject.show")))
    station.world.clock.advance(-2 * DAY)
    station.reopen()
    with pytest.raises(EnvironmentFailure, match="clock"):
        station.search(digest)
    closed(station)


def test_K2_a_swapped_policy_file_is_noticed_by_deployment_and_custodian(station: Station) -> None:
    digest = station.approved()
    deployment = station.system._deployment
    standard = deployment.standard
    lax = replace(standard.parameters, mandate=replace(standard.parameters.mandate, required=frozenset[str]()))
    deployment.standard = replace(standard, parameters=lax, digest="f" * 64)
    refused(lambda: station.search(digest), "K2")
    # He patches the check away as well: the custodian goes by its own copy of the standard.
    deployment.standard = replace(standard, parameters=lax)
    refused(lambda: station.present(station.claim(station.begin("identify"))), "P2")
    closed(station)


def test_W7_a_stop_ends_searching_at_once_and_two_people_restart(station: Station) -> None:
    digest = station.approved()
    station.search(digest)
    station.system.control.stop("a test")
    refused(lambda: station.search(digest), "W7")
    refused(lambda: station.present(station.claim(station.begin("identify", mandate=digest), digest)), "W7")
    asked = station.system.control.restart()
    refused(lambda: station.system.requests.decide(asked.digest, Decision.APPROVE), "S2")
    refused(lambda: station.search(digest), "W7")
    station.act("ben").requests.decide(asked.digest, Decision.APPROVE)
    station.act("ana")
    station.search(digest)


def test_S2_a_stranger_with_a_key_of_his_own_signs_in_nowhere(station: Station) -> None:
    digest = station.approved()
    deployment = station.system._deployment
    session = OpenSession.begin("ana", station.keys["eve"], deployment.log.origin, deployment.now())
    deployment.begin_session(session)
    refused(lambda: station.present(station.claim(station.begin("identify", mandate=digest), digest)), "S2")
    deployment.session = None
    deployment.presenter._session = None
    with pytest.raises(PolicyRefusal):
        station.search(digest)
    closed(station)


def test_L2_killed_between_record_and_act_the_entry_stays_and_nothing_is_open(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = station.approved()
    presenter = type(station.system._deployment.presenter)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(presenter, "release", killed)
    before = station.system.log_size
    with pytest.raises(KeyboardInterrupt):
        station.search(digest)
    monkeypatch.undo()
    phases = [(line.operation, line.phase) for line in station.system.log_lines(before)]
    assert phases == [("identify", "begin"), ("identify", "end")]
    assert station.system.mandates.show(digest).spent == 0
    closed(station)


def test_L2_edits_in_the_databases_open_nothing(station: Station) -> None:
    digest = station.approved(searches=1)
    station.search(digest)
    station.world.close()
    # The key store: he points the gallery to a key of its own, which the passphrase would open.
    with closing(sqlite3.connect(station.world.home / "keys.db")) as keys:
        keys.execute("DELETE FROM custodied")
        keys.commit()
    station.reopen()
    with pytest.raises(FacewardError):
        station.system._deployment.keys.subject_keys("door")
    with pytest.raises(PolicyRefusal):
        station.search(digest)


def test_L2_the_custodians_state_is_authenticated(station: Station, tmp_path: Path) -> None:
    station.search(station.approved(searches=1))
    path = station.custodian.path
    copy = tmp_path / "copy.db"
    shutil.copyfile(path, copy)
    for beside in path.parent.glob(path.name + "-*"):
        shutil.copyfile(beside, copy.with_name(copy.name + beside.name[len(path.name) :]))
    with closing(sqlite3.connect(copy)) as state:
        gone = state.execute("DELETE FROM kept WHERE kind = (SELECT MIN(kind) FROM kept)").rowcount
        state.commit()
    assert gone
    with pytest.raises(IntegrityError):
        Custodian.open(copy, station.custodian._keys._master, station.world.clock, separate=True)


def test_L1_what_was_done_is_in_the_log_whatever_was_tried(station: Station) -> None:
    digest = station.approved()
    entry = station.search(digest)
    refused(lambda: station.search(None), "P2")
    lines = {line.index: line for line in station.system.log_lines()}
    begun = lines[entry].opened["details"]
    assert (begun["operator"], begun["mandate"], begun["gallery"]) == ("ana", digest, "door")
    assert begun["probe_sha256"]
    *_, last = lines.values()
    assert (last.phase, last.opened["details"]["rule"]) == ("denied", "P2")
    assert station.system.verify_log().unfinished == ()
    assert json.dumps(begun, default=dict)


def test_an_unknown_mandate_is_a_refusal_and_not_a_crash(station: Station) -> None:
    for name in ("", "zz", "0" * 64, "f" * 8):
        with pytest.raises((PolicyRefusal, UsageError)):
            station.search(name)


def test_S2_an_approver_who_is_a_named_operator_does_not_approve_his_own_search(station: Station) -> None:
    """Ana lets somebody else ask for a mandate that names her, and approves it herself."""
    station.system.people.add("eve", station.keys["eve"].public.line, ("operator",), date(2030, 1, 1))
    [waiting] = station.system.requests.listed(waiting=True)
    station.act("ben").requests.decide(waiting.digest, Decision.APPROVE)
    digest = station.act("eve").mandates.request(station.mandate(operators=("ana", "eve"))).digest
    station.act("ana").mandates.decide(digest, Decision.APPROVE)
    refused(lambda: station.search(digest), "P2")
    refused(lambda: station.present(station.claim(station.begin("identify", mandate=digest), digest)), "P2")
    # What she approved covers the other whom it names.
    station.act("eve")
    station.search(digest)
    station.act("ben").mandates.decide(digest, Decision.APPROVE)
    station.act("ana")
    station.search(digest)
