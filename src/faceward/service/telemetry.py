"""Traces for OpenTelemetry: sent where the environment says, and nowhere by default.

A span holds a method, a route's pattern, a status and a duration; no path, query, name, picture or number of a face.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Protocol

from faceward.core.errors import EnvironmentFailure

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables of the environment, of which one says where spans are sent (OTLP over HTTP)."""

_NAME = "faceward"


class Ending(Protocol):
    """What sends spans until it is told to end."""

    def shutdown(self) -> None:
        """Send what is left."""


def begin() -> Ending | None:
    """Begin to send spans, if the environment says where to; return what is to be shut down at the end.

    Raises:
        EnvironmentFailure: It does, and the packages for it are not installed.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    try:
        api = importlib.import_module("opentelemetry.trace")
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        http = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError:
        raise EnvironmentFailure(
            f"{ENDPOINTS[1]} is set, and what sends traces is not installed; install 'faceward[traces]', or unset it"
        ) from None
    provider: Any = sdk.TracerProvider(resource=resources.Resource.create({"service.name": _NAME}))
    provider.add_span_processor(export.BatchSpanProcessor(http.OTLPSpanExporter()))
    api.set_tracer_provider(provider)
    ending: Ending = provider
    return ending
