"""What a request looks like: who signed what, what became of it, and how an outsider checks it."""

from __future__ import annotations

import json
import re

from faceward.core.canonical import sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import PolicyRefusal
from faceward.core.request_results import DecisionView, RequestView
from faceward.custody.protocol import CustodyStatus
from faceward.operations.deployment import Deployment
from faceward.operations.request_store import CARRIED, REVOCATION, RequestStore
from faceward.policy.mandates import KIND as MANDATE
from faceward.policy.people import Roster
from faceward.policy.requests import (
    APPROVAL_NAMESPACE,
    REQUEST_NAMESPACE,
    Approval,
    Decision,
    SignedRequest,
    approval_message,
    check_approval,
    check_approved,
)

WAITING, APPROVED, REFUSED, REVOKED, DONE, ENDED = (
    "waiting",
    "approved",
    "refused",
    "revoked",
    "carried out",
    "ended",
)
# What may stand as a principal in an allowed_signers file (ssh-keygen(1)) without being a pattern or a list.
_PLAIN = re.compile(r"[A-Za-z0-9._@-]+")


Known = tuple[CustodyStatus, Roster]
"""What the custodian says of itself, and the people as the standard reads them."""


def view(deployment: Deployment, store: RequestStore, signed: SignedRequest, known: Known) -> RequestView:
    """Return how a request stands now."""
    status, roster = known
    request, digest = signed.request, signed.digest()
    decisions = tuple(_decision(deployment, signed, approval, roster) for approval in store.approvals(digest))
    spent = None
    if request.kind == MANDATE:
        spent = status.spent.get(digest, 0)
    return RequestView(
        digest=digest,
        kind=request.kind,
        requester=request.requester,
        created=to_rfc3339(request.created),
        expires=to_rfc3339(request.expires),
        state=state(deployment, store, signed, known),
        body=json.loads(request.message())["body"],
        message=request.message().decode(),
        signature=signed.signature,
        decisions=decisions,
        spent=spent,
        signers=_signers(roster, {request.requester, *(decision.approver for decision in decisions)}),
    )


def state(deployment: Deployment, store: RequestStore, signed: SignedRequest, known: Known) -> str:
    """Return what became of a request: one of the words above."""
    status, roster = known
    digest, approvals, now = signed.digest(), store.approvals(signed.digest()), deployment.now()
    if store.noted(CARRIED, digest):
        return DONE
    if any(approval.decision is Decision.REFUSE for approval in approvals):
        return REFUSED
    # The custodian's word counts more than what is kept here.
    if store.noted(REVOCATION, digest) or digest in status.revoked:
        return REVOKED
    if now >= signed.request.expires:
        return ENDED
    try:
        check_approved(signed, approvals, roster, deployment.log.origin, now)
    except PolicyRefusal:
        return WAITING
    return APPROVED


def _decision(deployment: Deployment, signed: SignedRequest, approval: Approval, roster: Roster) -> DecisionView:
    why = ""
    try:
        check_approval(signed, approval, roster, deployment.log.origin, deployment.now())
    except PolicyRefusal as refusal:
        why = refusal.reason
    return DecisionView(
        approver=approval.approver,
        decision=approval.decision.value,
        time=to_rfc3339(approval.time),
        counts=not why,
        why=why,
        message=approval_message(signed.request, approval.approver, approval.decision, approval.time).decode(),
        signature=approval.signature,
    )


def principal(name: str) -> str:
    """Return the name by which `ssh-keygen -Y verify -I` knows a person.

    A name that could be read as a pattern or a list, or has white space, stands as its digest.
    """
    return name if _PLAIN.fullmatch(name) else f"person-{sha256_hex(name.encode())[:16]}"


def _signers(roster: Roster, names: set[str]) -> tuple[str, ...]:
    known = [roster.person(name) for name in sorted(names) if name in roster]
    spaces = f'namespaces="{REQUEST_NAMESPACE},{APPROVAL_NAMESPACE}"'
    return tuple(f"{principal(person.name)} {spaces} {key.line}" for person in known for key in person.keys)
