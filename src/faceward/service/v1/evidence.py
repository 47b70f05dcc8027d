"""Evidence: the evaluations that searches rest on, and the running rate of false alerts (rules V1, S1, W6)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from faceward.core.canonical import sha256_hex
from faceward.operations.system import System
from faceward.policy.evaluation_reading import MAX_BYTES
from faceward.service import bodies
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, listed, shown
from faceward.service.v1.given import Shown, Who, described, json_of
from faceward.service.v1.shown import MeasuredShown, PurposeEvidenceShown
from faceward.service.v1.subjects import Reason

router = APIRouter(tags=["evidence"])


class EvaluationShown(Shown):
    """An evaluation as the deployment holds it."""

    evaluation: str
    state: str
    pack: str
    data: str
    subjects: int
    camera_class: str
    own: bool
    made: str
    until: str
    lowest_fmr: float | None
    purposes: list[str]


class WholeEvaluationShown(EvaluationShown):
    """An evaluation, whole."""

    whole: dict[str, Any]


class EvidenceShown(Shown):
    """The evaluations, and what each purpose relies on."""

    evidence: list[EvaluationShown]
    purposes: list[PurposeEvidenceShown]


class RateShown(Shown):
    """What was counted for a purpose; docs/monitoring.md says what each number means."""

    purpose: str
    since: str
    accepted: float
    searches: int
    watched: int
    faces: int
    alerts: int
    correct: int
    incorrect: int
    undetermined: int
    undecided: int
    rate: float | None
    worst_rate: float | None
    low: float
    high: float
    evalue: float
    limit: float
    in_doubt: bool
    breached: str | None
    latest_breach: str | None


class RatesShown(Shown):
    """What was counted, by purpose."""

    purposes: list[RateShown]


class OutcomeShown(Shown):
    """What came of the searches for a picture."""

    time: str
    purpose: str
    faces: int
    alerts: int
    false_alerts: int = Field(description="Alerts that were found to be false.")
    undecided: int


class OutcomesShown(Shown):
    """One object a picture and purpose, in the order of first searches."""

    outcomes: list[OutcomeShown]


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "What `faceward evaluate … --out FILE` wrote.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


async def _evaluation(request: Request) -> bytes:
    data = await bodies.body(request, MAX_BYTES)
    request.state.content = sha256_hex(data)
    return data


@router.get("/evidence", response_model=EvidenceShown, dependencies=[allowed("signed-in", "key")])
async def list_evidence(request: Request, caller: Who) -> Response:
    """List the evaluations, and what each purpose relies on."""
    scope.whole(caller)
    return await shown(
        request,
        caller,
        lambda system: {
            "evidence": [one.to_json() for one in system.evidence.listed()],
            "purposes": [one.to_json() for one in system.evidence.purposes()],
        },
    )


@router.post(
    "/evidence",
    status_code=202,
    response_model=MeasuredShown,
    openapi_extra=_BODY,
    dependencies=[allowed("operator")],
)
async def add_evidence(request: Request, caller: Who, data: Annotated[bytes, Depends(_evaluation)]) -> Response:
    """Put an evaluation on record; one that lowers a threshold waits for another person."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.evidence.add(data, "the evaluation").to_json(), status=202)


@router.get("/evidence/{digest}", response_model=WholeEvaluationShown, dependencies=[allowed("signed-in", "key")])
async def show_evidence(request: Request, caller: Who, digest: str) -> Response:
    """Show an evaluation: what was measured, on which data, and how often it errs."""
    scope.whole(caller)

    def act(system: System) -> dict[str, object]:
        view, whole = system.evidence.show(digest)
        return {**view.to_json(), "whole": dict(whole)}

    return await shown(request, caller, act)


@router.post(
    "/evidence/{digest}/withdrawal",
    response_model=MeasuredShown,
    openapi_extra=described(Reason),
    dependencies=[allowed("operator")],
)
async def withdraw_evidence(
    request: Request, caller: Who, digest: str, given: Annotated[Reason, json_of(Reason)]
) -> Response:
    """Take an evaluation off the record; where that lowers a threshold it waits for another person."""
    scope.whole(caller)
    return await done(request, caller, lambda system: system.evidence.withdraw(digest, given.reason).to_json())


@router.get("/monitoring", response_model=RatesShown, dependencies=[allowed("signed-in", "key")])
async def show_monitoring(request: Request, caller: Who) -> Response:
    """Say how often searches were found to be wrong, and whether that is more than was accepted."""
    scope.whole(caller)
    return await shown(request, caller, lambda system: {"purposes": system.monitoring.purposes()})


@router.get("/monitoring/outcomes", response_model=OutcomesShown, dependencies=[allowed("operator", "auditor", "key")])
async def list_outcomes(request: Request, caller: Who, limit: Limit = 1000, offset: Offset = 0) -> Response:
    """Return the outcomes of searches, from which an evaluation can be made: numbers alone."""
    scope.whole(caller)
    return await listed(request, caller, ("outcomes", limit, offset), lambda system: list(system.monitoring.outcomes()))
