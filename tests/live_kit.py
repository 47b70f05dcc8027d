"""A shop whose cameras are composed clips and whose networks are the real ones; tests of several layers share it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from faceward.core.canonical import canonical_json
from faceward.operations.evidence import checked
from faceward.operations.measured import addition
from faceward.operations.system import System
from faceward.policy.cameras import CameraChange


def _beside(name: str, file: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


watch_kit = _beside("faceward_test_watch_kit", "watch_kit.py")
clips = _beside("faceward_test_clips", "clips.py")
# Two whom the pack recognises from one picture to the other, and people who resemble neither.
LISTED = ("Akhmed_Zakayev", "Carlos_Vives")


def listed(*names: str) -> dict[str, tuple[Path, ...]]:
    """Return the pictures of people of View 1 of whom there are at least two."""
    known = clips.lfw(2)
    return {name: known[name] for name in names}


class _Pictured:
    """A world in which a person's picture is a given one."""

    def __init__(self, world: Any, pictures: dict[str, Path]) -> None:
        self._world, self._pictures = world, pictures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def picture(self, name: str) -> Path:
        return self._pictures[name]


class LiveShop(watch_kit.Shop):  # type: ignore[misc,name-defined]
    """The shop of `watch_kit` with the real pack, its people real pictures, its cameras files.

    Args:
        make_world: Makes deployments, of `conftest`.
        people: Who is on the list, by name, each with the picture that is enrolled.
    """

    def __init__(self, make_world: Any, people: dict[str, Path]) -> None:
        world = make_world("shop", standard="retail", jurisdiction="UK", trial=True)
        world.clock.moment = datetime.now(UTC)
        super().__init__(_Pictured(world, people), tuple(people))

    def open(self) -> System:
        self.system = self.world.open(fake=False, purpose=None)
        return self.system

    def measure(self, **changes: Any) -> None:
        """Put an evaluation on record whose operating points are the pack's own."""
        fakes = watch_kit.fakes
        made = fakes.own_evaluation(self.system, made=self.deployment.now(), **changes)
        made = replace(made, data=replace(made.data, camera_class="shop"))
        addition(self.deployment, checked(canonical_json(made.to_json()), made.digest())).apply()

    def films(self, camera: str, clip: Path, rate: float = 5.0) -> None:
        """Let a camera show a clip."""
        self.act("ana").cameras.change(camera, CameraChange(source=str(clip), rate=rate))
        self.act("olga")
