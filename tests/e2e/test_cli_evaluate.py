"""`faceward evaluate`: from a folder to the evaluation, its report, and one clear line where the data say nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faceward.policy.evaluation import Evaluation

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

TERMS = 'name = "Painted"\nbasis = "synthetic"\nstatement = "painted by a test"\ncamera_class = "painted"\n'
DOCUMENT = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def data(tmp_path: Path, fakes: Any) -> Path:
    root = tmp_path / "data"
    for number in range(12):
        who = f"person-{number:02d}"
        for n in range(3):
            fakes.paint(root / who / f"{n}.png", *([who] if number or n else []), variant=n)
    (root / "data.toml").write_text(TERMS)
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, fakes: Any, tmp_path: Path) -> None:
    """Let no network run, and keep features where the test lies."""
    import faceward.standalone

    real = faceward.standalone.pipeline
    monkeypatch.setattr(faceward.standalone, "pipeline", lambda pack, threads=1: fakes.FakePipeline(real(pack)))
    monkeypatch.setenv("FACEWARD_FEATURES", str(tmp_path / "features"))


def test_verification_for_people_and_for_programs(bare: Cli, data: Path, tmp_path: Path) -> None:
    shown = bare.ok("evaluate", "verification", "--data", data, "--rates", "1e-1,1e-2,1e-9", "--rounds", "20")
    for word in (
        "Operating points",
        "1 of 36",
        "synthetic",
        "not acquired: person-00/0.png",
        "no figure for an FMR of",
    ):
        assert word in shown.out, word
    assert (tmp_path / "features").is_dir()
    out, report = tmp_path / "e.json", tmp_path / "report"
    found = bare.json(
        "evaluate", "verification", "--data", data, "--rounds", "20", "--out", out, "--report", report, "--no-cache"
    )
    evaluation = Evaluation.from_json(json.loads(out.read_text()))
    assert evaluation.to_json() == found["evaluation"] == json.loads(json.dumps(evaluation.to_json()))
    assert evaluation.digest() == found["digest"]
    assert out.stat().st_mode & 0o777 == 0o600
    assert {Path(path).name for path in found["report"]} == {"evaluation.html", "evaluation.pdf"}
    assert all(Path(path).is_file() for path in found["report"])
    assert evaluation.command == f"faceward evaluate verification --data {data} --protocol folder --rounds 20"


def test_the_command_that_an_evaluation_states_reproduces_it(bare: Cli, data: Path) -> None:
    first = bare.json("evaluate", "verification", "--data", data, "--protocol", "folder-templates", "--samples", "2")
    words = first["evaluation"]["command"].split()
    assert words[0] == "faceward"
    second = bare.json(*words[1:])
    assert {**second["evaluation"], "made": ""} == {**first["evaluation"], "made": ""}


def test_every_kind_runs_and_its_details_are_documented(bare: Cli, data: Path, tmp_path: Path) -> None:
    reviewed = tmp_path / "reviewed"
    reviewed.mkdir()
    (reviewed / "data.toml").write_text(TERMS.replace("synthetic", "reviewed-operation"))
    row = {"time": "x", "purpose": "door", "faces": 50, "alerts": 3, "false_alerts": 1, "undecided": 1}
    (reviewed / "outcomes.jsonl").write_text(json.dumps(row))
    search = ("--gallery-sizes", "4,40", "--simulated", "40", "--rounds", "20")
    runs: list[tuple[object, ...]] = [
        ("verification", "--data", data, "--protocol", "folder-templates", "--samples", "2", "--rounds", "20"),
        ("identification", "--data", data, "--protocol", "identification-simulated", *search),
        ("identification", "--data", reviewed, "--protocol", "reviewed"),
        ("quality", "--data", data, "--rates", "1e-1", "--rounds", "20"),
        ("detection", "--data", data),
        ("speed", "--data", data, "--threads", "1"),
    ]
    page = (DOCUMENT / "evaluation.md").read_text(encoding="utf-8")
    section = (DOCUMENT / "cli.md").read_text(encoding="utf-8").split("### evaluate verification")[1].split("\n### ")[0]
    for run in runs:
        found = bare.json("evaluate", *run)
        for key in found:
            assert f"`{key}`" in section, key
        for key in found["details"]:
            assert f"`{key}`" in page, key
        assert bare.ok("evaluate", *run).out


def test_protocols_are_listed_and_features_forgotten(bare: Cli, data: Path, tmp_path: Path) -> None:
    listed = bare.json("evaluate", "protocols")["protocols"]
    assert {"name", "kind", "about"} == set(listed[0])
    assert "lfw-view2" in bare.ok("evaluate", "protocols").out
    bare.ok("evaluate", "verification", "--data", data, "--rounds", "20")
    assert bare.json("evaluate", "forget") == {"deleted": 1, "folder": str(tmp_path / "features")}
    assert "deleted 0 files" in bare.ok("evaluate", "forget").out


def test_V3_data_without_a_ground_are_refused(bare: Cli, data: Path) -> None:
    (data / "data.toml").unlink()
    line = bare.refused(3, "evaluate", "verification", "--data", data)
    assert "V3" in line
    assert "data.toml" in line


def test_a_refused_run_leaves_no_folder_for_its_report(bare: Cli, data: Path, tmp_path: Path) -> None:
    report = tmp_path / "new" / "report"
    (data / "data.toml").unlink()
    bare.refused(3, "evaluate", "verification", "--data", data, "--report", report)
    assert not report.parent.exists()
    (data / "data.toml").write_text(TERMS)
    line = bare.refused(1, "evaluate", "verification", "--data", data, "--report", data / "data.toml" / "report")
    assert "choose another place" in line


@pytest.mark.parametrize(("kind", "counted"), [("identification", "searches, known / unknown"), ("detection", None)])
def test_counts_are_named_by_what_was_done(kind: str, counted: str | None, bare: Cli, data: Path) -> None:
    sizes = ("--gallery-sizes", "4", "--rounds", "20") if kind == "identification" else ()
    said = bare.ok("evaluate", kind, "--data", data, *sizes).out
    assert "mated / non-mated" not in said
    assert counted is None or counted in said


def test_another_pack_than_that_of_the_deployment_is_named(bare: Cli, data: Path, tmp_path: Path) -> None:
    import faceward.standalone
    from faceward.operations.config import CONFIG_FILE, Config
    from faceward.vision.packs import DEFAULT_PACK

    manifest = faceward.standalone.pipeline(DEFAULT_PACK).pack.manifest
    home = tmp_path / "home"
    home.mkdir()

    def noted(pack: str, *more: str) -> str:
        config = Config("baseline", "eu", "", "", pack, manifest.digest, "x", "2026-01-01T00:00:00Z", False)
        (home / CONFIG_FILE).write_text(json.dumps(config.to_json()))
        return str(bare.ok("evaluate", "detection", "--data", data, *more, FACEWARD_HOME=str(home)).err)

    said = noted("another")
    assert f"another@{manifest.digest[:16]}" in said
    assert manifest.identifier in said
    assert "works with" not in noted(manifest.name)
    assert "works with" not in noted("another", "--pack", manifest.name)
    (home / CONFIG_FILE).write_text("{")
    assert "works with" not in bare.ok("evaluate", "detection", "--data", data, FACEWARD_HOME=str(home)).err


@pytest.mark.parametrize(
    ("code", "arguments", "word"),
    [
        (4, ("verification", "--data", "{data}/nowhere"), "no such folder"),
        (4, ("verification", "--data", "{data}/data.toml"), "is no folder"),
        (4, ("identification", "--data", "{data}/nowhere", "--protocol", "reviewed"), "no such folder"),
        (2, ("verification",), "--data"),
        (2, ("verification", "--data", "{data}", "--protocol", "nothing"), "lfw-view1"),
        (2, ("verification", "--data", "{data}", "--protocol", "speed"), "evaluate speed"),
        (2, ("verification", "--data", "{data}", "--rates", "many"), "--rates"),
        (2, ("verification", "--data", "{data}", "--rates", "1e-3,1e-2"), "fall"),
        (2, ("verification", "--data", "{data}", "--samples", "3"), "--samples"),
        (2, ("verification", "--data", "{data}", "--no-cache", "--cache", "x"), "--no-cache"),
        (2, ("verification", "--data", "{data}", "--report", "{data}/data.toml"), "folder"),
        (2, ("identification", "--data", "{data}", "--gallery-sizes", "9,8"), "rise"),
        (4, ("identification", "--data", "{data}", "--gallery-sizes", "1000"), "no gallery can be made"),
        (4, ("verification", "--data", "{data}", "--labels", "{data}/none.csv"), "none.csv"),
        (4, ("verification", "--data", "{data}", "--protocol", "{data}/none.toml"), "none.toml"),
        (4, ("verification", "--data", "{data}/person-01"), "make one sub-folder a subject"),
    ],
)
def test_what_cannot_be_is_one_line(
    code: int, arguments: tuple[str, ...], word: str, bare: Cli, data: Path, tmp_path: Path
) -> None:
    (data / "person-01" / "data.toml").write_text(TERMS)
    line = bare.refused(code, "evaluate", *(part.format(data=data) for part in arguments))
    assert word in line
    assert not list(tmp_path.glob("*.part"))


def test_one_subject_and_labels_of_nobody_say_so(bare: Cli, data: Path) -> None:
    (data / "labels.csv").write_text("subject,sex\nnobody,F\n")
    assert "nobody" in bare.refused(4, "evaluate", "verification", "--data", data)
    (data / "labels.csv").unlink()
    for folder in sorted(data.glob("person-*"))[1:]:
        for picture in folder.iterdir():
            picture.unlink()
        folder.rmdir()
    assert "one subject only" in bare.refused(4, "evaluate", "verification", "--data", data)


def test_no_path_beyond_what_was_typed_is_written(
    bare: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = bare.json("evaluate", "verification", "--data", data.name, "--rounds", "20")
    assert not re.search(re.escape(str(tmp_path)), json.dumps(found["evaluation"]))
