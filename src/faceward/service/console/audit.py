"""Audit: the log's entries, what can be opened of one, and a check of the published log in the visitor's browser."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.errors import BadInput
from faceward.operations.overview import Wanted
from faceward.service.acts import perform
from faceward.service.callers import Caller
from faceward.service.console.downloads import downloaded
from faceward.service.console.i18n import Translator
from faceward.service.console.rendering import page, translator
from faceward.service.console.verify_words import TEXTS
from faceward.service.roles import allowed, known, public
from faceward.service.state import Service

router = APIRouter(include_in_schema=False)
Person = Annotated[Caller, Depends(known)]
PHASES = ("begin", "end", "denied", "note")
_HERE = "audit"
_READ = allowed("auditor", "operator", "approver")


@router.get("/audit", dependencies=[_READ])
async def browse(request: Request, caller: Person) -> Response:
    """List entries as they are published, the newest first; nothing of them is opened."""
    wanted, given = _wanted(request)
    found = await perform(request, caller, lambda system: system.overview.entries(wanted))
    size = await perform(request, caller, lambda system: system.log_size)
    rest = [(name, value) for name, value in given.items() if value]
    older = None if found.before is None else "?" + urlencode([*rest, ("before", str(found.before))])
    first = "?" + urlencode(rest) if wanted.before is not None else None
    return await page(
        request,
        "audit/list.html",
        here=_HERE,
        found=found,
        size=size,
        older=older,
        first=first,
        phases=PHASES,
        given=given,
    )


def _wanted(request: Request) -> tuple[Wanted, dict[str, str]]:
    query = request.query_params
    given = {name: query.get(name, "").strip()[:64] for name in ("operation", "phase", "day")}
    try:
        day = date.fromisoformat(given["day"]) if given["day"] else None
    except ValueError:
        raise BadInput("the day is no day; write it as 2026-01-31") from None
    before = query.get("before", "")
    index = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    phase = given["phase"] if given["phase"] in PHASES else ""
    return Wanted(given["operation"], phase, day, index), {**given, "phase": phase}


@router.get("/audit/entries/{index}", dependencies=[_READ])
async def entry(request: Request, caller: Person, index: int) -> Response:
    """Show one entry as it is published."""
    seen = await perform(request, caller, lambda system: system.overview.entry(index))
    return await page(request, "audit/entry.html", here=_HERE, entry=seen, line=None)


@router.post("/audit/entries/{index}", dependencies=[allowed("auditor", "operator")])
async def opened(request: Request, caller: Person, index: int) -> Response:
    """Show one entry with what can be opened of it; that is an entry of its own."""
    seen = await perform(request, caller, lambda system: system.overview.entry(index))
    line = await perform(request, caller, lambda system: system.overview.opened(index))
    return await page(request, "audit/entry.html", here=_HERE, entry=seen, line=line)


@router.get("/audit/entries/{index}/receipt", dependencies=[_READ])
async def receipt(request: Request, caller: Person, index: int) -> Response:
    """Hand out the receipt of an entry, which opens nothing of it."""
    text = await perform(request, caller, lambda system: system.prove(index))
    return downloaded(text.encode(), f"receipt-{index}.tlog-proof", "text/plain; charset=utf-8")


@router.get("/log/verify", dependencies=[public()])
async def verify(request: Request) -> Response:
    """Let a visitor's browser check the published log; whoever they are."""
    service: Service = request.app.state.service
    origin = await service.work.run(lambda: service.system.accounts.origin)
    return await page(request, "audit/verify.html", here=_HERE, origin=origin, texts=_texts(translator(request)))


def _texts(t: Translator) -> dict[str, str]:
    # Placeholders stay as they are: the script fills them in.
    return {code: t.texts.get(text, text) for code, text in TEXTS.items()}
