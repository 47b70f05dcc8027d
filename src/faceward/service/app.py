"""The application: one deployment behind HTTP."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from faceward.core.errors import FacewardError, PolicyRefusal, UsageError
from faceward.service import families, health, limits, logs, roles
from faceward.service.addresses import methods_at
from faceward.service.console.problem_pages import problem_page, wants_page
from faceward.service.errors import Forbidden
from faceward.service.middleware import Surroundings
from faceward.service.problems import MEDIA_TYPE, Problem, problem
from faceward.service.state import Service

_DESCRIPTION = (
    "Face recognition that answers for itself: every operation names a purpose, is decided by the rules of the "
    "deployment's standard, and is in a log that nobody can alter."
)


def create_app(service: Service) -> FastAPI:
    """Return the application.

    Args:
        service: What it serves; its owner closes it after the application has ended.

    Raises:
        Undeclared: A route does not say who may call it; see `service.roles`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Before the first request, so that it does not pay for it, and a damaged pack is known at the start.
        await service.work.run(service.system.readiness)
        yield
        await service.work.run(limits.flush, service, everything=True)

    app = FastAPI(
        title="Faceward",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,
        # The framework's own traces and logs hold paths, queries and messages, in which names of people stand.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.state.service = service
    app.include_router(health.router)
    families.include(app)
    roles.declared(app)
    app.add_exception_handler(FacewardError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Surroundings, service=service, failed=_failed)
    return app


async def render(request: Request, told: Problem) -> Response:
    """Return a problem as a response: a page where a browser asks for one, else problem details."""
    if wants_page(request):
        return await problem_page(request, told)
    return JSONResponse(told.to_json(), told.status, dict(told.headers), MEDIA_TYPE)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, FacewardError):
        raise TypeError("it is called for our errors alone")
    told = problem(error)
    if isinstance(error, PolicyRefusal):
        request.app.state.service.metrics.refusal(error.rule)
    if told.status >= 500:
        logs.event("failed", logging.ERROR, error=type(error).__name__)
    return await render(request, told)


async def _malformed(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError("it is called for malformed requests alone")
    # What was sent is not repeated: it may be a picture or a name.
    wrong = "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])[:120]}: {str(one['msg'])[:120]}" for one in error.errors()[:5]
    )
    told = problem(UsageError(f"the request is malformed: {wrong}"))
    return await render(request, told)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError("it is called for HTTP errors alone")
    if error.status_code == 403:
        told = problem(Forbidden(str(error.detail)))
    else:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # The router names the methods of the first route of a path alone.
            headers["Allow"] = ", ".join(methods_at(request, request.scope["path"]))
        told = Problem("about:blank", str(error.detail), error.status_code, str(error.detail), {}, headers)
    return await render(request, told)


async def _failed(request: Request, _: Exception) -> Response:
    told = Problem("urn:faceward:error", "It failed", 500, "this is a defect; the service's log has more")
    return await render(request, told)
