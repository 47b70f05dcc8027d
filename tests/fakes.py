"""A deployment to test with, and a pipeline that reads from a picture's pixels whom it shows.

Processes that tests start import this too, so that they see the same people.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceward import bootstrap
from faceward.core.canonical import canonical_json
from faceward.core.evidence_results import MeasuredChange
from faceward.core.faces import Box, Face, Quality, Sample
from faceward.gallery.search import Gallery
from faceward.operations.journal import Happening
from faceward.operations.system import System
from faceward.policy.consent import Release
from faceward.policy.evaluation import Evaluation
from faceward.policy.facts import rights_context
from faceward.policy.standard import load_standard
from faceward.standalone import pipeline
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort, Pipeline

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PASSPHRASE = "correct horse"
_SIDE = 48
_BLURRED = 1


@dataclass(slots=True)
class FixedClock:
    """A clock that moves when told to."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def advance(self, span: timedelta) -> None:
        self.moment += span


def features_of(name: str, variant: int = 0) -> np.ndarray:
    """Return what the fake network of the default pack makes of a person: variants of one are alike, people are not."""
    return _features(_colour(name), variant, pipeline().pack.manifest.dimension)


def paint(path: Path, *people: str, variant: int = 0, blurred: bool = False, **options: Any) -> Path:
    """Write a picture that `FakePipeline` finds these people in."""
    pixels = np.full((_SIDE, _SIDE, 3), 90, dtype=np.uint8)
    pixels[0] = 0
    for column, name in enumerate(people):
        pixels[0, column] = np.frombuffer(_colour(name), dtype=np.uint8)
    pixels[1, 0] = (variant, _BLURRED if blurred else 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def _colour(name: str) -> bytes:
    return bytes(b | 1 for b in hashlib.sha256(name.encode()).digest()[:3])


class FakePipeline(Pipeline):
    """The default pack's form without its networks: quick, and the same everywhere.

    Attributes:
        extracted: Names of the pictures whose features were extracted, in order.
        watch: Called before each extraction.
    """

    def __init__(self, real: Pipeline, watch: Callable[[], None] | None = None) -> None:
        super().__init__(real._store, real.pack)
        self.extracted: list[str] = []
        self.watch = watch
        self._floors = load_standard("workplace").parameters.enrolment_floors

    def load(self) -> None:
        """There is nothing to load."""

    def detect(self, picture: Picture, effort: Effort = Effort.ALL, threshold: float | None = None) -> tuple[Face, ...]:
        people = int(picture.pixels[0].any(axis=1).sum())
        width = picture.width / max(1, people)
        landmarks = np.array([[4, 4], [9, 4], [6, 7], [4, 10], [9, 10]], dtype=np.float32)
        return tuple(
            Face(
                Box(i * width, 2, (i + 1) * width, picture.height),
                landmarks + np.array([i * width, 0], dtype=np.float32),
                0.9 - i / 100,
            )
            for i in range(people)
        )

    def samples(self, picture: Picture, faces: Sequence[Face]) -> tuple[Sample, ...]:
        if self.watch is not None:
            self.watch()
        self.extracted.append(picture.name)
        variant, flag, _ = (int(v) for v in picture.pixels[1, 0])
        result = []
        for face in faces:
            column = round(face.box.x0 / face.box.width)
            row = _features(bytes(picture.pixels[0, column]), variant, self.pack.manifest.dimension)
            result.append(Sample(face, Quality(self._components(blurred=flag == _BLURRED)), row, self.identifier))
        return tuple(result)

    def _components(self, *, blurred: bool) -> dict[str, float]:
        good = {f.component: 0.0 if f.minimum is None else f.minimum + 0.05 for f in self._floors}
        return {**good, "sharpness": 0.0} if blurred else good


def _features(colour: bytes, variant: int, length: int) -> np.ndarray:
    seed = int.from_bytes(colour, "big")
    row = np.random.default_rng(seed).standard_normal(length)
    row /= np.linalg.norm(row)
    noise = np.random.default_rng([seed, variant + 1]).standard_normal(length)
    row = row + 0.15 * noise / np.linalg.norm(noise)
    return (row / np.linalg.norm(row)).astype(np.float32)


def own_evaluation(system: System, **changes: Any) -> Evaluation:
    """Return an evaluation, as every standard accepts it, whose operating points are those of the pack."""
    path = Path(__file__).with_name("evaluations.py")
    kit = sys.modules.get("faceward_test_evaluations") or _loaded("faceward_test_evaluations", path)
    pipeline = system._deployment.pipeline
    rows = tuple((fmr, threshold, fnmr / 10) for fmr, _, _, threshold, fnmr in pipeline.calibration.table.tolist())
    made = system._deployment.now() - timedelta(days=31)
    values = {"pack": pipeline.identifier, "points": kit.points(rows), "made": made, **changes}
    return kit.evaluation(**values)


def _loaded(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def make_home(home: Path, **options: Any) -> Path:
    """Set up a deployment; the tests' `conftest.py` has seen to it that its passphrase costs nothing to try."""
    bootstrap.create(
        home, **{"standard": "workplace", "secret": bootstrap.Secret(PASSPHRASE), "clock": FixedClock(), **options}
    )
    return home


@dataclass(slots=True)
class World:
    """A deployment of one test, its pictures and its clock."""

    home: Path
    folder: Path
    clock: FixedClock = field(default_factory=FixedClock)
    systems: list[System] = field(default_factory=list)
    drawn: int = 0

    def open(self, *, fake: bool = True, purpose: str | None = "door", **options: Any) -> System:
        """Open the deployment; with the purpose of most tests if it is registered nowhere yet."""
        system = bootstrap.open_system(self.home, **{"passphrase": PASSPHRASE, "clock": self.clock, **options})
        self.systems.append(system)
        if fake:
            system._deployment.pipeline = FakePipeline(system._deployment.pipeline)
        if purpose and purpose not in {known.name for known in system.purposes()}:
            system.add_purpose(purpose, basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a badge")
        return system

    def reopen(self, **options: Any) -> System:
        self.close()
        return self.open(**options)

    def close(self) -> None:
        for system in self.systems:
            system.close()
        self.systems.clear()

    def fake(self, system: System) -> FakePipeline:
        found = system._deployment.pipeline
        assert isinstance(found, FakePipeline)
        return found

    def picture(self, *people: str, name: str | None = None, **options: Any) -> Path:
        """Paint a picture that no other has the pixels of."""
        self.drawn += 1
        options.setdefault("variant", self.drawn % 256)
        return paint(self.folder / "pictures" / (name or f"picture-{self.drawn}.png"), *people, **options)

    def release(self, *subjects: str, purpose: str = "door", **changes: Any) -> tuple[Release, ...]:
        terms = {
            "signed_on": date(2026, 1, 1),
            "until": datetime(2027, 6, 1, tzinfo=UTC),
            "statement": "",
            "evidence": "",
        }
        return tuple(Release(subject=who, purpose=purpose, **{**terms, **changes}) for who in subjects)

    def enrol(self, system: System, *subjects: str, purpose: str = "door") -> None:
        for who in subjects:
            picture = self.picture(who)
            # A sheet of today's: an erasure ends those of before.
            sheet = self.release(
                who, purpose=purpose, signed_on=self.clock.now().date(), evidence=f"sheet {self.drawn}"
            )
            system.enrol([picture], subject=who, purpose=purpose, releases=sheet)

    def prove(self, system: System, **changes: Any) -> MeasuredChange:
        """Put on record an evaluation on the deployment's own cameras, by which scores mean what the pack says."""
        data = canonical_json(own_evaluation(system, **changes).to_json())
        return system.evidence.add(data, "evaluation.json")

    def matches(self, system: System, who: str, subject: str | None = None) -> bool:
        found = system.verify(self.picture(who), subject=subject or who, purpose="door")
        return found.decision == "match"

    def found(self, system: System, who: str) -> list[str]:
        """Return the candidates for a fresh picture of somebody."""
        result = system.identify(self.picture(who), gallery="door", purpose="door", reason="a test")
        return [candidate.subject for candidate in result.probes[0].candidates]

    @contextmanager
    def opened(self, system: System, gallery: str = "door") -> Iterator[Gallery]:
        """Open a gallery as every operation does: with an entry that the custodian has seen."""
        happening = Happening("subject.show", {"galleries": [gallery]})
        with system._desk.operation("show", rights_context(), happening) as act:
            yield act.gallery(gallery)

    def contents(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted(self.home.iterdir()) if p.is_file()}

    def copy(self, *names: str) -> Path:
        """Copy files of the deployment as they are now, as a thief or a backup would; return the folder."""
        target = self.folder / f"copy-{self.drawn}-{len(list(self.folder.iterdir()))}"
        target.mkdir()
        for path in self.home.iterdir():
            if any(path.name.startswith(name) for name in names):
                shutil.copyfile(path, target / path.name)
        return target

    def log(self, system: System) -> list[tuple[str, str]]:
        return [(line.operation, line.phase) for line in system.log_lines()]
