"""Entries on watchlists: somebody asks, somebody else approves, and then those pictures are enrolled (E1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput
from faceward.core.names import normal_name
from faceward.core.request_results import Asked
from faceward.operations.system import System
from faceward.policy.watchlist import Particulars
from faceward.service import bodies
from faceward.service.acts import perform
from faceward.service.callers import Caller
from faceward.service.console.rendering import back, page
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(prefix="/galleries/entries", include_in_schema=False, dependencies=[allowed("operator")])
_Who = Annotated[Caller, Depends(known)]


@router.get("")
async def form(request: Request, caller: _Who) -> Response:
    """Ask who is to be entered, and why."""
    name = normal_name(request.query_params.get("gallery", ""))
    gallery = await perform(request, caller, lambda system: system.overview.gallery(name))
    today = request.app.state.service.now().date()
    return await page(request, "galleries/entry.html", here="galleries", gallery=gallery, today=today)


@router.post("")
async def ask(request: Request, caller: _Who) -> Response:
    """Ask for somebody to be entered; the pictures are named by their digests, and not kept."""
    data = await bodies.form(request)
    name = normal_name(bodies.text(data, "gallery"))
    pictures = await bodies.pictures(data, "pictures")
    stated = Particulars(
        subject=bodies.text(data, "subject"),
        purpose="",
        gallery=name,
        source=bodies.text(data, "source"),
        evidence=bodies.text(data, "evidence"),
        samples=tuple(sha256_hex(one.data) for one in pictures),
        born=_born(bodies.text(data, "born", "")),
        vulnerable=bodies.text(data, "vulnerable", "") == "yes",
        safeguarding=bodies.text(data, "safeguarding", "") == "yes",
    )

    def act(system: System) -> Asked:
        # What a signature was brought for is looked for once in a request.
        return system.rights.request_entry(replace(stated, purpose=system.overview.gallery(name).purpose))

    asked = await repeatable(request, caller, act)
    said = "carried-out" if asked.state == "carried out" else "asked"
    return back(f"/galleries/one?{urlencode({'gallery': name, 'entry': asked.digest})}", said)


def _born(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(f"{text[:40]!r} is no day; write it as 1990-12-31") from None
