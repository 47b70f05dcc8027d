"""A gate's lane with nothing real about it: what is compared, what is asked meanwhile, and what is overwritten."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceward.core.errors import NoFace, PolicyRefusal
from faceward.core.faces import Box, Quality
from faceward.core.sources import Upload
from faceward.policy.standard import load_standard
from faceward.video import gate_lane
from faceward.video.gate_lane import Conduct, pass_through
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort

STOPPED = PolicyRefusal("W7", "recognition was stopped.", "Two people restart it.")
BORDER = load_standard("border").parameters
GOOD = Quality({floor.component: (floor.minimum or 0.0) + 0.05 for floor in BORDER.enrolment_floors})
WAIT = 60.0


@pytest.fixture(scope="module")
def kit(load_beside: Callable[[str, str], ModuleType]) -> ModuleType:
    return load_beside("faceward_test_looking_kit", "looking_kit.py")


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (90, 90, 90)).save(stream, "PNG")
    return stream.getvalue()


class Clock:
    """Time that passes where somebody waits or looks."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class FakeGate:
    """A gate that remembers what it was asked and given, and when."""

    floors, enough = BORDER.probe_floors, BORDER.enrolment_floors
    dwell = BORDER.video.dwell.total_seconds()
    source = "/gate.mp4"

    def __init__(self, kit: ModuleType, clock: Clock) -> None:
        self.camera, self.clock = kit.camera("gate"), clock
        self.document = Upload("chip.png", png(50, 70))
        self.checks: list[float] = []
        self.compared: list[Image.Image] = []
        self.error: Exception | None = None
        self.refuses_at = float("inf")

    def check(self) -> None:
        self.checks.append(self.clock.now)
        if self.clock.now >= self.refuses_at:
            raise STOPPED

    def compare(self, picture: Upload) -> str:
        self.compared.append(Image.open(io.BytesIO(picture.data)).convert("RGB"))
        if self.error is not None:
            raise self.error
        return "compared"

    def answer(self, reason: str) -> str:
        return reason


