"""The library as the README shows it, on real portraits with the real pack."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import faceward
from faceward.core.clock import SystemClock
from faceward.core.errors import PolicyRefusal

RELEASES = b"""
[[release]]
subject = "Eileen Collins"
purpose = "door"
signed = 2026-01-01
term = "20y"

[[release]]
subject = "Grace Hopper"
purpose = "door"
signed = 2026-01-01
term = "20y"
"""


@pytest.fixture
def portraits(collins: Path, hopper: Path, tmp_path: Path) -> dict[str, Path]:
    """Other renditions of the portraits: tilted and compressed."""
    made = {}
    for name, path in (("Eileen Collins", collins), ("Grace Hopper", hopper)):
        made[name] = tmp_path / f"tilted-{path.stem}.jpg"
        with Image.open(path) as image:
            image.convert("RGB").rotate(6).save(made[name], quality=70)
    return made


def test_the_main_job_on_real_photographs(
    world: Any, portraits: dict[str, Path], collins: Path, hopper: Path, tmp_path: Path, fakes: Any
) -> None:
    world.clock = SystemClock()
    releases = faceward.parse_releases(RELEASES, "releases.toml")
    with faceward.open(world.home, passphrase=fakes.PASSPHRASE) as system:
        system.add_purpose("door", basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a badge")
        system.simulate("door", purpose="door", count=500)
        for who, path in (("Eileen Collins", collins), ("Grace Hopper", hopper)):
            assert system.enrol([path], subject=who, purpose="door", releases=releases).count("enrolled") == 1
        for who, path in portraits.items():
            verified = system.verify(path, subject=who, purpose="door")
            assert verified.decision == "match"
            other = next(name for name in portraits if name != who)
            assert system.verify(path, subject=other, purpose="door").decision == "non-match"
            found = system.identify(path, gallery="door", purpose="door", reason="a test")
            assert [candidate.subject for candidate in found.probes[0].candidates] == [who]
            assert found.references == 502
        kept = system.redact(portraits["Grace Hopper"], tmp_path / "o.png", keep=["Grace Hopper"]).pictures[0]
        # The detector looks harder when it hides than when it enrols, so it may find more than there is.
        assert kept.kept == ("Grace Hopper",)
        hidden = system.redact(portraits["Eileen Collins"], tmp_path / "p.png", keep=["Grace Hopper"]).pictures[0]
        assert hidden.hidden >= 1
        assert hidden.kept == ()
        assert system.erase("Grace Hopper").references == 1
        unknown = system.identify(portraits["Grace Hopper"], gallery="door", purpose="door", reason="a test")
        assert unknown.probes[0].to_json()["outcome"] == "unknown"
        with pytest.raises(PolicyRefusal, match="rule C1: the release was ended by the erasure"):
            system.enrol([portraits["Grace Hopper"]], subject="Grace Hopper", purpose="door", releases=releases)
        assert system.verify_log().unfinished == ()


def test_two_pictures_are_compared_and_nothing_is_stored(portraits: dict[str, Path], collins: Path) -> None:
    pack = faceward.pipeline()
    same = faceward.verify_pictures(collins, portraits["Eileen Collins"], pack=pack)
    other = faceward.verify_pictures(collins, portraits["Grace Hopper"], pack=pack)
    assert (same.decision, other.decision) == ("match", "non-match")
    assert same.score is not None
    assert other.score is not None
    assert same.score > same.operating_point.score > other.score
    assert same.entry is None
    assert len(faceward.detect(collins, pack=pack).faces) == 1


def test_everything_that_is_offered_is_there() -> None:
    for name in faceward.__all__:
        assert getattr(faceward, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'close'"):
        faceward.close  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import faceward, sys; print(sorted({'numpy', 'PIL', 'onnxruntime', 'cryptography'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_opening_a_deployment_needs_no_network_of_either_kind(world: Any, fakes: Any) -> None:
    """No model is loaded until a picture is looked at."""
    script = (
        "import sys, faceward\n"
        f"with faceward.open({str(world.home)!r}, passphrase={fakes.PASSPHRASE!r}) as system:\n"
        "    system.status()\n"
        "print('onnxruntime' in sys.modules, 'onnx' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip().endswith("False")
