"""The interfaces that the application is made of."""

from __future__ import annotations

from fastapi import FastAPI

from faceward.service.console import base


def include(app: FastAPI) -> None:
    """Add every family's routes."""
    base.include(app)
