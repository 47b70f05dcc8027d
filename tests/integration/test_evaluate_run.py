"""Whole runs of protocols on small painted data, and on a part of LFW View 1."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import faceward
from faceward.core.errors import BadInput, PolicyRefusal
from faceward.evaluate.outcome import Outcome
from faceward.evaluate.protocol import Kind
from faceward.evaluate.protocols import load_protocol
from faceward.evaluate.run import Order, run
from faceward.policy.evaluation import Evaluation

LFW = Path(__file__).parents[3] / "shared" / "data" / "lfw-view1"
MADE = datetime(2026, 6, 1, 12, tzinfo=UTC)
TERMS = 'name = "Painted"\nbasis = "synthetic"\nstatement = "painted by a test"\ncamera_class = "painted"\n'
PEOPLE = 40

Measure = Callable[..., Outcome]


@pytest.fixture(scope="module")
def real() -> Any:
    return faceward.pipeline()


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory, fakes: Any) -> Path:
    """Return a folder of forty people with four pictures each, one of them without a face, one with a crowd."""
    root = tmp_path_factory.mktemp("painted")
    (root / "data.toml").write_text(TERMS)
    for number in range(PEOPLE):
        who = f"person-{number:02d}"
        for n in range(4):
            shown = [who] if (number, n) != (3, 3) else []
            fakes.paint(root / who / f"{who}_{n + 1:04d}.png", *shown, variant=n)
    fakes.paint(root / "person-05" / "person-05_0004.png", "person-05", "a passer-by", variant=3)
    rows = [(f"person-{number:02d}", "ab"[number % 2]) for number in range(PEOPLE)]
    (root / "labels.csv").write_text("subject,side\n" + "".join(f"{who},{side}\n" for who, side in rows))
    return root


@pytest.fixture
def measure(real: Any, fakes: Any, tmp_path: Path) -> Measure:
    def measure_with(data: Path, kind: str, name: str, **changes: Any) -> Outcome:
        protocol = load_protocol(name, Kind(kind)).with_setting(**changes)
        order = Order(data, protocol, MADE, "faceward 0", "a command", None, 50, tmp_path / "cache", 2)
        return run(order, fakes.FakePipeline(real), lambda _: nullcontext(None))

    return measure_with


def read_back(outcome: Outcome) -> None:
    """What is written is what evidence reads."""
    evaluation = outcome.evaluation
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json()))) == evaluation
    json.dumps(outcome.details, allow_nan=False)


def test_every_picture_against_every_other(painted: Path, measure: Measure) -> None:
    found = measure(painted, "verification", "folder", rates=(1e-1, 1e-2, 1e-6))
    evaluation, scores = found.evaluation, found.scores
    assert scores is not None
    read_back(found)
    assert (evaluation.attempts, evaluation.failed) == (160, 1)
    assert evaluation.mated + scores.mated_lost == PEOPLE * 6
    assert scores.mated_lost == 3
    assert evaluation.nonmated + scores.nonmated_lost == 160 * 159 // 2 - PEOPLE * 6
    assert evaluation.data.subjects == PEOPLE
    assert [point.fmr.estimate <= rate for point, rate in zip(evaluation.points, (1e-1, 1e-2), strict=False)]
    assert evaluation.points[0].gfrr.errors == evaluation.points[0].fnmr.errors + 3
    assert [one.attributes for one in evaluation.fairness] == [("side",)]
    details: Any = found.details
    assert details["acquisition"]["no_face"] == 1
    assert details["acquisition"]["several_faces"] == 1
    assert details["acquisition"]["failed_pictures"] == ["person-03/person-03_0004.png"]
    assert any("1e-06" in sentence for sentence in details["unsupported"]) or evaluation.points[-1].extrapolated
    assert len(found.hardest.mated) == len(found.hardest.nonmated) == 12
    worst = found.hardest.nonmated[0]
    assert found.sample_names[worst.first].partition("/")[0] != found.sample_names[worst.second].partition("/")[0]
    assert found.sample_files[worst.first].is_file()


def test_the_same_run_again_gives_the_same_evaluation_from_the_cache(painted: Path, measure: Measure) -> None:
    first = measure(painted, "verification", "folder")
    second = measure(painted, "verification", "folder")
    assert first.evaluation == second.evaluation
    details: Any = second.details
    assert (details["extraction"]["reused"], details["extraction"]["pictures"]) == (160, 0)


def test_templates_of_several_samples(painted: Path, measure: Measure) -> None:
    found = measure(painted, "verification", "folder-templates", samples=3)
    read_back(found)
    scores = found.scores
    assert scores is not None
    assert len(found.sample_names) == len(found.sample_files) == len(scores.subject_of) == 160 + 160
    assert found.sample_names[160].endswith("and 2 more")
    details: Any = found.details
    assert [row["samples"] for row in details["templates"]] == [1, 3]
    assert scores.mated.mean() > 0.9


def test_pairs_in_folds_of_the_form_of_lfw(painted: Path, measure: Measure, tmp_path: Path) -> None:
    root = tmp_path / "lfw"
    shutil.copytree(painted, root / "images")
    lines = ["10\t3"]
    for fold in range(10):
        lines += [f"person-{fold:02d}\t{n}\t{n + 1}" for n in (1, 2, 3)]
        lines += [f"person-{fold:02d}\t{n}\tperson-{fold + 11:02d}\t{n}" for n in (1, 2, 3)]
    (root / "pairs.txt").write_text("\n".join(lines) + "\n")
    found = measure(root, "verification", "lfw-view2")
    read_back(found)
    details: Any = found.details
    # One mated pair holds the picture without a face. A threshold is the lowest mated score of the other folds, which
    # costs the fold with the lowest of all.
    assert details["accuracy"]["pairs"] == 60
    assert details["accuracy"]["folds"][3] == pytest.approx(5 / 6)
    assert details["accuracy"]["folds"].count(1.0) == 8
    assert details["accuracy"]["mean"] == pytest.approx(58 / 60)
    assert details["accuracy"]["standard_error"] > 0
    # Only the pictures that stand in pairs take part.
    assert (found.evaluation.attempts, found.evaluation.data.subjects) == (10 * 4 + 10 * 3, 20)
    assert (found.evaluation.mated, found.evaluation.nonmated) == (29, 30)


def test_searches(painted: Path, measure: Measure) -> None:
    found = measure(
        painted, "identification", "identification-simulated", gallery_sizes=(10, 500), simulated=480, rates=(0.2, 0.1)
    )
    read_back(found)
    assert [(one.references, one.simulated) for one in found.searches] == [(10, 0), (500, 480)]
    assert {point.references for point in found.evaluation.identification} == {10, 500}
    assert found.scores is None
    details: Any = found.details
    assert details["galleries"][1]["simulated"] == 480


def test_quality(painted: Path, measure: Measure) -> None:
    found = measure(painted, "quality", "quality", rates=(1e-2,))
    read_back(found)
    details: Any = found.details
    assert details["components"]
    assert details["quality"]["threshold"] == found.evaluation.points[-1].threshold


def test_detection_and_speed(painted: Path, measure: Measure, tmp_path: Path) -> None:
    root = tmp_path / "with-boxes"
    shutil.copytree(painted, root)
    (root / "data.toml").write_text(f'{TERMS}boxes = "boxes.csv"\n')
    (root / "boxes.csv").write_text("image,x0,y0,x1,y1\nperson-00_0001,0,2,48,48\nperson-03_0004,,,,\n")
    found = measure(root, "detection", "detection")
    read_back(found)
    details: Any = found.details
    counts = [details["detection"][name]["errors"] for name in ("none", "one", "several")]
    assert counts == [1, 158, 1]
    assert details["detection"]["boxes"]["recall"]["estimate"] == 1
    speed = measure(painted, "speed", "speed")
    read_back(speed)
    measured: Any = speed.details
    assert measured["speed"]["pictures"] == 160
    assert speed.evaluation.data.digest == measure(painted, "detection", "detection").evaluation.data.digest


def test_pictures_that_cannot_be_read_are_failures_to_acquire(painted: Path, measure: Measure, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(painted, root)
    (root / "person-07" / "person-07_0002.png").write_bytes(b"")
    # Larger than what is read of any picture; the file has holes and takes no room.
    with (root / "person-08" / "person-08_0001.png").open("wb") as file:
        file.truncate(2**28 + 1)
    for kind in ("verification", "identification", "detection", "speed"):
        found = measure(root, kind, {"verification": "folder"}.get(kind, kind))
        read_back(found)
        assert (found.evaluation.attempts, found.evaluation.failed) == (160, 3)
    details: Any = measure(root, "verification", "folder").details
    assert (details["acquisition"]["unreadable"], details["acquisition"]["no_face"]) == (2, 1)
    # Nothing is said to be of equal content with what nobody could read.
    assert not any("person-07_0002" in name for group in details["acquisition"]["identical"] for name in group)


def test_findings_of_a_deployment(measure: Measure, tmp_path: Path) -> None:
    (tmp_path / "data.toml").write_text(TERMS.replace("synthetic", "reviewed-operation"))
    row = {"time": "x", "purpose": "door", "faces": 50, "alerts": 3, "false_alerts": 1, "undecided": 1}
    (tmp_path / "outcomes.jsonl").write_text(f"{json.dumps(row)}\n" * 4)
    found = measure(tmp_path, "identification", "reviewed")
    read_back(found)
    details: Any = found.details
    assert details["reviewed"]["rate"]["estimate"] == pytest.approx(4 / 200)
    assert len(details["unsupported"]) == 2


def test_data_that_support_no_figure_are_refused_before_any_work(
    painted: Path, measure: Measure, real: Any, fakes: Any, tmp_path: Path
) -> None:
    cases = {
        "one subject only": ["person-00"],
        "no subject has two pictures": ["person-01", "person-02"],
    }
    for word, people in cases.items():
        root = tmp_path / word
        root.mkdir()
        (root / "data.toml").write_text(TERMS)
        for who in people:
            shutil.copytree(painted / who, root / who)
            for picture in sorted((root / who).iterdir())[1 if len(people) > 1 else 4 :]:
                picture.unlink()
        pipeline = fakes.FakePipeline(real)
        order = Order(root, load_protocol("folder", Kind.VERIFICATION), MADE, "faceward 0", "x")
        with pytest.raises(BadInput, match=word):
            run(order, pipeline, lambda _: nullcontext(None))
        assert pipeline.extracted == []


def test_V3_without_a_stated_ground_no_picture_is_opened(painted: Path, real: Any, fakes: Any, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(painted, root)
    (root / "data.toml").unlink()
    pipeline = fakes.FakePipeline(real)
    order = Order(root, load_protocol("folder", Kind.VERIFICATION), MADE, "faceward 0", "x")
    with pytest.raises(PolicyRefusal, match="rule V3"):
        run(order, pipeline, lambda _: nullcontext(None))
    assert pipeline.extracted == []


def test_pictures_that_all_fail_leave_no_figure(measure: Measure, tmp_path: Path, fakes: Any) -> None:
    (tmp_path / "data.toml").write_text(TERMS)
    for who in ("Ada", "Bea"):
        for n in range(2):
            fakes.paint(tmp_path / who / f"{n}.png", variant=n)
    with pytest.raises(BadInput, match="failures to acquire left no mated comparison"):
        measure(tmp_path, "verification", "folder")


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not LFW.is_dir(), reason="../shared/data/lfw-view1 is not on this machine")
def test_a_part_of_lfw_view_1_with_the_default_pack(real: Any, tmp_path: Path) -> None:
    """Sixty people of View 1: few errors, and figures that a loop over the same scores confirms."""
    root = tmp_path / "lfw"
    people = sorted(folder for folder in (LFW / "images").iterdir() if len(list(folder.iterdir())) in (3, 4))[:60]
    for folder in people:
        shutil.copytree(folder, root / "images" / folder.name)
    names = {f"{path.name}" for path in (root / "images").glob("*/*.jpg")}
    with (LFW / "sex.csv").open() as source, (root / "sex.csv").open("w", newline="") as target:
        rows = list(csv.reader(source))
        csv.writer(target).writerows([rows[0], *(row for row in rows[1:] if row[0] in names)])
    protocol = load_protocol("lfw-view1", Kind.VERIFICATION).with_setting(rates=(1e-2, 1e-3))
    order = Order(root, protocol, MADE, "faceward 0", "x", rounds=100, cache=tmp_path / "cache")
    found = run(order, real, lambda _: nullcontext(None))
    read_back(found)
    assert found.scores is not None
    assert found.evaluation.failed <= 2
    strict = found.evaluation.points[1]
    assert strict.fmr.estimate <= 1e-3
    assert strict.fnmr.estimate < 0.12
    assert strict.fnmr.errors == int((found.scores.mated < strict.threshold).sum())
    assert [one.attributes for one in found.evaluation.fairness] == [("sex",)]
    details: Any = found.details
    assert details["extraction"]["pictures_per_second"] > 5
