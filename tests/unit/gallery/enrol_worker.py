"""Enrol and erase in a process of its own, telling each completed step, until done, stopped by the disk or killed.

Arguments: folder, worker's number, rounds, and optionally the size in bytes that no file may exceed.
"""

from __future__ import annotations

import hashlib
import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from faceward.gallery.results import Enrolment
from faceward.gallery.search import Gallery
from faceward.gallery.sqlite import SQLiteStore
from faceward.protection.keys import KeyStore

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def enrolment(name: str) -> Enrolment:
    digest = hashlib.sha256(name.encode()).digest()
    row = np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(128)
    return Enrolment(
        subject=digest,
        purpose="doors",
        features=(row / np.linalg.norm(row)).astype(np.float32),
        record={"subject": f"Name of {name}"},
        sample=hashlib.sha256(b"sample " + name.encode()).digest(),
        expires=NOW + timedelta(days=30),
    )


def say(action: str, *names: str) -> None:
    for name in names:
        sys.stdout.write(f"{action} {name}\n")
    sys.stdout.flush()


def main(folder: Path, worker: str, rounds: int, limit: int | None) -> None:
    keys = KeyStore.open(folder / "keys.db", bytes(range(32)))
    gallery = Gallery("staff", SQLiteStore.open(folder / "gallery.db"), keys)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    say("ready", worker)
    for turn in range(rounds):
        names = [f"{worker}-{turn}-{n}" for n in range(4)]
        gallery.enrol([enrolment(name) for name in names], NOW)
        say("enrolled", *names)
        if turn % 3 == 2:
            gallery.renew(enrolment(names[1]).subject)
        if turn % 2:
            say("erasing", names[0])
            gallery.erase(enrolment(names[0]).subject)
            say("erased", names[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else None)
