"""What is to be done by when: complaints, requests, reviews of watchlists, confirmations of recipients, alerts."""

from __future__ import annotations

from faceward.operations import complaints, dismissals, recipients, reviews, suspension
from faceward.operations.deployment import Deployment
from faceward.policy import rights
from faceward.policy.dismissed import LOOKED_AT


def due_now(deployment: Deployment) -> tuple[rights.Obligation, ...]:
    """Return what is overdue or soon will be, the most urgent first."""
    agenda = rights.Agenda(
        complaints=suspension.open_complaints(deployment),
        requests=complaints.requests(deployment),
        reviews=reviews.last_seen(deployment),
        notices=recipients.unconfirmed(deployment),
        alerts=tuple((alert, raised + LOOKED_AT) for alert, raised in dismissals.waiting(deployment)),
    )
    now, terms = deployment.now(), suspension.terms(deployment)
    return rights.due(rights.obligations(agenda, now, terms), now, terms)
