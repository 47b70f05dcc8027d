"""Complaints and requests of subjects: received, acknowledged, decided, each within its term (rule D1, GDPR Art. 12).

What somebody wrote stands in the log alone, under their own key, and goes with their erasure.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.core.rights_results import Matter
from faceward.operations import suspension
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Happening
from faceward.operations.suspension import OPEN_COMPLAINT, open_complaints
from faceward.policy.consent import Release
from faceward.policy.rights import Complaint, Outcome, RequestKind, SubjectRequest, check_text

_CLOSED_COMPLAINT = "complaint-closed"
_REQUEST = "subject-request"
_OBJECTED = "objected"
_ID_BYTES = 8
_GONE: Mapping[str, str] = {"subject": "(erased)", "text": ""}


def add(deployment: Deployment, desk: Desk, subject: str, text: str, reference: str | None = None) -> Matter:
    """Record a complaint; anybody may complain, also somebody who is not enrolled.

    Args:
        deployment: The deployment.
        desk: Where it is recorded.
        subject: Who complains, or whom it is about.
        text: What they say, 1 to 4,000 characters.
        reference: The reference it is about; all of the subject's if None.

    Raises:
        UsageError: The text is empty or too long, or the reference is not this subject's.
    """
    subject, text = check_name(subject, "subject"), check_text(text, "complaint")
    pseudonym = deployment.pseudonym(subject)
    if reference is not None and reference not in {r.reference_id for r in deployment.store.by_subject(pseudonym)}:
        raise UsageError(f"{subject!r} has no reference {reference!r}; 'subject show' lists them")
    identifier = secrets.token_hex(_ID_BYTES)
    about: JSONObject = {"text": text, "reference": reference, "complaint": identifier}
    happening = Happening("complaint.add", {"complaint": identifier}, {subject: about})
    with desk.operation("complaint.add", suspension.own(deployment, subject), happening) as act:
        complaint = Complaint(identifier, pseudonym.hex(), reference or "", deployment.now(), act.entry)
        deployment.keep(OPEN_COMPLAINT, identifier, complaint.to_json())
    return _complaint_view(deployment, desk, complaint)


def acknowledge(deployment: Deployment, desk: Desk, identifier: str) -> Matter:
    """Note that the subject was told that the complaint came; that lifts what its delay suspended.

    Raises:
        UsageError: There is no such open complaint, or it is acknowledged already.
    """
    complaint = _open_one(deployment, identifier)
    if complaint.acknowledged:
        raise UsageError(f"the complaint {identifier} is acknowledged already; decide it with 'complaint decide'")
    happening = _happening(deployment, desk, "complaint.acknowledge", (complaint, {}))
    with desk.operation("complaint.decide", {}, happening):
        complaint = replace(complaint, acknowledged=deployment.now())
        deployment.keep(OPEN_COMPLAINT, identifier, complaint.to_json())
        if not complaint.overdue(deployment.now(), suspension.terms(deployment)):
            suspension.release_hold(deployment, _target(complaint), identifier)
    return _complaint_view(deployment, desk, complaint)


def decide(deployment: Deployment, desk: Desk, identifier: str, outcome: Outcome, reason: str) -> Matter:
    """Decide a complaint. One that is upheld suspends what it is about until that is erased, or resumed by hand.

    Raises:
        UsageError: There is no such open complaint, or no reason is given.
    """
    complaint, reason = _open_one(deployment, identifier), check_text(reason, "reason")
    about: JSONObject = {"reason": reason, "outcome": outcome.value}
    happening = _happening(deployment, desk, "complaint.decide", (complaint, about))
    with desk.operation("complaint.decide", {}, happening) as act:
        now = deployment.now()
        complaint = replace(complaint, acknowledged=complaint.acknowledged or now, decided=now, outcome=outcome)
        if outcome is Outcome.UPHELD:
            suspension.hold(deployment, _target(complaint), identifier)
        deployment.keep(_CLOSED_COMPLAINT, identifier, complaint.to_json())
        deployment.store.delete_document(OPEN_COMPLAINT, identifier)
        if outcome is Outcome.REJECTED:
            suspension.release_hold(deployment, _target(complaint), identifier)
        act.outcome["outcome"] = outcome.value
    return _complaint_view(deployment, desk, complaint)


def listed(deployment: Deployment, desk: Desk, *, due: bool = False) -> tuple[Matter, ...]:
    """Return complaints, oldest first: all, or those with a step that is due soon or overdue."""
    desk.authorise("complaint.decide", {}, Happening("complaint.list", {}))
    terms, now = suspension.terms(deployment), deployment.now()
    found = open_complaints(deployment) if due else (*closed(deployment), *open_complaints(deployment))
    if due:
        deadlines = ((one, one.deadline(terms)) for one in found)
        found = tuple(one for one, end in deadlines if end is not None and now >= end - terms.warning)
    ordered = sorted(found, key=lambda one: (one.received, one.identifier))
    return tuple(_complaint_view(deployment, desk, complaint) for complaint in ordered)


def closed(deployment: Deployment) -> tuple[Complaint, ...]:
    """Return the complaints that were decided."""
    return tuple(Complaint.from_json(value) for value in deployment.kept_all(_CLOSED_COMPLAINT).values())


def ask(deployment: Deployment, desk: Desk, subject: str, kind: RequestKind, text: str = "") -> Matter:
    """Record what a subject asks for; it is to be answered within a month.

    Raises:
        UsageError: The text is too long.
    """
    subject = check_name(subject, "subject")
    said = check_text(text, "text") if text.strip() else ""
    identifier = secrets.token_hex(_ID_BYTES)
    about: JSONObject = {"text": said, "request": identifier, "kind": kind.value}
    happening = Happening("subject.request", {"request": identifier, "kind": kind.value}, {subject: about})
    with desk.operation("complaint.add", suspension.own(deployment, subject), happening) as act:
        asked = SubjectRequest(identifier, kind, deployment.pseudonym(subject).hex(), deployment.now(), act.entry)
        if kind is RequestKind.OBJECTION:
            # By pseudonym alone, so that it outlives an erasure: who asked not to be found is not enrolled again.
            deployment.keep(_OBJECTED, asked.subject, {"at": to_rfc3339(asked.received), "request": identifier})
        deployment.keep(_REQUEST, identifier, asked.to_json())
    return _request_view(deployment, desk, asked)


def objected(deployment: Deployment, subject: str, releases: Sequence[Release]) -> bool:
    """Tell whether a subject asked not to be found, and has signed none of these releases since (rule C2)."""
    value = deployment.kept(_OBJECTED, deployment.pseudonym(subject).hex())
    if not isinstance(value, dict):
        return False
    day = from_rfc3339(str(value["at"])).date()
    return not any(release.names_subject(subject) and release.signed_on >= day for release in releases)


def answer(deployment: Deployment, desk: Desk, identifier: str, text: str, *, rejected: bool = False) -> Matter:
    """Note how a subject's request was answered; an objection that is rejected keeps nobody out any more.

    Raises:
        UsageError: There is no such request, it was answered, or the text is empty.
    """
    asked, said = _request(deployment, identifier), check_text(text, "answer")
    if asked.answered:
        raise UsageError(f"the request {identifier} was answered on {asked.answered:%Y-%m-%d}")
    happening = _happening(deployment, desk, "subject.answer", (asked, {"answer": said, "rejected": rejected}))
    with desk.operation("complaint.decide", {}, happening):
        asked = replace(asked, answered=deployment.now())
        deployment.keep(_REQUEST, identifier, asked.to_json())
        if rejected and asked.kind is RequestKind.OBJECTION:
            deployment.store.delete_document(_OBJECTED, asked.subject)
    return _request_view(deployment, desk, asked)


def pending(deployment: Deployment, subject: str) -> bool:
    """Tell whether a subject waits for something: a complaint or a request is open, or something is suspended."""
    pseudonym = deployment.pseudonym(subject)
    if any(one.subject == pseudonym.hex() for one in open_complaints(deployment)):
        return True
    if any(one.subject == pseudonym.hex() and one.answered is None for one in requests(deployment)):
        return True
    targets = [pseudonym.hex(), *(one.reference_id for one in deployment.store.by_subject(pseudonym))]
    return any(suspension.is_suspended(deployment, target) for target in targets)


def requests(deployment: Deployment) -> tuple[SubjectRequest, ...]:
    """Return the requests of subjects, answered ones too."""
    return tuple(SubjectRequest.from_json(value) for value in deployment.kept_all(_REQUEST).values())


def requests_listed(deployment: Deployment, desk: Desk, *, due: bool = False) -> tuple[Matter, ...]:
    """Return the requests of subjects, oldest first: all, or those to be answered soon or overdue."""
    desk.authorise("complaint.decide", {}, Happening("subject.requests", {}))
    now, terms = deployment.now(), suspension.terms(deployment)
    found = [
        one for one in requests(deployment) if not due or (one.answered is None and now >= one.deadline - terms.warning)
    ]
    return tuple(_request_view(deployment, desk, one) for one in sorted(found, key=lambda one: one.received))


def of_subject(deployment: Deployment, desk: Desk, subject: str) -> tuple[Matter, ...]:
    """Return what a subject has complained of and asked for."""
    mine = deployment.pseudonym(subject).hex()
    complaints = [one for one in (*closed(deployment), *open_complaints(deployment)) if one.subject == mine]
    asked = [one for one in requests(deployment) if one.subject == mine]
    return (
        *(_complaint_view(deployment, desk, one) for one in complaints),
        *(_request_view(deployment, desk, one) for one in asked),
    )


def forget(deployment: Deployment, subject: str) -> None:
    """Delete what is kept of a subject's complaints, requests and suspensions; part of their erasure."""
    mine = deployment.pseudonym(subject).hex()
    for kind, found in (
        (OPEN_COMPLAINT, open_complaints(deployment)),
        (_CLOSED_COMPLAINT, closed(deployment)),
        (_REQUEST, requests(deployment)),
    ):
        for one in found:
            if one.subject == mine:
                deployment.store.delete_document(kind, one.identifier)
                suspension.release_hold(deployment, _target(one))
    suspension.release_hold(deployment, mine)


