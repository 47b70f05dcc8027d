"""The routes by which people come in and leave: `/auth/…`, and `/v1/sessions` for programs."""

from __future__ import annotations

from fastapi import FastAPI

from faceward.service.auth import api, entering, inviting, leaving, providers


def include(app: FastAPI) -> None:
    """Add the routes."""
    for module in (entering, inviting, leaving, providers, api):
        app.include_router(module.router)
