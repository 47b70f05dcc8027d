"""What the console has beside its pages: its files, and what visitors prefer."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from faceward.service import bodies, published_log
from faceward.service.console import (
    alerts,
    approvals,
    audit,
    cameras,
    entries,
    evidence,
    galleries,
    home,
    live,
    my_face,
    programs,
    review,
    search,
    status,
    subjects,
)
from faceward.service.console.assets import PATH, Assets
from faceward.service.console.i18n import COOKIE, LANGUAGES
from faceward.service.console.rendering import THEME_COOKIE, THEMES, back, safe_address
from faceward.service.roles import public

router = APIRouter(include_in_schema=False)
_YEAR = int(timedelta(days=365).total_seconds())


def include(app: FastAPI) -> None:
    """Add the console's own pages and its files."""
    app.mount(PATH, Assets(), name="static")
    records = (entries, galleries, subjects, audit, evidence)
    watching = (live, alerts, cameras)
    pages = (home, search, review, *watching, approvals, *records, programs, status, my_face, published_log)
    for each in (router, *(one.router for one in pages)):
        app.include_router(each)


@router.post("/preferences", dependencies=[public()])
async def preferences(request: Request) -> Response:
    """Remember how a visitor wants to see pages, in cookies that say nothing else."""
    data = await bodies.form(request)
    response = back(safe_address(bodies.text(data, "next", "/")))
    secure = request.app.state.service.settings.secure
    for cookie, field, known in ((COOKIE, "language", LANGUAGES), (THEME_COOKIE, "theme", THEMES)):
        value = bodies.text(data, field, "")
        if value in known:
            response.set_cookie(cookie, value, max_age=_YEAR, secure=secure, httponly=True, samesite="lax")
    return response
