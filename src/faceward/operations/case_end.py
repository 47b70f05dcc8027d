"""How cases end: deleted by a person, by a refused authorisation (rule P7), or by their term; and erased candidates.

Whatever ends a case, what its reviewers dismissed is counted first (rules W4, W6).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError
from faceward.operations import alert_store, dismissals
from faceward.operations.case_people import actor
from faceward.operations.case_reading import refusals_logged
from faceward.operations.case_store import CaseStore, Held
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy import review, review_facts
from faceward.policy.review_fields import check_text
from faceward.policy.review_view import require_reader

DELETE = "case.delete"


def delete(deployment: Deployment, desk: Desk, prefix: str, reason: str) -> str:
    """Delete a case: its keys are destroyed, so that no copy of it can be opened; return its identifier.

    Raises:
        UsageError: There is no such case, or no reason was given.
        PolicyRefusal: The case has no finding, or who deletes it made the search (rule H3), or the standard refuses it.
        IntegrityError: It was altered.
    """
    store = CaseStore(deployment)
    held = store.find(prefix)
    happening = _happening(store, held, check_text(reason, "the reason"))
    with refusals_logged(desk, happening):
        require_reader(actor(deployment))
    case = None if deployment.keys.destroyed([held.key]) else store.read(held.id)[1]
    facts = review_facts.delete_context(case, actor(deployment))
    dismissals.settle(deployment, desk, held)
    with desk.operation(DELETE, facts, happening):
        _end(deployment, store, held)
    return held.id


def delete_linked(deployment: Deployment, desk: Desk, mandate_digest: str) -> int:
    """Delete every case of a mandate whose authorisation was refused (rule P7); return how many. Repeating is safe."""
    return _delete_all(deployment, desk, lambda held: held.mandate == mandate_digest, "its authorisation was refused")


def expire_cases(deployment: Deployment, desk: Desk, now: datetime) -> int:
    """Delete every case whose term has ended; return how many."""
    return _delete_all(deployment, desk, lambda held: held.expires <= now, "its term has ended")


def end_dismissed(deployment: Deployment, desk: Desk) -> int:
    """Delete every case that reviewers dismissed and that nothing is left to be kept for; return how many."""
    gone = {held.id for held in dismissals.ended(deployment, desk)}
    return _delete_all(deployment, desk, lambda held: held.id in gone, "it was dismissed") if gone else 0


def _delete_all(deployment: Deployment, desk: Desk, chosen: Callable[[Held], bool], reason: str) -> int:
    store = CaseStore(deployment)
    ended = [held for held in store.held() if chosen(held)]
    for held in ended:
        dismissals.settle(deployment, desk, held)
        # The clock's action: it must work with nobody at the keyboard, and no rule stands in its way.
        with desk.operation("tick", {}, _happening(store, held, reason)):
            _end(deployment, store, held)
    return len(ended)


def _end(deployment: Deployment, store: CaseStore, held: Held) -> None:
    """Delete a case, and what is kept of an alert beside it."""
    store.delete(held)
    alert_store.forget_case(deployment, held.id)
    dismissals.forget(deployment, held.id)


def _happening(store: CaseStore, held: Held, reason: str) -> Happening:
    details: JSONObject = {"case": held.id, "search_mandate": held.mandate, "reason": reason}
    try:
        subjects = store.open(held).subjects
    except IntegrityError:
        # A deletion that was interrupted has destroyed the key already, and whom the case named with it.
        subjects = ()
    return Happening(DELETE, details, {subject: {"outcome": "case deleted", "case": held.id} for subject in subjects})


def forget_subject(deployment: Deployment, subject: str) -> int:
    """Let every case forget an erased subject; return how many named them. Repeating it is safe.

    A case is sealed under a new key then, and the old one destroyed, so that no copy names the subject either.
    """
    store, changed = CaseStore(deployment), 0
    for held in list(store.held()):
        _, case = store.read(held.id)
        if subject in case.subjects:
            store.change(held.id, lambda current: review.forgotten(current, subject))
            changed += 1
    return changed


def sweep(deployment: Deployment) -> None:
    """Finish what a killed process left of cases; no other process may have the deployment open."""
    CaseStore(deployment).sweep()
