"""What tests of several layers share: portraits, a clock, and a prepared deployment copied for each test."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from faceward.protection import passphrase
from faceward.vision import session

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
TRUE_COST = passphrase.DEFAULT_COST
LARGE_NETWORK = 2**20


def _load_fakes() -> ModuleType:
    return _load_beside("faceward_test_fakes", "fakes.py")


def _load_beside(name: str, file: str) -> ModuleType:
    # Tests are no package, so that a module beside them is loaded by its path, once.
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the searches for counter-examples out of the coverage, and begin with what takes long."""
    for item in items:
        # Traced they take several times as long, and what they run the other tests run too.
        searches = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if item.path.is_relative_to(ROOT / "tests" / "property") and (searches or item.get_closest_marker("slow")):
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def _cheap_passphrases() -> Iterator[None]:
    """Let a passphrase cost nothing to try, as opening follows what the file says; `true_cost` gives the real one."""
    with mock.patch.object(passphrase, "DEFAULT_COST", passphrase.Argon2Cost(8, 1, 1)):
        yield


@pytest.fixture
def true_cost() -> Iterator[passphrase.Argon2Cost]:
    """Return what sealing with a passphrase spends outside these tests, and have it spent."""
    with mock.patch.object(passphrase, "DEFAULT_COST", TRUE_COST):
        yield TRUE_COST


@pytest.fixture(scope="session", autouse=True)
def _networks_once() -> Iterator[None]:
    """Load each large network once in a process: a network has no state, and every command loads those it needs."""
    loaded: dict[tuple[bytes, int], Any] = {}

    def load(model: bytes, threads: int) -> Any:
        if len(model) < LARGE_NETWORK:
            return onnx(model, threads)
        key = hashlib.sha256(model).digest(), threads
        if key not in loaded:
            loaded[key] = onnx(model, threads)
        return loaded[key]

    onnx = session._Onnx
    with mock.patch.object(session, "_Onnx", load):
        yield


@pytest.fixture(scope="session", autouse=True)
def _routes_once() -> Iterator[None]:
    """Have the service's routes worked out once in a process, and not for each application; they hold no state."""
    # Whoever tests the service has it loaded by now, and nobody else pays for loading it.
    families = sys.modules.get("faceward.service.families")
    if families is None:
        yield
        return
    kept: list[Any] = []

    def include(app: Any) -> None:
        before = len(app.router.routes)
        if kept:
            app.router.routes.extend(kept)
            # The description is the application's own.
            sys.modules["faceward.service.v1.openapi"].install(app)
            return
        known(app)
        kept.extend(app.router.routes[before:])

    known = families.include
    with mock.patch.object(families, "include", include):
        yield


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """Return the module `fakes`."""
    return _load_fakes()


@pytest.fixture(scope="session")
def load_beside() -> Callable[[str, str], ModuleType]:
    """Return the function that loads a module beside the tests, once, by a name and a file."""
    return _load_beside


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """Return the module `custody_kit`."""
    return _load_beside("faceward_test_custody_kit", "custody_kit.py")


@pytest.fixture(scope="session")
def passkey_kit() -> ModuleType:
    """Return the module `passkey_kit`."""
    return _load_beside("faceward_test_passkey_kit", "passkey_kit.py")


@pytest.fixture(scope="session")
def service_kit(passkey_kit: ModuleType) -> ModuleType:
    """Return the module `service_kit`."""
    assert passkey_kit
    return _load_beside("faceward_test_service_kit", "service_kit.py")


@pytest.fixture(scope="session")
def evaluations_kit() -> ModuleType:
    """Return the module `evaluations`."""
    return _load_beside("faceward_test_evaluations", "evaluations.py")


@pytest.fixture(scope="session")
def clips() -> ModuleType:
    """Return the module `clips`, which composes footage whose truth is known."""
    return _load_beside("faceward_test_clips", "clips.py")


@pytest.fixture
def shop(make_world: Callable[..., Any], load_beside: Callable[[str, str], ModuleType]) -> Any:
    """Return a shop that watches cameras, see `watch_kit`; the chain's deployment is its own."""
    kit = load_beside("faceward_test_watch_kit", "watch_kit.py")
    return kit.Shop(make_world("shop", standard="retail", jurisdiction="UK", trial=True))


@pytest.fixture
def bench(kit: ModuleType, tmp_path: Path) -> Iterator[Any]:
    """Return a log beside a custodian that serves it."""
    made = kit.Bench.make(tmp_path)
    yield made
    made.close()


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


class Worker:
    """A process that runs `operations_worker.py`. It writes to a file, where a kill loses nothing that it said."""

    def __init__(self, nursery: Any, folder: Path, number: int, job: dict[str, Any]) -> None:
        self._told = folder / f"worker-{number}.txt"
        script = Path(__file__).with_name("operations_worker.py")
        with self._told.open("wb") as told:
            self.process = nursery.start(script, [json.dumps(job, default=str)], told.fileno())

    def lines(self) -> list[str]:
        """Return the whole lines it has written."""
        return self._told.read_text(encoding="utf-8").split("\n")[:-1]

    def wait_for(self, count: int) -> list[str]:
        """Return its lines when there are this many."""
        limit = time.monotonic() + 60
        while len(self.lines()) < count:
            assert time.monotonic() < limit
            assert self.process.poll() is None or len(self.lines()) >= count, self.lines()
            time.sleep(0.003)
        return self.lines()

    def ask(self, text: str) -> str:
        """Send a line and return the answer."""
        count = len(self.lines())
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.wait_for(count + 1)[-1]

    def kill(self) -> list[str]:
        """Kill it, and return what it had said."""
        self.process.kill()
        self.process.wait()
        return self.lines()

    def finish(self) -> list[str]:
        """Let it end, and return all that it said."""
        self.process.wait()
        return self.lines()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Any]:
    """Return what starts workers in some hundredths of a second."""
    made = _load_beside("faceward_test_forked", "forked.py").Nursery("operations_worker")
    yield made
    made.close()


@pytest.fixture
def worker(tmp_path: Path, nursery: Any) -> Iterator[Callable[..., Worker]]:
    """Return a function that starts a worker on a deployment, and returns when that is open."""
    started: list[Worker] = []

    def start(do: str, home: Path, **job: Any) -> Worker:
        started.append(Worker(nursery, tmp_path, len(started), {"do": do, "home": str(home), **job}))
        assert started[-1].wait_for(1)[0] == "ready"
        return started[-1]

    yield start
    for process in started:
        process.kill()
