"""Whether the service lives, whether it can serve, and what it counts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from faceward.core.errors import FacewardError
from faceward.service.roles import KEY, allowed, public
from faceward.service.state import Service

router = APIRouter(tags=["operation"])
_TEXT = "text/plain; version=1.0.0; charset=utf-8"


@router.get("/healthz", dependencies=[public()], summary="Whether the process lives", response_class=PlainTextResponse)
async def healthz() -> str:
    """Answer while the process serves requests at all."""
    return "ok\n"


@router.get(
    "/readyz",
    dependencies=[public()],
    summary="Whether it can serve",
    responses={503: {"description": "It cannot, and why"}},
)
async def readyz(request: Request) -> Response:
    """Say whether networks, files and the custodian are there, and whether recognition is stopped (rule W7)."""
    service: Service = request.app.state.service
    try:
        state = await service.work.run(service.system.readiness)
    except FacewardError as error:
        return JSONResponse({"ready": False, "reason": str(error)}, 503)
    return JSONResponse(state, 200 if state["ready"] else 503)


@router.get(
    "/metrics",
    # How many searches, refusals, complaints and erasures there were is not for everybody.
    dependencies=[allowed("operator", "auditor", "custodian", KEY)],
    summary="Counters for Prometheus",
    response_class=PlainTextResponse,
)
async def metrics(request: Request) -> Response:
    """Return the counters of the service, of all its processes."""
    return Response(request.app.state.service.metrics.text(), media_type=_TEXT)
