"""Errors as CompreFace tells them: a number, a message, HTTP's status.

The numbers are those of CompreFace 1.x (`CommonExceptionCode`, and `CrudExceptionCode` for the refusal of access).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

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
from faceward.service.errors import Abandoned, Busy, Forbidden, TooLarge, Unauthenticated


class Code(IntEnum):
    """CompreFace's numbers, as far as they are told here."""

    UNDEFINED = 0
    ACCESS_DENIED = 1
    EMPTY_REQUIRED_FIELD = 5
    MODEL_NOT_FOUND = 10
    IMAGE_NOT_FOUND = 11
    INCORRECT_PREDICTION_COUNT = 12
    MISSING_REQUEST_HEADER = 20
    UNAVAILABLE_FILE_EXTENSION = 21
    VALIDATION_CONSTRAINT_VIOLATION = 26
    NO_FACES_FOUND = 28
    TOO_MANY_FACES = 31
    WRITING_NOT_ALLOWED = 32
    MISSING_REQUEST_PARAMETER = 33
    MISSING_REQUEST_PART = 34
    INCORRECT_ARGUMENT = 36
    FACES_SERVICE_EXCEPTION = 41
    SUBJECT_NOT_FOUND = 42
    SUBJECT_ALREADY_EXISTS = 43
    EMBEDDING_NOT_FOUND = 44


_STATUS = {
    Code.ACCESS_DENIED: 403,
    Code.MODEL_NOT_FOUND: 404,
    Code.IMAGE_NOT_FOUND: 404,
    Code.WRITING_NOT_ALLOWED: 405,
    Code.FACES_SERVICE_EXCEPTION: 500,
    Code.SUBJECT_NOT_FOUND: 404,
    Code.EMBEDDING_NOT_FOUND: 404,
}
_BAD_REQUEST = 400


class Failure(FacewardError):
    """An error that CompreFace has a number for.

    Attributes:
        code: The number.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is sent.

    Attributes:
        status: HTTP's status.
        code: CompreFace's number.
        message: What is wrong and what to do.
        headers: Headers that go with it.
    """

    status: int
    code: Code
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


# The first that fits; children stand before their parents. Where no message stands, the error's own is told.
_KINDS: tuple[tuple[type[FacewardError], int, Code, str], ...] = (
    (PolicyRefusal, 403, Code.ACCESS_DENIED, ""),
    (Forbidden, 403, Code.ACCESS_DENIED, ""),
    (SignatureNeeded, 403, Code.ACCESS_DENIED, "this needs a person's signature, which a program's key cannot give"),
    (Unauthenticated, 404, Code.MODEL_NOT_FOUND, ""),
    (TooLarge, 413, Code.UNDEFINED, ""),
    (Abandoned, 499, Code.UNDEFINED, ""),
    (NoFace, 400, Code.NO_FACES_FOUND, "No face is found in the given image"),
    (SeveralFaces, 400, Code.TOO_MANY_FACES, "Found more than one face in the given image"),
    (QualityTooLow, 400, Code.INCORRECT_ARGUMENT, ""),
    (BadInput, 400, Code.UNAVAILABLE_FILE_EXTENSION, ""),
    (
        IntegrityError,
        500,
        Code.FACES_SERVICE_EXCEPTION,
        "stored data are not what they should be; whoever runs the service knows",
    ),
    (UsageError, 400, Code.INCORRECT_ARGUMENT, ""),
)
_NOBODY = re.compile(r"^nothing is held about|has no reference for the purpose")


def told(error: FacewardError) -> Told:
    """Return what is told of an error; of one that concerns the machine, only that there was one."""
    if isinstance(error, Failure):
        return Told(_STATUS.get(error.code, _BAD_REQUEST), error.code, str(error))
    if isinstance(error, Busy):
        return Told(429, Code.UNDEFINED, str(error), {"Retry-After": str(error.retry_after)})
    if isinstance(error, EnvironmentFailure):
        message = "the machine could not do it now; ask again later"
        return Told(503, Code.FACES_SERVICE_EXCEPTION, message, {"Retry-After": "5"})
    if isinstance(error, UsageError) and _NOBODY.search(str(error)):
        return Told(404, Code.SUBJECT_NOT_FOUND, str(error))
    for cls, status, code, message in _KINDS:
        if isinstance(error, cls):
            return Told(status, code, message or str(error))
    return Told(500, Code.FACES_SERVICE_EXCEPTION, "it failed; whoever runs the service knows")
