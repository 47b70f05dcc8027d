"""Errors as problem details (RFC 9457), for the native interface and the console."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from faceward.core.canonical import JSONValue
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
from faceward.service.errors import Abandoned, Busy, Conflict, Forbidden, SignatureAsked, TooLarge, Unauthenticated

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:faceward:"
# The first that fits; children stand before their parents.
_KINDS: tuple[tuple[type[FacewardError], str, int, str], ...] = (
    (PolicyRefusal, "rule", 403, "A rule of the standard refuses it"),
    (SignatureNeeded, "signature-needed", 428, "A signature is needed"),
    (Unauthenticated, "signed-out", 401, "Nobody has signed in"),
    (Forbidden, "forbidden", 403, "Not allowed"),
    (Busy, "busy", 429, "Busy"),
    (TooLarge, "too-large", 413, "Too large"),
    (Conflict, "conflict", 409, "Conflict"),
    (Abandoned, "abandoned", 499, "The client went away"),
    (NoFace, "no-face", 422, "No face"),
    (SeveralFaces, "several-faces", 422, "Several faces"),
    (QualityTooLow, "quality", 422, "The sample's quality is too low"),
    (BadInput, "bad-input", 422, "It cannot be used"),
    (IntegrityError, "integrity", 500, "Stored data were altered"),
    (EnvironmentFailure, "unavailable", 503, "The machine could not do it"),
    (UsageError, "usage", 422, "The request is wrong"),
)
# Messages of `UsageError` that say that something is not there.
_UNKNOWN = re.compile(
    r"\b(no|not|none)\b.*\b(exists?|there|known|enrolled|gallery|purpose|reference|case)\b|^there is no|^no "
    r"|^nothing is held",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as RFC 9457 §3 has it.

    Attributes:
        kind: A URN of this project.
        title: The same for every problem of a kind.
        status: HTTP's status.
        detail: What is wrong with this request and what to do, in one line.
        more: Members of the kind's own.
        headers: Headers that go with it.
    """

    kind: str
    title: str
    status: int
    detail: str
    more: Mapping[str, JSONValue] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the object that is sent."""
        return {"type": self.kind, "title": self.title, "status": self.status, "detail": self.detail, **self.more}


def problem(error: FacewardError) -> Problem:
    """Return what is told of an error; of one that concerns the machine, only that there was one.

    The whole of it is for those who run the service, and `service.logs` has it.
    """
    for cls, name, status, title in _KINDS:
        if isinstance(error, cls):
            return _made(error, name, status, title)
    return Problem(f"{_PREFIX}error", "It failed", 500, str(error))


def _made(error: FacewardError, name: str, status: int, title: str) -> Problem:
    kind, detail = f"{_PREFIX}{name}", str(error)
    if isinstance(error, PolicyRefusal):
        told = {"rule": error.rule, "reason": error.reason, "remedy": error.remedy}
        return Problem(f"{kind}:{error.rule}", title, status, detail, told)
    if isinstance(error, SignatureNeeded):
        message = base64.b64encode(error.message).decode("ascii")
        more = error.more if isinstance(error, SignatureAsked) else {}
        return Problem(kind, title, status, detail, {"namespace": error.namespace, "message": message, **more})
    if isinstance(error, Busy):
        return Problem(kind, title, status, detail, {}, {"Retry-After": str(error.retry_after)})
    if isinstance(error, Unauthenticated):
        return Problem(kind, title, status, detail, {}, {"WWW-Authenticate": 'Bearer realm="faceward"'})
    if isinstance(error, EnvironmentFailure):
        return Problem(kind, title, status, detail, {}, {"Retry-After": "5"})
    if isinstance(error, UsageError) and _UNKNOWN.search(detail):
        return Problem(f"{_PREFIX}unknown", "There is no such thing", 404, detail)
    return Problem(kind, title, status, detail)
