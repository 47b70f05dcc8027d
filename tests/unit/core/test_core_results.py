from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import numpy as np
import pytest

from faceward.core import errors, reports, results
from faceward.core.canonical import canonical_json, sha256, sha256_hex
from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.core.faces import LANDMARK_NAMES, Box, Face, Quality

FACE = Face(Box(1.26, 2, 11, 22), np.arange(10, dtype=np.float32).reshape(5, 2), 0.987654)
REPORT = results.FaceReport(FACE, Quality({"sharpness": 0.5}))
POINT = results.Threshold(0.9290812, 1e-3, 9e-4, 1.1e-3, None, "data")
CANDIDATE = results.Candidate("ada", 0.99, "0" * 32, ("0" * 32, "1" * 32))
PROBE = results.ProbeResult(REPORT, (CANDIDATE,))
VIEW = reports.ReferenceView("r", "g", "p", "pack", "then", "until", {"subject": "ada"})
LINE = reports.LogLine(3, "now", "enrol", "end", 2, {"details": {"operator": "o"}}, ("subject/0",))
EVERY = [
    results.DetectionResult("p", 3, 4, (REPORT,), "pack"),
    results.VerificationResult("match", 0.951234567, POINT, (REPORT,), (0,), "pack", "ada", "door", 7),
    results.IdentificationResult("p", "g", "door", results.Compared(9, 8, 1), POINT, (PROBE,), "pack", 4),
    reports.EnrolmentResult("g", "door", (reports.EnrolledSample("p", "ada", "enrolled", "r", "until"),)),
    reports.RedactionResult("blur", (reports.RedactedPicture("p", "o", 2, ("ada",)),), 5),
    reports.SubjectView("ada", (VIEW,), (LINE,)),
    reports.ErasureResult("ada", 1, 6, "receipt"),
    LINE,
]


@pytest.mark.parametrize("result", EVERY, ids=lambda r: type(r).__name__)
def test_every_result_has_one_plain_JSON_form(result: Any) -> None:
    value = result.to_json()
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert canonical_json(value)


def test_files_passed_over_are_told_by_name() -> None:
    for result in (
        reports.EnrolmentResult("g", "door", (), ("a.heic",)),
        reports.RedactionResult("blur", (), passed_over=("a.heic",)),
    ):
        assert result.to_json()["passed_over"] == ["a.heic"]


def test_results_are_frozen_and_slotted() -> None:
    for _, kind in [m for part in (results, reports) for m in inspect.getmembers(part, dataclasses.is_dataclass)]:
        assert kind.__dataclass_params__.frozen, kind
        assert "__slots__" in vars(kind), kind


def test_no_result_has_room_for_features() -> None:
    for _, kind in [m for part in (results, reports) for m in inspect.getmembers(part, dataclasses.is_dataclass)]:
        assert not {f.name for f in dataclasses.fields(kind)} & {"features", "embedding", "template", "vector"}


def test_a_face_is_reported_with_its_landmarks_by_name() -> None:
    value = REPORT.to_json()
    assert value["box"] == [1.3, 2, 11, 22]
    assert value["confidence"] == 0.9877
    assert tuple(value["landmarks"]) == LANDMARK_NAMES


@pytest.mark.parametrize(
    ("candidates", "rejected", "outcome"),
    [((CANDIDATE,), (), "candidates"), ((), (), "unknown"), ((), ("too dark",), "rejected")],
)
def test_a_probe_without_candidates_is_unknown(candidates: Any, rejected: Any, outcome: str) -> None:
    assert results.ProbeResult(REPORT, candidates, rejected).to_json()["outcome"] == outcome


def test_samples_are_counted_by_outcome() -> None:
    samples = tuple(reports.EnrolledSample("p", "ada", o) for o in ("enrolled", "rejected", "rejected"))
    value = reports.EnrolmentResult("g", "door", samples).to_json()
    assert (value["enrolled"], value["already_enrolled"], value["rejected"]) == (1, 0, 2)


def test_every_error_is_the_roots_child_with_a_documented_exit_code() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(kinds) > 8
    assert all(issubclass(kind, FacewardError) for kind in kinds)
    assert {kind.exit_code for kind in kinds} == {1, 2, 3, 4, 5}


def test_a_refusal_is_one_line_with_rule_and_remedy() -> None:
    refusal = PolicyRefusal("C1", "there is no release.", "Hand one in.")
    assert str(refusal) == "refused by rule C1: there is no release. Hand one in."
    assert (refusal.rule, refusal.remedy, refusal.exit_code) == ("C1", "Hand one in.", 3)


def test_canonical_JSON_is_that_of_RFC_8785() -> None:
    assert canonical_json({"b": 1.0, "a": [True, None, "\u20ac\n"]}) == '{"a":[true,null,"\u20ac\\n"],"b":1}'.encode()
    # FIPS 180-4, the digest of nothing.
    assert sha256(b"").hex() == sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_boxes_overlap_by_intersection_over_union() -> None:
    box = Box(0, 0, 10, 10)
    assert box.overlap(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert box.overlap(box) == 1
    assert box.overlap(Box(10, 0, 20, 10)) == box.overlap(Box(20, 20, 30, 30)) == 0
    assert Box(5, 5, 1, 1).area == 0
    assert Box(5, 5, 5, 5).overlap(Box(5, 5, 5, 5)) == 0
