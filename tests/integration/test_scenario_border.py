"""A departure under `border`: travellers at a gate, with real networks and composed footage, until the flight is gone.

The people are of LFW View 1: one picture of each lies in the departure's gallery, another is the document's photograph,
and a third stands before the camera.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.gate_results import GateAnswer
from faceward.operations.evidence import checked
from faceward.operations.gate import GateRequest
from faceward.operations.grounds import Grounds
from faceward.operations.measured import addition
from faceward.policy.cameras import LOOK, CameraChange, CameraRequest, NoticeRecord, Zone
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.video import forgetting
from faceward.video.gate_lane import Conduct, pass_through

pytestmark = [pytest.mark.slow, pytest.mark.data]

# People whose pictures the default pack knows well from each other: what is tested is what follows from a match.
SEED, BOOKED, LATE = 5, (10, 12, 15, 16, 17, 18), 0
HOUR = timedelta(hours=1)
FLIGHT, PURPOSE, GATE = "LH123", "boarding", "gate 7"
ZONE = Zone(LOOK, ((0.3, 0.0), (0.7, 0.0), (0.7, 1.0), (0.3, 1.0)))
NOTICE = NoticeRecord(
    "a picture of who stands in the zone", "the gate opens", (PURPOSE,), "at once", "desk", "at the lane", "the counter"
)


class Terminal:
    """A gate, its people, and one departure."""

    def __init__(self, world: Any, load_beside: Any, clips: ModuleType, folder: Path) -> None:
        self.world, self.clips = world, clips
        self.kits = (
            load_beside("faceward_test_fakes", "fakes.py"),
            load_beside("faceward_test_evaluations", "evaluations.py"),
        )
        self.people, self.others = clips.draw(SEED, (20, 3), (10, 1))
        self.names = list(self.people)
        self.booked = [self.names[place] for place in BOOKED]
        self.system: Any = world.open(fake=False, purpose=None)
        self.keys = {name: PrivateKey.generate() for name in ("ana", "ben")}
        # The film before the camera changes, the camera does not: a mandate is for it as it was.
        self.film = folder / "gate.mp4"
        for before, name in ((None, "ana"), ("ana", "ben")):
            roles = ("operator", "approver")
            self.act(before).people.add(name, self.keys[name].public.line, roles, date(2027, 12, 31))
        self.act("ana").add_purpose(
            PURPOSE, basis="legal-obligation", fmr=1e-3, fpir=1e-2, retention=24 * HOUR, alternative="the counter"
        )
        self._measure()
        for name in self.booked:
            self.act("ana").enrol_on(
                Grounds(exemption="laid-down-by-law"),
                [self.people[name][0]],
                subject=name,
                purpose=PURPOSE,
                gallery=FLIGHT,
            )
        self.end = self.act("ana").end_gallery(FLIGHT, self.deployment.now() + 3 * HOUR)
        self.act("ana").cameras.add(
            CameraRequest(GATE, str(self.film), "hall B", camera_class="gate", zones=(ZONE,), notice=NOTICE)
        )
        self.mandate = self._mandate()

    @property
    def deployment(self) -> Any:
        return self.system._deployment

    def act(self, name: str | None) -> Any:
        self.deployment.session = None
        if name is not None:
            origin, now = self.deployment.log.origin, self.deployment.now()
            self.deployment.begin_session(OpenSession.begin(name, self.keys[name], origin, now))
        return self.system

    def _measure(self) -> None:
        fakes, evaluations = self.kits
        data = replace(evaluations.DATA, digest=sha256_hex(b"the gates' own pictures"), camera_class="gate")
        made = fakes.own_evaluation(self.system, data=data, made=self.deployment.now())
        addition(self.deployment, checked(canonical_json(made.to_json()), made.digest())).apply()

    def _mandate(self) -> str:
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
                searches=100,
                operators=("ana",),
                urgent=False,
            )
        )
        self.act("ben").requests.decide(asked.digest, Decision.APPROVE)
        return str(asked.digest)

    def stands(self, *who: tuple[str, float], seconds: float = 2.0) -> None:
        """Let people stand before the camera, each with their third picture, at a share of its width."""
        passes = tuple(
            self.clips.Pass(
                name,
                (self.people.get(name) or self.others[name])[-1 if name in self.others else 2],
                start=0.4,
                end=seconds,
                height=(120, 130),
                path=((across, 0.45), (across + 0.02, 0.45)),
            )
            for name, across in who
        )
        scene = self.clips.Scene(seconds=seconds, rate=5, passes=passes, background="gradient", noise=1.5)
        self.clips.compose(self.film, scene)

    def go(self, document: Path) -> GateAnswer:
        request = GateRequest(GATE, document, FLIGHT, PURPOSE, self.mandate)
        return pass_through(self.act("ana"), request, Conduct(wait=30, patient=True))

    def operations(self, start: int) -> list[tuple[str, str]]:
        return [(line.operation, line.phase) for line in self.system.log_lines() if line.index >= start]


@pytest.fixture
def terminal(make_world: Any, load_beside: Any, clips: ModuleType, tmp_path: Path) -> Iterator[Terminal]:
    world = make_world("terminal", standard="border", jurisdiction="UK", trial=True)
    yield Terminal(world, load_beside, clips, tmp_path)
    # What a gate has the C library do is for its process, and this one goes on with other tests.
    forgetting._glibc().mallopt(forgetting._M_PERTURB, 0)


def test_W3_W10_travellers_at_a_gate_until_the_departure(terminal: Terminal) -> None:
    first, second = terminal.booked[:2]
    stranger = next(iter(terminal.others))

    # Booked, with the own document; somebody else stands nearer to the camera, but outside of the marked zone (W10).
    terminal.stands((first, 0.48), (stranger, 0.88))
    start = terminal.deployment.log.size
    answer = terminal.go(terminal.people[first][1])
    assert (answer.decision, answer.reason, len(answer.entries)) == ("open", "recognised", 2)
    assert terminal.operations(start)[-4:] == [
        ("verify-pair", "begin"),
        ("verify-pair", "end"),
        ("identify", "begin"),
        ("identify", "end"),
    ]

    # With somebody else's document: a person looks. Nobody is searched for.
    start = terminal.deployment.log.size
    answer = terminal.go(terminal.people[second][1])
    assert (answer.decision, answer.reason, len(answer.entries)) == ("counter", "document-differs", 1)
    assert "identify" not in [operation for operation, _ in terminal.operations(start)]

    # With the own document, on no list: a person sees by the ticket.
    late = terminal.names[LATE]
    terminal.stands((late, 0.5))
    answer = terminal.go(terminal.people[late][1])
    assert (answer.decision, answer.reason) == ("counter", "not-in-gallery")

    # Two at once, and nobody at all.
    terminal.stands((first, 0.40), (second, 0.58))
    assert terminal.go(terminal.people[first][1]).reason == "several-people"
    terminal.stands((stranger, 0.88))
    assert terminal.go(terminal.people[first][1]).reason == "nobody"
    assert not [path for path in terminal.world.home.rglob("*") if path.suffix in {".png", ".jpg", ".npy"}]

    _departs(terminal, first)


def _departs(terminal: Terminal, traveller: str) -> None:
    """The gallery is destroyed with its keys; a backup of before brings nobody back."""
    keys = sorted({row.key_id for name in terminal.booked for row in _references(terminal, name)})
    assert len(keys) == len(terminal.booked)
    backup = terminal.world.copy("gallery.db")
    terminal.world.clock.advance(3 * HOUR)
    terminal.stands((traveller, 0.48))
    with pytest.raises((PolicyRefusal, UsageError), match=r"rule W3|no gallery"):
        terminal.go(terminal.people[traveller][1])
    assert terminal.act("ana").galleries() == ()
    assert terminal.deployment.keys.destroyed(keys) == set(keys)

    terminal.world.close()
    for path in terminal.world.home.glob("gallery.db*"):
        if path.suffix != ".guard":
            path.unlink()
    for path in backup.iterdir():
        shutil.copyfile(path, terminal.world.home / path.name)
    terminal.system = terminal.world.open(fake=False, purpose=None)
    with pytest.raises((PolicyRefusal, UsageError, IntegrityError)):
        terminal.go(terminal.people[traveller][1])
    for key in keys:
        with pytest.raises(IntegrityError, match="destroyed"):
            terminal.deployment.keys.subject_key(key)


def _references(terminal: Terminal, name: str) -> list[Any]:
    deployment = terminal.deployment
    return list(deployment.store.by_subject(deployment.pseudonym(name)))


def test_P2_W8_W7_a_gate_opens_for_nobody_without_mandate_notice_or_while_stopped(terminal: Terminal) -> None:
    first = terminal.booked[0]
    terminal.stands((first, 0.5), seconds=1.2)
    document, right = terminal.people[first][1], terminal.mandate

    def refused(rule: str) -> None:
        with pytest.raises(PolicyRefusal, match=f"rule {rule}"):
            terminal.go(document)
        assert terminal.operations(0)[-1] == ("watch", "denied")

    terminal.mandate = ""
    refused("P2")
    terminal.mandate = right
    terminal.act("ana").cameras.change(GATE, CameraChange(notice=None))
    refused("W8")
    terminal.act("ana").cameras.change(GATE, CameraChange(notice=NOTICE, zones=()))
    with pytest.raises(UsageError, match="no zone to look at"):
        terminal.go(document)
    terminal.act("ana").cameras.change(GATE, CameraChange(zones=(ZONE,)))
    terminal.act("ben").control.stop("a fault")
    refused("W7")
