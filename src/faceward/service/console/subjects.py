"""Subjects: found by their exact name alone, what happened to them, and what they have a right to (rules D1, T2, C2).

Who is enrolled is listed nowhere: the store keeps pseudonyms, and names are sealed. Looking somebody up is an entry of
the log in their own chain, and so is a name that nothing is held about. A name goes in a form's body and in the query
of pages that were reached from there, never into a route's pattern, which is what the service's logs hold.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from faceward.core.errors import BadInput, UsageError
from faceward.core.names import check_name, normal_name
from faceward.core.subject_results import SubjectAccount
from faceward.operations.access import zipped
from faceward.operations.system import System
from faceward.policy.rights import RequestKind
from faceward.policy.visits import LONGEST, OPERATOR
from faceward.service import bodies, subject_links
from faceward.service.acts import perform
from faceward.service.callers import Caller
from faceward.service.console import telling
from faceward.service.console.downloads import downloaded
from faceward.service.console.paging import paged
from faceward.service.console.rendering import back, page
from faceward.service.roles import allowed, known
from faceward.service.state import Service

router = APIRouter(prefix="/subjects", include_in_schema=False)
Person = Annotated[Caller, Depends(known)]
_HERE = "subjects"
_LOOK = allowed("operator", "auditor")
_ACT = allowed("operator")
_DECIDE = allowed("operator", "approver")
_ROWS = 25
_LONGEST_NAME = 255


@router.get("", dependencies=[allowed("operator", "auditor", "approver")])
async def find(request: Request, caller: Person) -> Response:
    """Ask for a name, and show what is to be done for subjects."""
    due = []
    if caller.roles & {"operator", "approver"}:
        due = list(await perform(request, caller, _waiting))
    return await page(request, "subjects/find.html", here=_HERE, due=due, missing="")


def _waiting(system: System) -> list[Any]:
    open_states = ("received", "acknowledged")
    found = [one for one in system.rights.complaints() if one.state in open_states]
    found += [one for one in system.rights.requests() if one.state in open_states]
    return sorted(found, key=lambda one: (one.deadline or "", one.identifier))


@router.post("", dependencies=[_LOOK])
async def look_up(request: Request, caller: Person) -> Response:
    """Go to the subject of a name."""
    _ = caller
    return back(_address(_name(bodies.text(await bodies.form(request), "subject"))))


@router.get("/one", dependencies=[_LOOK])
async def one(request: Request, caller: Person) -> Response:
    """Show what is held about a subject and what happened to them."""
    name = _name(request.query_params.get("subject", ""))
    try:
        account = await perform(request, caller, lambda system: system.rights.account(name))
    except UsageError:
        return await page(request, "subjects/find.html", here=_HERE, status=404, due=[], missing=name)
    return await page(request, "subjects/one.html", here=_HERE, **_shown(request, account), link=None)


def _shown(request: Request, account: SubjectAccount) -> dict[str, Any]:
    return {
        "account": account,
        "held": telling.held(account),
        "happened": paged(telling.happenings(account), request, _ROWS),
        "searches": list(reversed(account.searches)),
        "matters": list(reversed(account.matters)),
        "oneself": OPERATOR,
        "receipts": "/subjects/receipts",
        "held_options": [(one.reference, f"{one.purpose} · {one.reference[:12]}") for one in account.view.references],
    }


@router.get("/receipts/{entry}", dependencies=[_LOOK])
async def receipt(request: Request, caller: Person, entry: int) -> Response:
    """Hand out the receipt of an entry, for its subject."""
    name = _name(request.query_params.get("subject", ""))
    text = await perform(request, caller, lambda system: system.rights.receipt(name, entry))
    return downloaded(text.encode(), f"receipt-{entry}.tlog-proof", "text/plain; charset=utf-8")


@router.post("/copy", dependencies=[_ACT])
async def copy(request: Request, caller: Person) -> Response:
    """Make the copy that a subject has a right to."""
    name = _named(await bodies.form(request))
    package = await perform(request, caller, lambda system: system.rights.access(name))
    return downloaded(zipped(package), f"{name}.zip", "application/zip")


@router.post("/link", dependencies=[_ACT])
async def link(request: Request, caller: Person) -> Response:
    """Make a one-time link for a subject, and show it once."""
    service: Service = request.app.state.service
    data = await bodies.form(request)
    name, days = _named(data), bodies.text(data, "days", "1")
    if bodies.text(data, "checked", "") != "yes":
        raise UsageError("make sure first that whoever gets the link is the subject, and say so")
    if not days.isdigit() or not 1 <= int(days) <= LONGEST.days:
        raise UsageError(f"a link can be used for 1 to {LONGEST.days} days")
    term = timedelta(days=int(days))
    made = await perform(request, caller, lambda system: subject_links.make(system, service.vault, name, term))
    account = await perform(request, caller, lambda system: system.rights.account(name))
    shown = {"address": made.address(service.settings.origin), "until": made.until}
    return await page(request, "subjects/one.html", here=_HERE, **_shown(request, account), link=shown)


@router.post("/complaints", dependencies=[_ACT])
async def complain(request: Request, caller: Person) -> Response:
    """Record a complaint."""
    data = await bodies.form(request)
    name, text, about = _named(data), bodies.text(data, "text"), bodies.text(data, "reference", "") or None
    await perform(request, caller, lambda system: system.rights.complain(name, text, reference=about))
    return back(_address(name), "complained")


@router.post("/requests", dependencies=[_ACT])
async def ask(request: Request, caller: Person) -> Response:
    """Record what a subject asks for."""
    data = await bodies.form(request)
    name, kind, text = _named(data), bodies.text(data, "kind"), bodies.text(data, "text", "")
    if kind not in tuple(RequestKind):
        raise UsageError("choose what is asked for")
    await perform(request, caller, lambda system: system.rights.ask(name, RequestKind(kind), text))
    return back(_address(name), "request-recorded")


@router.post("/matters/{identifier}", dependencies=[_DECIDE])
async def settle(request: Request, caller: Person, identifier: str) -> Response:
    """Acknowledge or decide a complaint, or answer a request."""
    data = await bodies.form(request)
    step, text = bodies.text(data, "step"), bodies.text(data, "text", "")
    steps: dict[str, Callable[[System], object]] = {
        "acknowledge": lambda system: system.rights.acknowledge(identifier),
        "uphold": lambda system: system.rights.decide(identifier, upheld=True, reason=text),
        "reject": lambda system: system.rights.decide(identifier, upheld=False, reason=text),
        "answer": lambda system: system.rights.answer(identifier, text),
        "deny": lambda system: system.rights.answer(identifier, text, rejected=True),
    }
    if step not in steps:
        raise BadInput("choose what is to be done with it")
    await perform(request, caller, steps[step])
    return back("/subjects", "saved")


@router.post("/suspension", dependencies=[_ACT])
async def suspend(request: Request, caller: Person) -> Response:
    """Suspend a subject's references, or end that."""
    data = await bodies.form(request)
    name, reason, end = _named(data), bodies.text(data, "reason"), bodies.text(data, "end", "") == "yes"

    def act(system: System) -> bool:
        return system.rights.resume(name, reason) if end else system.rights.suspend(name, reason)

    await perform(request, caller, act)
    return back(_address(name), "resumed" if end else "suspended")


