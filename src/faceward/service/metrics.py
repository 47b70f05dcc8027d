"""What a service counts, for Prometheus; no label holds a face, features or a name."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.registry import Collector

    from faceward.service.work import Work

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Variable of the environment: where several processes put what they count."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@contextmanager
def shared() -> Iterator[None]:
    """Let processes that are begun meanwhile count together, so that whichever is asked answers for all.

    It is called before anything counts; the folder goes when it ends.
    """
    with tempfile.TemporaryDirectory(prefix="faceward-counts-") as folder:
        os.environ[SHARED] = folder
        alone, values.ValueClass = values.ValueClass, values.MultiProcessValue()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            values.ValueClass = alone
            del os.environ[SHARED]


def ended(process: int) -> None:
    """Forget what a process of ours that has ended had under way; what it counted stays counted."""
    if SHARED in os.environ:
        mark_process_dead(process)  # type: ignore[no-untyped-call]


class Metrics:
    """The counters of one process, or of all where they are shared.

    Args:
        work: The pool whose load is shown.
        watches: What tells of cameras, or None.
    """

    def __init__(self, work: Work, watches: Collector | None = None) -> None:
        self._registry, self._work, self._watches = CollectorRegistry(), work, watches
        if watches is not None:
            self._registry.register(watches)
        self._requests = Counter(
            "faceward_requests", "Requests by route and status.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "faceward_request_seconds", "Duration of requests.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self._refusals = Counter(
            "faceward_refusals", "Operations that a rule of the standard refused.", ("rule",), registry=self._registry
        )
        self._gauges = {
            name: Gauge(f"faceward_work_{name}", text, registry=self._registry, multiprocess_mode="livesum")
            for name, text in (
                ("running", "Operations that run."),
                ("waiting", "Operations that wait for a thread."),
                ("refused", "Operations that were turned away."),
            )
        }

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._load()
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refusal(self, rule: str) -> None:
        """Count a refusal by a rule."""
        self._refusals.labels(rule).inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        self._load()
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        if self._watches is not None:
            # Files tell of cameras, whichever process is asked.
            together.register(self._watches)
        return generate_latest(together)

    def _load(self) -> None:
        for name, gauge in self._gauges.items():
            gauge.set(getattr(self._work, name))
