"""A shop chain at work under `retail`: three cameras, two branches, twenty entries, real networks, composed footage.

The footage is composed of pictures of LFW View 1, so that who passes is known. Times on footage are the machine's, as
they are of a file; the deployment's own clock is the test's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.operations.case_store import CaseStore
from faceward.operations.evidence import checked
from faceward.operations.grounds import Grounds
from faceward.operations.measured import addition
from faceward.operations.suspension import suspended
from faceward.policy.cameras import CameraChange
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.watchlist import Particulars
from faceward.video import forgetting
from faceward.video.running import Conduct, watch

pytestmark = [pytest.mark.slow, pytest.mark.data]

# Of twenty people who are drawn, those whose pictures the default pack knows well from each other: what is tested is
# what follows from a match, and not how often there is one.
SEED, HUGO, IRIS = 5, 16, 17
MINUTE = timedelta(minutes=1)


def _chain(kit: ModuleType) -> type:
    """Return the shop of the other tests with the networks of the default pack and pictures of people."""

    class Chain(kit.Shop):  # type: ignore[misc, name-defined]
        people: dict[str, tuple[Path, ...]]

        def open(self) -> Any:
            self.system = self.world.open(fake=False, purpose=None)
            return self.system

        def measure(self, **changes: Any) -> None:
            """Put on record what the pack's own table says, as measured in the shops."""
            self.measured += 1
            digest = sha256_hex(f"pictures of the shops {self.measured}".encode())
            data = replace(kit.evaluations.DATA, digest=digest, camera_class="shop")
            made = kit.fakes.own_evaluation(self.system, data=data, made=self.deployment.now(), **changes)
            addition(self.deployment, checked(canonical_json(made.to_json()), made.digest())).apply()

        def enter(self, name: str) -> str:
            """Ask for an entry with two or three pictures, have another person approve it, and enrol."""
            given = self.people[name]
            pictures = list(given[:2] if len(given) < 5 else given[:3])
            stated = Particulars(
                subject=name,
                purpose=kit.PURPOSE,
                gallery=kit.LIST,
                source="CCTV of 2026-05-30",
                evidence="incident report 2026/118, cabinet 2",
                samples=tuple(sha256_hex(path.read_bytes()) for path in pictures),
                born=date(1980, 1, 31),
            )
            request = self.act("ana").rights.request_entry(stated).digest
            self.act("ben").requests.decide(request, Decision.APPROVE)
            grounds = Grounds(entry=request, exemption="disproportionate")
            found = self.act("ana").enrol_on(grounds, pictures, subject=name, purpose=kit.PURPOSE)
            self.pictures[name] = pictures[0]
            references = [sample.reference for sample in found.samples if sample.reference]
            assert references, found
            return str(references[0])

        def decide(self, case: str, *, support: bool = False) -> str:
            """Have two reviewers answer, who are shown the very picture that the reference was made of."""
            for one in CaseStore(self.deployment).read(case)[1].candidates:
                found = [path for path in self.people[one.subject] if sha256_hex(path.read_bytes()) == one.enrolled]
                [self.pictures[one.subject]] = found
            return str(super().decide(case, support=support))

        def acting(self, name: str) -> Any:
            """Return the system as somebody else acts in it, beside who acts now."""
            session = OpenSession.begin(name, self.keys[name], self.deployment.log.origin, self.deployment.now())
            return self.system.acting(name, session)

        def watched(self, *cameras: str) -> tuple[Any, list[Any]]:
            """Watch recordings to their end as Olga; return the summary and the events."""
            events: list[Any] = []
            system = self.act("olga")
            found = watch(system, self.request(*cameras), Conduct(tell=events.append, patient=True))
            return found, events

        def show(self, camera: str, source: Path) -> None:
            """Let a camera give this footage from now on."""
            self.act("ana").cameras.change(camera, CameraChange(source=str(source)))
            # Another source is another camera, of which nobody has approved yet (P2).
            self.mandate_digest = self.mandate()

        def alerts(self) -> list[tuple[str, str, frozenset[str]]]:
            """Return camera, state and names of all alerts, as a reviewer may see them."""
            desk = self.act("rosa").alerts
            found = [desk.get(one.alert) for one in desk.list()]
            self.act("olga")
            return [(one.camera, one.state, frozenset(each.subject for each in one.candidates)) for one in found]

    return Chain


