"""A gate asks the rules as long as it is used, and ends when its camera is another one (W3, W7, W8, W10, P2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, PolicyRefusal
from faceward.core.sources import Upload
from faceward.operations import pairs
from faceward.operations.gate import Gate, GateRequest
from faceward.operations.grounds import Grounds
from faceward.policy.cameras import LOOK, OPT_OUT, CameraChange, CameraRequest, NoticeRecord, Zone
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey

HOUR = timedelta(hours=1)
FLIGHT, PURPOSE, GATE = "LH123", "boarding", "gate 7"
SOURCE = "rtsp://user:secret@10.0.0.7/stream"
ZONE = Zone(LOOK, ((0.3, 0.0), (0.7, 0.0), (0.7, 1.0), (0.3, 1.0)))
NOTICE = NoticeRecord("a picture", "the gate opens", (PURPOSE,), "at once", "desk", "at the lane", "the counter")


class Terminal:
    """One gate and one departure, for which one traveller is booked; the networks are none."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.system = world.open(purpose=None)
        floors = self.deployment.standard.parameters.enrolment_floors
        world.fake(self.system)._floors = floors
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben")}
        for before, name in ((None, "ana"), ("ana", "ben")):
            roles = ("operator", "approver")
            self.act(before).people.add(name, self.keys[name].public.line, roles, date(2027, 12, 31))
        self.act("ana").add_purpose(
            PURPOSE, basis="legal-obligation", fmr=1e-3, fpir=1e-2, retention=24 * HOUR, alternative="the counter"
        )
        # By an evaluation of cameras of one class, which the gate's is of.
        world.prove(self.system)
        self.act("ana").enrol_on(
            Grounds(exemption="laid-down-by-law"),
            [world.picture("Hugo")],
            subject="Hugo",
            purpose=PURPOSE,
            gallery=FLIGHT,
        )
        self.act("ana").end_gallery(FLIGHT, self.deployment.now() + 3 * HOUR)
        self.act("ana").cameras.add(
            CameraRequest(GATE, SOURCE, "hall B", camera_class="door", zones=(ZONE,), notice=NOTICE)
        )
        now = self.deployment.now()
        asked = self.act("ana").mandates.request(
            Mandate(
                purpose=PURPOSE,
                operations=("watch", "identify"),
                galleries=(FLIGHT,),
                cameras=(GATE,),
                place="hall B",
                case="early shift",
                basis="Border Act",
                starts=now,
                until=now + 12 * HOUR,
                searches=1,
                operators=("ana",),
                urgent=False,
            )
        )
        self.act("ben").requests.decide(asked.digest, Decision.APPROVE)
        self.mandate = str(asked.digest)

    @property
    def deployment(self) -> Any:
        return self.system._deployment

    def act(self, name: str | None) -> Any:
        self.deployment.session = None
        if name is not None:
            origin, now = self.deployment.log.origin, self.deployment.now()
            self.deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, now))
        return self.system

    def gate(self) -> Gate:
        document = self.world.picture("Hugo")
        return self.act("ana").gate(GateRequest(GATE, document, FLIGHT, PURPOSE, self.mandate))

    def change(self, **changes: Any) -> None:
        """Change the camera, as another process of the deployment does."""
        self.system.cameras.change(GATE, CameraChange(**changes))

    def picture(self, *who: str) -> Upload:
        return Upload("the traveller", self.world.picture(*who).read_bytes())

    def lines(self, start: int = 0) -> list[tuple[str, str]]:
        return [(line.operation, line.phase) for line in self.system.log_lines() if line.index >= start]


@pytest.fixture
def terminal(make_world: Callable[..., Any]) -> Terminal:
    return Terminal(make_world("terminal", standard="border", jurisdiction="UK", trial=True))


