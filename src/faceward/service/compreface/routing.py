"""Routes that answer in CompreFace's form also where something is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response

from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.service import keys_auth, logs
from faceward.service.callers import Caller
from faceward.service.compreface.errors import told
from faceward.service.errors import Forbidden
from faceward.service.roles import own_door


class Route(APIRoute):
    """A route whose errors are `{"message", "code"}`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except FacewardError as error:
                return await _refused(request, error)

        return handler


def router(prefix: str) -> APIRouter:
    """Return a router for routes that only programs call, who show their key in `x-api-key`.

    Args:
        prefix: What comes after `/api/v1`.
    """
    return APIRouter(
        prefix=f"/api/v1{prefix}", route_class=Route, dependencies=[own_door("key")], include_in_schema=False
    )


async def _refused(request: Request, error: FacewardError) -> Response:
    service, caller = request.app.state.service, getattr(request.state, "caller", None)
    if isinstance(error, PolicyRefusal):
        service.metrics.refusal(error.rule)
    if isinstance(error, Forbidden) and isinstance(caller, Caller):
        await to_thread.run_sync(keys_auth.forbid, service, caller, error)
    answer = told(error)
    if answer.status >= 500:
        logs.event("failed", logging.ERROR, error=type(error).__name__)
    return JSONResponse({"message": answer.message, "code": int(answer.code)}, answer.status, dict(answer.headers))
