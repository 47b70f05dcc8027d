"""A process that serves a deployment whose networks are fake; it says on standard output at which port."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import fakes
from faceward import bootstrap
from faceward.operations.system import System
from faceward.service.serving import listen, serve, serve_in_processes
from faceward.service.settings import Settings


def main(job: dict[str, Any]) -> int:
    """Serve until a signal ends it."""
    settings = Settings(port=0, **job["settings"])
    opened = listen(settings)
    port = opened.getsockname()[1]
    settings = Settings(port=port, **job["settings"])

    def begin() -> System:
        system = bootstrap.open_system(Path(job["home"]), passphrase=fakes.PASSPHRASE, clock=fakes.FixedClock())
        fake = fakes.FakePipeline(system._deployment.pipeline, watch=lambda: time.sleep(job.get("slow", 0)))
        system._deployment.pipeline = fake
        return system

    def tell() -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    def worker(ready: Any = None) -> None:
        with begin() as system:
            serve(system, settings, opened, ready)

    if settings.workers == 1:
        worker(tell)
        return 0
    tell()
    return serve_in_processes(worker, settings.workers)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
