"""The interfaces that the application is made of."""

from __future__ import annotations

from fastapi import FastAPI


def include(app: FastAPI) -> None:
    """Add every family's routes."""
    _ = app
