"""One service: an open deployment, and what serves it to many."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from faceward.core.clock import Clock, SystemClock
from faceward.operations.system import System
from faceward.service import subject_links
from faceward.service.callers import Caller, Kind
from faceward.service.metrics import Metrics
from faceward.service.settings import Settings
from faceward.service.vault import FILE, Vault
from faceward.service.watch_metrics import WatchCollector
from faceward.service.work import Work


@dataclass(slots=True)
class Service:
    """What every route needs; it is `request.app.state.service`.

    Attributes:
        system: The deployment as it was opened. Routes act through `acting`.
        settings: How it runs.
        vault: What is remembered between requests.
        work: Where operations run.
        metrics: What is counted.
        clock: Where time comes from.
    """

    system: System
    settings: Settings
    vault: Vault
    work: Work
    metrics: Metrics
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def begin(cls, system: System, settings: Settings, clock: Clock | None = None) -> Service:
        """Serve an open deployment.

        Args:
            system: The deployment.
            settings: How to.
            clock: Where time comes from; the machine's clock if None.
        """
        time = clock or SystemClock()
        vault = Vault(system.home / FILE, system.service_secret(), time)
        work = Work(settings.threads, settings.queue)
        return cls(system, settings, vault, work, Metrics(work, WatchCollector(system.live)), time)

    def acting(self, caller: Caller) -> System:
        """Return the deployment as a caller acts in it.

        Raises:
            Unauthenticated: A subject's session has ended.
        """
        if caller.kind is Kind.SUBJECT:
            return subject_links.visiting(self.system, self.vault, caller)
        return self.system.acting(caller.name, caller.session)

    def now(self) -> datetime:
        """Return the current time, UTC."""
        return self.clock.now()

    def close(self) -> None:
        """Wait for what has begun, and close what was opened here; the deployment is closed by who opened it."""
        self.work.close()
        self.vault.close()
