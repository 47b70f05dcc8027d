"""Entering people on watchlists, galleries of people who were not asked: never by one person alone (rules E1 and E3).

What is said of a person stands in the log alone, under the person's own key. The request that another person signs
names the commitment to it, so that the signature holds and an erasure still takes everything.
"""

from __future__ import annotations

import contextlib

from faceward.core.canonical import JSONObject
from faceward.core.errors import FacewardError, IntegrityError, SignatureNeeded, UsageError
from faceward.core.request_results import Asked
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.request_store import RequestStore
from faceward.operations.requests import Requests
from faceward.operations.reviews import is_watchlist
from faceward.operations.signing import prepared_requests
from faceward.policy import facts
from faceward.policy.facts import Entry
from faceward.policy.requests import Decision, SignedRequest
from faceward.policy.strict import Table
from faceward.policy.watchlist import Particulars

ENTRY = "entry"
"""The kind of request by which somebody is entered on a watchlist."""

_SLOT = "subject/0"


def request_entry(deployment: Deployment, desk: Desk, particulars: Particulars) -> Asked:
    """Ask for somebody to be entered on a watchlist; another person approves it with `faceward request approve`.

    Raises:
        PolicyRefusal: The standard keeps no watchlists (P1), the evidence is not named (E1), the person is stated to be
            a minor or vulnerable (E3), or nobody signed in who may ask (S2). The refusal is recorded.
        SignatureNeeded: Their key is elsewhere, and has not signed this yet. What is said of the person is in the log
            then, as it must be before a commitment to it is signed, and nothing was asked for.
    """
    stated = particulars.checked()
    purpose = deployment.purpose(stated.purpose)
    entry = _facts(deployment, stated, approved=False)
    details: JSONObject = {"purpose": stated.purpose, "gallery": stated.gallery}
    happening = Happening("watchlist.entry", details, {stated.subject: stated.to_json()})
    context = facts.entry_context(entry, purpose, deployment.standard)
    about: JSONObject = {**details, "subject": deployment.pseudonym(stated.subject).hex()}
    requests = Requests(deployment, desk)
    ready = _signed_elsewhere(deployment, desk, stated, about)
    if ready is not None:
        desk.authorise("watchlist.entry", context, happening)
        return requests.ask(ENTRY, ready)
    needed = None
    with desk.operation("watchlist.entry", context, happening) as act:
        commitment = deployment.log.entry(act.entry).digest(_SLOT).hex()
        try:
            asked = requests.ask(ENTRY, {**about, "entry": act.entry, "particulars": commitment})
            act.outcome["request"] = asked.digest
        except SignatureNeeded as missing:
            act.outcome["request"], needed = None, missing
    if needed is not None:
        raise needed
    return asked


def _signed_elsewhere(deployment: Deployment, desk: Desk, stated: Particulars, about: JSONObject) -> JSONObject | None:
    """Return what a request says that whoever signed in has signed elsewhere, and that commits to these particulars."""
    for request in prepared_requests(deployment.session, ENTRY, deployment.now()):
        body = request.body
        if body != {**about, "entry": body.get("entry"), "particulars": body.get("particulars")}:
            continue
        with contextlib.suppress(FacewardError):
            if _particulars(deployment, desk, SignedRequest(request, "")) == stated:
                return body
    return None


def particulars_of(deployment: Deployment, desk: Desk, start: str) -> Particulars | None:
    """Return what a request for an entry is about, for whoever is to approve it; None where the subject was erased.

    Raises:
        UsageError: There is no such request, or it is of another kind.
        IntegrityError: The log does not hold what the request commits to.
    """
    desk.authorise("complaint.decide", {}, Happening("watchlist.show", {"request": start}))
    store = RequestStore(deployment)
    return _particulars(deployment, desk, store.signed(store.digest(start)))


def entry_facts(
    deployment: Deployment, desk: Desk, start: str | None, about: tuple[str, str, str, str | None]
) -> Entry:
    """Return what the rules ask of an enrolment about its entry (rules E1 and E3).

    Args:
        deployment: The deployment.
        desk: Where it is recorded.
        start: The request's digest, or its first digits; None where none was named.
        about: Subject, purpose, gallery, and the SHA-256 of the picture file.

    Raises:
        UsageError: There is no such request, or the standard keeps no watchlists.
    """
    if not is_watchlist(deployment):
        if start is not None:
            raise UsageError("this standard keeps no watchlists, so no entry is needed; leave out --entry")
        return Entry()
    if start is None:
        return Entry(watchlist=True)
    requests = Requests(deployment, desk)
    signed = requests.store.signed(requests.store.digest(start))
    stated = _particulars(deployment, desk, signed)
    subject, purpose, gallery, sample = about
    if stated is None or (stated.subject, stated.purpose, stated.gallery) != (subject, purpose, gallery):
        return Entry(watchlist=True)
    # Whoever enrols has no say in favour of it, whoever else once approved and does not count any more.
    answers = requests.store.approvals(signed.digest())
    others = tuple(a for a in answers if a.decision is Decision.REFUSE or a.approver != deployment.operator)
    approved = requests.agreed(signed, others, requests.roster()) and sample in stated.samples
    return _facts(deployment, stated, approved=approved)


def _facts(deployment: Deployment, stated: Particulars, *, approved: bool) -> Entry:
    return Entry(
        watchlist=True,
        approved=approved,
        evidence=bool(stated.evidence and stated.source),
        stated_minor=stated.minor(deployment.standard.parameters.watchlist.minimum_age, deployment.now()),
        stated_vulnerable=stated.vulnerable,
        safeguarding=stated.safeguarding,
    )


def _particulars(deployment: Deployment, desk: Desk, signed: SignedRequest) -> Particulars | None:
    if signed.request.kind != ENTRY:
        raise UsageError(f"it is a request of the kind {signed.request.kind!r}, not for an entry on a watchlist")
    body = Table(signed.request.body, "the request", IntegrityError)
    index = int(body.number("entry"))
    entry = deployment.log.entry(index)
    if entry.operation != "watchlist.entry" or entry.digest(_SLOT).hex() != body.text("particulars"):
        raise IntegrityError(f"log entry {index} is not what the request commits to; refuse the request")
    opening = desk.journal.opened(index, entry).get(_SLOT)
    return (
        None if opening is None else Particulars.from_json(opening.details, body.text("purpose"), body.text("gallery"))
    )
