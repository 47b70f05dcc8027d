"""What follows from gallery.db alone, kept in memory until the file changes: a watch asks twice a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class RememberedDocuments(Generic[T]):
    """The documents of a kind; where gallery.db has changed, those that are other ones are authenticated and parsed.

    Args:
        kind: The kind.
        parse: Reads the content of one; a pure function.
    """

    def __init__(self, kind: str, parse: Callable[[bytes], T]) -> None:
        self._kind, self._parse = kind, parse
        # By store and name: the document as it is in the file, and what it says.
        self._known: WeakKeyDictionary[SQLiteStore, dict[str, tuple[bytes, T]]] = WeakKeyDictionary()
        self._values = Remembered(self._read)

    def __call__(self, deployment: Deployment) -> Mapping[str, T]:
        """Return what the documents say, by name, as the file is now.

        Raises:
            IntegrityError: One was altered.
        """
        return self._values(deployment)

    def _read(self, deployment: Deployment) -> Mapping[str, T]:
        before = self._known.get(deployment.store, {})
        made = {}
        for name, document in deployment.store.documents(self._kind).items():
            old = before.get(name)
            if old is None or old[0] != document:
                old = document, self._parse(deployment.authentic(self._kind, name, document))
            made[name] = old
        self._known[deployment.store] = made
        return {name: value for name, (_, value) in made.items()}
