"""The interface of Amazon Rekognition, version 2016-06-27: JSON 1.1, `X-Amz-Target`, signatures of version 4.

What it means here, and what is not given, stands in docs/rekognition.md.
"""

from __future__ import annotations

from fastapi import FastAPI

from faceward.service.rekognition.router import router


def include(app: FastAPI) -> None:
    """Add the interface's one route."""
    app.include_router(router)
