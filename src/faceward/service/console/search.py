"""Search: a photograph, a purpose, the authority to search, and what is missing, said before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.core.names import normal_name
from faceward.core.results import IdentificationResult
from faceward.operations.identification import SearchRequest
from faceward.operations.outlook import Outlook
from faceward.operations.system import System
from faceward.policy.review_probe import KINDS, REFUSED_KINDS
from faceward.service import bodies
from faceward.service.callers import Caller
from faceward.service.console.i18n import N_
from faceward.service.console.rendering import page
from faceward.service.console.ways import WAYS
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(include_in_schema=False)
PROBES: Mapping[str, str] = {
    "photograph": N_("Photograph"),
    "frame": N_("Frame of a video"),
    "composite": N_("Composite picture"),
    "sketch": N_("Sketch"),
    "generated": N_("Generated picture"),
}
TOPS = (5, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen so far, and what it leads to.

    Attributes:
        purposes: Names of all purposes.
        galleries: Names of the galleries of the chosen purpose.
        request: What would be searched.
        outlook: What that would lack; None where there is nothing to search in.
    """

    purposes: tuple[str, ...]
    galleries: tuple[str, ...]
    request: SearchRequest
    outlook: Outlook | None

    @property
    def lacking(self) -> list[PolicyRefusal]:
        """What is missing beside the reason, which has a field of its own."""
        refusals = self.outlook.refusals if self.outlook else ()
        return [one for one in refusals if one.rule != "P4" or self.request.reason]


def choice(system: System, given: Mapping[str, str]) -> Choice:
    """Return what was chosen, completed by what is there.

    Args:
        system: The deployment as who searches acts in it.
        given: Fields of the form, of which each may be missing.
    """
    purposes = tuple(one.name for one in system.purposes())
    of = system.gallery_purposes()
    purpose = normal_name(given.get("purpose", ""))
    if purpose not in purposes:
        used = [one for one in purposes if one in of.values()]
        purpose = (used or list(purposes) or [""])[0]
    galleries = tuple(name for name, serves in of.items() if serves == purpose)
    gallery = normal_name(given.get("gallery", ""))
    if gallery not in galleries:
        gallery = galleries[0] if galleries else ""
    request = SearchRequest(
        gallery=gallery,
        purpose=purpose,
        # Whether there is one is all that can be told before it is written.
        reason=given.get("reason", "").strip() or "?",
        mandate=given.get("mandate") or None,
        camera=normal_name(given.get("camera", "")) or None,
        kind=given.get("kind") if given.get("kind") in PROBES else "photograph",  # type: ignore[arg-type]
    )
    return Choice(purposes, galleries, request, system.search_outlook(request) if gallery else None)


@router.get("/search", dependencies=[allowed("operator")])
async def search(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Show the form; or only what follows from a choice, where the page asks for that."""
    given = dict(request.query_params)
    found = await repeatable(request, caller, lambda system: choice(system, given))
    part = request.headers.get("hx-request") == "true"
    return await page(
        request,
        "search/choices.html" if part else "search/form.html",
        here="search",
        choice=found,
        given=given,
        probes=PROBES,
        tops=TOPS,
        ways=WAYS,
        refused_kinds=REFUSED_KINDS,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What a search returned, and what its scores mean.

    Attributes:
        result: The result.
        rates: For each face, for each candidate, the false-match rate at their score; None where it is hidden.
    """

    result: IdentificationResult
    rates: Sequence[Sequence[float | None]]


@router.post("/search", dependencies=[allowed("operator")])
async def identify(request: Request, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Search, and show whom it returned."""
    data = await bodies.form(request)
    photograph = await bodies.picture(data, "photograph")
    text = {name: bodies.text(data, name, "") for name in ("mandate", "camera", "top")}
    kind = bodies.text(data, "kind", KINDS[0])
    named = (bodies.text(data, "gallery"), bodies.text(data, "purpose"), bodies.text(data, "reason", ""))

    def act(system: System) -> Found:
        gallery, purpose, reason = named
        result = system.identify(
            photograph,
            gallery=gallery,
            purpose=purpose,
            reason=reason,
            top=int(text["top"]) if text["top"].isdigit() else TOPS[0],
            mandate=text["mandate"] or None,
            camera=text["camera"] or None,
            kind=kind,
        )
        return Found(result, _rates(system, result))

    found = await repeatable(request, caller, act)
    part = request.headers.get("hx-request") == "true"
    template = "search/result.html" if part else "search/result_page.html"
    return await page(request, template, here="search", found=found, result=found.result)


def _rates(system: System, result: IdentificationResult) -> list[list[float | None]]:
    def rate(score: float | None) -> float | None:
        if score is None:
            return None
        try:
            return system.collections.fmr_of(result.purpose, score)
        except FacewardError:
            return None

    return [[rate(candidate.score) for candidate in probe.candidates] for probe in result.probes]


@router.get("/search/receipts/{entry}", dependencies=[allowed("operator", "auditor")])
async def receipt(request: Request, entry: int, caller: Annotated[Caller, Depends(known)]) -> Response:
    """Return the receipt of a search's log entry, to be kept and checked elsewhere (C2SP tlog-proof)."""
    text = await repeatable(request, caller, lambda system: system.prove(entry))
    headers = {"content-disposition": f'attachment; filename="receipt-{entry}.txt"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
