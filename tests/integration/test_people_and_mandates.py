"""Two people: who asks does not approve, what was refused stays refused, and outsiders can check who signed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.cli.signatures import how_to_check, write_evidence
from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput, IntegrityError, PolicyRefusal, UsageError
from faceward.core.request_results import Asked
from faceward.operations import requests
from faceward.operations.deployment import Deployment
from faceward.operations.grounds import Grounds
from faceward.operations.requests import Brought
from faceward.operations.system import System
from faceward.policy.mandates import FACTS, Mandate, Use
from faceward.policy.requests import APPROVAL_NAMESPACE, Decision, sign_approval
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.watchlist import Particulars

APPROVE, REFUSE = Decision.APPROVE, Decision.REFUSE
DAY = timedelta(days=1)
KEYGEN = shutil.which("ssh-keygen")


class Office:
    """A deployment at which one person at a time is signed in."""

    def __init__(self, world: Any, purpose: str | None = "door") -> None:
        self.world = world
        self.system: System = world.open(purpose=purpose)
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben", "cem", "dee", "eve")}

    @property
    def deployment(self) -> Deployment:
        return self.system._deployment

    @property
    def now(self) -> datetime:
        return self.deployment.now()

    def act(self, name: str | None) -> System:
        """Sign in; None signs out."""
        deployment = self.deployment
        if name is None:
            deployment.session, deployment.operator = None, "clerk"
        else:
            origin = deployment.log.origin
            deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, deployment.now()))
        return self.system

    def add(self, who: str | None, name: str, *roles: str) -> Asked:
        return self.act(who).people.add(name, self.keys[name].public.line, roles, date(2026, 12, 31))

    def staff(self) -> Office:
        """Found the roster: Ana asks, Ben and Cem approve."""
        assert self.add(None, "ana", "operator", "approver").state == "carried out"
        assert self.add("ana", "ben", "approver").state == "carried out"
        assert self.add("ana", "cem", "approver", "operator").state == "waiting"
        self.act("ben").requests.decide(self.waiting(), APPROVE)
        return self

    def waiting(self) -> str:
        [found] = [view for view in self.system.requests.listed(waiting=True) if view.kind.startswith("person")]
        return found.digest

    def mandate(self, **changes: Any) -> Mandate:
        terms = {
            "purpose": "door", "operations": ("identify",), "galleries": ("door",), "cameras": (), "place": "Prag",
            "case": "K-1", "basis": "§ 1", "starts": self.now, "until": self.now + 7 * DAY, "searches": 3,
            "operators": ("ana",), "urgent": False, "recipient": "",
        }  # fmt: skip
        return Mandate(**{**terms, **changes})

    def ask(self, **changes: Any) -> str:
        return self.act("ana").mandates.request(self.mandate(**changes)).digest

    def use(self) -> Use:
        return Use("identify", "door", "door", None, "ana", self.now)

    def lacks(self, digest: str | None) -> set[str]:
        facts = self.system.mandates.assess(digest, self.use())
        assert set(facts) == set(FACTS)
        return {fact for fact, holds in facts.items() if not holds}

    def search(self, mandate: str | None, camera: str | None = None) -> None:
        terms = {"gallery": "door", "purpose": "door", "reason": "a test", "mandate": mandate, "camera": camera}
        self.system.identify(self.world.picture("stranger"), **terms)

    def log(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = self.world.log(self.system)
        return found

    def refused(self, act: Callable[[], object], rule: str = "S2") -> str:
        """Return why an act is refused, and see that the log says so."""
        before = len(self.log())
        with pytest.raises(PolicyRefusal) as caught:
            act()
        assert caught.value.rule == rule
        assert [phase for _, phase in self.log()[before:]] == ["denied"]
        return str(caught.value)


@pytest.fixture
def office(world: Any) -> Office:
    return Office(world)


@pytest.fixture
def staffed(office: Office) -> Office:
    return office.staff()


def test_S2_the_roster_is_founded_and_then_needs_two_people(staffed: Office) -> None:
    system = staffed.system
    assert [(p.name, p.roles) for p in system.people.listed()] == [
        ("ana", ("approver", "operator")),
        ("ben", ("approver",)),
        ("cem", ("approver", "operator")),
    ]
    assert [view.state for view in system.requests.listed()] == ["carried out"] * 3
    [first] = [view for view in system.requests.listed() if not view.signature]
    assert (first.requester, first.body["name"]) == ("clerk", "ana")
    assert [(o, p) for o, p in staffed.log() if o == "person.add"] == [
        ("person.add", "begin"),
        ("person.add", "end"),
    ] * 3


def test_S2_nobody_is_added_or_removed_without_another_person(staffed: Office) -> None:
    added = staffed.add("ana", "eve", "operator")
    assert added.state == "waiting"
    assert "eve" not in staffed.system.people.roster()
    staffed.refused(lambda: staffed.act("ana").requests.decide(added.digest, APPROVE))
    staffed.refused(lambda: staffed.add(None, "dee", "operator"))
    assert staffed.act("ben").requests.decide(added.digest, APPROVE).state == "carried out"
    assert "eve" in staffed.system.people.roster()

    removed = staffed.act("ana").people.remove("eve")
    assert "eve" in staffed.system.people.roster()
    staffed.act("cem").requests.decide(removed.digest[:8], APPROVE)
    assert "eve" not in staffed.system.people.roster()
    with pytest.raises(UsageError, match="carried out already"):
        staffed.act("ben").requests.decide(added.digest, APPROVE)


def test_S2_a_shared_key_is_refused(staffed: Office) -> None:
    staffed.keys["eve"] = staffed.keys["ana"]
    assert "'ana' holds this key already" in staffed.refused(lambda: staffed.add("ben", "eve", "approver"))


def test_S2_who_is_not_in_the_roster_asks_for_nothing(staffed: Office) -> None:
    assert "'eve' is not in the roster" in staffed.refused(lambda: staffed.act("eve").people.remove("cem"))
    staffed.keys["ana"] = PrivateKey.generate()
    assert "another key" in staffed.refused(lambda: staffed.act("ana").people.remove("cem"))


def test_P2_a_mandate_is_approved_by_another_person(staffed: Office) -> None:
    digest = staffed.ask()
    assert staffed.lacks(digest) == {"mandate_approved"}
    assert "'ana' asked for it" in staffed.refused(lambda: staffed.act("ana").mandates.decide(digest, APPROVE))
    shown = staffed.act("ben").mandates.decide(digest[:8], APPROVE)
    assert (shown.state, shown.spent) == ("approved", 0)
    assert [(d.approver, d.decision, d.counts) for d in shown.decisions] == [("ben", "approve", True)]
    assert staffed.lacks(digest) == set()
    assert staffed.lacks(None) == set(FACTS)
    assert [view.digest for view in staffed.system.mandates.listed()] == [digest]
    signed, approvals = staffed.system.mandates.presented(digest)
    assert (signed.digest(), len(approvals)) == (digest, 1)
    assert ("mandate.approve", "end") in staffed.log()


def test_S2_a_mandate_is_not_asked_for_or_approved_by_nobody(staffed: Office) -> None:
    staffed.act(None)
    assert "nobody has signed in" in staffed.refused(lambda: staffed.system.mandates.request(staffed.mandate()))
    digest = staffed.ask()
    staffed.act(None)
    assert "nobody has signed in" in staffed.refused(lambda: staffed.system.mandates.decide(digest, APPROVE))
    assert "nobody has signed in" in staffed.refused(lambda: staffed.system.mandates.revoke(digest, "why"))


def test_P2_a_mandate_beyond_the_standard_is_not_asked_for(staffed: Office) -> None:
    staffed.refused(lambda: staffed.ask(until=staffed.now + 200 * DAY), "P2")
    staffed.refused(lambda: staffed.ask(searches=100_000), "P2")
    staffed.refused(lambda: staffed.ask(urgent=True), "P7")
    staffed.refused(lambda: staffed.ask(purpose="other"), "P1")
    for operators in (("ben",), ("nobody",)):
        with pytest.raises(UsageError, match="no operator in the roster"):
            staffed.ask(operators=operators)
    assert staffed.system.mandates.listed() == ()


def test_P2_a_mandate_ends_with_its_term(staffed: Office) -> None:
    digest = staffed.ask()
    staffed.act("ben").mandates.decide(digest, APPROVE)
    staffed.world.clock.advance(7 * DAY)
    assert staffed.lacks(digest) == {"mandate_approved", "mandate_in_force"}
    assert staffed.system.mandates.show(digest).state == "ended"
    assert "its term ended" in staffed.refused(lambda: staffed.act("cem").mandates.decide(digest, APPROVE))


def test_P7_a_refusal_outweighs_approvals_and_revokes(staffed: Office) -> None:
    digest = staffed.ask()
    staffed.act("ben").mandates.decide(digest, APPROVE)
    assert staffed.act("cem").mandates.decide(digest, REFUSE).state == "refused"
    assert staffed.lacks(digest) == {"mandate_approved", "mandate_not_revoked"}
    assert digest in staffed.deployment.custody.status().revoked
    # Who thinks better of it asks anew.
    staffed.act("cem").mandates.decide(digest, REFUSE)
    with pytest.raises(UsageError, match="refused it already"):
        staffed.act("cem").mandates.decide(digest, APPROVE)


@pytest.fixture
def police(make_world: Callable[..., Any]) -> Office:
    """Return an office under a standard that knows urgent mandates and asks approvers for training."""
    office = Office(make_world(standard="investigation", trial=True), purpose=None).staff()
    office.act("ana").add_purpose("door", basis="public-task", fmr=1e-3, retention=90 * DAY)
    return office


def test_P7_an_urgent_mandate_is_usable_unapproved_for_its_hours(police: Office) -> None:
    digest = police.ask(urgent=True)
    assert police.lacks(digest) == set()
    police.world.clock.advance(timedelta(hours=47, minutes=59))
    assert police.lacks(digest) == set()
    police.world.clock.advance(timedelta(minutes=1))
    assert police.lacks(digest) == {"mandate_approved"}
    police.act("ben").mandates.decide(digest, APPROVE)
    assert police.lacks(digest) == set()


def test_P7_the_clock_records_once_that_nobody_approved_an_urgent_mandate_in_time(police: Office) -> None:
    approved, left = police.ask(urgent=True), police.ask(urgent=True)
    police.act("ben").requests.decide(approved, APPROVE)
    assert not any("locked" in line for line in police.system.rights.tick().done)
    police.world.clock.advance(timedelta(hours=49))
    told = [line for line in police.system.rights.tick().done if "locked" in line]
    assert told == [f"locked the urgent mandate {left[:12]}: nobody approved it in time"]
    assert ("mandate.lock", "end") in police.log()
    assert police.system.rights.tick().done == ()
    police.world.clock.advance(10 * DAY)
    assert not any("locked" in line for line in police.system.rights.tick().done)


def test_P7_a_refused_urgent_mandate_is_void_at_once_and_its_cases_are_deleted(
    police: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[str] = []
    monkeypatch.setattr(requests, "delete_linked", lambda _deployment, _desk, digest: deleted.append(digest))
    digest, other = police.ask(urgent=True), police.ask(urgent=True)
    police.act("cem").mandates.decide(digest, REFUSE)
    assert police.lacks(digest) == {"mandate_not_revoked"}
    assert police.lacks(other) == set()
    assert deleted == [digest]


def test_S2_an_approver_whose_training_has_ended_does_not_approve(police: Office) -> None:
    digest = police.ask(until=police.now + 20 * DAY)
    police.act("ben").mandates.decide(digest, APPROVE)
    assert police.lacks(digest) == set()
    police.act("ana").people.add("ben", police.keys["ben"].public.line, ("approver",), police.now.date() - DAY)
    police.act("cem").requests.decide(police.waiting(), APPROVE)
    assert police.lacks(digest) == {"mandate_approved"}
    assert "training of 'ben'" in police.refused(lambda: police.act("ben").mandates.decide(digest, APPROVE))


def test_P2_identification_without_a_mandate_is_refused(police: Office) -> None:
    police.act("ana").simulate("door", purpose="door", count=20)
    assert "needs a mandate" in police.refused(lambda: police.search(None), "P2")
    assert "needs a mandate" in police.refused(lambda: police.search("0" * 64), "P2")
    digest = police.ask()
    assert "not approved" in police.refused(lambda: police.search(digest), "P2")
    police.act("ben").mandates.decide(digest, APPROVE)
    police.act("ana")
    assert "does not name this camera" in police.refused(lambda: police.search(digest, "gate"), "P2")
    police.search(digest)
    assert police.system.mandates.show(digest).spent == 1


def test_P2_whoever_keeps_somebody_visible_needs_a_mandate_for_every_gallery(police: Office) -> None:
    police.world.fake(police.system)._floors = police.deployment.standard.parameters.enrolment_floors
    for gallery in ("door", "yard"):
        picture = police.world.picture("Hugo", variant=len(gallery), name=f"{gallery}.png")
        samples = (sha256_hex(picture.read_bytes()),)
        stated = Particulars("Hugo", "door", gallery, "a file", "K-1", samples, born=date(1990, 1, 31))
        entry = police.act("ana").rights.request_entry(stated).digest
        police.act("ben").requests.decide(entry, APPROVE)
        grounds = Grounds(entry=entry)
        police.act("ana").enrol_on(grounds, [picture], subject="Hugo", purpose="door", gallery=gallery)

    def redact(mandate: str | None) -> tuple[str, ...]:
        out = police.world.folder / "out.png"
        result = police.act("ana").redact(police.world.picture("Hugo", "Eve"), out, keep=["Hugo"], mandate=mandate)
        return result.pictures[0].kept

    def approved(*galleries: str) -> str:
        digest = police.ask(operations=("redact",), galleries=galleries)
        police.act("ben").mandates.decide(digest, APPROVE)
        return digest

    for digest, why in (
        (None, "needs a mandate"),
        ("0" * 64, "needs a mandate"),
        (approved("door"), "does not name this gallery"),
        (police.ask(operations=("redact",), galleries=("door", "yard")), "not approved"),
    ):
        assert why in police.refused(lambda digest=digest: redact(digest), "P2")
    both = approved("door", "yard")
    assert redact(both) == ("Hugo",)
    assert police.system.mandates.show(both).spent == 1


def test_P2_a_mandate_is_for_so_many_searches(police: Office) -> None:
    police.act("ana").simulate("door", purpose="door", count=20)
    digest = police.ask(searches=2)
    police.act("ben").mandates.decide(digest, APPROVE)
    police.act("ana")
    police.search(digest)
    police.search(digest)
    assert "is spent" in police.refused(lambda: police.search(digest), "P2")


def test_P2_a_mandate_is_used_by_those_whom_it_names(police: Office) -> None:
    police.act("ana").simulate("door", purpose="door", count=20)
    digest = police.ask()
    police.act("ben").mandates.decide(digest, APPROVE)
    police.act("cem")
    assert "does not name you" in police.refused(lambda: police.search(digest), "P2")


def test_P2_a_revoked_mandate_is_not_searched_under(police: Office) -> None:
    police.act("ana").simulate("door", purpose="door", count=20)
    digest = police.ask(urgent=True)
    police.search(digest)
    police.act("cem").mandates.revoke(digest, "found")
    police.act("ana")
    assert "was revoked" in police.refused(lambda: police.search(digest), "P2")


@pytest.mark.parametrize("who", ["ana", "cem"])
def test_P2_a_mandate_is_revoked_by_its_requester_or_an_approver(who: str, staffed: Office) -> None:
    digest = staffed.ask()
    staffed.act("ben").mandates.decide(digest, APPROVE)
    assert staffed.act(who).mandates.revoke(digest, "no longer needed").state == "revoked"
    assert staffed.lacks(digest) == {"mandate_not_revoked"}
    staffed.act(who).mandates.revoke(digest, "no longer needed")
    for wrong in ("", "a\nb", "x" * 3000):
        with pytest.raises(UsageError, match="reason"):
            staffed.system.mandates.revoke(digest, wrong)


def test_P2_a_mandate_is_not_revoked_by_anybody_else(staffed: Office) -> None:
    added = staffed.add("ana", "dee", "operator")
    staffed.act("ben").requests.decide(added.digest, APPROVE)
    digest = staffed.ask()
    staffed.refused(lambda: staffed.act("dee").mandates.revoke(digest, "why"))


def test_S2_a_decision_signed_elsewhere_counts_whoever_brings_it(staffed: Office) -> None:
    digest = staffed.ask()
    for message in (b"", b"{}", b"\xff", staffed.system.requests.message_for(digest, "ben", REFUSE)):
        with pytest.raises(BadInput):
            staffed.system.mandates.decide(digest, APPROVE, Brought(message, ""))
    message = staffed.system.requests.message_for(digest, "ben", APPROVE)
    forged = Brought(message, staffed.keys["ana"].sign(APPROVAL_NAMESPACE, message))
    assert "another key" in staffed.refused(lambda: staffed.system.mandates.decide(digest, APPROVE, forged))
    mine = staffed.system.requests.message_for(digest, "ana", APPROVE)
    own = Brought(mine, staffed.keys["ana"].sign(APPROVAL_NAMESPACE, mine))
    assert "'ana' asked for it" in staffed.refused(lambda: staffed.system.mandates.decide(digest, APPROVE, own))
    signed = Brought(message, staffed.keys["ben"].sign(APPROVAL_NAMESPACE, message))
    staffed.act(None)
    assert staffed.system.mandates.decide(digest, APPROVE, signed).state == "approved"


def test_S2_what_was_kept_is_not_edited(staffed: Office) -> None:
    digest = staffed.ask()
    other = staffed.ask(searches=1)
    store = staffed.deployment.store
    store.put_document("request", digest, store.document("request", other))
    with pytest.raises(IntegrityError, match="was altered"):
        staffed.system.mandates.show(digest)


def test_S2_an_approval_of_another_mandate_is_not_moved(staffed: Office) -> None:
    small, large = staffed.ask(searches=1), staffed.ask(searches=3)
    staffed.act("ben").mandates.decide(small, APPROVE)
    _, [approval] = staffed.system.mandates.presented(small)
    # Even with every key of the deployment: the signature is over the other request.
    staffed.deployment.keep("approval", f"{large}/ben", replace(approval, request=large).to_json())
    assert staffed.lacks(large) == {"mandate_approved"}
    [decision] = staffed.system.mandates.show(large).decisions
    assert not decision.counts
    assert "what was signed is not what stands here" in decision.why


def test_S2_who_was_removed_has_approved_nothing(staffed: Office) -> None:
    digest = staffed.ask()
    staffed.act("cem").mandates.decide(digest, APPROVE)
    removed = staffed.act("ana").people.remove("cem")
    staffed.act("ben").requests.decide(removed.digest, APPROVE)
    assert staffed.lacks(digest) == {"mandate_approved"}


def test_S2_an_approval_made_in_the_library_counts_only_if_it_may(staffed: Office) -> None:
    digest = staffed.ask()
    signed, _ = staffed.system.mandates.presented(digest)
    own = sign_approval(signed.request, "ana", APPROVE, staffed.now, staffed.keys["ana"])
    staffed.deployment.keep("approval", f"{digest}/ana", own.to_json())
    assert staffed.lacks(digest) == {"mandate_approved"}


def test_digests_are_found_by_their_beginning_or_not_at_all(staffed: Office) -> None:
    digest = staffed.ask()
    assert staffed.system.mandates.show(digest[:8].upper()).digest == digest
    for wrong in ("", digest[:7], "g" * 8, "0" * 64, "../" * 5):
        with pytest.raises(UsageError, match="digest"):
            staffed.system.mandates.show(wrong)
    person = next(view for view in staffed.system.requests.listed() if view.kind == "person.add")
    with pytest.raises(UsageError, match="of the kind 'person"):
        staffed.system.mandates.decide(person.digest, APPROVE)


@pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen (package openssh-client) is not on this machine")
def test_S2_an_outsider_checks_every_signature_with_ssh_keygen(staffed: Office, tmp_path: Path) -> None:
    digest = staffed.ask()
    staffed.keys["ben"].write(tmp_path / "ben", None)
    (tmp_path / "decision").write_bytes(staffed.system.requests.message_for(digest, "ben", APPROVE))
    sign = ["ssh-keygen", "-Y", "sign", "-f", tmp_path / "ben", "-n", APPROVAL_NAMESPACE, tmp_path / "decision"]
    subprocess.run(sign, check=True, capture_output=True)
    brought = Brought((tmp_path / "decision").read_bytes(), (tmp_path / "decision.sig").read_text())
    shown = staffed.system.mandates.decide(digest, APPROVE, brought)
    staffed.act("cem").mandates.decide(digest, APPROVE)
    shown = staffed.system.mandates.show(digest)
    folder = tmp_path / "evidence"
    write_evidence(shown, folder)
    commands = [line.strip() for line in how_to_check(shown, folder) if "ssh-keygen" in line]
    assert len(commands) == 3
    for command in commands:
        assert subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False).returncode == 0  # noqa: S602
    (folder / "request.json").write_bytes((folder / "request.json").read_bytes() + b" ")
    assert subprocess.run(commands[0], shell=True, cwd=folder, capture_output=True, check=False).returncode != 0  # noqa: S602
    with pytest.raises(UsageError, match="not an empty folder"):
        write_evidence(shown, folder)
