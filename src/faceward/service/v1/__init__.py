"""The native interface, `/v1`: what the command line does, as resources (ADR 0028)."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute

from faceward.service.v1 import (
    alerts,
    audit,
    cameras,
    cases,
    complaints,
    control,
    documents,
    enrolments,
    evidence,
    galleries,
    keys,
    openapi,
    packs,
    people,
    purposes,
    recognition,
    requests,
    standards,
    subjects,
    watchlist,
)


def include(app: FastAPI) -> None:
    """Add the interface's routes, and its description."""
    # Patterns are tried in this order: what is asked for most stands first.
    for module in (
        recognition,
        control,
        purposes,
        galleries,
        enrolments,
        subjects,
        cases,
        alerts,
        cameras,
        watchlist,
        complaints,
        requests,
        people,
        keys,
        evidence,
        documents,
        standards,
        packs,
        audit,
    ):
        app.include_router(module.router, prefix="/v1", generate_unique_id_function=_name)
    openapi.install(app)


def _name(route: APIRoute) -> str:
    return route.name
