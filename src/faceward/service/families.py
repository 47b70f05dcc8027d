"""The interfaces that the application is made of."""

from __future__ import annotations

from fastapi import FastAPI

from faceward.service import auth, compreface, rekognition, v1
from faceward.service.console import base


def include(app: FastAPI) -> None:
    """Add every family's routes."""
    # Patterns are tried in this order: what is asked for most stands first.
    rekognition.include(app)
    v1.include(app)
    compreface.include(app)
    base.include(app)
    auth.include(app)
