"""Detection, quality, speed and reviewed outcomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import faceward
from faceward.core.errors import BadInput
from faceward.core.faces import Box
from faceward.evaluate import quality, speed
from faceward.evaluate.detection import Found, detect_all, summary
from faceward.evaluate.features import Features
from faceward.evaluate.reviewed import read_outcomes
from faceward.evaluate.scores import Scores


@pytest.fixture(scope="module")
def real() -> Any:
    return faceward.pipeline()


def test_faces_are_counted_by_picture(tmp_path: Path, real: Any, fakes: Any) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    files = [fakes.paint(tmp_path / f"{n}.png", *("Ada", "Bea", "Cy")[:n]) for n in range(3)] + [tmp_path / "bad.png"]
    seen: list[int] = []
    found = detect_all(files, fakes.FakePipeline(real), lambda done, _: seen.append(done), threads=2)
    assert [None if one.boxes is None else len(one.boxes) for one in found] == [0, 1, 2, None]
    assert seen == [1, 2, 3, 4]
    told: Any = summary(found, {})
    assert (told["pictures"], told["unreadable"], told["boxes"]) == (4, 1, None)
    assert [told[name]["errors"] for name in ("none", "one", "several")] == [2, 1, 1]


def test_agreement_with_boxes_is_one_to_one() -> None:
    marked = (Box(0, 0, 10, 10), Box(20, 0, 30, 10))
    found = (
        # One hit, one duplicate of it, one beside the second box.
        Found((Box(0, 0, 10, 9), Box(0, 1, 10, 10), Box(26, 0, 36, 10))),
        Found(()),
        Found((Box(0, 0, 5, 5),)),
        Found((Box(0, 0, 5, 5),)),
    )
    told: Any = summary(found, {0: marked, 1: marked[:1], 2: ()})["boxes"]
    assert (told["pictures"], told["faces"]) == (3, 3)
    assert (told["recall"]["errors"], told["recall"]["trials"]) == (1, 3)
    assert (told["precision"]["errors"], told["precision"]["trials"]) == (1, 4)
    nothing: Any = summary((Found(()),), {0: ()})["boxes"]
    assert (nothing["recall"], nothing["precision"]) == (None, None)


def test_a_component_that_foretells_errors_comes_first() -> None:
    rng = np.random.default_rng(0)
    count = 400
    good = rng.random(count)
    status = np.zeros(count, dtype=np.uint8)
    status[-1] = 1
    components = {
        "sharpness": good,
        "pose_yaw": rng.normal(0, 20, count),
        "face_cropping": np.full(count, np.nan),
    }
    pairs = np.stack([np.arange(0, count - 2, 2), np.arange(1, count - 1, 2)], axis=1).astype(np.int32)
    mated = np.minimum(good[pairs[:, 0]], good[pairs[:, 1]]).astype(np.float32)
    subject_of = np.repeat(np.arange(count // 2), 2).astype(np.int32)
    nonmated = np.array([[0, 3], [1, 2]], dtype=np.int32)
    scores = Scores(mated, np.array([0.1, 0.2], np.float32), pairs, nonmated, subject_of)
    features = Features(
        np.zeros((count, 4), np.float32),
        status,
        np.ones(count, np.int32),
        np.full(count, 0.9, np.float32),
        components,
        ("",) * count,
        0,
        1.0,
    )
    found = quality.curves(scores, features, 0.15)
    assert set(found) == {"sharpness", "pose_yaw", "confidence"}
    told: Any = quality.as_json(found, scores, 0.15)
    assert told["quality"] == {"threshold": 0.15, "fmr": 0.5, "limit": 0.2}
    assert told["components"][0]["name"] == "sharpness"
    points = told["components"][0]["points"]
    assert points[0]["fnmr"] == pytest.approx(float((mated < 0.15).mean()))
    assert points[-1]["fnmr"] == 0
    assert all(point["comparisons"] >= quality.LEAST_COMPARISONS for point in points)


def test_angles_count_by_how_far_they_are_from_zero() -> None:
    components = {"pose_yaw": np.array([-30.0, 5.0]), "sharpness": np.array([0.2, 0.4])}
    features = Features(
        np.zeros((2, 4), np.float32),
        np.zeros(2, np.uint8),
        np.ones(2, np.int32),
        np.array([0.9, 0.8], np.float32),
        components,
        ("", ""),
        0,
        1.0,
    )
    found = quality.ranking(features)
    assert found["pose_yaw"].tolist() == [-30.0, -5.0]
    assert found["sharpness"].tolist() == [0.2, 0.4]
    assert found["confidence"].tolist() == pytest.approx([0.9, 0.8])


def test_speed_states_the_machine_and_where_the_time_goes(tmp_path: Path, real: Any, fakes: Any) -> None:
    files = [fakes.paint(tmp_path / f"{n}.png", *(["Ada"] if n else []), variant=n) for n in range(6)]
    found = speed.measure(files, fakes.FakePipeline(real), threads=2)
    assert (found.pictures, found.failed, found.timed, found.threads) == (6, 1, 5, 2)
    assert found.cores >= 1
    assert set(found.stages) == set(speed.STAGES)
    assert all(milliseconds >= 0 for milliseconds in found.stages.values())
    assert found.stages["decode"] > 0
    assert found.pictures_per_second > 0
    with pytest.raises(BadInput, match="no face"):
        speed.measure(files[:1], fakes.FakePipeline(real))


def line(**changes: Any) -> str:
    row = {"time": "2026-06-01T12:00:00Z", "purpose": "door", "faces": 10, "alerts": 2, "false_alerts": 1}
    return json.dumps({**row, "undecided": 1, **changes})


def test_reviewed_outcomes_are_counted_by_purpose(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    path.write_text(f"{line()}\n{line()}\n{line(purpose='gate', faces=30, alerts=0, false_alerts=0, undecided=0)}\n")
    found: Any = read_outcomes(path)
    assert (found.searches, found.faces) == (3, 50)
    assert (found.details["rate"]["errors"], found.details["rate"]["trials"]) == (2, 50)
    assert found.details["worst"]["errors"] == 4
    door, gate = found.details["purposes"]
    assert (door["purpose"], door["faces"], door["false_alerts"]) == ("door", 20, 2)
    assert gate["rate"]["estimate"] == 0
    assert gate["rate"]["high"] > 0.09


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no face was searched"),
        (line(faces=0, alerts=0, false_alerts=0, undecided=0), "no face was searched"),
        (line(alerts=11), "more alerts than faces"),
        (line(false_alerts=2), "more false and undecided"),
        (line(faces=1.5), "whole number"),
        (line(alerts=-1), "whole number"),
        (line(purpose=""), "purpose"),
        (line(name="Ada"), "unknown key 'name'"),
        ("[]", "table"),
        ("{", "line 1: not valid JSON"),
    ],
)
def test_outcomes_of_another_form_are_refused(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "outcomes.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput, match=word):
        read_outcomes(path)
