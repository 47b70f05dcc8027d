"""Traces: nowhere by default, else where the environment says; and never with a name."""

from __future__ import annotations

import http.server
import importlib
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from faceward.core.errors import EnvironmentFailure
from faceward.service import middleware, telemetry

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    """Return what comes in at a collector on this machine, which the environment names."""
    came: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        yield came
        server.shutdown()


def test_nothing_is_sent_where_the_environment_names_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    with mock.patch.object(trace, "set_tracer_provider") as given:
        assert telemetry.begin() is None
    given.assert_not_called()


def test_spans_go_where_the_environment_says(collector: list[tuple[str, bytes]]) -> None:
    with mock.patch.object(trace, "set_tracer_provider") as given:
        ending = telemetry.begin()
    assert ending is not None
    with given.call_args.args[0].get_tracer("test").start_as_current_span("GET /v1/purposes"):
        pass
    ending.shutdown()
    [(path, body)] = collector
    assert path == "/v1/traces"
    assert b"GET /v1/purposes" in body
    assert b"faceward" in body


def test_who_wants_traces_without_what_sends_them_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    with (
        mock.patch.object(importlib, "import_module", side_effect=ImportError),
        pytest.raises(EnvironmentFailure, match=r"faceward\[traces\]"),
    ):
        telemetry.begin()


def test_no_span_and_no_count_names_anybody(world: Any, service_kit: ModuleType) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    system = world.open()
    key = system.api_keys.create("shop").secret_access_key
    with (
        mock.patch.object(trace, "get_tracer_provider", return_value=provider),
        mock.patch.object(trace, "_TRACER_PROVIDER", provider),
        mock.patch.object(middleware, "_TRACER", provider.get_tracer("faceward.service")),
        service_kit.served(system, world.clock) as served,
    ):
        for path in (
            "/v1/subjects/Wilhelmina",
            "/v1/release-template?subject=Wilhelmina&purpose=door",
            "/v1/Wilhelmina",
        ):
            served.client.get(path, headers={"x-api-key": key})
        counted = served.client.get("/metrics", headers={"x-api-key": key}).text
    spans = kept.get_finished_spans()
    names = [span.name for span in spans]
    assert names == ["GET /v1/subjects/{subject}", "GET /v1/release-template", "GET unmatched", "GET /metrics"]
    assert "Wilhelmina" not in "".join(span.to_json() for span in spans)
    assert "Wilhelmina" not in counted
    assert 'faceward_requests_total{method="GET",route="/v1/subjects/{subject}",status="404"} 1.0' in counted
