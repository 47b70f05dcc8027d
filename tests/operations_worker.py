"""Operate a deployment in a process of its own, telling each step, until done, stopped by the disk or killed.

Arguments: the job as JSON. `home` and `do` always; `fake` for the network that reads pixels; `limit` for the size in
bytes that no file may exceed, from after opening on.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import faceward
from faceward.bootstrap import Secret, open_system
from faceward.core.errors import FacewardError
from faceward.operations import documents
from faceward.operations.backup import Places
from faceward.operations.restore_order import Order
from faceward.operations.restoring import restore
from faceward.operations.signing_in import Credentials
from faceward.operations.system import System
from faceward.outbound.courier import Courier
from faceward.policy.consent import Release
from faceward.policy.deliveries import Pace
from faceward.policy.sshsig import PrivateKey
from fakes import PASSPHRASE, FakePipeline, FixedClock, paint


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def releases(*subjects: str) -> tuple[Release, ...]:
    until = datetime.now(tz=UTC) + timedelta(days=300)
    return tuple(Release(who, "door", date(2026, 1, 1), until, "", "") for who in subjects)


def enrol_folder(system: System, job: dict[str, Any]) -> None:
    folder = Path(job["folder"])
    given = releases(*(entry.name for entry in folder.iterdir()))
    outcome = system.enrol_folder(folder, purpose="door", releases=given, progress=lambda done, _: say("done", done))
    for sample in outcome.samples:
        say(sample.outcome, sample.picture)


def enrol_many(system: System, job: dict[str, Any]) -> None:
    for number in range(job["count"]):
        who = f"{job['name']}-{number}"
        picture = paint(Path(job["folder"]) / f"{who}.png", who)
        system.enrol([picture], subject=who, purpose="door", releases=releases(who))
        say("enrolled", who)


def back_up(system: System, job: dict[str, Any]) -> None:
    for number in range(1000):
        archive = Path(job["archives"]) / f"{job['first'] + number}.tar"
        system.back_up(Places(archive, Path(job["keys"])))
        say("backed-up", archive)


def restore_one(_: System, job: dict[str, Any]) -> None:
    order = Order(Path(job["archive"]), Path(job["keys"]), Path(job["into"]), Path(job["log"]))
    result = restore(
        order,
        lambda path: Secret(PASSPHRASE).holder(path),
        lambda home: open_system(home, passphrase=PASSPHRASE),
    )
    say("restored", result.home)


def erase_many(system: System, job: dict[str, Any]) -> None:
    for who in job["subjects"]:
        say("erasing", who)
        system.erase(who)
        say("erased", who)


def identify_until(system: System, job: dict[str, Any]) -> None:
    """Search for people until a file appears; never fail, whatever others do meanwhile."""
    searches = 0
    while not Path(job["stop"]).exists():
        for number in range(3):
            who = f"{job['name']}-{number}"
            picture = paint(Path(job["folder"]) / f"probe-{who}.png", who, variant=7)
            if system.galleries():
                found = system.identify(picture, gallery="door", purpose="door", reason="a test").probes[0]
                assert {candidate.subject for candidate in found.candidates} <= {who}
                searches += bool(found.candidates)
    say("found", searches)


def listen(system: System, job: dict[str, Any]) -> None:
    """Search for whoever is named on standard input."""
    for line in sys.stdin:
        who = line.strip()
        picture = paint(Path(job["folder"]) / f"heard-{who}-{time.monotonic_ns()}.png", who, variant=9)
        found = system.identify(picture, gallery="door", purpose="door", reason="a test").probes[0]
        say(*[candidate.subject for candidate in found.candidates] or ["unknown"])


def search_on(system: System, job: dict[str, Any]) -> None:
    """Search again and again, and tell what came of each, until a file appears."""
    picture, told = paint(Path(job["folder"]) / f"probe-{job['name']}.png", "Ada", variant=job["name"]), ""
    while not Path(job["stop"]).exists():
        try:
            system.identify(picture, gallery="door", purpose="door", reason="a test")
        except FacewardError as error:
            came = f"refused {getattr(error, 'rule', type(error).__name__)}"
            time.sleep(0.02)
        else:
            came = "found"
        if came != told:
            say(came)
        told = came


def rotate_and_die(system: System, job: dict[str, Any]) -> None:
    """Rotate a gallery's key, and be killed after a step of it."""
    deployment = system._deployment
    owner, name = {
        "drawn": (deployment.presenter, "rotate"),
        "rewrapped": (deployment.keys, "rotate_gallery"),
        "retired": (deployment.presenter, "retire"),
    }[job["step"]]
    original = getattr(owner, name)

    def last(*given: Any) -> None:
        original(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, last)
    system.rotate("door")


def make_documents(system: System, job: dict[str, Any]) -> None:
    """Make documents, again and again."""
    number = 0
    while True:
        system.make_documents(documents.Order(("all",), Path(job["folder"])))
        number += 1
        say("made", number)


def courier(system: System, _: dict[str, Any]) -> None:
    """Send alerts by the channels until told to stop."""
    pace = Pace(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=100))
    with Courier(system, lambda line: say("told", line), every=0.02, pace=pace):
        for _line in sys.stdin:
            say("stopping")
            break
    say("stopped")


def create(job: dict[str, Any]) -> None:
    faceward.create(job["home"], standard="workplace", secret=faceward.Secret(PASSPHRASE))


JOBS: dict[str, Callable[[System, dict[str, Any]], None]] = {
    "enrol_folder": enrol_folder,
    "enrol_many": enrol_many,
    "back_up": back_up,
    "restore": restore_one,
    "erase_many": erase_many,
    "identify_until": identify_until,
    "listen": listen,
    "search_on": search_on,
    "rotate_and_die": rotate_and_die,
    "documents": make_documents,
    "courier": courier,
}


def limit(job: dict[str, Any]) -> None:
    if "limit" in job:
        # Writing beyond the limit fails with EFBIG where the signal is ignored, as a full disk does with ENOSPC.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))


def main(job: dict[str, Any]) -> None:
    if job["do"] == "create":
        say("ready")
        limit(job)
        create(job)
        say("created")
        return
    credentials = Credentials(job["as"], PrivateKey.load(Path(job["key"]), None)) if "as" in job else None
    clock = FixedClock(datetime.fromisoformat(job["at"])) if "at" in job else None
    with faceward.open(job["home"], passphrase=PASSPHRASE, credentials=credentials, clock=clock) as system:
        if job.get("fake"):
            system._deployment.pipeline = FakePipeline(system._deployment.pipeline)
        else:
            system._deployment.pipeline.load()
        say("ready")
        limit(job)
        JOBS[job["do"]](system, job)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except FacewardError as error:
        say("failed", type(error).__name__, error.exit_code, error)
