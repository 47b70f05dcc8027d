"""Verification (1:1), identification (1:N), detection and redaction."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.errors import BadInput, UsageError
from faceward.core.names import normal_name
from faceward.core.sources import Upload
from faceward.operations.pairs import Pair
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import done, file, shown
from faceward.service.v1.given import Files, Form, Given, Shown, Who, described, form_of
from faceward.service.v1.shown import FaceShown, PointShown

router = APIRouter(tags=["recognition"])

_IMAGE = Files()
_TWO = Files("image", 2, 2, "The two pictures.")
_MEDIA = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_WHO = ("operator", "key")


class Claim(Given):
    """Whom a picture claims to show, and what for."""

    subject: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    mandate: str | None = Field(None, description="Digest of the mandate that covers it, or its first digits.")
    camera: str | None = Field(None, description="The camera that the picture comes from, if any.")


class Search(Given):
    """Where to search, what for and why."""

    gallery: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    reason: str = Field(min_length=1, description="Why these people are to be identified, for the log.")
    top: int = Field(5, ge=1, le=50, description="Most candidates for a face.")
    mandate: str | None = Field(None, description="Digest of the mandate that covers it, or its first digits.")
    camera: str | None = Field(None, description="The camera that the picture comes from, if any.")
    kind: str = Field("photograph", description="What the picture is: `photograph` or `frame`.")


class Comparison(Given):
    """How two pictures are compared."""

    fmr: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Accepted false match rate; the pack's if left out, and always where reviewers answer first.",
    )
    purpose: str | None = Field(
        None, min_length=1, description="What it is for, which goes to the log; a key that is for several names one."
    )


class Nothing(Given):
    """No text goes with it."""


class Redaction(Given):
    """How faces are hidden, and whose are not."""

    mode: Literal["pixelate", "blur", "fill"] = "pixelate"
    keep: tuple[str, ...] = Field((), max_length=64, description="Subjects who stay visible.")
    purpose: str | None = Field(None, description="With `keep`: the purpose of their references.")
    mandate: str | None = Field(None, description="With `keep`: the mandate that covers it.")


class VerificationShown(Shown):
    """A comparison with one person."""

    decision: Literal["match", "non-match"]
    score: float | None
    operating_point: PointShown
    subject: str | None
    purpose: str | None
    pack: str
    faces: list[FaceShown]
    passed_over: list[int]
    entry: int | None


class CandidateShown(Shown):
    """Somebody at or above the operating point: a lead, not a finding."""

    subject: str
    score: float | None
    reference: str
    references: list[str]


class ProbeShown(FaceShown):
    """A face of the probe, and who it may be."""

    outcome: Literal["candidates", "unknown", "rejected"]
    candidates: list[CandidateShown]
    rejected: list[str]


class IdentificationShown(Shown):
    """A search for every face of a picture."""

    picture: str
    gallery: str
    purpose: str
    references: int
    subjects: int
    left_out: int
    operating_point: PointShown
    probes: list[ProbeShown]
    pack: str
    entry: int
    case: str | None


class DetectionShown(Shown):
    """The faces of a picture."""

    picture: str
    width: int
    height: int
    pack: str
    faces: list[FaceShown]


@router.post(
    "/verifications",
    response_model=VerificationShown,
    openapi_extra=described(Claim, _IMAGE),
    dependencies=[allowed(*_WHO)],
)
async def verify(request: Request, caller: Who, given: Annotated[Form[Claim], form_of(Claim, _IMAGE)]) -> Response:
    """Compare a picture with the subject whom it claims to show. A non-match is an answer and not an error."""
    claim = given.text
    scope.purpose(caller, claim.purpose)

    def act(system: System) -> dict[str, object]:
        scope.all_of_purpose(caller, system, claim.purpose)
        _known(caller, system, "verify", (claim.subject, normal_name(claim.purpose)))
        found = system.verify(
            given.one(), subject=claim.subject, purpose=claim.purpose, mandate=claim.mandate, camera=claim.camera
        )
        return dict(found.to_json())

    return await done(request, caller, act, kept=False)


@router.post(
    "/identifications",
    response_model=IdentificationShown,
    openapi_extra=described(Search, _IMAGE),
    dependencies=[allowed(*_WHO)],
)
async def identify(request: Request, caller: Who, given: Annotated[Form[Search], form_of(Search, _IMAGE)]) -> Response:
    """Search a gallery for every face of a picture; who is not found is unknown."""
    asked = given.text
    scope.purpose(caller, asked.purpose)
    scope.gallery(caller, asked.gallery)

    def act(system: System) -> dict[str, object]:
        return dict(system.identify(given.one(), **asked.model_dump()).to_json())

    return await done(request, caller, act, kept=False)


@router.post(
    "/comparisons",
    response_model=VerificationShown,
    openapi_extra=described(Comparison, _TWO),
    dependencies=[allowed(*_WHO)],
)
async def compare(
    request: Request, caller: Who, given: Annotated[Form[Comparison], form_of(Comparison, _TWO)]
) -> Response:
    """Compare two pictures in your hand; nothing of them is stored, and the log has it."""
    asked, (first, second) = given.text, given.files["image"]

    def act(system: System) -> dict[str, object]:
        pair = Pair(first, second, scope.comparing(caller, system, asked.purpose))
        return dict(system.collections.verify_pair(pair, asked.fmr).to_json())

    return await done(request, caller, act, kept=False)


@router.post(
    "/detections",
    response_model=DetectionShown,
    openapi_extra=described(Nothing, _IMAGE, raw=True),
    dependencies=[allowed(*_WHO)],
)
async def detect(
    request: Request, caller: Who, given: Annotated[Form[Nothing], form_of(Nothing, _IMAGE, raw=True)]
) -> Response:
    """Find faces: boxes, five landmarks, quality components; nothing of them is stored, and the log has it."""
    return await shown(request, caller, lambda system: system.collections.detect(given.one()).to_json())


@router.post(
    "/redactions",
    response_class=Response,
    responses={200: {"description": "The picture.", "content": {media: {} for media in sorted(set(_MEDIA.values()))}}},
    openapi_extra=described(Redaction, _IMAGE, raw=True),
    dependencies=[allowed(*_WHO)],
)
async def redact(
    request: Request, caller: Who, given: Annotated[Form[Redaction], form_of(Redaction, _IMAGE, raw=True)]
) -> Response:
    """Hide faces in a picture for good, and return it. To keep subjects visible, they are recognised for a purpose."""
    asked = given.text
    if asked.keep:
        if scope.limited(caller) and asked.purpose is None:
            raise BadInput("this key is for some purposes: name the one of those to be kept with 'purpose'")
    elif asked.purpose is not None or asked.mandate is not None:
        raise BadInput("'purpose' and 'mandate' go with 'keep'; without it everybody is hidden")

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        if asked.keep and asked.purpose is not None:
            scope.all_of_purpose(caller, system, asked.purpose)
            for one in asked.keep:
                _known(caller, system, "redact", (one, normal_name(asked.purpose)))
        return _redacted(system, given.one(), asked)

    return await file(request, caller, act, "redacted")


def _known(caller: Caller, system: System, operation: str, whom: tuple[str, str]) -> None:
    """Check that a subject has a reference for a purpose that a limited key reaches; of others it learns nothing.

    Raises:
        UsageError: They have none; that is in the log.
    """
    subject, purpose = whom
    if not scope.reached(caller, system, subject, purpose):
        system.collections.not_held(operation, subject, purpose)
        raise UsageError(
            f"{normal_name(subject)!r} has no reference for the purpose {purpose!r}; enrol the subject first"
        )


def _redacted(system: System, picture: Upload, asked: Redaction) -> tuple[bytes, str, dict[str, object]]:
    # The folder is this user's alone, and gone when the answer is made.
    with tempfile.TemporaryDirectory(prefix="faceward-") as folder:
        ending = Path(picture.name).suffix.lower()
        source = Path(folder) / f"picture{ending if ending in _MEDIA else '.png'}"
        output = source.with_name(f"hidden{source.suffix}")
        source.write_bytes(picture.data)
        result = system.redact(
            source, output, keep=asked.keep, purpose=asked.purpose, mandate=asked.mandate, mode=asked.mode
        )
        [only] = result.pictures
        if only.error is not None:
            raise BadInput(only.error.replace(str(source), picture.name))
        told: dict[str, object] = {"mode": result.mode, "hidden": only.hidden, "kept": list(only.kept)}
        return output.read_bytes(), _MEDIA[source.suffix], {**told, "entry": result.entry}
