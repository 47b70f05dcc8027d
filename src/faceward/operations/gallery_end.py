"""The end of single references, and of a whole gallery: keys first, so that no copy or backup can be opened (rule T2).

Neither needs the gallery's key. The subjects are not named here, since only that key tells who they are; recipients to
whom a reference was handed over get notice all the same (rule T3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.gallery.store import StoredReference
from faceward.operations import alert_store, destruction, gallery_notes, recipients, reviews
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy.facts import rights_context

DELETE_REFERENCES = "reference.erase"
DELETE_GALLERY = "gallery.delete"

FORGETS: tuple[Callable[[Deployment, str], None], ...] = (alert_store.forget_gallery,)
"""What else forgets a gallery when it is destroyed, given the deployment and its name; called before its note goes."""


def erase_references(
    deployment: Deployment, desk: Desk, gallery: str, references: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Erase references of a gallery; return those erased, and those that are not there.

    Raises:
        PolicyRefusal: Whoever acts may not (K2); the refusal is logged.
    """
    wanted = list(dict.fromkeys(references))
    found = [one for one in (_of(deployment, gallery, name) for name in wanted) if one is not None]
    there = {one.reference_id for one in found}
    missing = tuple(name for name in wanted if name not in there)
    if not found:
        desk.authorise("erase", rights_context(), Happening(DELETE_REFERENCES, {"gallery": gallery, "references": 0}))
        return (), missing
    ids: list[JSONValue] = [*sorted(there)] if len(there) <= destruction.MOST else []
    details: JSONObject = {"gallery": gallery, "references": len(found), "erased": ids}
    doomed = [one.key_id for one in found]
    destruction.announce(desk.journal, DELETE_REFERENCES, doomed[destruction.MOST :])
    happening = Happening(DELETE_REFERENCES, {**details, **destruction.named(doomed[: destruction.MOST])})
    with desk.operation("erase", rights_context(), happening) as act:
        _erase(deployment, act, gallery, found)
    return tuple(name for name in wanted if name in there), missing


def delete(deployment: Deployment, desk: Desk, gallery: str) -> int:
    """Delete a gallery with every reference in it; return how many there were.

    Its name is free again, also for another purpose.

    Raises:
        UsageError: There is none of this name.
        PolicyRefusal: Whoever acts may not (K2); the refusal is logged.
    """
    if deployment.gallery_note(gallery) is None:
        raise UsageError(f"no gallery {gallery!r}; list them with 'gallery list'")
    desk.authorise(DELETE_GALLERY, {}, Happening(DELETE_GALLERY, {"gallery": gallery}))
    return _destroyed(deployment, desk, gallery, DELETE_GALLERY, {})


def destroy_at_end(deployment: Deployment, desk: Desk, gallery: str, ends: datetime) -> int:
    """Destroy a gallery whose end has come (rule W3), with nobody at the keyboard; return how many references."""
    return _destroyed(deployment, desk, gallery, "tick", {"ends": to_rfc3339(ends)})


def _destroyed(deployment: Deployment, desk: Desk, gallery: str, action: str, said: JSONObject) -> int:
    keys = sorted(deployment.store.keys(gallery).values())
    destruction.announce(desk.journal, DELETE_GALLERY, keys[destruction.MOST :])
    details: JSONObject = {
        "gallery": gallery,
        "purpose": deployment.gallery_purpose(gallery),
        "references": len(keys),
        **said,
        **destruction.named(keys[: destruction.MOST]),
    }
    with desk.operation(action, {}, Happening(DELETE_GALLERY, details)) as act:
        erased = 0
        # An enrolment under way elsewhere may add one meanwhile; the note is gone when none is left.
        while held := list(deployment.store.keys(gallery)):
            found = [one for one in (_of(deployment, gallery, name) for name in held[: destruction.MOST]) if one]
            _erase(deployment, act, gallery, found)
            erased += len(found)
        for forget in FORGETS:
            forget(deployment, gallery)
        gallery_notes.drop(deployment, gallery)
        act.outcome["references"] = erased
    return erased


def _erase(deployment: Deployment, act: Act, gallery: str, found: Sequence[StoredReference]) -> None:
    ids = {one.reference_id for one in found}
    notices: list[JSONValue] = []
    for subject in sorted({one.subject for one in found}):
        notices += recipients.give_notice_of(deployment, subject, ids)
    deployment.gallery(gallery).erase_references(ids)
    for name in ids:
        reviews.forget(deployment, name)
    act.outcome["notices"] = notices


def _of(deployment: Deployment, gallery: str, reference: str) -> StoredReference | None:
    try:
        found = deployment.store.reference(reference)
    except UsageError:
        return None
    return found if found.gallery == gallery else None