class Lane:
    """A lane before whose camera people stand, come and go."""

    def __init__(self, kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kit, self.clock = kit, Clock()
        self.gate, self.networks = FakeGate(kit, self.clock), kit.FakeNetworks()
        self.efforts: list[tuple[str, Effort]] = []
        self.networks.detect = self._noted(self.networks.detect)
        self.items: list[Any] = []
        self.feeds = kit.FakeFeeds()
        self.feeds.poll = self._poll
        self.specs: list[Any] = []
        self.frames = 0
        monkeypatch.setattr(gate_lane, "Feeds", self._opened)
        monkeypatch.setattr(gate_lane, "time", self.clock)
        monkeypatch.setattr(gate_lane, "assess", lambda *_: GOOD)
        monkeypatch.setattr(gate_lane, "overwrite_what_is_freed", lambda: True)

    def _opened(self, specs: list[Any]) -> Any:
        self.specs = specs
        return self.feeds

    def _noted(self, detect: Callable[..., Any]) -> Callable[..., Any]:
        def noted(picture: Picture, effort: Effort = Effort.ALL, threshold: float | None = None) -> Any:
            if picture.name == "blank":
                self.efforts.append((f"{picture.width}x{picture.height}", effort))
            return detect(picture, effort, threshold)

        return noted

    def stands(self, *boxes: Box, frames: int = 1) -> None:
        """Have people stand before the camera for some frames of a fifth of a second."""
        for _ in range(frames):
            self.items.append((self.frames / 5, boxes))
            self.frames += 1

    def _poll(self, timeout: float) -> list[Any]:
        self.clock.now += timeout
        if not self.items:
            return []
        seconds, boxes = self.items.pop(0)
        if seconds == "ended":
            return [self.kit.ended("gate")]
        self.networks.people = [self.kit.Person(box, number) for number, box in enumerate(boxes)]
        frame = self.kit.frame("gate", seconds)
        self.feeds.out[id(frame)] = frame
        return [frame]

    def go(self) -> Any:
        system = SimpleNamespace(gate=lambda _: self.gate, pipeline=self.networks)
        return pass_through(system, None, Conduct(WAIT))  # type: ignore[arg-type]


@pytest.fixture
def lane(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Lane:
    return Lane(kit, monkeypatch)


@pytest.fixture
def near(kit: ModuleType) -> Box:
    return kit.face_box(200, 200, 100)


@pytest.fixture
def beside(kit: ModuleType) -> Box:
    return kit.face_box(340, 200, 90)


def test_whoever_stands_alone_is_compared(lane: Lane, near: Box) -> None:
    lane.stands(near, frames=6)
    assert lane.go() == "compared"
    assert len(lane.gate.compared) == 1
    assert (lane.feeds.out, lane.feeds.closed) == ({}, 1)
    assert [(spec.camera, spec.source) for spec in lane.specs] == [("gate", "/gate.mp4")]


@pytest.mark.parametrize("alone", range(4))
def test_a_second_who_arrives_later_has_nobody_compared(lane: Lane, near: Box, beside: Box, alone: int) -> None:
    lane.stands(near, frames=alone)
    lane.stands(near, beside, frames=60)
    assert lane.go() == "several-people"
    assert lane.gate.compared == []


def test_a_second_who_leaves_is_waited_for(lane: Lane, near: Box, beside: Box) -> None:
    lane.stands(near, beside, frames=5)
    lane.stands(near, frames=3)
    lane.items.append(("ended", ()))
    assert lane.go() == "several-people"
    lane.stands(near, beside, frames=5)
    lane.stands(near, frames=6)
    assert lane.go() == "compared"


def test_a_picture_of_whom_no_other_frame_shows_alone_is_not_compared(lane: Lane, near: Box) -> None:
    lane.stands(near)
    lane.items.append(("ended", ()))
    assert lane.go() == "not-comparable"
    assert lane.go() == "nobody"


def test_W1_another_face_in_what_is_compared_is_hidden(lane: Lane, kit: ModuleType, near: Box) -> None:
    # Smaller than those who stand in the zone too, so that the traveller is alone; near enough to be in the crop.
    bystander = kit.face_box(310, 150, 36)
    lane.stands(near, bystander, frames=6)
    assert lane.go() == "compared"
    [picture] = lane.gate.compared
    shown = np.asarray(picture).astype(int)
    left, top = kit.place(shown)
    hidden = shown[round(bystander.y0) - top : round(bystander.y1) - top, 310 - left : round(bystander.x1) - left]
    assert hidden.size
    assert hidden.std(axis=(0, 1)).max() < 1
    # The traveller's own face is as the camera saw it.
    own = shown[200 - top : 300 - top, 200 - left : 300 - left]
    assert np.array_equal(own, kit.canvas()[200:300, 200:300])


def test_W7_W8_rules_are_asked_each_half_second_while_nobody_comes(lane: Lane) -> None:
    assert lane.go() == "nobody"
    times = [1000.0, *lane.gate.checks, 1000 + WAIT]
    assert max(np.diff(times)) <= 0.5


def test_W7_W8_rules_are_asked_each_half_second_while_somebody_is_looked_at(lane: Lane, near: Box, beside: Box) -> None:
    lane.stands(near, beside, frames=40)
    assert lane.go() == "several-people"
    assert len(lane.gate.checks) >= 7


def test_W7_a_stop_ends_the_wait_before_the_next_look(lane: Lane, near: Box, beside: Box) -> None:
    lane.stands(near, beside, frames=40)
    lane.gate.refuses_at = 1001.0
    with pytest.raises(PolicyRefusal, match="rule W7"):
        lane.go()
    assert lane.clock.now < 1001.5
    assert lane.gate.compared == []
    assert (lane.feeds.out, lane.feeds.closed) == ({}, 1)


def test_W1_every_shape_in_which_a_comparison_looks_for_faces_is_overwritten(lane: Lane, near: Box) -> None:
    lane.stands(near, frames=6)
    assert lane.go() == "compared"
    [picture] = lane.gate.compared
    crop = f"{picture.width}x{picture.height}"
    assert set(lane.efforts) == {
        ("640x480", Effort.ALL),
        # Against the document: from coarse to fine, both pictures.
        ("50x70", Effort.PRINCIPAL),
        (crop, Effort.PRINCIPAL),
        # In the gallery.
        (crop, Effort.ALL),
    }
    assert "1 faces" in lane.networks.blanks


def test_W1_it_is_overwritten_also_where_the_comparison_fails(lane: Lane, near: Box) -> None:
    lane.gate.document = Upload("chip.png", b"no picture")
    lane.gate.error = NoFace("chip.png: no face was found")
    lane.stands(near, frames=6)
    with pytest.raises(NoFace):
        lane.go()
    [picture] = lane.gate.compared
    assert (f"{picture.width}x{picture.height}", Effort.ALL) in lane.efforts
    assert "1 faces" in lane.networks.blanks


def test_W1_what_the_last_frame_left_is_overwritten_while_none_comes(lane: Lane, near: Box, beside: Box) -> None:
    lane.stands(near, beside)
    seen: list[float] = []
    poll = lane.feeds.poll

    def noted(timeout: float) -> list[Any]:
        if lane.efforts and not seen:
            seen.append(lane.clock.now)
        return poll(timeout)

    lane.feeds.poll = noted
    assert lane.go() == "several-people"
    assert seen
    assert seen[0] < 1001.0