@pytest.fixture
def chain(make_world: Any, load_beside: Any, clips: ModuleType, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a chain with as many entries as the test asks for, twenty if it does not."""
    kit = load_beside("faceward_test_watch_kit", "watch_kit.py")
    listed, others = clips.draw(SEED, (20, 3), (10, 1))
    made = _chain(kit)
    made.people = listed  # type: ignore[attr-defined]
    entries = tuple(listed)[: getattr(request, "param", 20)]
    shop = made(make_world("chain", standard="retail", jurisdiction="UK", trial=True), entries)
    shop.names = list(listed)
    shop.others = others
    yield shop
    # What a watch has the C library do is for its process, and this one goes on with other tests.
    forgetting._glibc().mallopt(forgetting._M_PERTURB, 0)


@pytest.fixture
def film(clips: ModuleType, tmp_path: Path) -> Any:
    """Return a function that composes a clip in which these pictures pass one after the other."""

    def compose(name: str, *who: tuple[str, Path], background: str = "street") -> Any:
        passes = tuple(
            clips.Pass(
                person,
                picture,
                start=1.0 + 2.4 * number,
                end=3.2 + 2.4 * number,
                height=(86, 110),
                path=((0.75, 0.44), (0.3, 0.42)),
            )
            for number, (person, picture) in enumerate(who)
        )
        scene = clips.Scene(
            rate=5, seconds=2.0 + 2.4 * len(who), passes=passes, background=background, noise=1.5, light=0.05
        )
        path = tmp_path / f"{name}.mp4"
        return path, clips.compose(path, scene)

    return compose


def test_W3_W4_W5_W6_W7_H1_a_shop_with_three_cameras_and_twenty_entries(chain: Any, film: Any) -> None:
    strangers = [(name, pictures[0]) for name, pictures in chain.others.items()]
    hugo, iris = ((name, chain.people[name][2]) for name in (chain.names[HUGO], chain.names[IRIS]))
    footage = {
        "door": film("door", strangers[0], hugo, strangers[1], strangers[2]),
        "till": film("till", iris, strangers[3], strangers[4], background="texture"),
        "hall": film("hall", *strangers[5:8], background="gradient"),
    }
    _a_morning(chain, footage)
    _two_people_confirm(chain)
    _two_false_alerts(chain, film("again", strangers[3], iris, background="gradient")[0], footage["till"][0])
    _impossible_travel(chain, footage["door"][0])
    _stopped(chain)
    _the_end(chain)


def _a_morning(chain: Any, footage: dict[str, Any]) -> None:
    """Two of the twenty and eight customers pass; the hall in Leeds sees none of the twenty."""
    hugo, iris = chain.names[HUGO], chain.names[IRIS]
    for camera, (source, _) in footage.items():
        chain.show(camera, source)
    summary, events = chain.watched(*footage)
    seen = frozenset[str]().union(*(told.people() for _, told in footage.values()))
    assert (len(seen), seen & set(chain.names)) == (10, {hugo, iris})
    assert sorted(chain.alerts()) == [("door", "waiting", frozenset({hugo})), ("till", "waiting", frozenset({iris}))]
    assert events[0].kind == "begun"
    assert events[0].details["subjects"] == 20
    assert [event.kind for event in events].count("alert") == 2
    assert summary.compared >= len(seen)
    assert not any(name in event.message for event in events for name in chain.names)


def _two_people_confirm(chain: Any) -> None:
    """Two reviewers who do not see each other's answer make it actionable (H1)."""
    [alert] = chain.act("rosa").alerts.list(camera="door")
    chain.decide(alert.case, support=True)
    assert chain.act("rosa").alerts.get(alert.alert).state == "confirmed"
    chain.found(alert.case, "correct")


def _two_false_alerts(chain: Any, again: Path, before: Path) -> None:
    """Iris was somebody else, twice: her reference suspends itself (W4), and the watch halts (W6)."""
    for camera in ("till", "door"):
        if camera == "door":
            chain.show("door", again)
            chain.watched("door")
        [alert] = chain.act("rosa").alerts.list(state="waiting", camera=camera)
        chain.decide(alert.case)
        assert chain.act("rosa").alerts.get(alert.alert).state == "dismissed"
        chain.found(alert.case, "incorrect")
    chain.act("ana").rights.tick()
    assert suspended(chain.deployment, chain.deployment.now()).references
    # Two false alerts of so few faces are far more than one in a thousand: nothing is watched until errors are measured
    # anew.
    with pytest.raises(PolicyRefusal, match="rule W6"):
        chain.watched("hall")
    chain.world.clock.advance(MINUTE)
    chain.measure()
    count = len(chain.alerts())
    chain.show("hall", before)
    assert chain.watched("hall")[0].alerts == 0
    assert len(chain.alerts()) == count


def _impossible_travel(chain: Any, london: Path) -> None:
    """Hugo in Leeds, minutes after London: nobody gets there so fast, both are flagged, nobody is called (W5)."""
    chain.show("hall", london)
    summary, _ = chain.watched("hall")
    assert (summary.alerts, summary.suppressed) == (0, 1)
    flagged = {one.state for one in chain.act("rosa").alerts.list() if "impossible-travel" in one.flags}
    assert flagged == {"confirmed", "suppressed"}


def _stopped(chain: Any) -> None:
    """Somebody presses stop: the watch under way ends, and none begins until two people say so (W7)."""
    stopped = threading.Event()

    def tell(event: Any) -> None:
        if event.kind == "begun" and not stopped.is_set():
            stopped.set()
            chain.acting("ben").control.stop("a mistake was reported")

    with pytest.raises(PolicyRefusal, match="rule W7"):
        watch(chain.act("olga"), chain.request("hall"), Conduct(tell=tell))
    assert stopped.is_set()
    with pytest.raises(PolicyRefusal, match="rule W7"):
        chain.watched("door")
    asked = chain.act("ana").control.restart()
    with pytest.raises(PolicyRefusal, match="rule S2"):
        chain.act("ana").requests.decide(asked.digest, Decision.APPROVE)
    chain.act("ben").requests.decide(asked.digest, Decision.APPROVE)
    assert not chain.system.control.stopped


def _the_end(chain: Any) -> None:
    """The list is destroyed with its keys when its end comes, and nothing is watched for any more (W3)."""
    assert chain.act("ana").galleries()
    chain.world.clock.advance(31 * 24 * 60 * MINUTE)
    chain.act("ana").rights.tick()
    assert chain.act("ana").galleries() == ()
    with pytest.raises((PolicyRefusal, UsageError)):
        chain.watched("door")


@pytest.mark.parametrize("chain", [3], indirect=True)
def test_W1_strangers_in_public_footage_bring_no_alert_and_leave_nothing(chain: Any, clips: ModuleType) -> None:
    files = {path.name: path.read_bytes() for path in chain.world.home.rglob("*") if path.is_file()}
    for camera, source in zip(("door", "till"), clips.gifs(), strict=False):
        chain.show(camera, source)
    summary, events = chain.watched("door", "till")
    assert summary.compared > 0
    assert summary.alerts == 0
    assert chain.alerts() == []
    assert {event.kind for event in events} <= {"begun", "camera", "ended"}
    after = {path.name for path in chain.world.home.rglob("*") if path.is_file()}
    assert not [name for name in after - files.keys() if name.endswith((".jpg", ".png", ".npy", ".mp4"))]
    assert not any((chain.world.home / "live").glob("*.jpg"))
