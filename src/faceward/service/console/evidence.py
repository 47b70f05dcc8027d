"""Evidence: what thresholds rest on, how errors fall on groups, and what was found since (rules V1, V2, S1, W6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import from_rfc3339
from faceward.core.evidence_results import EvidenceView, PurposeEvidence
from faceward.core.request_results import RequestView
from faceward.core.results import JSONDict
from faceward.operations.system import System
from faceward.service import bodies
from faceward.service.acts import perform
from faceward.service.callers import Caller
from faceward.service.console import charts
from faceward.service.console.i18n import N_
from faceward.service.console.rendering import back, page
from faceward.service.roles import allowed, known

router = APIRouter(prefix="/evidence", include_in_schema=False)
Person = Annotated[Caller, Depends(known)]
SOON = timedelta(days=30)
STATES = (N_("with the pack"), N_("on record"), N_("waiting"))
"""How an evaluation stands, as `EvidenceView.state` says it."""
_HERE = "evidence"
_KINDS = ("evidence", "rates")


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that the first page needs, read in one go."""

    evaluations: tuple[EvidenceView, ...]
    purposes: tuple[PurposeEvidence, ...]
    terms: Mapping[str, tuple[float, float | None]]
    monitoring: list[JSONDict]
    waiting: tuple[RequestView, ...]


def _read(system: System) -> _Seen:
    waiting = tuple(one for one in system.requests.listed(waiting=True) if one.kind.startswith(_KINDS))
    terms = {one.name: (one.fmr, one.fpir) for one in system.purposes()}
    return _Seen(system.evidence.listed(), system.evidence.purposes(), terms, system.monitoring.purposes(), waiting)


@router.get("", dependencies=[allowed("signed-in")])
async def overview(request: Request, caller: Person) -> Response:
    """Show by purpose what searches rest on, and all evaluations."""
    seen = await perform(request, caller, _read)
    now = request.app.state.service.now()
    ages = {one.digest: _age(one.until, now) for one in seen.evaluations}
    counted = [{**one, "level": charts.level(_number(one["evalue"]), _number(one["limit"]))} for one in seen.monitoring]
    return await page(
        request,
        "evidence/list.html",
        here=_HERE,
        purposes=seen.purposes,
        terms=seen.terms,
        evaluations=seen.evaluations,
        ages=ages,
        counted=counted,
        waiting=seen.waiting,
    )


@router.post("", dependencies=[allowed("operator")])
async def add(request: Request, caller: Person) -> Response:
    """Put an evaluation on record; one that changes what searches rest on waits for another person (rule S1)."""
    [file, *_] = await bodies.pictures(await bodies.form(request), "file")
    made = await perform(request, caller, lambda system: system.evidence.add(file.data, file.name))
    return back("/evidence", "asked" if made.request else "saved")


@router.get("/{digest}", dependencies=[allowed("signed-in")])
async def one(request: Request, caller: Person, digest: str) -> Response:
    """Show one evaluation: its rates with intervals, and how errors fall on groups."""
    view, value = await perform(request, caller, lambda system: system.evidence.show(digest))
    return await page(request, "evidence/one.html", here=_HERE, view=view, **_shown(value))


def _shown(value: JSONObject) -> dict[str, Any]:
    points = _objects(value["points"])
    samples = [charts.Sample(_at(one, "fmr"), *_rate(one, "fnmr")) for one in points]
    fairness = [
        {
            "about": one,
            "groups": _objects(one["groups"]),
            "differentials": _objects(one["differentials"]),
            "bars": [(measure, _bars(one, measure)) for measure in ("fmr", "fnmr")],
        }
        for one in _objects(value["fairness"])
    ]
    return {
        "evaluation": value,
        "points": points,
        "curve": charts.curve(samples),
        "searches": _objects(value["identification"]),
        "fairness": fairness,
    }


def _bars(fairness: JSONObject, measure: str) -> charts.Bars | None:
    groups = [one for one in _objects(fairness["groups"]) if isinstance(one.get(measure), Mapping)]
    return charts.bars([(str(one["name"]), charts.Sample(1, *_rate(one, measure))) for one in groups])


def _rate(one: JSONObject, name: str) -> tuple[float, float, float]:
    rate = one[name]
    found = rate if isinstance(rate, Mapping) else {}
    return _number(found.get("estimate")), _number(found.get("low")), _number(found.get("high"))


def _at(one: JSONObject, name: str) -> float:
    estimate, _, high = _rate(one, name)
    # Where no false match was seen, what is known is how many there are at most.
    return estimate or high


def _number(value: JSONValue) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _objects(value: JSONValue) -> list[JSONObject]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _age(until: str, now: datetime) -> str:
    ends = from_rfc3339(until)
    return "expired" if ends <= now else "soon" if ends <= now + SOON else "in force"
