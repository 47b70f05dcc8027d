"""What is noted of a gallery beside its references: its purpose, how many are simulated, and its end (rule W3)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError
from faceward.operations.deployment import Deployment
from faceward.protection.guard import ProcessGuard

_KIND, _ENDS = "gallery", "ends"
# Which galleries have an end at all, so that what every act asks for does not grow with the number of galleries.
_LISTED = "gallery-end"
_GUARD = "galleries.guard"


def change(deployment: Deployment, gallery: str, key: str, value: JSONValue) -> bool:
    """Note one thing of a gallery and leave the rest, also while other processes note theirs.

    Returns:
        Whether the gallery was there.
    """
    with _noting(deployment):
        note = deployment.gallery_note(gallery)
        if note is None:
            return False
        deployment.keep(_KIND, gallery, {**note, key: value})
        return True


def bring_forward(deployment: Deployment, gallery: str, ends: datetime) -> bool:
    """Note the end of a gallery, unless one is noted that is no later; of two processes at once the earlier end stays.

    Returns:
        Whether it was noted.
    """
    with _noting(deployment):
        note = deployment.gallery_note(gallery)
        before = end_of(note)
        if note is None or (before is not None and before <= ends):
            return False
        # The list first: without it nobody would look at the note.
        deployment.keep(_LISTED, gallery, {})
        deployment.keep(_KIND, gallery, {**note, _ENDS: to_rfc3339(ends)})
        return True


def drop(deployment: Deployment, gallery: str) -> None:
    """Forget a gallery; its name is free again."""
    with _noting(deployment):
        deployment.store.delete_document(_KIND, gallery)
        deployment.store.delete_document(_LISTED, gallery)


def _noting(deployment: Deployment) -> AbstractContextManager[None]:
    return ProcessGuard(deployment.home / _GUARD).alone()


def end_of(note: JSONValue) -> datetime | None:
    """Return the end that a gallery's note names, UTC, or None.

    Raises:
        IntegrityError: It is no moment.
    """
    said = note.get(_ENDS) if isinstance(note, dict) else None
    if said is None:
        return None
    try:
        return from_rfc3339(str(said))
    except ValueError:
        raise IntegrityError("the end of a gallery in gallery.db is no moment; restore the file") from None


def ends(deployment: Deployment) -> dict[str, datetime]:
    """Return the end of every gallery that has one, by name."""
    found = {name: end_of(deployment.gallery_note(name)) for name in deployment.store.documents(_LISTED)}
    return {name: moment for name, moment in sorted(found.items()) if moment is not None}
