"""The log as everybody may read it, under `/log/` (C2SP tlog-tiles): nothing personal is in it (rule L4).

Whoever checks it need not come from here, so other sites' pages may read it too. Tiles never change and may be kept for
ever; the checkpoint is the newest there is.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from faceward.core.errors import UsageError
from faceward.service.roles import public
from faceward.service.state import Service

PREFIX = "/log"
router = APIRouter(tags=["log"], prefix=PREFIX)
_OPEN = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
_SECONDS = {**_OPEN, "cache-control": "public, max-age=5"}
_FOREVER = {**_OPEN, "cache-control": "public, max-age=31536000, immutable"}
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"


@router.get("/checkpoint", dependencies=[public()], summary="The log's size and root, signed")
async def checkpoint(request: Request) -> Response:
    """Return the current checkpoint."""
    service: Service = request.app.state.service
    return _found(await service.work.run(service.system.log_checkpoint), _SECONDS)


@router.get(
    "/cosigned",
    dependencies=[public()],
    summary="The latest checkpoint that witnesses cosigned",
    responses={404: {"description": "None has yet"}},
)
async def cosigned(request: Request) -> Response:
    """Return the latest checkpoint that witnesses cosigned, which may be some entries behind."""
    service: Service = request.app.state.service
    return _found(await service.work.run(service.system.log_cosigned), _SECONDS)


@router.get("/vkey", dependencies=[public()], summary="The log's public key, as this service says")
async def vkey(request: Request) -> Response:
    """Return the log's key; compare it with one from elsewhere before you rely on it."""
    service: Service = request.app.state.service
    return _found(await service.work.run(service.system.log_key) + "\n", _SECONDS)


@router.get(
    "/tile/{path:path}",
    dependencies=[public()],
    summary="A tile of hashes, or a bundle of entries",
    responses={404: {"description": "The log has none of this path"}},
)
async def tile(request: Request, path: str) -> Response:
    """Return a tile (C2SP tlog-tiles)."""
    service: Service = request.app.state.service
    try:
        content = await service.work.run(service.system.log_tile, f"tile/{path}")
    except UsageError:
        return _found(None, _FOREVER)
    return _found(content, _FOREVER)


def _found(content: str | bytes | None, headers: Mapping[str, str]) -> Response:
    if content is None:
        return Response("the log has nothing of this name\n", 404, _OPEN, _TEXT)
    return Response(content, 200, dict(headers), _TEXT if isinstance(content, str) else _BYTES)
