"""Home: what waits for whoever signed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from faceward.core.request_results import RequestView
from faceward.operations.system import System
from faceward.policy.review_view import READERS
from faceward.service.callers import Caller, Kind
from faceward.service.console.programs import admissions
from faceward.service.console.rendering import page, translator
from faceward.service.console.request_words import STATES, told
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(include_in_schema=False)
_SHOWN = 5
_INVITERS = frozenset({"operator", "approver"})
_FINDERS = frozenset({"operator", "reviewer"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody.

    Attributes:
        approvals: Requests of others that they may decide on.
        mine: Their own requests that wait.
        reviews: Cases that they may answer.
        findings: Cases that wait for a finding.
        due: What has a term, the most urgent first.
        programs: Names of programs' keys that do not act until they are admitted, for whoever may ask for that.
        alone: Whether a second approver is still to be invited, by whoever may.
    """

    approvals: tuple[RequestView, ...]
    mine: tuple[RequestView, ...]
    reviews: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    due: tuple[Mapping[str, Any], ...]
    programs: tuple[str, ...]
    alone: bool


@router.get("/", dependencies=[allowed("signed-in", "subject")])
async def home(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Show what waits, by role; who is a subject goes on to their own page."""
    if caller.kind is Kind.SUBJECT or caller.roles == {"subject"}:
        return RedirectResponse("/me", 303)
    found = await repeatable(request, caller, lambda system: waiting(system, caller))
    t = translator(request)
    return await page(
        request,
        "home.html",
        here="home",
        waiting=found,
        asked=[(one, told(t, one)) for one in found.approvals[:_SHOWN]],
        own=[(one, told(t, one)) for one in found.mine[:_SHOWN]],
        states=STATES,
        shown=_SHOWN,
        alone=found.alone,
        overdue=[one for one in found.due if one["overdue"]],
    )


def waiting(system: System, caller: Caller) -> Waiting:
    """Return what waits for somebody."""
    asked = system.requests.listed(waiting=True)
    decides = "approver" in caller.roles
    others = [one for one in asked if decides and one.requester != caller.name and not _decided(one, caller.name)]
    cases = system.cases.listed() if caller.roles & READERS else []
    return Waiting(
        approvals=tuple(others),
        mine=tuple(one for one in asked if one.requester == caller.name),
        reviews=[one for one in cases if one["may_answer"]],
        findings=[one for one in cases if one["finding_wanted"]] if caller.roles & _FINDERS else [],
        due=tuple(one.to_json() for one in system.rights.due()),
        programs=_programs(system, asked) if caller.roles & _INVITERS else (),
        alone=bool(caller.roles & _INVITERS) and not system.people.roster().complete,
    )


def _programs(system: System, asked: Iterable[RequestView]) -> tuple[str, ...]:
    keys = system.api_keys
    return tuple(name for name in keys.outside() if name not in admissions(asked)) if keys.must_be_admitted else ()


def _decided(one: RequestView, name: str) -> bool:
    return any(decision.approver == name for decision in one.decisions)
