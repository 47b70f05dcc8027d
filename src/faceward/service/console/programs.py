"""Programs: their keys, what each may name, and whether the roster knows them (rule K2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.core.request_results import Asked, RequestView
from faceward.operations.key_results import ALTERED, CreatedKey, KeyView
from faceward.operations.system import System
from faceward.policy.api_keys import KeyNote
from faceward.policy.machines import PREFIX
from faceward.policy.people import Person
from faceward.service import bodies, limits, sessions
from faceward.service.callers import Caller, Kind
from faceward.service.console.i18n import N_
from faceward.service.console.rendering import back, page
from faceward.service.errors import Forbidden
from faceward.service.roles import allowed, known
from faceward.service.signing import repeatable

router = APIRouter(prefix="/programs", include_in_schema=False, dependencies=[allowed("operator", "approver")])
_Who = Annotated[Caller, Depends(known)]
_PAGE = "/programs"
_MOST_DAYS = 5 * 365

NOT_ADMITTED, WAITING = "not admitted", "waiting"
STATES = {
    "in force": (N_("in force"), "good"),
    NOT_ADMITTED: (N_("does not work until it is admitted"), "warning"),
    WAITING: (N_("waits for another person's approval"), "warning"),
    "expired": (N_("expired"), "neutral"),
    "revoked": (N_("revoked"), "neutral"),
    ALTERED: (N_("altered"), "bad"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A key as the page shows it.

    Attributes:
        key: The key.
        state: A key of `STATES`.
        answers: Who answers for it, or would.
        request: Digest of the request that waits for it, or empty.
    """

    key: KeyView
    state: str
    answers: str
    request: str


def admissions(asked: Iterable[RequestView]) -> Mapping[str, str]:
    """Return the digests of the requests, among those that wait, for programs to be admitted, by the key's name."""
    named = ((str(one.body.get("name", "")), one.digest) for one in asked if one.kind == "person.add")
    return {name.removeprefix(PREFIX): digest for name, digest in named if name.startswith(PREFIX)}


@router.get("")
async def programs(request: Request, caller: _Who) -> Response:
    """List the keys of programs, never their secrets."""
    return await _shown(request, caller)


@router.post("")
async def create(request: Request, caller: _Who) -> Response:
    """Make a key; its secret is shown once, here."""
    data = await bodies.form(request)
    await _own_key(request, caller)
    name, days = bodies.text(data, "name"), bodies.text(data, "days", "")
    scope = {field: [str(one) for one in data.getlist(field)] for field in ("purposes", "galleries")}
    term = timedelta(days=_days(days)) if days else None
    made = await repeatable(request, caller, lambda system: system.api_keys.create(name, term=term, **scope))
    return await _shown(request, caller, made)


@router.post("/{key}/admission")
async def admit(request: Request, key: str, caller: _Who) -> Response:
    """Ask that the roster take a key on; another person approves it once there is one who may."""
    await bodies.form(request)

    def act(system: System) -> Asked:
        note = system.api_keys.note_of(key)
        return system.api_keys.admit(key, None if note is None else _trained(system, note, caller))

    asked = await repeatable(request, caller, act)
    sessions.forget_roster()
    return back(_PAGE, "asked" if asked.state == "waiting" else "carried-out")


@router.post("/{key}/revocation")
async def revoke(request: Request, key: str, caller: _Who) -> Response:
    """Take a key away; no process accepts it from now on."""
    await bodies.form(request)
    await _own_key(request, caller)
    await repeatable(request, caller, lambda system: system.api_keys.revoke(key))
    return back(_PAGE, "key-revoked")


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= _MOST_DAYS:
        raise UsageError(f"{text[:40]!r} is no number of days; write a whole number from 1 to {_MOST_DAYS}")
    return int(text)


async def _own_key(request: Request, caller: Caller) -> None:
    """Refuse whom an account at a provider let in: that shows pages, and hands nobody a key."""
    if caller.kind is not Kind.PERSON:
        refusal = Forbidden("this is for who signed in with a key of their own; sign in with your passkey")
        await limits.denied(request, "route", str(refusal), caller=caller)
        raise refusal


def _answers(people: Mapping[str, Person], note: KeyNote, caller: Caller) -> str:
    registered = people.get(note.roster_name)
    if registered is not None and registered.responsible:
        return registered.responsible
    return note.by if note.by in people else caller.name


def _trained(system: System, note: KeyNote, caller: Caller) -> date | None:
    people = system.people.roster().people
    person = people.get(_answers(people, note, caller))
    return None if person is None else person.trained


def _rows(system: System, caller: Caller) -> list[Row]:
    people, asked = system.people.roster().people, admissions(system.requests.listed(waiting=True))
    rows = []
    for key in system.api_keys.listed():
        request = asked.get(key.note.name, "")
        missing = key.state == "in force" and key.admitted is False
        state = (WAITING if request else NOT_ADMITTED) if missing else key.state
        rows.append(Row(key, state, _answers(people, key.note, caller), request))
    return rows


async def _shown(request: Request, caller: Caller, made: CreatedKey | None = None) -> Response:
    def look(system: System) -> dict[str, Any]:
        return {
            "rows": _rows(system, caller),
            "purposes": [one.name for one in system.purposes()],
            "galleries": [one.name for one in system.overview.galleries()],
            "admitting": system.api_keys.must_be_admitted,
        }

    found = await request.app.state.service.work.run(look, request.app.state.service.acting(caller))
    return await page(
        request, "programs.html", here="programs", made=made, states=STATES, signs=_signs(caller), **found
    )


def _signs(caller: Caller) -> bool:
    return caller.kind is Kind.PERSON