@router.get("/withdraw", dependencies=[_ACT])
async def withdraw_page(request: Request, caller: Person) -> Response:
    """Ask once more before a release is withdrawn."""
    _ = caller
    name, purpose = _name(request.query_params.get("subject", "")), request.query_params.get("purpose", "")
    return await page(request, "subjects/withdraw.html", here=_HERE, subject=name, purpose=normal_name(purpose))


@router.post("/withdraw", dependencies=[_ACT])
async def withdraw(request: Request, caller: Person) -> Response:
    """Withdraw a release that a subject no longer gives."""
    data = await bodies.form(request)
    name, purpose = _named(data), bodies.text(data, "purpose")
    result = await perform(request, caller, lambda system: system.rights.withdraw(name, purpose))
    return await page(
        request, "subjects/done.html", here=_HERE, subject=name, erased=False, **_kept(result.receipt, result.entry)
    )


@router.get("/erase", dependencies=[_ACT])
async def erase_page(request: Request, caller: Person) -> Response:
    """Ask a second time, for the name."""
    _ = caller
    name = _name(request.query_params.get("subject", ""))
    return await page(request, "subjects/erase.html", here=_HERE, subject=name, mistyped=False)


@router.post("/erase", dependencies=[_ACT])
async def erase(request: Request, caller: Person) -> Response:
    """Erase a subject whose name was typed once more, and show the receipt to hand over."""
    data = await bodies.form(request)
    name = _named(data)
    if normal_name(bodies.text(data, "name", "").strip()) != name:
        return await page(request, "subjects/erase.html", here=_HERE, status=422, subject=name, mistyped=True)
    result = await perform(request, caller, lambda system: system.erase(name))
    return await page(
        request, "subjects/done.html", here=_HERE, subject=name, erased=True, **_kept(result.receipt, result.entry)
    )


def _kept(text: str, entry: int) -> dict[str, Any]:
    return {"receipt": text, "entry": entry, "encoded": base64.b64encode(text.encode()).decode("ascii")}


def _name(text: str) -> str:
    return check_name(text.strip()[:_LONGEST_NAME], "subject")


def _named(data: FormData) -> str:
    return _name(bodies.text(data, "subject"))


def _address(name: str) -> str:
    return f"/subjects/one?subject={quote(name, safe='')}"
