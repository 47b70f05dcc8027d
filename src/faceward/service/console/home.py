"""Home: what waits for whoever signed in."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from faceward.service.console.rendering import page
from faceward.service.roles import allowed

router = APIRouter(include_in_schema=False)


@router.get("/", dependencies=[allowed("signed-in", "subject")])
async def home(request: Request) -> Response:
    """Show what waits."""
    return await page(request, "home.html", here="home")
