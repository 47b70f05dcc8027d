from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from faceward.gallery.results import Enrolment
from faceward.gallery.search import Gallery
from faceward.gallery.sqlite import SQLiteStore
from faceward.gallery.store import GalleryInfo
from faceward.protection.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MASTER = bytes(range(32))


class Home:
    """One process's view of a deployment, and the features its subjects have."""

    now = NOW
    day = timedelta(days=1)

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        make = "create" if create else "open"
        self.keys: KeyStore = getattr(KeyStore, make)(folder / "keys.db", MASTER)
        self.store: SQLiteStore = getattr(SQLiteStore, make)(folder / "gallery.db")
        if create:
            self.gallery = Gallery.create(GalleryInfo("staff", "sealed", "pack", NOW), self.store, self.keys)
        else:
            self.gallery = Gallery("staff", self.store, self.keys)

    @staticmethod
    def digest(name: str) -> bytes:
        return hashlib.sha256(name.encode()).digest()

    @staticmethod
    def features(name: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        row = np.random.default_rng(seed).standard_normal(128)
        return (row / np.linalg.norm(row)).astype(np.float32)

    def enrolment(self, name: str, **changes: Any) -> Enrolment:
        fields: dict[str, Any] = {
            "subject": self.digest(name),
            "purpose": "doors",
            "features": self.features(name),
            "record": {"subject": f"Name of {name}", "basis": "consent"},
            "sample": self.digest("sample " + name),
            "expires": NOW + 30 * self.day,
        }
        return Enrolment(**(fields | changes))

    def enrol(self, *names: str, **changes: Any) -> list[str]:
        return self.gallery.enrol([self.enrolment(name, **changes) for name in names], NOW)

    def finds(self, name: str, *, now: datetime = NOW, purpose: str = "doors") -> bool:
        hits = self.gallery.search(self.features(name), purpose=purpose, threshold=0.9, k=3, now=now)
        return [hit.subject for hit in hits] == [self.digest(name)]

    def files(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file())

    def close(self) -> None:
        self.gallery.lock()
        self.store.close()
        self.keys.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path, create=True)
    yield made
    made.close()


@pytest.fixture
def other(home: Home) -> Iterator[Home]:
    """The same deployment as another process sees it."""
    made = Home(home.folder)
    yield made
    made.close()


@pytest.fixture
def reopen() -> type[Home]:
    return Home
