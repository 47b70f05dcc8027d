"""Parts of CompreFace's interface: what errors are told as, parameters, and how faces are written."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

from faceward.core.errors import (
    BadInput,
    EnvironmentFailure,
    FacewardError,
    IntegrityError,
    NoFace,
    PolicyRefusal,
    QualityTooLow,
    SeveralFaces,
    SignatureNeeded,
    UsageError,
)
from faceward.core.faces import Box, Face, Quality
from faceward.core.results import FaceReport
from faceward.core.sources import Upload
from faceward.service.compreface.collection import FaceCollection
from faceward.service.compreface.errors import Code, Failure, told
from faceward.service.compreface.parameters import Parameters, page, parameters
from faceward.service.compreface.shapes import Look, image_id, kept, reference_of, scale_of, similarity
from faceward.service.errors import Abandoned, Busy, Forbidden, TooLarge, Unauthenticated

if TYPE_CHECKING:
    from faceward.operations.system import System
    from faceward.service.compreface.asking import Asked

SECRET = "/var/lib/faceward/gallery.db"


def report(x: float = 0.0, side: float = 10.0, confidence: float = 0.9, **angles: float) -> FaceReport:
    landmarks = np.array([[1, 2], [3, 2], [2, 3], [1, 4], [3, 4]], dtype=np.float32)
    return FaceReport(Face(Box(x, 2, x + side, 2 + side), landmarks, confidence), Quality(angles))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PolicyRefusal("P2", "no mandate.", "Name one."), 403, 1),
        (Forbidden("not this one"), 403, 1),
        (SignatureNeeded("faceward-request", b"{}"), 403, 1),
        (Unauthenticated("no key"), 404, 10),
        (TooLarge("large"), 413, 0),
        (Abandoned("gone"), 499, 0),
        (NoFace("none"), 400, 28),
        (SeveralFaces("two"), 400, 31),
        (QualityTooLow("dark"), 400, 36),
        (BadInput("no picture"), 400, 21),
        (UsageError("the option is wrong"), 400, 36),
        (UsageError("nothing is held about 'Ann'; check the name"), 404, 42),
        (UsageError("'Ann' has no reference for the purpose 'door'; enrol the subject first"), 404, 42),
        (IntegrityError(SECRET), 500, 41),
        (EnvironmentFailure(SECRET), 503, 41),
        (FacewardError(SECRET), 500, 41),
        (Failure(Code.SUBJECT_NOT_FOUND, "Subject Ann not found"), 404, 42),
        (Failure(Code.MISSING_REQUEST_PART, "Required part file is missing"), 400, 34),
        (Failure(Code.WRITING_NOT_ALLOWED, "no"), 405, 32),
    ],
)
def test_every_error_has_a_number(error: FacewardError, status: int, code: int) -> None:
    answer = told(error)
    assert (answer.status, answer.code) == (status, code)
    assert answer.message
    assert SECRET not in answer.message


def test_a_refusal_names_its_rule_and_a_busy_service_says_when() -> None:
    assert "rule P2" in told(PolicyRefusal("P2", "no mandate.", "Name one.")).message
    answer = told(Busy(7))
    assert (answer.status, answer.code, answer.headers) == (429, 0, {"Retry-After": "7"})


def test_parameters_have_compreface_s_defaults() -> None:
    assert parameters({}) == Parameters(0, 0.0, 1, frozenset(), False)
    asked = {"limit": "3", "det_prob_threshold": "0.8", "prediction_count": "-1", "status": "True"}
    assert parameters({**asked, "face_plugins": " Landmarks,age, pose,"}) == Parameters(
        3, 0.8, 50, frozenset({"landmarks", "pose"}), True
    )
    assert parameters({"prediction_count": "5000", "detect_faces": "true"}).prediction_count == 50
    assert page({}) == (0, 20)
    assert page({"page": "2", "size": "1000"}) == (2, 1000)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "-1"}, 26),
        ({"limit": "1.5"}, 36),
        ({"limit": "٣"}, 36),
        ({"limit": "--1"}, 36),
        ({"prediction_count": "0"}, 12),
        ({"prediction_count": "-2"}, 12),
        ({"det_prob_threshold": "-0.1"}, 26),
        ({"det_prob_threshold": "inf"}, 26),
        ({"det_prob_threshold": "much"}, 26),
        ({"face_plugins": "landmarks,emotion"}, 36),
        ({"status": "yes"}, 36),
        ({"detect_faces": "false"}, 36),
    ],
)
def test_parameters_out_of_range(query: dict[str, str], code: int) -> None:
    with pytest.raises(Failure) as caught:
        parameters(query)
    assert caught.value.code == code


def test_a_face_is_written_in_pixels_of_the_file() -> None:
    look = Look(Parameters(plugins=frozenset({"landmarks", "pose"}), status=True), 2.0, "pack@1", 12.5)
    shown = look.face(report(pose_yaw=1.0, pose_pitch=2.0, pose_roll=3.0), {"similarity": 0.5})
    assert shown == {
        "box": {"probability": 0.9, "x_max": 20, "y_max": 24, "x_min": 0, "y_min": 4},
        "similarity": 0.5,
        "landmarks": [[2, 4], [6, 4], [4, 6], [2, 8], [6, 8]],
        "pose": {"pitch": 2.0, "roll": 3.0, "yaw": 1.0},
        "execution_time": {"operation": 12.5},
    }
    assert look.answer([])["plugins_versions"] == {"detector": "pack@1", "calculator": "pack@1"}
    plain = Look(Parameters(), 1.0, "pack@1", 1.0)
    assert set(plain.face(report(pose_yaw=1.0), {})) == {"box"}
    assert plain.answer([]) == {"result": []}


def test_the_largest_faces_are_kept_in_their_order() -> None:
    faces = [(report(0, 5), "a"), (report(20, 9), "b"), (report(40, 7), "c"), (report(60, 99, 0.3), "d")]
    asked = Parameters(limit=2, det_prob_threshold=0.5)
    assert [name for _, name in kept(faces, asked)] == ["b", "c"]
    with pytest.raises(Failure) as caught:
        kept(faces, Parameters(det_prob_threshold=0.95))
    assert caught.value.code is Code.NO_FACES_FOUND


@pytest.mark.parametrize(("fmr", "value"), [(None, 0.0), (1.0, 0.0), (1e-3, 0.9), (1e-4, 0.99), (1e-9, 0.9999)])
def test_S1_similarity_is_a_rate_in_another_notation(fmr: float | None, value: float) -> None:
    assert similarity(fmr) == value


def test_H2_where_reviewers_answer_first_no_score_is_told() -> None:
    """Every candidate is told at the threshold, whose rate is no secret; a score would be opened by the deployment."""
    collection = FaceCollection(cast("System", None), cast("Asked", None), "door", exists=True)
    assert collection.fmr_of(None, 1e-4) == 1e-4


def test_identifiers_are_uuids_and_come_back() -> None:
    reference = "0123456789abcdef0123456789abcdef"
    assert image_id(reference) == "01234567-89ab-cdef-0123-456789abcdef"
    assert reference_of(image_id(reference).upper()) == reference
    with pytest.raises(Failure) as caught:
        reference_of("nothing")
    assert caught.value.code is Code.EMBEDDING_NOT_FOUND


@pytest.mark.parametrize(("size", "scale"), [((40, 30), 1.0), ((8000, 6000), 2.0)])
def test_a_large_picture_is_analysed_smaller(size: tuple[int, int], scale: float) -> None:
    data: Any = io.BytesIO()
    Image.new("1", size).save(data, "PNG")
    assert scale_of(Upload("a.png", data.getvalue())) == pytest.approx(scale)
