"""Signing in over `/v1`, for people whose key `ssh-keygen` uses, and leaving again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from faceward.service import bodies, sessions
from faceward.service.auth.entering import LARGEST, text, tried
from faceward.service.auth.leaving import left
from faceward.service.callers import Caller
from faceward.service.roles import KEY, SIGNED_IN, SUBJECT, allowed, known, public

if TYPE_CHECKING:
    from faceward.service.state import Service

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
Known = Annotated[Caller, Depends(known)]


def _takes(**fields: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "minLength": 1, "example": example} for name, example in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _gives(description: str, **fields: str) -> dict[int | str, dict[str, Any]]:
    properties = {name: {"type": "string", "example": example} for name, example in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/prepare",
    dependencies=[public()],
    summary="Say who signs in, and get what they sign",
    openapi_extra=_takes(person="Ana"),
    responses=_gives(
        "What to sign with `ssh-keygen -Y sign -n faceward-session`, within five minutes",
        prepared="9Zb…",
        namespace="faceward-session",
        message='{"created":"…"}',
        expires="2026-06-01T20:00:00.000000Z",
    ),
)
async def prepare(request: Request) -> Response:
    """Begin to sign in; the answer is the same whether the roster knows the name or not."""
    person = text(await bodies.json_body(request, LARGEST), "person")
    return JSONResponse(await tried(request, lambda attempt: attempt.prepared(person), person))


@router.post(
    "",
    dependencies=[public()],
    summary="Sign in with the signature",
    openapi_extra=_takes(prepared="9Zb…", signature="-----BEGIN SSH SIGNATURE-----\n…"),
    responses=_gives("A token for `Authorization: Bearer`", token="fws_…", person="Ana"),  # noqa: S106 - an example
)
async def begin(request: Request) -> Response:
    """Take what `ssh-keygen` wrote, and return a token that stands for the person until they leave."""
    given = await bodies.json_body(request, LARGEST)
    prepared, signature = text(given, "prepared"), text(given, "signature")
    claimed = await tried(request, lambda attempt: attempt.whose(prepared))
    person, token = await tried(request, lambda attempt: attempt.by_signature(prepared, signature), claimed)
    return JSONResponse({"token": token, "person": person})


@router.get("", dependencies=[allowed(SIGNED_IN, SUBJECT, KEY)], summary="Say who calls")
async def current(caller: Known) -> dict[str, Any]:
    """Return whom the service takes the caller for."""
    return {
        "kind": caller.kind.value,
        "name": caller.name,
        "roles": sorted(caller.roles),
        "purposes": None if caller.purposes is None else sorted(caller.purposes),
        "galleries": None if caller.galleries is None else sorted(caller.galleries),
    }


@router.delete("", dependencies=[allowed(SIGNED_IN, SUBJECT)], summary="Sign out", status_code=204)
async def end(request: Request, caller: Known) -> Response:
    """End the session of the token that is shown."""
    service: Service = request.app.state.service
    await service.work.run(left, service, caller, sessions.token_of(request)[0])
    return Response(status_code=204)
