"""Carrying operations out and answering with what they return."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Query
from starlette.responses import Response

from faceward.service.acts import perform
from faceward.service.idempotency import Answer, once

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.operations.system import System
    from faceward.service.callers import Caller

T = TypeVar("T")

# Answers to what ends something, which are given again whatever else has ended since: receipts, and that it is so.
_LASTING = frozenset({"receipt", "stopped", "deleted"})
RESULT, TOTAL = "Faceward-Result", "Faceward-Total"
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items.")]
Offset = Annotated[int, Query(ge=0, le=10**9, description="How many items to leave out.")]


async def shown(request: Request, caller: Caller, act: Callable[[System], Mapping[str, Any]]) -> Response:
    """Answer a question with an object."""
    return _json(await perform(request, caller, act)).response()


async def listed(
    request: Request,
    caller: Caller,
    page: tuple[str, int, int],
    act: Callable[[System], Sequence[Mapping[str, Any]]],
) -> Response:
    """Answer with a part of a list.

    Args:
        request: The request.
        caller: Who asks.
        page: Under which name the object holds the list; most items; how many are left out.
        act: What returns the whole list.
    """
    name, limit, offset = page
    found = await perform(request, caller, act)
    headers = {TOTAL: str(len(found))}
    if offset + limit < len(found):
        query = {**request.query_params, "limit": limit, "offset": offset + limit}
        # RFC 8288
        headers["Link"] = f'<{quote(request.url.path)}?{urlencode(query)}>; rel="next"'
    return _json({name: list(found[offset : offset + limit])}, headers=headers).response()


async def done(
    request: Request,
    caller: Caller,
    act: Callable[[System], Mapping[str, Any]],
    *,
    status: int = 200,
    place: Callable[[Mapping[str, Any]], str] | None = None,
    kept: bool = True,
) -> Response:
    """Carry out what changes something, once for each idempotency key.

    Args:
        request: The request.
        caller: Who asks.
        act: What to do; it returns the object to answer with.
        status: HTTP's status.
        place: Given the object, returns the path of what was made.
        kept: Whether the answer is kept to be given again; of recognition only that there was one.
    """

    async def make() -> Answer:
        value = await perform(request, caller, act)
        answer = _json(value, status, {} if place is None else {"Location": place(value)})
        return replace(answer, entry=value.get("entry"), lasting=not _LASTING.isdisjoint(value))

    return await once(request, caller, make, kept=kept)


async def file(
    request: Request, caller: Caller, act: Callable[[System], tuple[bytes, str, Mapping[str, Any]]], name: str
) -> Response:
    """Answer with a file, and with its JSON object in the header `Faceward-Result`.

    Args:
        request: The request.
        caller: Who asks.
        act: What returns the file's bytes, its media type and the object.
        name: The name that a browser saves it under.
    """
    content, media, value = await perform(request, caller, act)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if value:
        headers[RESULT] = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Response(content, 200, headers, media)


def answered(value: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    """Return an answer that is kept for nobody."""
    return _json(value, status, headers).response()


def path(*parts: str) -> str:
    """Return a path below `/v1`."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def objects(found: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Return each as its object."""
    return [one.to_json() for one in found]


def _json(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    content = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return Answer(status, content, headers=headers or {})
