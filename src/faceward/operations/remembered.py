"""What follows from gallery.db alone, kept in memory until the file changes: a watch asks twice a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from faceward.gallery.sqlite import SQLiteStore
from faceward.operations.deployment import Deployment

T = TypeVar("T")


class Remembered(Generic[T]):
    """A reading of gallery.db that is made anew only where any process has changed the file since.

    Args:
        read: Reads it; of nothing else than gallery.db and what never changes, such as entries of the log.
    """

    def __init__(self, read: Callable[[Deployment], T]) -> None:
        self._read = read
        # By store, which lives as long as its deployment is open.
        self._known: WeakKeyDictionary[SQLiteStore, tuple[tuple[int, int], T]] = WeakKeyDictionary()

    def __call__(self, deployment: Deployment) -> T:
        """Return what was read, as the file is now."""
        # Before it is read, so that what comes meanwhile is read next time.
        state = deployment.store.state()
        known = self._known.get(deployment.store)
        if known is not None and known[0] == state:
            return known[1]
        made = self._read(deployment)
        self._known[deployment.store] = state, made
        return made
