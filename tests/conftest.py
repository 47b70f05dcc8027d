"""What tests of several layers share: portraits, a clock, and a prepared deployment copied for each test."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


def _load_fakes() -> ModuleType:
    # Tests are no package, so that a module beside them is loaded by its path, once.
    name = "faceward_test_fakes"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("fakes.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def _installed(package: str, *parts: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is a development dependency"
    assert spec.origin is not None
    return Path(spec.origin).parent.joinpath(*parts)


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """Return the module `fakes`."""
    return _load_fakes()


@pytest.fixture(scope="session")
def collins() -> Path:
    """Return a portrait of Eileen Collins, public domain."""
    return _installed("skimage", "data", "astronaut.png")


@pytest.fixture(scope="session")
def hopper() -> Path:
    """Return a portrait of Grace Hopper, public domain."""
    return _installed("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")


@pytest.fixture(scope="session")
def synthetic_faces() -> list[Path]:
    """Return pictures of people who do not exist, one each."""
    found = sorted((DATA / "sfhq").glob("*.jpg"))
    if not found:
        pytest.skip("../shared/data/sfhq is not on this machine")
    return found


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory, fakes: ModuleType) -> Path:
    """Return a deployment that nobody opened yet; copy it."""
    made: Path = fakes.make_home(tmp_path_factory.mktemp("prepared") / "home", about=("ACME", "privacy@acme.example"))
    return made


@pytest.fixture
def make_world(prepared_home: Path, tmp_path: Path, fakes: ModuleType) -> Iterator[Callable[..., Any]]:
    """Return a function that makes deployments of their own."""
    made = []

    def make(name: str = "home", **options: Any) -> Any:
        home = tmp_path / name
        if options:
            fakes.make_home(home, **options)
        else:
            shutil.copytree(prepared_home, home)
        made.append(fakes.World(home, tmp_path))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., Any]) -> Any:
    """Return a deployment."""
    return make_world()
