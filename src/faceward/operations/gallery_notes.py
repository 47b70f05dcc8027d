"""What is noted of a gallery beside its references: its purpose, how many are simulated, and its end (rule W3)."""

from __future__ import annotations

from datetime import datetime

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339
from faceward.core.errors import IntegrityError
from faceward.operations.deployment import Deployment
from faceward.protection.guard import ProcessGuard

_KIND, _ENDS = "gallery", "ends"
_GUARD = "galleries.guard"


def change(deployment: Deployment, gallery: str, key: str, value: JSONValue, *, unless: JSONValue = None) -> bool:
    """Note one thing of a gallery and leave the rest, also while other processes note theirs.

    Args:
        deployment: The deployment.
        gallery: Its name.
        key: What is noted.
        value: The value.
        unless: Leave a value that is no later than this text as it is; None replaces any.

    Returns:
        Whether it was noted: the gallery is there, and what was noted of it before gives way.
    """
    with ProcessGuard(deployment.home / _GUARD).alone():
        note = deployment.gallery_note(gallery)
        before = None if note is None else note.get(key)
        if note is None or (unless is not None and before is not None and str(before) <= str(unless)):
            return False
        deployment.keep(_KIND, gallery, {**note, key: value})
        return True


def drop(deployment: Deployment, gallery: str) -> None:
    """Forget a gallery; its name is free again."""
    with ProcessGuard(deployment.home / _GUARD).alone():
        deployment.store.delete_document(_KIND, gallery)


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
    found = {name: end_of(note) for name, note in deployment.kept_all(_KIND).items()}
    return {name: moment for name, moment in sorted(found.items()) if moment is not None}
