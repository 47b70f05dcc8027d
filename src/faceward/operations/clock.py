"""One turn of the clock: what has ended is erased, what is overdue is suspended, what is due is named.

It runs with nobody at the keyboard, from cron or for as long as `faceward run` does. A step that fails is told and the
others are still done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from faceward.core.clock import to_rfc3339
from faceward.core.errors import FacewardError
from faceward.core.rights_results import TickResult
from faceward.operations import (
    agenda,
    alert_store,
    case_end,
    complaints,
    dismissals,
    evidence,
    false_alerts,
    gallery_term,
    monitoring,
    raising,
    reviews,
    subjects,
    suspension,
    upkeep,
    withdrawal,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.requests import Requests
from faceward.policy import rights
from faceward.policy.mandates import KIND, Mandate

_FINAL = frozenset({subjects.ERASE, withdrawal.WITHDRAW, *raising.FINISHED})
# An erasure or an alert takes seconds. One that has not ended by now belongs to a process that was killed.
_ABANDONED = timedelta(minutes=5)
_LOCKED = "locked"

Step = Callable[[Deployment, Desk], Iterator[str]]


def tick(deployment: Deployment, desk: Desk) -> TickResult:
    """Do what the time asks for; repeating it does nothing more."""
    done: list[str] = []
    failed: list[str] = []
    for step in STEPS:
        try:
            done.extend(step(deployment, desk))
        except FacewardError as error:
            failed.append(str(error))
    due: tuple[rights.Obligation, ...] = ()
    try:
        due = agenda.due_now(deployment)
    except FacewardError as error:
        failed.append(str(error))
    listed = tuple(dict(one.to_json()) for one in due)
    return TickResult(to_rfc3339(deployment.now()), tuple(done), listed, tuple(failed))


def _count_dismissed(deployment: Deployment, desk: Desk) -> Iterator[str]:
    """Note what reviewers dismissed and a killed process left unnoted, before anything of it ends."""
    noted = dismissals.settle_all(deployment, desk)
    if noted:
        yield f"counted the false alerts of {noted:,} cases that reviewers dismissed"


def _end_galleries(deployment: Deployment, desk: Desk) -> Iterator[str]:
    for name, references in gallery_term.end_due(deployment, desk).items():
        yield f"destroyed the gallery {name!r} with {references:,} references: its end has come"


def _expire(deployment: Deployment, desk: Desk) -> Iterator[str]:
    ended = upkeep.expire(deployment, desk)
    if ended:
        yield f"erased {ended:,} references whose term has ended"


def _end_cases(deployment: Deployment, desk: Desk) -> Iterator[str]:
    ended = case_end.expire_cases(deployment, desk, deployment.now())
    if ended:
        yield f"deleted {ended:,} cases whose term has ended"
    dismissed = case_end.end_dismissed(deployment, desk)
    if dismissed:
        yield f"deleted {dismissed:,} cases that reviewers dismissed"
    alone = alert_store.expire(deployment, deployment.now())
    if alone:
        yield f"deleted {alone:,} alerts without a case whose term has ended"


def _finish(deployment: Deployment, desk: Desk) -> Iterator[str]:
    """Finish what killed processes began of erasures, withdrawals and alerts: with another at work nobody is alone."""
    for index in deployment.log.unfinished(upkeep.cursor(deployment)):
        entry = deployment.log.entry(index)
        if entry.operation in _FINAL and entry.time <= deployment.now() - _ABANDONED:
            upkeep.complete(deployment, desk, index)
            yield f"finished {entry.operation} of log entry {index}"


def _suspend(deployment: Deployment, desk: Desk) -> Iterator[str]:
    """Record that overdue complaints suspend; that they do does not wait for this."""
    now, terms = deployment.now(), suspension.terms(deployment)
    for complaint in suspension.open_complaints(deployment):
        target = complaint.reference or complaint.subject
        if complaint.overdue(now, terms) and not suspension.is_held(deployment, target, complaint.identifier):
            subject = complaints.who(deployment, desk, complaint.entry)
            about = {subject: {"reason": "the complaint is overdue"}} if subject else {}
            happening = Happening("subject.suspend", {"complaint": complaint.identifier}, about)
            with desk.operation("tick", {}, happening):
                suspension.hold(deployment, target, complaint.identifier)
            yield f"suspended what the complaint {complaint.identifier} is about: it is overdue"


def _review(deployment: Deployment, desk: Desk) -> Iterator[str]:
    now, terms = deployment.now(), suspension.terms(deployment)
    late = [name for name, seen in reviews.last_seen(deployment) if now > seen + terms.review]
    new = [name for name in late if not suspension.is_held(deployment, name, reviews.REVIEW)]
    if new:
        with desk.operation("tick", {}, Happening("watchlist.suspend", {"references": [*new]})):
            for name in new:
                suspension.hold(deployment, name, reviews.REVIEW)
        yield f"suspended {len(new):,} references of watchlists: their monthly review is overdue"


def _lock(deployment: Deployment, desk: Desk) -> Iterator[str]:
    """Record that urgent mandates nobody approved in time are locked; that they are does not wait for this (P7)."""
    requests, now = Requests(deployment, desk), deployment.now()
    limit = deployment.standard.parameters.mandate.urgent
    for signed in requests.store.all():
        digest, request = signed.digest(), signed.request
        # After its end nothing tells any more whether it had been approved.
        if request.kind != KIND or not request.created + limit <= now < request.expires:
            continue
        if Mandate.of(signed).urgent and not requests.store.noted(_LOCKED, digest) and not requests.approved(signed):
            with desk.operation("tick", {}, Happening("mandate.lock", {"request": digest})):
                requests.store.note(_LOCKED, digest, {})
            yield f"locked the urgent mandate {digest[:12]}: nobody approved it in time"


def _monitor(deployment: Deployment, desk: Desk) -> Iterator[str]:
    """Record what a killed process left unrecorded: breaches, and evidence that answers one.

    That a breach suspends, and that evidence made after it serves, does not wait for this (rule V1).
    """
    for name in monitoring.note_breaches(deployment, desk.journal):
        yield f"noted that the purpose {name!r} has more false alerts than it accepts"
    suspended = false_alerts.suspend(deployment, desk)
    if suspended:
        yield f"suspended {len(suspended):,} references that brought about two false alerts each"
    for name in monitoring.breaches(deployment):
        purpose = deployment.purpose(name)
        chosen = None if purpose is None else evidence.standing(deployment, purpose).chosen
        if chosen is not None and monitoring.restart(deployment, name, chosen.evaluation.made):
            yield f"false alerts of the purpose {name!r} are counted anew, by the evaluation {chosen.digest[:12]}"


def _commit(_: Deployment, desk: Desk) -> Iterator[str]:
    entry = desk.journal.commit_heads()
    if entry is not None:
        yield f"committed the ends of the subjects' chains in log entry {entry}"


STEPS: tuple[Step, ...] = (
    _count_dismissed,
    _end_galleries,
    _expire,
    _end_cases,
    _finish,
    _suspend,
    _review,
    _lock,
    _monitor,
    _commit,
)
