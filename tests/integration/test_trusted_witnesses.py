"""Which witnesses count, who may change that, and that a log nobody has seen lately is not searched (rule L3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import cosigned_path, keep_cosignatures
from faceward.audit.note import parse_note
from faceward.core.errors import BadInput, IntegrityError, PolicyRefusal, UsageError
from faceward.operations.standing import witnessed
from faceward.operations.system import System
from faceward.operations.witness_watch import Watch, trusted
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

HOUR = timedelta(hours=1)
ONE, TWO = (Cosigner(f"witness.example.org/{n}", bytes([n]) * 32) for n in (1, 2))
VKEY = ONE.verifier.vkey


def cosign(world: Any, system: System, *witnesses: Cosigner) -> None:
    log = system._deployment.log
    note = log.checkpoint()
    signed = [w.cosign(parse_note(note).text, world.clock.now()) for w in witnesses]
    keep_cosignatures(log.path, note, signed)


def test_L3_trusting_a_witness_is_recorded_and_kept(world: Any) -> None:
    system = world.open()
    assert system.witnesses.trusted() == ()
    assert system.witnesses.change(VKEY, trust=True).request is None
    assert world.log(system)[-1] == ("witness.trust", "note")
    with pytest.raises(UsageError, match="already trusted"):
        system.witnesses.change(VKEY, trust=True)
    with pytest.raises(UsageError, match="another key"):
        system.witnesses.change(Cosigner(ONE.verifier.name, bytes(32)).verifier.vkey, trust=True)
    with pytest.raises(BadInput):
        system.witnesses.change("no key", trust=True)
    system.witnesses.change(TWO.verifier.vkey, trust=True)
    system = world.reopen()
    assert system.witnesses.trusted() == (ONE.verifier, TWO.verifier)
    system.witnesses.change(VKEY, trust=False)
    assert system.witnesses.trusted() == (TWO.verifier,)
    with pytest.raises(UsageError, match="not trusted"):
        system.witnesses.change(VKEY, trust=False)


def test_L3_once_people_hold_roles_it_takes_two_of_them_to_trust_a_witness(world: Any) -> None:
    system = world.open()
    deployment = system._deployment
    keys = {name: PrivateKey.generate() for name in ("ana", "ben")}

    def act(name: str) -> System:
        deployment.begin_session(OpenSession.begin(name, keys[name], deployment.log.origin, deployment.now()))
        return system  # type: ignore[no-any-return]

    system.people.add("ana", keys["ana"].public.line, ("operator", "approver"), date(2026, 12, 31))
    act("ana").people.add("ben", keys["ben"].public.line, ("operator", "approver"), date(2026, 12, 31))
    waiting = act("ana").witnesses.change(VKEY, trust=True)
    assert waiting.request is not None
    assert system.witnesses.trusted() == ()
    with pytest.raises(PolicyRefusal, match="nobody else has approved") as refusal:
        system.witnesses.change(VKEY, trust=True, request=waiting.request)
    assert refusal.value.rule == "S2"
    assert world.log(system)[-1] == ("witness.trust", "denied")
    act("ben").requests.decide(waiting.request, Decision.APPROVE)
    for other, trust in ((TWO.verifier.vkey, True),):
        with pytest.raises(BadInput, match="for something else"):
            system.witnesses.change(other, trust=trust, request=waiting.request)
    act("ana").witnesses.change(VKEY, trust=True, request=waiting.request)
    assert system.witnesses.trusted() == (ONE.verifier,)
    # An old approval is not used twice.
    off = act("ana").witnesses.change(VKEY, trust=False).request
    act("ben").requests.decide(str(off), Decision.APPROVE)
    act("ana").witnesses.change(VKEY, trust=False, request=off)
    with pytest.raises(UsageError, match="carried out already"):
        system.witnesses.change(VKEY, trust=True, request=waiting.request)


def test_L3_a_list_of_witnesses_that_was_altered_is_refused(world: Any) -> None:
    system = world.open()
    system.witnesses.change(VKEY, trust=True)
    keys = system._deployment.keys
    keys.put_secret("witnesses", b"\xff")
    with pytest.raises(IntegrityError, match="damaged"):
        trusted(system._deployment)


def test_L3_a_log_counts_as_witnessed_for_its_term(make_world: Callable[..., Any]) -> None:
    world = make_world("case", standard="investigation")
    system = world.open(purpose=None)
    deployment, watch = system._deployment, Watch()
    term = deployment.standard.parameters.log.freshest
    assert deployment.standard.parameters.log.witnesses == 1
    assert "known: 0" in witnessed(deployment, watch).reason
    system.witnesses.change(VKEY, trust=True)
    assert "no other ever" in witnessed(deployment, watch).reason
    cosign(world, system, TWO)
    assert not witnessed(deployment, watch).good
    cosign(world, system, ONE)
    assert witnessed(deployment, watch).good
    assert system.witnesses.judged().good
    world.clock.advance(term)
    assert witnessed(deployment, watch).good
    world.clock.advance(HOUR)
    found = witnessed(deployment, watch)
    assert not found.good
    assert "faceward audit cosign" in found.reason
    cosign(world, system, ONE)
    assert witnessed(deployment, watch).good
    cosigned_path(deployment.log.path).unlink()
    assert not witnessed(deployment, watch).good


def test_L3_asking_again_reads_no_signature_anew(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system = world.open()
    cosign(world, system, ONE)
    watch, log = Watch(), system._deployment.log
    asked = []
    cosigned = type(log).cosigned
    monkeypatch.setattr(type(log), "cosigned", lambda self: asked.append(1) or cosigned(self))
    for _ in range(5):
        assert watch.judged(log, [ONE.verifier], world.clock.now(), 1, HOUR).good
    assert len(asked) == 1
    assert not watch.judged(log, [TWO.verifier], world.clock.now(), 1, HOUR).good


def test_L1_showing_the_log_is_an_entry_with_its_range(world: Any) -> None:
    system = world.open()
    size = system.log_size
    lines = system.show_log(3)
    assert [line.index for line in lines] == [size - 3, size - 2, size - 1]
    assert world.log(system)[-2:] == [("audit.show", "begin"), ("audit.show", "end")]
    begun = next(iter(system.log_lines(size)))
    shown = json.loads(json.dumps(begun.opened["details"]))
    assert (shown["from"], shown["to"]) == (size - 3, size)
