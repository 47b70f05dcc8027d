"""Watch in a process of its own, which ends, is killed at a step, or finds the disk full.

Argument: the job as JSON. `home`, `key` (a file of Olga's key), `mandate`, `folder` for pictures; `step` names where it
is killed; `limit` is the size in bytes that no file may exceed once the watch goes on.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from faceward.bootstrap import open_system
from faceward.core.errors import FacewardError
from faceward.operations import alert_store, raising
from faceward.operations.case_store import CaseStore
from faceward.operations.context import Desk
from faceward.operations.system import System
from faceward.operations.watching import Sighting, Watching, WatchRequest
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from fakes import PASSPHRASE, FakePipeline, FixedClock, features_of, paint


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def killed(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(place: Any, name: str, number: int = 1) -> None:
    """Be killed when something has been called so many times."""
    before: Callable[..., Any] = getattr(place, name)
    calls: list[None] = []

    def then(*given: Any, **named: Any) -> Any:
        result = before(*given, **named)
        calls.append(None)
        if len(calls) == number:
            killed()
        return result

    setattr(place, name, then)


STEPS: dict[str, Callable[[], None]] = {
    "announced": lambda: setattr(raising, "open_case", killed),
    "pictures of the case": lambda: setattr(CaseStore, "_add", killed),
    "the case": lambda: after(CaseStore, "create"),
    "the case is announced": lambda: after(raising, "open_case"),
    "the alert": lambda: after(alert_store, "put"),
    "its end": lambda: after(Desk, "close", 2),
    "suppressed, announced": lambda: setattr(raising, "_put_suppressed", killed),
    "suppressed, kept": lambda: after(alert_store, "put"),
    "suppressed, flagged": lambda: after(alert_store, "flagged"),
}
"""Where an alert's process is killed, in the order in which it gets there."""


def sighting(watching: Watching, job: dict[str, Any], who: str, camera: str, clock: FixedClock) -> Sighting:
    hits = watching.compare(features_of(who, 7)[np.newaxis])
    picture = paint(Path(job["folder"]) / f"{who}-{camera}.png", who, variant=len(camera))
    return Sighting(camera, clock.now(), picture.read_bytes(), (0.1, 0.1, 0.9, 0.9), hits)


def watch(system: System, job: dict[str, Any], clock: FixedClock) -> None:
    with system.watching(WatchRequest("theft", "theft", ("door", "hall"), job["mandate"])) as watching:
        if str(job.get("step", "")).startswith("suppressed"):
            alert = watching.alert(sighting(watching, job, "Hugo", "door", clock))
            say("alert", alert.alert if alert else None)
            clock.advance(timedelta(minutes=10))
            STEPS[job["step"]]()
            watching.alert(sighting(watching, job, "Hugo", "hall", clock))
        elif "limit" in job:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))
            for number in range(10**6):
                watching.check()
                clock.advance(timedelta(minutes=6))
                watching.alert(sighting(watching, job, "Hugo", "door", clock))
                say("alert", number)
        else:
            STEPS.get(job.get("step", ""), lambda: None)()
            alert = watching.alert(sighting(watching, job, "Hugo", "door", clock))
            say("alert", alert.alert if alert else None)


def main() -> None:
    job, clock = json.loads(sys.argv[1]), FixedClock()
    with open_system(Path(job["home"]), passphrase=PASSPHRASE, clock=clock) as system:
        deployment = system._deployment
        deployment.pipeline = FakePipeline(deployment.pipeline)
        key = PrivateKey.load(Path(job["key"]), None)
        deployment.begin_session(OpenSession.begin("olga", key, deployment.log.origin, clock.now()))
        try:
            watch(system, job, clock)
        except FacewardError as error:
            say("failed", type(error).__name__, error)
            # Whatever comes after, nothing is searched.
            return


if __name__ == "__main__":
    main()
