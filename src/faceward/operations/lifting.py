"""Who ends a suspension by false alerts (rule W4): somebody who had no hand in them, looked up in the log."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from faceward.audit.entries import Phase
from faceward.core.errors import PolicyRefusal
from faceward.core.names import check_name
from faceward.operations import false_alerts, reviews, suspension
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.standing import signed_in
from faceward.policy.people import Role

_REMEDY = "Ask an approver who neither enrolled the person nor made one of the searches or watches."


def review(deployment: Deployment, desk: Desk, reference: str, reason: str) -> None:
    """Record that a reference was looked at and is to stay; see `reviews.review`.

    Raises:
        PolicyRefusal: It is suspended by false alerts, and whoever acts had a hand in them or is no approver (W4).
    """
    _require_other(deployment, desk, Happening(reviews.REVIEWED, {"reference": reference}), (reference,))
    reviews.review(deployment, desk, reference, reason)


def resume(deployment: Deployment, desk: Desk, subject: str, reason: str) -> bool:
    """End a subject's suspension by hand; see `suspension.resume`.

    Raises:
        PolicyRefusal: See `review`.
    """
    name = check_name(subject, "subject")
    mine = [one.reference_id for one in deployment.store.by_subject(deployment.pseudonym(name))]
    _require_other(deployment, desk, Happening(suspension.RESUME, {}, {name: {}}), mine)
    return suspension.resume(deployment, desk, subject, reason)


def _require_other(deployment: Deployment, desk: Desk, happening: Happening, references: Collection[str]) -> None:
    # The count is asked, not what is kept of suspensions: who deletes that beside the log gains nothing.
    held = false_alerts.suspended_by_count(deployment, desk).intersection(references)
    status = deployment.custody.status() if held else None
    if status is None or not status.roster.anybody:
        # Without people, in a trial, there is nobody else; the log tells who it was.
        return
    person = signed_in(deployment, status)
    if person is None or Role.APPROVER not in person.roles:
        reason = "only an approver ends a suspension by false alerts."
    elif person.name in {*false_alerts.makers(deployment, desk, held), *_enrollers(deployment, desk, held)}:
        reason = "whoever enrolled somebody, or made the searches or watches, does not judge their false alerts."
    else:
        return
    refusal = PolicyRefusal("W4", reason, _REMEDY)
    desk.deny(happening, refusal)
    raise refusal


def _enrollers(deployment: Deployment, desk: Desk, references: Collection[str]) -> Iterator[str]:
    """Yield who enrolled references, as far as the log still tells."""
    for index, entry in deployment.log.entries(0):
        if entry.phase is Phase.END and entry.operation == "enrol":
            opened = desk.journal.opened(index, entry).values()
            if any(opening.details.get("reference") in references for opening in opened):
                yield from (str(opening.details["operator"]) for opening in opened if "operator" in opening.details)
