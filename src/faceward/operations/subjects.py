"""What a subject can have: a view of everything held, an export, the notice, and erasure with a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import FacewardError, UsageError
from faceward.core.names import check_name
from faceward.core.reports import ErasureResult, LogLine, ReferenceView, SubjectView
from faceward.core.results import JSONDict
from faceward.gallery.store import StoredReference
from faceward.operations import (
    alert_store,
    case_end,
    collection_users,
    complaints,
    consent,
    destruction,
    dismissals,
    recipients,
    reviews,
    visits,
)
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Happening, Journal, Kept
from faceward.operations.releases import Releases
from faceward.policy import facts

ERASE = "subject.erase"


def show(deployment: Deployment, desk: Desk, subject: str) -> SubjectView:
    """Return what is held about a subject and what the log tells of them; never features.

    Raises:
        UsageError: Nothing is held about such a subject.
    """
    return _view(deployment, desk, subject, "show")


def export(deployment: Deployment, desk: Desk, subject: str) -> JSONDict:
    """Return everything held about a subject as one object that other software can read (GDPR Art. 15 and 20).

    Raises:
        UsageError: Nothing is held about such a subject.
    """
    view = _view(deployment, desk, subject, "export")
    return {
        **view.to_json(),
        "exported": to_rfc3339(deployment.now()),
        "controller": deployment.config.controller,
        "contact": deployment.config.contact,
        "releases_on_file": [release.to_json() for release in Releases(deployment, desk).of(view.subject)],
        "matters": [matter.to_json() for matter in complaints.of_subject(deployment, desk, view.subject)],
        # Committed now, so that the chain is proven to its very end, this export included.
        "chain": _chain(desk, subject),
        "log": {"origin": deployment.config.origin, "checkpoint": deployment.log.checkpoint()},
        "features": "withheld: numbers from which a face could be rebuilt leave the system in no form",
    }


def _chain(desk: Desk, subject: str) -> JSONObject:
    desk.journal.commit_heads()
    return desk.journal.chain(check_name(subject, "subject")).to_json()


def notices(deployment: Deployment, desk: Desk, subject: str) -> tuple[str, ...]:
    """Return the notices that were written for a subject at enrolment (rule E5).

    Raises:
        UsageError: Nothing is held about such a subject.
    """
    view = _view(deployment, desk, subject, "show")
    return tuple(str(reference.record["notice"]) for reference in view.references if "notice" in reference.record)


def _view(deployment: Deployment, desk: Desk, subject: str, action: str) -> SubjectView:
    subject = check_name(subject, "subject")
    references = _held(deployment, subject)
    galleries: list[JSONValue] = [*sorted({reference.gallery for reference in references})]
    happening = Happening(f"subject.{action}", {"galleries": galleries}, {subject: {}})
    if not references and desk.journal.subject_key_id(subject) is None:
        desk.unknown(happening)
        raise UsageError(f"nothing is held about {subject!r}; check the name")
    size = deployment.log.size
    with desk.operation(action, facts.rights_context(own=deployment.is_own(subject)), happening) as act:
        gone = deployment.keys.destroyed([reference.key_id for reference in references])
        # An erasure that could not be finished leaves rows without keys until the next opening.
        held = [reference for reference in references if reference.key_id not in gone]
        views = tuple(_reference_view(reference, _record(deployment, act, reference)) for reference in held)
        history = _history(deployment, desk.journal, subject, size)
    return SubjectView(subject, views, history)


def _held(deployment: Deployment, subject: str) -> list[StoredReference]:
    return deployment.store.by_subject(deployment.pseudonym(subject))


def _record(deployment: Deployment, act: Act, reference: StoredReference) -> Mapping[str, JSONValue]:
    if deployment.visit is None:
        return act.gallery(reference.gallery).record(reference)
    # What was enrolled after the link was made is in no record that the visitor may see.
    return visits.records(deployment).get(reference.reference_id, {})


def _reference_view(reference: StoredReference, record: Mapping[str, JSONValue]) -> ReferenceView:
    return ReferenceView(
        reference=reference.reference_id,
        gallery=reference.gallery,
        purpose=reference.purpose,
        pack=reference.pack,
        created=to_rfc3339(reference.created),
        expires=to_rfc3339(reference.expires),
        record=record,
    )


def _history(deployment: Deployment, journal: Journal, subject: str, size: int) -> tuple[LogLine, ...]:
    """Return the entries about a subject that were there before this question was."""
    key_id = journal.subject_key_id(subject)
    indexes = [index for index in deployment.log.entries_of(key_id) if index < size] if key_id else []
    return tuple(journal.line(index, deployment.log.entry(index), only=subject) for index in indexes)


def erase(deployment: Deployment, desk: Desk, subject: str) -> ErasureResult:
    """Erase a subject: every key is destroyed, so that no copy or backup can be opened, then every row (rule T2).

    Returns:
        The receipt among others, for the subject alone: the log keeps a commitment and forgets what it stands for.

    Raises:
        UsageError: Nothing is held about such a subject.
    """
    subject = check_name(subject, "subject")
    references = _held(deployment, subject)
    if not references and desk.journal.subject_key_id(subject) is None:
        desk.unknown(Happening(ERASE, {}, {subject: {}}))
        raise UsageError(f"nothing is held about {subject!r}; check the name")
    desk.authorise("erase", facts.rights_context(own=deployment.is_own(subject)), Happening(ERASE, {}, {subject: {}}))
    # The key of what the log says of the subject is one of them; without one, this entry would draw it.
    doomed = [*(reference.key_id for reference in references), desk.journal.keys.drawn(subject).key_id]
    details: JSONObject = {"references": len(references), **destruction.named(doomed)}
    [begun] = desk.journal.write(Phase.BEGIN, [Happening(ERASE, details, {subject: {}})])
    return finish(deployment, desk, begun.index, subject)


def finish(deployment: Deployment, desk: Desk, entry: int, subject: str) -> ErasureResult:
    """Carry out an erasure that was recorded; also one that was interrupted, which repeats no harm."""
    act = desk.act(Kept(entry, {}))
    # Noted first, so that an enrolment under way elsewhere takes back what it stores.
    consent.end_releases(deployment, subject)
    references = _held(deployment, subject)
    act.outcome["notices"] = recipients.give_notice(deployment, subject)
    for name in sorted({reference.gallery for reference in references}):
        # Straight from the deployment: whoever keeps the galleries' keys has no say in an erasure.
        deployment.gallery(name).erase(deployment.pseudonym(subject))
    complaints.forget(deployment, subject)
    collection_users.forget(deployment, subject)
    # First, since it waits for an alert that is being raised, whose case is then there to forget them.
    alert_store.forget_subject(deployment, subject)
    dismissals.settle_subject(deployment, desk, subject)
    case_end.forget_subject(deployment, subject)
    for reference in references:
        reviews.forget(deployment, reference.reference_id)
    # Last, because until here an interrupted erasure is completed from what this key opens.
    desk.journal.forget(subject)
    act.outcome["references"] = len(references)
    act.subjects[subject] = {"outcome": "erased", "references": len(references)}
    kept = desk.close(ERASE, act, keep=False)
    receipt = deployment.log.receipt(kept.index, kept.openings).encode()
    # The subject's chain is no longer among those committed. The erasure stands and its receipt is handed out whatever
    # is wrong with another's chain; the next commitment says so.
    with suppress(FacewardError):
        desk.journal.commit_heads()
    return ErasureResult(subject, len(references), kept.index, receipt)


def unfinished_subject(journal: Journal, deployment: Deployment, entry: int) -> str | None:
    """Return whose erasure an entry began, or None if its key is destroyed already."""
    opened = journal.opened(entry, deployment.log.entry(entry))
    details: list[JSONObject] = [opening.details for slot, opening in opened.items() if slot != DETAILS]
    return str(details[0]["subject"]) if details else None
