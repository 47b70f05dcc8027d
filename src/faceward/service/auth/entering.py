"""Coming in: signing in with a passkey, and the one-time links by which a passkey is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from faceward.core.errors import BadInput, UsageError
from faceward.service import bodies, csrf, doors, first_start, limits, sessions
from faceward.service.console.rendering import page
from faceward.service.roles import public
from faceward.service.signing_in import REFUSED, Attempt

if TYPE_CHECKING:
    from faceward.service.state import Service

T = TypeVar("T")

router = APIRouter(prefix="/auth", include_in_schema=False, dependencies=[public()])
LARGEST = 64 * 1024
"""Most bytes of what a browser says of a passkey."""


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Ask who it is."""
    service: Service = request.app.state.service
    caller = (await doors.shown(request)).caller
    return await page(
        request,
        "auth/sign_in.html",
        next=inside(request.query_params.get("next", "")),
        person=request.query_params.get("person", "")[:255],
        oidc=service.settings.oidc is not None,
        signed_in=caller is not None,
        nobody=not len(await to_thread.run_sync(sessions.roster, service)),
    )


@router.post("/sign-in/options")
async def sign_in_options(request: Request) -> Response:
    """Say what is to be signed: a session in the name given, or first whose passkey it is."""
    given = await _json(request)
    person = text(given, "person", "")
    return JSONResponse(await tried(request, lambda a: a.asked_by_name(person) if person else a.asked_who(), person))


@router.post("/sign-in/who")
async def sign_in_who(request: Request) -> Response:
    """Take the passkey that says whose it is."""
    given = await _json(request)
    ceremony, credential = text(given, "ceremony"), _object(given, "credential")
    return JSONResponse(await tried(request, lambda attempt: attempt.answered_who(ceremony, credential)))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Take the signed session."""
    given = await _json(request)
    ceremony, credential = text(given, "ceremony"), _object(given, "credential")
    claimed = await tried(request, lambda attempt: attempt.whose(ceremony))
    person, token = await tried(request, lambda attempt: attempt.by_passkey(ceremony, credential), claimed)
    before, _ = sessions.token_of(request)
    if before:
        await request.app.state.service.work.run(sessions.end, request.app.state.service, before)
    response = JSONResponse({"person": person, "next": inside(text(given, "next", ""))})
    sessions.set_cookie(response, request.app.state.service.settings, token)
    return response


@router.get("/begin")
async def begin_page(request: Request) -> Response:
    """Show where a one-time link leads; what is behind `#` only the page's script reads."""
    return await page(request, "auth/begin.html")


@router.post("/begin/about")
async def begin_about(request: Request) -> Response:
    """Say whom a link is for."""
    given = await _json(request)
    token = text(given, "token")
    return JSONResponse(await tried(request, lambda attempt: first_start.about(attempt.service, token)))


@router.post("/begin/options")
async def begin_options(request: Request) -> Response:
    """Say with what the browser makes the passkey."""
    given = await _json(request)
    token, person = text(given, "token"), text(given, "person", "")
    return JSONResponse(await tried(request, lambda attempt: first_start.begun(attempt.service, token, person)))


@router.post("/begin")
async def begin(request: Request) -> Response:
    """Take the passkey that was made."""
    given = await _json(request)
    ceremony, credential, day = text(given, "ceremony"), _object(given, "credential"), text(given, "trained", "")
    return JSONResponse(
        await tried(request, lambda attempt: first_start.finished(attempt.service, ceremony, credential, day))
    )


async def tried(request: Request, what: Callable[[Attempt], T], person: str = "") -> T:
    """Do a step of getting in, in the pool.

    Args:
        request: The request.
        what: The step.
        person: Whose name was said.

    Raises:
        Busy: As many wait as may.
        FacewardError: As the step does; where the attempt itself failed it is in the log.
    """
    service: Service = request.app.state.service
    try:
        return await service.work.run(what, Attempt(service))
    except REFUSED as refusal:
        await limits.denied(request, "sign-in", getattr(refusal, "reason", str(refusal)), name=person)
        raise


async def _json(request: Request) -> dict[str, object]:
    csrf.require_same_site(request)
    return await bodies.json_body(request, LARGEST)


def text(given: dict[str, object], name: str, default: str | None = None) -> str:
    """Return a text of a JSON body.

    Raises:
        UsageError: It is missing, or no text.
    """
    value = given.get(name, default)
    if not isinstance(value, str):
        raise UsageError(f"{name!r} must be a text")
    return value


def _object(given: dict[str, object], name: str) -> dict[str, object]:
    value = given.get(name)
    if not isinstance(value, dict):
        raise BadInput(f"{name!r} must be what the browser's passkey answered")
    return value


def inside(path: str) -> str:
    """Return a path of this service, for going on; the first page for anything else."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and len(path) < 2000
    return path if fine else "/"