def _open_one(deployment: Deployment, identifier: str) -> Complaint:
    kept = deployment.kept(OPEN_COMPLAINT, identifier)
    if kept is None:
        raise UsageError(f"there is no open complaint {identifier!r}; 'complaint list' names them")
    return Complaint.from_json(kept)


def _request(deployment: Deployment, identifier: str) -> SubjectRequest:
    kept = deployment.kept(_REQUEST, identifier)
    if kept is None:
        raise UsageError(f"there is no request {identifier!r}; 'subject requests' names them")
    return SubjectRequest.from_json(kept)


def _target(one: Complaint | SubjectRequest) -> str:
    return one.reference or one.subject if isinstance(one, Complaint) else one.subject


def _happening(
    deployment: Deployment, desk: Desk, operation: str, what: tuple[Complaint | SubjectRequest, JSONObject]
) -> Happening:
    one, about = what
    name = "complaint" if isinstance(one, Complaint) else "request"
    subject = who(deployment, desk, one.entry)
    # An erasure that was stopped half-way has taken the name already; the next one takes the rest.
    return Happening(operation, {name: one.identifier}, {subject: about} if subject else {})


def who(deployment: Deployment, desk: Desk, entry: int) -> str | None:
    """Return who complained or asked, by the entry that recorded it, or None if they were erased."""
    said = statement(deployment, desk, entry)
    return None if said is _GONE else said["subject"]