def ends(terminal: Terminal, gate: Gate, rule: str, says: str = "rule") -> None:
    """Fail unless a rule ends the gate in one line, before anything is compared and as the log says."""
    for call in (gate.check, lambda: gate.compare(terminal.picture("Hugo"))):
        start = terminal.deployment.log.size
        with pytest.raises(PolicyRefusal, match=says) as caught:
            call()
        assert (caught.value.rule, caught.value.exit_code) == (rule, 3)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)
        assert ("watch", "denied") in terminal.lines(start)
        assert "verify-pair" not in [operation for operation, _ in terminal.lines(start)]


def test_W7_W8_W10_what_is_taken_away_while_a_gate_waits_ends_it(terminal: Terminal) -> None:
    gate = terminal.gate()
    start = terminal.deployment.log.size
    gate.check()
    assert terminal.lines(start) == []
    terminal.change(notice=None)
    ends(terminal, gate, "W8")
    terminal.change(notice=replace(NOTICE, alternative=""))
    ends(terminal, gate, "W10")
    # What is as it was lets the gate go on: it is asked each time.
    terminal.change(notice=NOTICE)
    gate.check()
    terminal.act("ben").control.stop("a fault")
    terminal.act("ana")
    ends(terminal, gate, "W7", "stopped")


def test_W3_a_departure_that_ends_while_a_gate_waits_ends_it_and_is_gone(terminal: Terminal) -> None:
    gate = terminal.gate()
    terminal.world.clock.advance(3 * HOUR)
    terminal.act("ana")
    with pytest.raises(PolicyRefusal, match="rule W3"):
        gate.check()
    assert terminal.lines()[-1][0] != "verify-pair"
    assert terminal.system.galleries() == ()


def test_W8_a_camera_that_is_changed_or_removed_while_a_gate_waits_ends_it(terminal: Terminal) -> None:
    masked = Zone(OPT_OUT, ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0)))
    for changes in ({"rate": 4.0}, {"notice": replace(NOTICE, contact="elsewhere")}, {"zones": (ZONE, masked)}):
        gate = terminal.gate()
        gate.check()
        terminal.change(**changes)
        ends(terminal, gate, "W8", "the camera 'gate 7' was changed while a traveller was waited for")
    gate = terminal.gate()
    gate.check()
    terminal.system.cameras.remove(GATE)
    ends(terminal, gate, "W8")


def test_W8_another_address_ends_a_gate_that_waits(terminal: Terminal) -> None:
    gate = terminal.gate()
    # Of this the camera as it is shown says nothing.
    terminal.change(source=SOURCE.replace("secret", "secret2"))
    with pytest.raises(PolicyRefusal, match="was changed") as caught:
        gate.check()
    assert "secret" not in str(caught.value)


def test_P2_a_mandate_that_is_used_up_meanwhile_ends_the_wait_and_checks_use_nothing_up(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, gate = terminal.gate(), terminal.gate()
    for _ in range(3):
        gate.check()
    answer = gate.compare(terminal.picture("Hugo"))
    assert (answer.decision, answer.reason) == ("open", "recognised")
    # Its one search is made.
    ends(terminal, waiting, "P2")

    def full(log: object) -> None:
        raise EnvironmentFailure("the log cannot be written: no space left; free some")

    monkeypatch.setattr(type(terminal.deployment.log), "require_writable", full)
    with pytest.raises(EnvironmentFailure, match="no space left"):
        waiting.check()


def test_W8_rules_are_asked_once_more_between_the_document_and_the_gallery(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, verify = terminal.gate(), pairs.verify

    def removing(*arguments: Any) -> Any:
        found = verify(*arguments)
        terminal.system.cameras.remove(GATE)
        return found

    monkeypatch.setattr(pairs, "verify", removing)
    start = terminal.deployment.log.size
    with pytest.raises(PolicyRefusal, match="rule W8"):
        gate.compare(terminal.picture("Hugo"))
    operations = [operation for operation, _ in terminal.lines(start)]
    assert "verify-pair" in operations
    assert "identify" not in operations
