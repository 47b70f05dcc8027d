"""The stores and schemes that the contract binds. A new one is added here, and to nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faceward.gallery.index import GalleryIndex
from faceward.gallery.sqlite import SQLiteStore
from faceward.protection.sealed import SealedScheme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from faceward.gallery.store import ReferenceStore
    from faceward.protection.scheme import ProtectionScheme


def _sqlite(folder: Path) -> Callable[[], ReferenceStore]:
    path = folder / "gallery.db"
    SQLiteStore.create(path).close()
    return lambda: SQLiteStore.open(path)


STORES = {"sqlite": _sqlite}
SCHEMES = {"sealed": lambda: SealedScheme(GalleryIndex)}


@pytest.fixture(params=STORES)
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], ReferenceStore]]:
    """Return a function that opens one more connection to the same store, as another process would."""
    opened: list[ReferenceStore] = []
    again = STORES[request.param](tmp_path)

    def one_more() -> ReferenceStore:
        opened.append(again())
        return opened[-1]

    yield one_more
    for store in opened:
        store.close()


@pytest.fixture
def store(connect: Callable[[], ReferenceStore]) -> ReferenceStore:
    return connect()


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> ProtectionScheme:
    return SCHEMES[request.param]()
