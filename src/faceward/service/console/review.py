"""Review: cases, and the comparison of a probe with each candidate, blind (rules H1 to H4)."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from faceward.core.errors import FacewardError, UsageError
from faceward.core.results import JSONDict
from faceward.operations.system import System
from faceward.policy.review import INCONCLUSIVE
from faceward.policy.review_features import SOURCE, review_scheme
from faceward.service import bodies
from faceward.service.callers import Caller
from faceward.service.console.downloads import downloaded
from faceward.service.console.paging import paged
from faceward.service.console.pictures import displayable
from faceward.service.console.rendering import back, page
from faceward.service.console.review_words import ACCURACIES, EDITS, FINDINGS, PHASES, RESULTS, VIEWS
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

_READERS = ("operator", "reviewer", "approver", "auditor")
router = APIRouter(prefix="/review", include_in_schema=False)
_Who = Annotated[Caller, Depends(known)]


@router.get("", dependencies=[allowed(*_READERS)])
async def cases(request: Request, caller: _Who) -> Response:
    """List cases: those that one may answer, those that wait for a finding, or all."""
    found = await repeatable(request, caller, lambda system: system.cases.listed())
    found.sort(key=lambda one: str(one["opened"]), reverse=True)
    kept = {
        "mine": [one for one in found if one["may_answer"]],
        "finding": [one for one in found if one["finding_wanted"]],
        "all": found,
    }
    first = "mine" if "reviewer" in caller.roles else "all"
    view = request.query_params.get("show", first)
    view = view if view in VIEWS else first
    counts = {name: len(ones) for name, ones in kept.items()}
    pages = paged(kept[view], request)
    return await page(
        request, "review/list.html", here="review", view=view, views=VIEWS, counts=counts, pages=pages, phases=PHASES
    )


@router.get("/{case}", dependencies=[allowed(*_READERS)])
async def one_case(request: Request, case: str, caller: _Who) -> Response:
    """Show a case: what its reader may see, and the form of the answer to whoever may give one."""

    def look(system: System) -> tuple[JSONDict, dict[int, float]]:
        shown = system.cases.show(case)
        return shown, _rates(system, shown)

    shown, rates = await repeatable(request, caller, look)
    scheme = review_scheme()
    answers: Any = shown["answers"]
    mine = [one for one in answers if one["reviewer"] == caller.name]
    amending = bool(mine) and shown["phase"] in ("decided", "closed") and "amend" in request.query_params
    return await page(
        request,
        "review/case.html",
        here="review",
        case=shown,
        rates=rates,
        features=list(scheme.features.values()),
        conclusions=scheme.conclusions,
        inconclusive=INCONCLUSIVE,
        findings=FINDINGS,
        phases=PHASES,
        results=RESULTS,
        accuracies=ACCURACIES,
        edits=EDITS,
        source=SOURCE,
        answering=bool(shown["may_answer"]) or amending,
        amending=amending,
        answered=bool(mine),
    )


def _rates(system: System, shown: Mapping[str, Any]) -> dict[int, float]:
    """Return what the scores that may be seen mean: the false-match rate at each, by the candidate's number."""
    rates: dict[int, float] = {}
    for candidate in shown["candidates"]:
        if candidate["score"] is not None:
            try:
                rates[candidate["number"]] = system.collections.fmr_of(shown["search"]["purpose"], candidate["score"])
            except FacewardError:
                continue
    return rates


