"""Watchlists are looked at again every month; a reference nobody looked at is suspended (Rite Aid, III.D.6b)."""

from __future__ import annotations

from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.operations import suspension
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy.rights import check_text

REVIEW = "review"
"""The cause of a suspension: a reference was not looked at for a month."""

REVIEWED = "watchlist.review"
"""The operation that records it."""

_REVIEWED = "reviewed"


def is_watchlist(deployment: Deployment) -> bool:
    """Tell whether the standard's galleries are watchlists."""
    return deployment.standard.parameters.watchlist.allowed


def last_seen(deployment: Deployment) -> tuple[tuple[str, datetime], ...]:
    """Return each reference of a watchlist with the moment when it was enrolled or looked at last."""
    if not is_watchlist(deployment):
        return ()
    now = deployment.now()
    reviewed = deployment.kept_all(_REVIEWED)
    seen = {name: from_rfc3339(str(value["at"])) for name, value in reviewed.items() if isinstance(value, dict)}
    return tuple(
        (reference.reference_id, seen.get(reference.reference_id, reference.created))
        for info in deployment.store.galleries()
        for reference in deployment.store.references(info.name, now)
        # A simulated reference stands under the digest of its sample, and belongs to nobody.
        if reference.subject != reference.sample
    )


def review(deployment: Deployment, desk: Desk, reference: str, reason: str) -> None:
    """Record that a watchlist's reference was looked at and is to stay.

    That ends its suspension for want of it and for false alerts; of those it begins anew (rule W4).

    Raises:
        UsageError: There is no such reference, or no reason is given.
    """
    reason = check_text(reason, "reason")
    stored = deployment.store.reference(reference)
    details: JSONObject = {"reference": reference, "gallery": stored.gallery, "reason": reason}
    with desk.operation("complaint.decide", {}, Happening(REVIEWED, details)):
        deployment.keep(_REVIEWED, reference, {"at": to_rfc3339(deployment.now())})
        for cause in (REVIEW, suspension.FALSE_ALERTS):
            suspension.release_hold(deployment, reference, cause)


def forget(deployment: Deployment, reference: str) -> None:
    """Delete what is kept of a reference's reviews; part of its erasure."""
    deployment.store.delete_document(_REVIEWED, reference)
    suspension.release_hold(deployment, reference)
