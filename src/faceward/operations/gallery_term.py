"""The end of a list (rule W3): a gallery that serves a deployment with an end is destroyed at that end.

An end only ever comes nearer. Once it has come nothing is searched there, and the next act or turn of the clock
destroys it as `gallery delete` does: with nobody at the keyboard, and while the custodian is away.
"""

from __future__ import annotations

from datetime import UTC, datetime

from faceward.core.clock import to_rfc3339
from faceward.core.duration import format_duration
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.operations import followed, gallery_notes
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.gallery_end import destroy_at_end
from faceward.operations.journal import Happening
from faceward.policy import retention

SET_END = "gallery.end"


def set_end(deployment: Deployment, desk: Desk, gallery: str, ends: datetime) -> datetime:
    """Give a gallery an end, or an earlier one; return it.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        gallery: Its name.
        ends: When it is destroyed.

    Raises:
        UsageError: There is no such gallery, or the end has passed already.
        PolicyRefusal: It is later than the one on record (W3) or further ahead than the standard and the jurisdiction
            keep anything (T1), or who acts is no operator (K2); the refusal is logged.
    """
    ends, now = ends.astimezone(UTC), deployment.now()
    if deployment.gallery_note(gallery) is None:
        raise UsageError(f"no gallery {gallery!r}; list them with 'gallery list'")
    before, text = gallery_end(deployment, gallery), to_rfc3339(ends)
    if ends <= now:
        raise UsageError("that moment has passed; name one that comes, as soon as you like")
    named = Happening(
        SET_END,
        {
            "gallery": gallery,
            "purpose": deployment.gallery_purpose(gallery),
            "ends": text,
            "before": None if before is None else to_rfc3339(before),
        },
    )
    _require_lawful(deployment, desk, named, ends, before)
    with desk.operation(SET_END, {}, named):
        if not gallery_notes.bring_forward(deployment, gallery, ends):
            raise UsageError(f"the gallery {gallery!r} was deleted or given an earlier end meanwhile; look at it again")
    return ends


def _require_lawful(
    deployment: Deployment, desk: Desk, named: Happening, ends: datetime, before: datetime | None
) -> None:
    limit = retention.limit(deployment.standard, deployment.jurisdiction)
    refusal = None
    if before is not None and ends >= before:
        said = to_rfc3339(before)
        refusal = PolicyRefusal(
            "W3",
            f"this gallery ends on {said}, and an end is never put off.",
            "Name an earlier one, or make a new gallery under a new decision.",
        )
    elif ends > deployment.now() + limit:
        refusal = PolicyRefusal(
            "T1",
            f"the end lies more than {format_duration(limit)} ahead, longer than anything is kept here.",
            "Name an earlier one.",
        )
    if refusal is not None:
        desk.deny(named, refusal)
        raise refusal


def gallery_end(deployment: Deployment, gallery: str) -> datetime | None:
    """Return when a gallery ends, UTC, or None where no end is on record or there is no such gallery.

    The nearer of its note and of the log counts: a note of an older copy of gallery.db puts no end off.
    """
    note = deployment.gallery_note(gallery)
    noted = gallery_notes.end_of(note)
    logged = None if note is None else followed.followed(deployment).ends.get(gallery)
    return min((moment for moment in (noted, logged) if moment is not None), default=None)


def end_text(deployment: Deployment, gallery: str) -> str | None:
    """Return what `gallery_end` does, RFC 3339."""
    ends = gallery_end(deployment, gallery)
    return None if ends is None else to_rfc3339(ends)


def in_force(deployment: Deployment, gallery: str) -> bool:
    """Tell whether a gallery has no end, or one that has not come; one that does not exist has none."""
    ends = gallery_end(deployment, gallery)
    return ends is None or deployment.now() < ends


def end_due(deployment: Deployment, desk: Desk) -> dict[str, int]:
    """Destroy every gallery whose end has come; return how many references each had, by name.

    It is the deployment's own clock, so nobody has to sign in for it, and it waits for no custodian.
    """
    now = deployment.now()
    named = sorted({*gallery_notes.ends(deployment), *followed.followed(deployment).ends})
    ending = {name: ends for name in named if (ends := gallery_end(deployment, name)) is not None}
    due = {name: ends for name, ends in ending.items() if ends <= now}
    return {name: destroy_at_end(deployment, desk, name, ends) for name, ends in due.items()}
