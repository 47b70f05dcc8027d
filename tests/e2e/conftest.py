"""The command line, run in this process, on real photographs and a real deployment."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

PASSPHRASE = "correct horse battery staple"
PURPOSE = "door"
EILEEN, GRACE = "Eileen Collins", "Grace Hopper"


@dataclass(frozen=True)
class Outcome:
    """What a run of the command line left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()

    def json(self) -> dict[str, Any]:
        """Return the one JSON object; anything else on standard output fails."""
        value = json.loads(self.out, parse_constant=_no_constant)
        assert isinstance(value, dict)
        return value


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@dataclass
class Cli:
    """Runs commands against one deployment."""

    home: Path
    environment: dict[str, str] = field(default_factory=lambda: {"FACEWARD_PASSPHRASE": PASSPHRASE})
    both: bool = True
    """Whether `refused` looks at the JSON form too; turned off where many refusals are of one kind."""

    def __call__(self, *arguments: object, **environment: str | None) -> Outcome:
        from faceward.cli import main

        wanted = {"FACEWARD_HOME": str(self.home), **self.environment, **environment}
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FACEWARD_H")}
        settings = {**kept, **{name: value for name, value in wanted.items() if value is not None}}
        for name in ("FACEWARD_PASSPHRASE",):
            if wanted.get(name) is None:
                settings.pop(name, None)
        with mock.patch.dict(os.environ, settings, clear=True), redirect_stdout(out), redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
        return Outcome(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]

    def ok(self, *arguments: object, **environment: str | None) -> Outcome:
        """Run a command that must succeed."""
        outcome = self(*arguments, **environment)
        assert outcome.code == 0, outcome.err
        return outcome

    def json(self, *arguments: object) -> dict[str, Any]:
        """Run a command that must succeed with `--json`."""
        outcome = self.ok(*arguments, "--json")
        assert outcome.err == ""
        return outcome.json()

    def refused(self, code: int, *arguments: object, **environment: str | None) -> str:
        """Run a command that must fail with a code and one line, in both forms; return the line."""
        outcome = self(*arguments, **environment)
        assert outcome.code == code, (outcome.code, outcome.err)
        assert len(outcome.lines) == 1, outcome.err
        assert outcome.lines[0].startswith("faceward: ")
        assert "Traceback" not in outcome.err
        assert outcome.out == ""
        if not self.both:
            return outcome.lines[0].removeprefix("faceward: ")
        other = self(*arguments, "--json", **environment)
        error = other.json()["error"]
        assert (other.code, error["code"]) == (code, code)
        assert set(error) == {"code", "kind", "message", "rule", "remedy"}
        return outcome.lines[0].removeprefix("faceward: ")


def portrait(distribution: str, path: str) -> Path:
    try:
        found = Path(str(importlib.metadata.distribution(distribution).locate_file(path)))
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"the portrait lies in {distribution}, which is not installed (extra 'demo')")
    return found


@pytest.fixture(scope="session")
def eileen() -> Path:
    """Eileen Collins, NASA, public domain."""
    return portrait("scikit-image", "skimage/data/astronaut.png")


@pytest.fixture(scope="session")
def grace() -> Path:
    """Grace Hopper, US Navy, public domain."""
    return portrait("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg")


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, eileen: Path, grace: Path) -> Path:
    """A deployment with a purpose and two subjects; copy it, do not change it."""
    folder = tmp_path_factory.mktemp("ready")
    cli = Cli(folder / "home")
    cli.ok("init", "--standard", "workplace", "--controller", "Museum", "--contact", "desk@museum.example")
    cli.ok("purpose", "add", PURPOSE, "--basis", "consent", "--fmr", "1e-4", "--retention", "365d",
           "--alternative", "a badge")  # fmt: skip
    for subject, picture in ((EILEEN, eileen), (GRACE, grace)):
        release = write_release(folder / f"{subject}.toml", subject)
        cli.ok("enrol", picture, "--subject", subject, "--purpose", PURPOSE, "--release", release)
    return folder / "home"


def write_release(path: Path, subject: str, purpose: str = PURPOSE) -> Path:
    """Write a release in force."""
    path.write_text(
        f'subject = "{subject}"\npurpose = "{purpose}"\nsigned = 2020-01-01\nterm = "99y"\n', encoding="utf-8"
    )
    return path


@pytest.fixture
def cli(ready: Path, tmp_path: Path) -> Cli:
    """The command line with a deployment of its own that two subjects are enrolled in."""
    home = tmp_path / "home"
    shutil.copytree(ready, home)
    return Cli(home)


@pytest.fixture
def bare(tmp_path: Path) -> Cli:
    """The command line with no deployment and no passphrase."""
    return Cli(tmp_path / "nowhere", {})


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process of its own."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("FACEWARD_")},
        "FACEWARD_HOME": str(tmp_path / "home"),
        "FACEWARD_PASSPHRASE": PASSPHRASE,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _beside(file: str) -> Any:
    name = f"faceward_test_{file}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{file}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def console() -> Any:
    """The module `console_kit`."""
    return _beside("console_kit")


@pytest.fixture(scope="session")
def story() -> Any:
    """The module `story_kit`."""
    return _beside("story_kit")


@pytest.fixture(scope="session")
def chromium(console: Any) -> Iterator[Any]:
    """A browser; skips where there is none."""
    if not Path(console.CHROMIUM).exists():
        pytest.skip("there is no Chromium on this machine")
    with console.browser() as started:
        yield started


@pytest.fixture
def site(console: Any, chromium: Any, world: Any, passkey_kit: Any) -> Iterator[Any]:
    """A service of a world with the purpose `door`, served to the browser."""
    with console.serve(world, chromium, passkey_kit) as served:
        yield served
