"""Requests, and approvals by other people (rule S2): who may ask, and who may decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from faceward.core.clock import to_rfc3339
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.asking import (
    APPROVAL_NAMESPACE,
    KINDS,
    LONGEST,
    REQUEST_NAMESPACE,
    Approval,
    Decision,
    Request,
    SignedRequest,
    approval_message,
    decision_message,
    new_request,
    sign_approval,
    sign_request,
)
from faceward.policy.machines import check_asking, check_deciding
from faceward.policy.people import Person, Role, Roster

TRAINED_FOR = frozenset({"mandate", "entry", "export", "rates", "evidence"})
"""Kinds of requests whose approver must be trained, where the standard asks for training: those about subjects."""

__all__ = [
    "APPROVAL_NAMESPACE",
    "KINDS",
    "LONGEST",
    "REQUEST_NAMESPACE",
    "SKEW",
    "Approval",
    "Decision",
    "Request",
    "SignedRequest",
    "approval_message",
    "check_approval",
    "check_approved",
    "check_founding",
    "check_request",
    "new_request",
    "sign_approval",
    "sign_request",
]

SKEW = timedelta(minutes=2)
"""How far clocks of people who sign may be ahead."""

_ASK_ANOTHER = "Ask another person with the role approver."


def check_request(signed: SignedRequest, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check that a person of the roster asks for it, here and now.

    Returns:
        The requester.

    Raises:
        PolicyRefusal: It is unsigned, signed by somebody else, made for another deployment, or its term has ended; or a
            program asks for what people alone may (S2).
    """
    _check_term(signed.request, deployment, now)
    requester = _person(roster, signed.request.requester)
    check_asking(requester, signed.request.kind)
    requester.check_signature(REQUEST_NAMESPACE, signed.request.message(), signed.signature)
    return requester


def check_founding(signed: SignedRequest, roster: Roster, deployment: str, now: datetime) -> None:
    """Check a change that founds the roster: unapproved, and unsigned as long as no person at all is in the roster.

    Of two who would be the first, one is; the other must be asked for by the first.

    Raises:
        PolicyRefusal: The roster is complete; or somebody is in it, and nobody of them signed the request; or it is
            signed wrongly, made for another deployment, or its term has ended (S2).
    """
    if roster.complete:
        raise PolicyRefusal("S2", "the roster is complete, so a change needs another person's approval.", _ASK_ANOTHER)
    if signed.signature or roster.anybody:
        check_request(signed, roster, deployment, now)
    else:
        _check_term(signed.request, deployment, now)


def check_approval(signed: SignedRequest, approval: Approval, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check one decision on a request, whichever it is.

    Returns:
        The approver.

    Raises:
        PolicyRefusal: It is about another request or deployment; the approver is the requester, holds the requester's
            key, answers for the program that asked, has not the role, is not trained where that is asked, or did not
            sign this (S2).
    """
    request = signed.request
    if approval.request != request.digest():
        raise PolicyRefusal("S2", "this approval is of another request.", "Approve the request itself.")
    approver = _person(roster, approval.approver)
    if approver.name == request.requester or _holds_key(roster, request.requester, approver):
        raise PolicyRefusal("S2", f"{approver.name!r} asked for it and cannot decide on it.", _ASK_ANOTHER)
    check_deciding(approver, roster.people.get(request.requester))
    if Role.APPROVER not in approver.roles:
        raise PolicyRefusal("S2", f"{approver.name!r} has not the role approver.", _ASK_ANOTHER)
    if approval.time < request.created - SKEW or approval.time > now + SKEW or approval.time >= request.expires:
        raise PolicyRefusal("S2", "it was decided outside the request's term.", "Decide within it, by a right clock.")
    message = decision_message(approval.request, deployment, approver.name, (approval.decision, approval.time))
    approver.check_signature(APPROVAL_NAMESPACE, message, approval.signature)
    # A refusal counts whoever is trained, and so does what is decided about people and rules: otherwise nobody could
    # enter a training any more once those of all approvers have ended.
    asked = roster.training_asked and signed.request.kind in TRAINED_FOR
    if asked and approval.decision is Decision.APPROVE and not approver.is_trained(now):
        raise PolicyRefusal(
            "S2", f"the training of {approver.name!r} is missing or has ended.", "Ask an approver who is trained."
        )
    return approver


def check_approved(
    signed: SignedRequest,
    approvals: Iterable[Approval],
    roster: Roster,
    deployment: str,
    now: datetime,
    needed: int = 1,
) -> None:
    """Check that enough other people approve of a request, and nobody who may decide refuses it.

    Args:
        signed: The request.
        approvals: Decisions, in any order; those that do not count are passed over if enough others do.
        roster: People; `Roster.asking_training` where the standard asks for training.
        deployment: Origin of this deployment's log.
        now: The current time, UTC.
        needed: How many approvers.

    Raises:
        PolicyRefusal: See `check_request` and `check_approval`; or there are too few, or somebody refused (S2).
    """
    check_request(signed, roster, deployment, now)
    agreed: set[str] = set()
    first: PolicyRefusal | None = None
    for approval in approvals:
        try:
            approver = check_approval(signed, approval, roster, deployment, now)
        except PolicyRefusal as refusal:
            first = first or refusal
            continue
        if approval.decision is Decision.REFUSE:
            raise PolicyRefusal("S2", f"{approver.name!r} refused it.", "Ask anew, for something else.")
        agreed.add(approver.name)
    if len(agreed) < needed:
        raise first or PolicyRefusal(
            "S2",
            f"{len(agreed)} of {needed} approvals are there." if agreed else "nobody has approved it yet.",
            _ASK_ANOTHER,
        )


def _check_term(request: Request, deployment: str, now: datetime) -> None:
    if request.deployment != deployment:
        raise PolicyRefusal("S2", "it was made for another deployment.", "Ask for it in this one.")
    if request.created > now + SKEW or not timedelta(0) < request.expires - request.created <= LONGEST:
        raise PolicyRefusal("S2", "its term is none.", "Ask for it again, by a clock that is right.")
    if now >= request.expires:
        raise PolicyRefusal("S2", f"its term ended at {to_rfc3339(request.expires)}.", "Ask for it again.")


def _holds_key(roster: Roster, name: str, person: Person) -> bool:
    return name in roster and roster.person(name).shares_key(person)


def _person(roster: Roster, name: str) -> Person:
    try:
        return roster.person(name)
    except UsageError:
        raise PolicyRefusal("S2", f"{name!r} is not in the roster.", "Let somebody sign who is.") from None
