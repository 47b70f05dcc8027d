"""The calibration of a pack, from pictures to a table that a manifest takes."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from faceward.vision.calibration import parse_calibration
from faceward.vision.fields import Table

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT.parent / "shared" / "data" / "lfw-view1" / "images"
TERMS = """name = "A dozen of LFW"
basis = "public-research"
statement = "Labeled Faces in the Wild, press photographs of public figures, published for research"
camera_class = "press-photographs"
"""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not IMAGES.is_dir():
        pytest.skip("../shared/data/lfw-view1 is not on this machine")
    folder = tmp_path_factory.mktemp("faces")
    (folder / "data.toml").write_text(TERMS, encoding="utf-8")
    several = [one for one in sorted(IMAGES.iterdir()) if len(list(one.iterdir())) > 1][:12]
    for subject in several:
        (folder / subject.name).mkdir()
        for image in sorted(subject.iterdir())[:2]:
            shutil.copyfile(image, folder / subject.name / image.name)
    return folder


@pytest.mark.data
def test_the_table_is_written_whole_and_said(bare: Any, faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "calibration.toml"
    given = ("evaluate", "calibrate", "--data", str(faces), "--default-fmr", "0.1", "--cache", str(tmp_path / "kept"))
    told = bare.json(*given, "--out", str(out), "--extrapolate")
    table = tomllib.loads(out.read_text(encoding="utf-8"))["calibration"]
    calibration = parse_calibration(Table(table, "calibration.toml"))
    assert calibration.data == told["data"] == "A dozen of LFW, protocol folder, 24 images of 12 subjects"
    assert (calibration.mated, calibration.nonmated) == (told["mated"], told["nonmated"]) == (12, 264)
    assert [point["fmr"] for point in told["points"]] == pytest.approx([0.2, 0.1, 0.05])
    assert not any(point["extrapolated"] for point in told["points"])
    # 264 comparisons have no tail to speak of.
    assert "too few distinct high scores" in told["reasons"][0]
    assert (told["suspects"], told["measured_to"]) == ([], pytest.approx(0.05))
    printed = bare.ok(*given).out
    assert printed.strip() == out.read_text(encoding="utf-8").strip()


@pytest.mark.data
def test_what_cannot_be_calibrated_leaves_nothing(bare: Any, faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "calibration.toml"
    few = tmp_path / "few"
    few.mkdir()
    shutil.copyfile(faces / "data.toml", few / "data.toml")
    for subject in sorted(one for one in faces.iterdir() if one.is_dir())[:2]:
        shutil.copytree(subject, few / subject.name)
    kept = ("--cache", str(tmp_path / "kept"))
    for arguments, code, message in (
        (("--data", str(few)), 4, "support no table of two rates"),
        (("--data", str(faces)), 2, "a default FMR of 0.005 was not measured; give one from 5e-02 to 0.2"),
        (("--data", str(faces), "--protocol", "identification"), 2, "evaluate identification"),
        (("--data", str(faces), "--no-cache"), 2, "--cache and --no-cache exclude each other"),
    ):
        assert message in bare.refused(code, "evaluate", "calibrate", *arguments, "--out", out, *kept)
    assert not list(tmp_path.glob("*.toml*"))
    assert not list(tmp_path.glob(".*.part"))
