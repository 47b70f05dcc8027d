"""People whose keys are passkeys: each act is first drawn, then signed in a browser, then done, and only then done."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from types import ModuleType
from typing import Any, TypeVar

import pytest

from faceward.cli.signatures import how_to_check, write_evidence
from faceward.core.canonical import sha256_hex
from faceward.core.errors import PolicyRefusal, SignatureNeeded
from faceward.operations import signing_in
from faceward.operations.requests import Brought
from faceward.operations.signing import FRESH
from faceward.operations.system import System
from faceward.policy.mandates import Mandate
from faceward.policy.requests import APPROVAL_NAMESPACE, REQUEST_NAMESPACE, Decision
from faceward.policy.sessions import OpenSession, Presigned
from faceward.policy.sshsig import PrivateKey
from faceward.policy.statements import STATEMENT_NAMESPACE
from faceward.policy.watchlist import Particulars

APPROVE, REFUSE = Decision.APPROVE, Decision.REFUSE
DAY = timedelta(days=1)
KEYGEN = shutil.which("ssh-keygen")
Result = TypeVar("Result")


class Office:
    """A deployment whose people have passkeys: Ana asks, Ben and Cem approve."""

    def __init__(self, world: Any, kit: ModuleType) -> None:
        self.world, self.kit = world, kit
        self.system: System = world.open(purpose=None)
        self.passkeys = {name: kit.SoftPasskey() for name in ("ana", "ben", "cem", "dee")}
        # The first two are founded by whoever set it up; nobody could have signed in yet.
        self.add(self.system, "ana", "operator", "approver")
        self.add(self.act("ana"), "ben", "approver", signer="ana")
        assert self.system.people.roster().complete

    def add(self, system: System, name: str, *roles: str, signer: str = "") -> Any:
        line = self.passkeys[name].public.line
        return self.twice(signer, lambda: system.people.add(name, line, roles, date(2027, 12, 31)), system)

    def session(self, name: str, **changes: Any) -> OpenSession:
        opened: OpenSession = self.passkeys[name].open(signing_in.prepare(self.system._deployment, name), **changes)
        return opened

    def act(self, name: str) -> System:
        """Sign in with the passkey, in the view of one caller; another worker process then goes on with it."""
        system = self.system.acting(name)
        signing_in.admit(system._deployment, system._desk, self.session(name))
        held = system._deployment.session
        assert held is not None
        return self.system.acting(name, OpenSession.from_secret(held.to_secret()))

    def bring(self, system: System, *presigned: Presigned) -> None:
        session = system._deployment.session
        assert session is not None
        system._deployment.begin_session(session.with_signatures(*presigned))

    def twice(self, name: str, act: Callable[[], Result], system: System) -> Result:
        """Act as a page does: what is needed is signed, and the act is repeated with it."""
        if system._deployment.session is None:
            return act()
        before = self.state()
        with pytest.raises(SignatureNeeded) as caught:
            act()
        assert self.state() == before
        self.bring(system, self.passkeys[name].presign(caught.value))
        done = act()
        self.bring(system)
        return done

    def state(self) -> tuple[Any, ...]:
        """Return what an act could have changed: log, requests, mandates, roster, the switch."""
        system = self.system
        status = system._deployment.custody.status()
        return (len(self.log()), system.requests.listed(), status.roster, status.stopped, status.revoked, status.pins)

    def mandate(self, **changes: Any) -> Mandate:
        now = self.system._deployment.now()
        terms = {
            "purpose": "door", "operations": ("identify",), "galleries": ("door",), "cameras": (), "place": "Prag",
            "case": "K-1", "basis": "§ 1", "starts": now, "until": now + 7 * DAY, "searches": 3,
            "operators": ("ana",), "urgent": False, "recipient": "",
        }  # fmt: skip
        return Mandate(**{**terms, **changes})

    def asked(self) -> str:
        system, mandate = self.act("ana"), self.mandate()
        digest: str = self.twice("ana", lambda: system.mandates.request(mandate), system).digest
        return digest

    def approved(self) -> str:
        digest, system = self.asked(), self.act("ben")
        self.twice("ben", lambda: system.mandates.decide(digest, APPROVE), system)
        return digest

    def search(self, system: System, mandate: str | None) -> None:
        system.identify(
            self.world.picture("stranger"), gallery="door", purpose="door", reason="a test", mandate=mandate
        )

    def log(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = self.world.log(self.system)
        return found

    def refused(self, act: Callable[[], object], rule: str = "S2") -> str:
        before = len(self.log())
        with pytest.raises(PolicyRefusal) as caught:
            act()
        assert caught.value.rule == rule
        assert [phase for _, phase in self.log()[before:]] == ["denied"]
        return str(caught.value)


@pytest.fixture
def police(make_world: Callable[..., Any], passkey_kit: ModuleType) -> Office:
    """Return an office under a standard that lets nobody search without a mandate and a session."""
    office = Office(make_world(standard="investigation", trial=True), passkey_kit)
    system = office.act("ana")
    system.add_purpose("door", basis="public-task", fmr=1e-3, retention=90 * DAY)
    system.simulate("door", purpose="door", count=20)
    return office


def test_S2_a_mandate_is_asked_for_approved_and_used_with_passkeys(police: Office) -> None:
    digest = police.asked()
    ana = police.act("ana")
    assert "not approved" in police.refused(lambda: police.search(ana, digest), "P2")
    own = police.passkeys["ana"].presign(_needed(lambda: ana.mandates.decide(digest, APPROVE)))
    police.bring(ana, own)
    assert "'ana' asked for it" in police.refused(lambda: ana.mandates.decide(digest, APPROVE))
    ben = police.act("ben")
    shown = police.twice("ben", lambda: ben.mandates.decide(digest, APPROVE), ben)
    assert (shown.state, [d.approver for d in shown.decisions]) == ("approved", ["ben"])
    # Searching needs no touch: the session's key signs each use, and the custodian checks whose session it is.
    ana = police.act("ana")
    police.search(ana, digest)
    police.search(ana, digest)
    assert ana.mandates.show(digest).spent == 2
    assert "needs a mandate" in police.refused(lambda: police.search(ana, None), "P2")


def _needed(act: Callable[[], object]) -> SignatureNeeded:
    with pytest.raises(SignatureNeeded) as caught:
        act()
    return caught.value


@pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen (package openssh-client) is not on this machine")
def test_K2_an_outsider_checks_what_passkeys_signed_with_openssh(police: Office, tmp_path: Any) -> None:
    shown = police.system.mandates.show(police.approved())
    write_evidence(shown, tmp_path / "evidence")
    commands = [line for line in how_to_check(shown, tmp_path / "evidence") if "ssh-keygen" in line]
    assert len(commands) == 2
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path / "evidence", capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_K2_who_signs_in_proves_it_with_the_passkey(police: Office) -> None:
    system = police.system.acting("ana")
    prepared = signing_in.prepare(system._deployment, "ana")
    for session in (
        police.passkeys["dee"].open(prepared),
        police.passkeys["ana"].open(prepared, flags=0x01),
        police.passkeys["ana"].open(prepared, origin="https://evil.example"),
        prepared.opened(""),
        OpenSession.begin("ana", PrivateKey.generate(), "elsewhere", system._deployment.now()),
    ):
        police.refused(lambda session=session: signing_in.admit(system._deployment, system._desk, session))
        assert system._deployment.session is None
    signing_in.admit(system._deployment, system._desk, police.passkeys["ana"].open(prepared))
    assert police.log()[-1] == ("sign-in", "note")
    police.world.clock.advance(timedelta(hours=9))
    assert "has ended" in police.refused(lambda: system.mandates.request(police.mandate()))


def test_S2_people_are_added_and_removed_with_passkeys(police: Office) -> None:
    ana, ben = police.act("ana"), police.act("ben")
    added = police.add(ana, "cem", "approver", signer="ana")
    assert added.state == "waiting"
    police.twice("ben", lambda: ben.requests.decide(added.digest, APPROVE), ben)
    assert "cem" in police.system.people.roster()
    [cem] = [person for person in police.system.people.listed() if person.name == "cem"]
    assert cem.key == police.passkeys["cem"].public.line
    removed = police.twice("ana", lambda: ana.people.remove("cem"), ana)
    police.twice("ben", lambda: ben.requests.decide(removed.digest, REFUSE), ben)
    assert "cem" in police.system.people.roster()


def test_S2_a_second_passkey_is_approved_by_another_person_and_then_counts(police: Office) -> None:
    ana, ben = police.act("ana"), police.act("ben")
    first, second = police.passkeys["ben"], police.kit.SoftPasskey()
    roles, trained, lines = ("approver",), date(2027, 12, 31), (second.public.line,)
    assert police.system.people.roster().person("ben").further == ()
    changed = police.twice("ben", lambda: ben.people.add("ben", first.public.line, roles, trained, lines), ben)
    police.twice("ana", lambda: ana.requests.decide(changed.digest, APPROVE), ana)
    police.passkeys["ben"] = second
    digest = police.approved()
    shown = ana.mandates.show(digest)
    assert shown.state == "approved"
    assert [line.rsplit(" ", 1)[1] for line in shown.signers if line.startswith("ben ")] == [
        key.line.rsplit(" ", 1)[1] for key in (first.public, second.public)
    ]
    police.search(ana, digest)


def test_S2_what_was_signed_serves_for_exactly_that(police: Office) -> None:
    system, mandate = police.act("ana"), police.mandate()
    needed = _needed(lambda: system.mandates.request(mandate))
    assert needed.namespace == REQUEST_NAMESPACE
    assert needed.prepared["body"] == mandate.to_json()
    police.bring(system, police.passkeys["ana"].presign(needed))
    for other in (replace(mandate, searches=4), replace(mandate, until=mandate.until + DAY)):
        assert _needed(lambda other=other: system.mandates.request(other)).message != needed.message
    # Somebody else's act does not take it either.
    ben = police.act("ben")
    police.bring(ben, police.passkeys["ana"].presign(needed))
    assert _needed(lambda: ben.mandates.request(mandate)).prepared["requester"] == "ben"
    police.world.clock.advance(FRESH)
    digest = system.mandates.request(mandate).digest
    assert digest == sha256_hex(needed.message)
    # Repeating it is the same request, not another.
    assert system.mandates.request(mandate).digest == digest
    police.world.clock.advance(timedelta(seconds=1))
    assert _needed(lambda: system.mandates.request(mandate)).message != needed.message


def test_S2_what_another_passkey_signed_is_refused_and_recorded(police: Office) -> None:
    system, mandate = police.act("ana"), police.mandate()
    needed = _needed(lambda: system.mandates.request(mandate))
    for signature in (
        police.passkeys["ben"].sign(needed.namespace, needed.message),
        police.passkeys["ana"].sign(needed.namespace, needed.message, flags=0x01),
        police.passkeys["ana"].sign(needed.namespace, needed.message, crossOrigin=True),
        police.passkeys["ana"].sign(APPROVAL_NAMESPACE, needed.message),
        "",
    ):
        police.bring(system, Presigned(needed.namespace, needed.message, signature))
        police.refused(lambda: system.mandates.request(mandate))
    assert system.mandates.listed() == ()
    for message in (b"", b"[]", b"{", needed.message.replace(b'{"', b'{ "', 1)):
        police.bring(system, Presigned(needed.namespace, message, "x"))
        _needed(lambda: system.mandates.request(mandate))


def test_S2_a_decision_is_signed_in_the_page_or_brought(police: Office) -> None:
    digest, other = police.asked(), police.asked()
    ben = police.act("ben")
    message = ben.requests.message_for(digest, "ben", APPROVE)
    signature = police.passkeys["ben"].sign(APPROVAL_NAMESPACE, message)
    police.bring(ben, Presigned(APPROVAL_NAMESPACE, message, signature))
    for start, decision in ((other, APPROVE), (digest, REFUSE)):
        assert _needed(lambda start=start, decision=decision: ben.requests.decide(start, decision)).message != message
    police.world.clock.advance(FRESH + timedelta(seconds=1))
    assert _needed(lambda: ben.requests.decide(digest, APPROVE)).message != message
    ana = police.act("ana")
    shown = ana.requests.decide(digest, APPROVE, Brought(message, signature))
    assert [d.approver for d in shown.decisions] == ["ben"]


def test_W7_stop_revoke_and_restart_with_passkeys(police: Office) -> None:
    digest, ben, ana = police.approved(), police.act("ben"), police.act("ana")
    needed = _needed(lambda: ben.mandates.revoke(digest, "the wrong street"))
    assert needed.namespace == STATEMENT_NAMESPACE
    shown = police.twice("ben", lambda: ben.mandates.revoke(digest, "the wrong street"), ben)
    assert shown.state == "revoked"
    police.twice("ben", lambda: ben.control.stop("a wrong match"), ben)
    assert police.system._deployment.custody.status().stopped
    asked = police.twice("ana", ana.control.restart, ana)
    police.twice("ben", lambda: ben.requests.decide(asked.digest, APPROVE), ben)
    assert not police.system._deployment.custody.status().stopped


def test_S2_several_things_are_all_signed_before_the_first_is_asked_for(police: Office) -> None:
    system, bodies = police.act("ana"), {"standard": {"name": "a", "digest": "1"}, "pack": {"name": "b", "digest": "2"}}
    before, brought = police.state(), []
    for _ in range(2):
        brought.append(police.passkeys["ana"].presign(_needed(lambda: system.requests.ask_all(bodies))))
        police.bring(system, *brought)
        assert police.state() == before
    assert [asked.kind for asked in system.requests.ask_all(bodies)] == ["standard", "pack"]


def test_E1_an_entry_on_a_watchlist_is_asked_for_with_a_passkey(police: Office) -> None:
    system = police.act("ana")
    picture = police.world.picture("Hugo")
    samples = (sha256_hex(picture.read_bytes()),)
    stated = Particulars("Hugo", "door", "door", "a file", "K-1", samples, born=date(1990, 1, 31))
    needed = _needed(lambda: system.rights.request_entry(stated))
    assert police.system.requests.listed(waiting=True) == ()
    before = police.log()
    assert before[-2:] == [("watchlist.entry", "begin"), ("watchlist.entry", "end")]
    police.bring(system, police.passkeys["ana"].presign(needed))
    other = _needed(lambda: system.rights.request_entry(replace(stated, evidence="K-2")))
    assert other.message != needed.message
    asked = system.rights.request_entry(stated)
    assert asked.digest == sha256_hex(needed.message)
    assert police.log()[len(before) + 2 :] == [("entry.request", "note")]
    ben = police.act("ben")
    shown = police.twice("ben", lambda: ben.requests.decide(asked.digest, APPROVE), ben)
    assert shown.state == "approved"


def test_S2_a_machine_acts_with_its_key_and_asks_for_nothing_in_another_process(police: Office) -> None:
    key = PrivateKey.generate()
    ana, ben = police.act("ana"), police.act("ben")
    line = key.public.line
    added = police.twice("ana", lambda: ana.people.add("key front desk", line, ("operator",), date(2027, 1, 1)), ana)
    police.twice("ben", lambda: ben.requests.decide(added.digest, APPROVE), ben)
    deployment = police.system._deployment
    session = OpenSession.begin("key front desk", key, deployment.log.origin, deployment.now())
    machine = police.system.acting("key front desk", OpenSession.from_secret(session.to_secret()))
    mandate = replace(police.mandate(), operators=("key front desk",))
    digest = police.twice("ana", lambda: ana.mandates.request(mandate), ana).digest
    police.twice("ben", lambda: ben.mandates.decide(digest, APPROVE), ben)
    police.search(machine, digest)
    assert machine.mandates.show(digest).spent == 1


def test_S1_looser_rates_wait_for_two_passkeys(world: Any, passkey_kit: ModuleType) -> None:
    office = Office(world, passkey_kit)
    system = office.act("ana")
    system.add_purpose("door", basis="consent", fmr=1e-4, fpir=0.001, retention=365 * DAY, alternative="a badge")
    ben = office.act("ben")
    # It lowers no threshold, so that it needs nobody's signature.
    assert office.world.prove(system).state == "done"
    waiting = office.twice("ana", lambda: system.evidence.change_purpose("door", fmr=1e-3), system)
    assert waiting.state == "waiting"
    office.twice("ben", lambda: ben.requests.decide(waiting.request, APPROVE), ben)
    [door] = system.purposes()
    assert door.fmr == 1e-3
