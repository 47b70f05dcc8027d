"""The interface of CompreFace, REST 1.x: recognition, detection and verification by `x-api-key`.

What it means here, and what is not given, stands in docs/compreface.md.
"""

from __future__ import annotations

from fastapi import FastAPI

from faceward.service.compreface import faces, pairs, recognition, subjects


def include(app: FastAPI) -> None:
    """Add the routes."""
    for module in (subjects, faces, recognition, pairs):
        app.include_router(module.router)