def statement(deployment: Deployment, desk: Desk, entry: int) -> Mapping[str, str]:
    """Return who (`subject`) said what (`text`), from the log entry that recorded it."""
    for slot, opening in desk.journal.opened(entry, deployment.log.entry(entry)).items():
        if slot != DETAILS:
            return {name: str(opening.details.get(name) or "") for name in ("subject", "text")}
    return _GONE


def _complaint_view(deployment: Deployment, desk: Desk, one: Complaint) -> Matter:
    terms, said = suspension.terms(deployment), statement(deployment, desk, one.entry)
    deadline = one.deadline(terms)
    return Matter(
        identifier=one.identifier,
        kind="complaint",
        subject=said["subject"],
        text=said["text"],
        reference=one.reference or None,
        state=one.outcome.value if one.outcome else "acknowledged" if one.acknowledged else "received",
        received=to_rfc3339(one.received),
        deadline=None if deadline is None else to_rfc3339(deadline),
        overdue=one.overdue(deployment.now(), terms),
        entry=one.entry,
    )


def _request_view(deployment: Deployment, desk: Desk, one: SubjectRequest) -> Matter:
    said = statement(deployment, desk, one.entry)
    return Matter(
        identifier=one.identifier,
        kind=one.kind.value,
        subject=said["subject"],
        text=said["text"],
        reference=None,
        state="answered" if one.answered else "received",
        received=to_rfc3339(one.received),
        deadline=None if one.answered else to_rfc3339(one.deadline),
        overdue=one.answered is None and deployment.now() > one.deadline,
        entry=one.entry,
    )
