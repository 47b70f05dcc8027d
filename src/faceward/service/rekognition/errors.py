"""Errors as the interface names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from faceward.core.errors import (
    BadInput,
    EnvironmentFailure,
    FacewardError,
    NoFace,
    PolicyRefusal,
    SeveralFaces,
    UsageError,
)
from faceward.service.errors import Abandoned, Busy, Forbidden, TooLarge, Unauthenticated
from faceward.service.sigv4 import SignatureError

_EXISTS = re.compile(r"\bexists; choose|\bexists already\b")
_UNKNOWN = re.compile(r"^no gallery |^no purpose |\bdoes not exist\b|^nothing is held")
_RETRY = "Retry-After"


class AwsError(FacewardError):
    """An error that the interface has a name for.

    Attributes:
        code: Its name.
        status: HTTP's status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is sent.

    Attributes:
        code: Its name.
        message: What is wrong and what to do.
        status: HTTP's status.
        headers: Headers that go with it.
    """

    code: str
    message: str
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=dict)


# The first that fits; children stand before their parents. Where no message stands, the error's own is told.
_CODES: tuple[tuple[type[FacewardError], str, str], ...] = (
    (PolicyRefusal, "AccessDeniedException", ""),
    (Forbidden, "AccessDeniedException", ""),
    (Unauthenticated, "UnrecognizedClientException", ""),
    (TooLarge, "ImageTooLargeException", "the request is larger than two pictures of 5 MB each; send smaller ones"),
    (NoFace, "InvalidParameterException", "There are no faces in the image. Should be at least 1."),
    (SeveralFaces, "InvalidParameterException", ""),
    (BadInput, "InvalidImageFormatException", ""),
)


def told(error: FacewardError) -> Told:
    """Return what is told of an error; of one that concerns the machine, only that there was one."""
    if isinstance(error, AwsError):
        return Told(error.code, str(error), error.status)
    if isinstance(error, SignatureError):
        return Told(error.code, str(error))
    if isinstance(error, Busy):
        return Told("ThrottlingException", str(error), headers={_RETRY: str(error.retry_after)})
    if isinstance(error, EnvironmentFailure):
        return Told("ThrottlingException", "the machine could not do it now; ask again later", 400, {_RETRY: "5"})
    if isinstance(error, UsageError):
        return Told(_usage(str(error)), str(error))
    for cls, code, message in _CODES:
        if isinstance(error, cls):
            return Told(code, message or str(error))
    if isinstance(error, Abandoned):
        return Told("RequestAbandoned", str(error), 499)
    return Told("InternalServerError", "stored data are not what they should be; whoever runs the service knows", 500)


def _usage(message: str) -> str:
    if _EXISTS.search(message):
        return "ResourceAlreadyExistsException"
    return "ResourceNotFoundException" if _UNKNOWN.search(message) else "InvalidParameterException"
