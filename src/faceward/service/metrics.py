"""What a service counts, for Prometheus; no label holds a face, features or a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from faceward.service.work import Work

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one process.

    Args:
        work: The pool whose load is shown.
    """

    def __init__(self, work: Work) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "faceward_requests", "Requests by route and status.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "faceward_request_seconds", "Duration of requests.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self._refusals = Counter(
            "faceward_refusals", "Operations that a rule of the standard refused.", ("rule",), registry=self._registry
        )
        for name, text, value in (
            ("faceward_work_running", "Operations that run.", lambda: work.running),
            ("faceward_work_waiting", "Operations that wait for a thread.", lambda: work.waiting),
            ("faceward_work_refused", "Operations that were turned away.", lambda: work.refused),
        ):
            Gauge(name, text, registry=self._registry).set_function(value)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refusal(self, rule: str) -> None:
        """Count a refusal by a rule."""
        self._refusals.labels(rule).inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)