@router.get("/{case}/pictures/{digest}", dependencies=[allowed(*_READERS)])
async def picture(request: Request, case: str, digest: str, caller: _Who) -> Response:
    """Return a picture of a case as a browser can show it; that it was looked at is in the log."""
    data = await repeatable(request, caller, lambda system: displayable(system.cases.picture(case, digest)))
    return Response(data, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.post("/{case}/answer", dependencies=[allowed("reviewer")])
async def answer(request: Request, case: str, caller: _Who) -> Response:
    """Record an answer, which is final, or an amendment beside it."""
    data = await bodies.form(request)
    amend = bodies.text(data, "amend", "") == "yes"

    def act(system: System) -> JSONDict:
        shown = system.cases.show(case)
        given = json.dumps(answered(data, shown)).encode()
        return system.cases.answer(case, system.cases.parse(case, given, "answer.json"), amend=amend)

    shown = await repeatable(request, caller, act)
    return back(f"/review/{shown['case']}", "amended" if amend else "answered")


def answered(data: FormData, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer that a form gives, as an answer file has it.

    Args:
        data: The form: `feature-NUMBER-KEY`, `conclusion-NUMBER` and `notes-NUMBER` for each candidate.
        shown: The case.

    Raises:
        BadInput: Something is left out.
    """
    comparisons = [
        {
            "candidate": number,
            "features": {key: bodies.text(data, f"feature-{number}-{key}") for key in review_scheme().features},
            "conclusion": bodies.text(data, f"conclusion-{number}"),
            "notes": bodies.text(data, f"notes-{number}", "").strip(),
        }
        for number in (one["number"] for one in shown["candidates"] if one["subject"] is not None)
    ]
    return {"case": shown["case"], "comparison": comparisons}


@router.post("/{case}/edits", dependencies=[allowed("operator")])
async def add_edit(request: Request, case: str, caller: _Who) -> Response:
    """Add an edit of the probe to its chain; the original is never replaced."""
    data = await bodies.form(request)
    made, change = await bodies.picture(data, "edited"), bodies.text(data, "change")
    of, note = bodies.text(data, "of", ""), bodies.text(data, "note", "")
    shown = await repeatable(
        request, caller, lambda system: system.cases.add_edit(case, made, change=change, of=of, note=note)
    )
    return back(f"/review/{shown['case']}", "edit-added")


@router.post("/{case}/samples", dependencies=[allowed("operator")])
async def add_sample(request: Request, case: str, caller: _Who) -> Response:
    """Add the picture that a candidate was enrolled from."""
    data = await bodies.form(request)
    sample, number = await bodies.picture(data, "sample"), _number(bodies.text(data, "candidate"), "candidate")
    shown = await repeatable(request, caller, lambda system: system.cases.add_sample(case, sample, candidate=number))
    return back(f"/review/{shown['case']}", "sample-added")


@router.post("/{case}/finding", dependencies=[allowed("operator", "reviewer", "approver")])
async def conclude(request: Request, case: str, caller: _Who) -> Response:
    """Record whether the candidates were right, and what was done."""
    data = await bodies.form(request)
    told = {name: bodies.text(data, name) for name in ("accuracy", "finding", "action")}
    count = bodies.text(data, "false_alerts", "")
    false_alerts = _number(count, "number of faces") if count else None
    shown = await repeatable(
        request, caller, lambda system: system.cases.conclude(case, false_alerts=false_alerts, **told)
    )
    return back(f"/review/{shown['case']}", "concluded")


@router.post("/{case}/export", dependencies=[allowed(*_READERS)])
async def export(request: Request, case: str, caller: _Who) -> Response:
    """Return what the reader may see of a case as a ZIP file; that it was made is in the log."""
    originals = bodies.text(await bodies.form(request), "originals", "") == "yes"
    content = await repeatable(request, caller, lambda system: packed(system, case, originals=originals))
    return downloaded(content, f"case-{case[:12]}.zip", "application/zip")


def packed(system: System, case: str, *, originals: bool) -> bytes:
    """Export a case into a folder that nobody else can read and that is gone afterwards; return it as a ZIP file."""
    with tempfile.TemporaryDirectory(prefix="faceward-case-") as place:
        folder = Path(place) / "case"
        system.cases.export(case, folder, originals=originals)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
    return buffer.getvalue()


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise UsageError(f"{text[:40]!r} is no {what}; write a whole number")
    return int(text)
