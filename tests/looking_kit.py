"""A watch with nothing real about it: frames that say where they are, networks that are told whom to find."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import numpy as np

from faceward.core.faces import Box, Face, Quality, Sample
from faceward.core.watch_results import AlertView, WatchTerms
from faceward.operations.watch_counts import Totals
from faceward.policy.cameras import Camera
from faceward.protection.scheme import Hit
from faceward.video.frames import FeedCounts, FeedNews, FeedSpec, Frame
from faceward.vision.align import ARCFACE_112
from faceward.vision.images import Picture

SIZE = (640, 480)
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
DIMENSION = 16
TERMS = WatchTerms(0.9, 1e-5, 1e-3, 3, 60.0, 1, 1, "test", floors={"inter_eye_distance": (12, None)})


def canvas(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a frame each of whose pixels says where it is."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    return np.stack([across % 256, down % 256, (across // 256) * 16 + down // 256], axis=2).astype(np.uint8)


def place(part: np.ndarray) -> tuple[int, int]:
    """Return where the first pixel of a part lies in its frame."""
    x, y, high = (int(v) for v in part[0, 0])
    return x + high // 16 * 256, y + high % 16 * 256


def frame(
    camera: str = "door",
    seconds: float = 0.0,
    motion: Sequence[Box] = (),
    size: tuple[int, int] = SIZE,
    textured: Box | None = None,
) -> Frame:
    """Return a frame; where it is textured, a face is as sharp and as evenly lit as a standard asks for."""
    pixels = canvas(size)
    if textured is not None:
        x0, y0, x1, y1 = (round(v) for v in (textured.x0, textured.y0, textured.x1, textured.y1))
        pixels[y0:y1, x0:x1] = np.random.default_rng(1).integers(60, 200, (y1 - y0, x1 - x0, 1))
    pixels.flags.writeable = False
    return Frame(camera, 1, START + timedelta(seconds=seconds), time.monotonic(), pixels, tuple(motion))


def face_box(x: float, y: float, side: float = 60.0) -> Box:
    return Box(x, y, x + side, y + side)


@dataclass
class Person:
    """Somebody in the view: where, how certainly, and what the network makes of them."""

    box: Box
    number: int = 0
    confidence: float = 0.9


@dataclass
class FakeNetworks:
    """Networks that find whom they are told to; they remember what they were asked, and what they gave out."""

    people: list[Person] = field(default_factory=list)
    confidence: float = 0.5
    alike: float = 0.5
    detections: list[tuple[int, int]] = field(default_factory=list)
    blanks: list[str] = field(default_factory=list)
    given: list[np.ndarray] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    error: Exception | None = None
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    gate: threading.Event | None = None

    def detect(self, picture: Picture, effort: Any = None, threshold: float | None = None) -> tuple[Face, ...]:
        self.threads.add(threading.get_ident())
        if picture.name == "blank":
            self.blanks.append(f"{picture.width}x{picture.height}")
            return ()
        self.entered.release()
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.error is not None:
            raise self.error
        self.detections.append((picture.width, picture.height))
        x0, y0 = place(picture.pixels)
        found = []
        for one in self.people:
            box = Box(one.box.x0 - x0, one.box.y0 - y0, one.box.x1 - x0, one.box.y1 - y0)
            shown = Box(max(0, box.x0), max(0, box.y0), min(picture.width, box.x1), min(picture.height, box.y1))
            if shown.width > 5 and shown.height > 5 and one.confidence >= (threshold or 0):
                points = ARCFACE_112 / 112 * [one.box.width, one.box.height] + [box.x0, box.y0]
                found.append(Face(shown, points.astype(np.float32), one.confidence))
        return tuple(found)

    def samples(self, picture: Picture, faces: Sequence[Face]) -> tuple[Sample, ...]:
        if picture.name == "blank":
            self.blanks.append(f"{len(faces)} faces")
            return tuple(Sample(f, Quality(), np.zeros(DIMENSION, np.float32), "pack") for f in faces)
        x0, _ = place(picture.pixels)
        found = []
        for face in faces:
            across = (face.box.x0 + face.box.x1) / 2 + x0
            one = min(self.people, key=lambda p: abs((p.box.x0 + p.box.x1) / 2 - across))
            row = np.zeros(DIMENSION, np.float32)
            row[one.number] = 1
            self.given.append(row)
            found.append(Sample(face, Quality(), row, "pack"))
        return tuple(found)


@dataclass
class FakeHeld:
    """A watch on record, whose list has some numbers on it."""

    listed: frozenset[int] = frozenset({1})
    terms: WatchTerms = TERMS
    entry: int = 7
    expected_per_day: float = 0.5
    compared_with: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    sightings: list[Any] = field(default_factory=list)
    checks: int = 0
    fails: dict[str, list[Exception | None]] = field(default_factory=dict)
    repeats: bool = False
    suppresses: bool = False
    suppressed: int = 0
    entered: int = 0
    ended: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._fail("enter")
        self.entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.ended += 1
        self._fail("exit")

    def _fail(self, what: str) -> None:
        planned = self.fails.get(what)
        error = planned.pop(0) if planned else None
        if error is not None:
            raise error

    @property
    def totals(self) -> Totals:
        return Totals(suppressed=self.suppressed)

    def check(self) -> None:
        self.checks += 1
        self._fail("check")

    def compare(self, features: Any) -> tuple[Hit, ...]:
        self._fail("compare")
        number = int(np.argmax(features[0]))
        with self.lock:
            self.compared_with.append(number)
            self.samples.append(len(features))
        return (Hit(f"ref-{number}", b"subject", 0.95, (f"ref-{number}",)),) if number in self.listed else ()

    def compared(self, camera: str, tracks: int = 1) -> None:
        self.unknown[camera] = self.unknown.get(camera, 0) + tracks

    def alert(self, sighting: Any) -> AlertView | None:
        self._fail("alert")
        self.sightings.append(sighting)
        self.suppressed += self.suppresses
        if self.repeats or self.suppresses:
            return None
        return AlertView(
            "a" * 32, 9, "case", sighting.camera, "", "2026-06-01T12:00:00Z", "list", "theft", 1e-3, 0.5, "waiting"
        )


class FakeFeeds:
    """Feeds that give out what they are told to, and keep account of what came back."""

    def __init__(self, *items: Any) -> None:
        self.items: deque[Any] = deque(items)
        self.out: dict[int, Frame] = {}
        self.wanted: list[tuple[str, bool]] = []
        self.closed = 0
        self.most_out = 0
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1

    def poll(self, timeout: float) -> list[Any]:
        if not self.items:
            time.sleep(min(timeout, 0.002))
            return []
        item = self.items.popleft()
        found = item() if callable(item) else item
        if found is None:
            time.sleep(min(timeout, 0.002))
            return []
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, Frame):
                with self.lock:
                    self.out[id(one)] = one
                    self.most_out = max(self.most_out, len(self.out))
        return list(found) if isinstance(found, list) else [found]

    def want(self, camera: str, every: bool) -> None:
        self.wanted.append((camera, every))

    def release(self, frame: Frame) -> None:
        with self.lock:
            assert self.out.pop(id(frame), None) is not None, "released twice, or to others"

    def counts(self) -> dict[str, FeedCounts]:
        return {"door": FeedCounts(decoded=10, looked_at=5, gated=2, dropped=1, reconnects=0)}


@dataclass
class FakeBoard:
    previews: list[tuple[str, bytes]] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    error: Exception | None = None

    def write_preview(self, camera: str, jpeg: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.previews.append((camera, jpeg))

    def write_state(self, state: Any) -> None:
        if self.error is not None:
            raise self.error
        self.states.append(state)


def camera(name: str = "door", **changes: Any) -> Camera:
    values: dict[str, Any] = {
        "name": name, "place": "the door", "branch": "London", "position": None, "camera_class": "any", "rate": 5.0,
        "zones": (), "notice": None, "since": START,
    }  # fmt: skip
    return Camera(**{**values, **changes})


def ended(name: str = "door") -> FeedNews:
    return FeedNews(name, "ended", "the end was reached", START)


def spec(name: str = "door", **changes: Any) -> FeedSpec:
    return FeedSpec(name, "/clip.mp4", **changes)
