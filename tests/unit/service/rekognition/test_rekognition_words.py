"""Similarity, names and errors of the interface."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.errors import (
    BadInput,
    EnvironmentFailure,
    FacewardError,
    IntegrityError,
    NoFace,
    PolicyRefusal,
    SeveralFaces,
    UsageError,
)
from faceward.core.names import check_name
from faceward.service.errors import Abandoned, Busy, Forbidden, TooLarge, Unauthenticated
from faceward.service.rekognition import names
from faceward.service.rekognition.errors import AwsError, told
from faceward.service.rekognition.similarity import TABLE, fmr_of, similarity_of


@pytest.mark.parametrize(("fmr", "similarity"), TABLE)
def test_the_table_is_what_similarity_means(fmr: float, similarity: float) -> None:
    assert similarity_of(fmr) == similarity
    assert fmr_of(similarity) == pytest.approx(fmr)


@given(st.floats(1e-12, 1), st.floats(1e-12, 1))
def test_similarity_rises_as_the_rate_falls(first: float, second: float) -> None:
    low, high = sorted((similarity_of(first), similarity_of(second)))
    assert 0 <= low <= high <= 99.99
    if first <= second:
        assert similarity_of(first) >= similarity_of(second)


@given(st.floats(0, 100))
def test_a_similarity_and_its_rate_go_both_ways(similarity: float) -> None:
    assert similarity_of(fmr_of(similarity)) == pytest.approx(min(similarity, 99.99), abs=0.006)


def _is_name(text: str) -> bool:
    try:
        return check_name(text, "subject") == text
    except UsageError:
        return False


SUBJECTS = st.text(min_size=1, max_size=60).filter(_is_name)


@given(SUBJECTS)
def test_every_subject_has_a_name_there_that_leads_back(subject: str) -> None:
    external = names.external_of(subject)
    if external is None:
        assert len(subject.encode()) > 180
        return
    assert names.EXTERNAL_IMAGE_ID.fullmatch(external)
    assert names.subject_of(external) == subject


@given(st.from_regex(r"[a-zA-Z0-9_.\-:]{1,120}", fullmatch=True))
def test_what_a_program_calls_a_subject_comes_back(external: str) -> None:
    assert names.external_of(names.subject_of(external)) in (external, names.external_of(external))
    if not external.startswith("x:"):
        assert names.external_of(names.subject_of(external)) == external


def test_a_name_that_is_too_long_there_is_left_out() -> None:
    assert names.external_of("é" * 120, 128) is None
    assert names.external_of("ana", 2) is None


def test_faces_and_references_are_one() -> None:
    reference = "0123456789abcdef" * 2
    assert names.face_id(reference) == "01234567-89ab-cdef-0123-456789abcdef"
    assert names.reference_of(names.face_id(reference)) == reference
    for wrong in ("", reference, names.face_id(reference).upper(), names.face_id(reference) + "0"):
        with pytest.raises(UsageError):
            names.reference_of(wrong)


def test_a_pack_is_a_number() -> None:
    assert re.fullmatch(r"[0-9.]+", names.model_version("pack-1.2"))
    assert names.model_version("a") != names.model_version("b")


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (PolicyRefusal("P2", "no.", "Ask."), "AccessDeniedException", 400),
        (Forbidden("no"), "AccessDeniedException", 400),
        (Unauthenticated("no"), "UnrecognizedClientException", 400),
        (UsageError("no gallery 'x'; create it first"), "ResourceNotFoundException", 400),
        (UsageError("the reference 00 does not exist; it may"), "ResourceNotFoundException", 400),
        (UsageError("the gallery 'x' exists; choose another name"), "ResourceAlreadyExistsException", 400),
        (UsageError("3000 is out of range"), "InvalidParameterException", 400),
        (NoFace("none"), "InvalidParameterException", 400),
        (SeveralFaces("two"), "InvalidParameterException", 400),
        (BadInput("not a picture"), "InvalidImageFormatException", 400),
        (TooLarge("large"), "ImageTooLargeException", 400),
        (AwsError("ConflictException", "there"), "ConflictException", 400),
        (IntegrityError("keys.db of /home/x"), "InternalServerError", 500),
        (Abandoned("gone"), "RequestAbandoned", 499),
    ],
)
def test_errors_have_their_names(error: FacewardError, code: str, status: int) -> None:
    found = told(error)
    assert (found.code, found.status) == (code, status)
    assert "/home" not in found.message


def test_P2_a_refusal_names_its_rule() -> None:
    assert "rule P2" in told(PolicyRefusal("P2", "no mandate.", "Ask for one.")).message


def test_whoever_comes_when_it_is_busy_is_told_when_to_come_again() -> None:
    found = told(Busy(7))
    assert (found.code, dict(found.headers)) == ("ThrottlingException", {"Retry-After": "7"})
    failure = told(EnvironmentFailure("/srv/x: no space left"))
    assert failure.code == "ThrottlingException"
    assert "/srv" not in failure.message
