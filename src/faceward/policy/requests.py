"""Requests, and approvals by other people (rule S2): what is signed is the request's canonical form."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.policy.people import Person, Role, Roster
from faceward.policy.sshsig import PrivateKey, verify
from faceward.policy.strict import Table

REQUEST_NAMESPACE = "faceward-request"
APPROVAL_NAMESPACE = "faceward-approval"
KINDS = ("mandate", "person.add", "person.remove", "standard", "pack", "restart", "entry", "export")
LONGEST = timedelta(days=366)
"""Longest time between a request and its end, whatever a standard says."""
SKEW = timedelta(minutes=2)
"""How far clocks of people who sign may be ahead."""

_VERSION = 1
_NONCE = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REQUEST_KEYS = ("version", "kind", "body", "requester", "deployment", "created", "expires", "nonce")
_APPROVAL_KEYS = ("version", "request", "approver", "decision", "time", "signature")
_ASK_ANOTHER = "Ask another person with the role approver."


class Decision(StrEnum):
    """What an approver decides."""

    APPROVE = "approve"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for.

    Attributes:
        kind: One of `KINDS`.
        body: What exactly, as plain data.
        requester: Who asks, a name in the roster; while that is founded, whoever claims to act.
        deployment: Origin of the deployment's log; a request counts nowhere else.
        created: When it was made, UTC.
        expires: When it and its approvals end, exclusive, UTC.
        nonce: 32 hexadecimal digits; two requests for the same are two.
    """

    kind: str
    body: JSONObject
    requester: str
    deployment: str
    created: datetime
    expires: datetime
    nonce: str

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "version": _VERSION,
            "kind": self.kind,
            "body": self.body,
            "requester": self.requester,
            "deployment": self.deployment,
            "created": to_rfc3339(self.created),
            "expires": to_rfc3339(self.expires),
            "nonce": self.nonce,
        }

    @classmethod
    def from_json(cls, value: object) -> Request:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "request", IntegrityError)
        _head(table, _REQUEST_KEYS)
        body = table.value("body")
        if not isinstance(body, dict):
            raise table.error("'body' must be an object")
        if table.text("kind") not in KINDS or _NONCE.fullmatch(table.text("nonce")) is None:
            raise table.error("its kind or its nonce is not one; get an unaltered copy")
        request = cls(
            table.text("kind"),
            body,
            _name(table, "requester"),
            table.text("deployment"),
            moment(table, "created"),
            moment(table, "expires"),
            table.text("nonce"),
        )
        try:
            request.message()
        except (ValueError, TypeError, RecursionError):
            raise table.error("it cannot be written as canonical JSON; get an unaltered copy") from None
        return request

    def message(self) -> bytes:
        """Return what its requester signs: its canonical JSON."""
        return canonical_json(self.to_json())

    def digest(self) -> str:
        """Return the SHA-256 of its canonical JSON, 64 hexadecimal digits."""
        return sha256_hex(self.message())


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request with its requester's signature.

    Attributes:
        request: The request.
        signature: Armoured SSHSIG; empty where the roster is being founded and the requester has no key in it yet.
    """

    request: Request
    signature: str

    def digest(self) -> str:
        """Return the request's digest; the signature does not change it."""
        return self.request.digest()

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {"request": self.request.to_json(), "signature": self.signature}

    @classmethod
    def from_json(cls, value: object) -> SignedRequest:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "signed request", IntegrityError)
        table.only(("request", "signature"))
        return cls(Request.from_json(table.value("request")), table.text("signature"))


@dataclass(frozen=True, slots=True)
class Approval:
    """An approver's decision on a request.

    Attributes:
        request: The request's digest.
        approver: Who decided.
        decision: `approve` or `refuse`.
        time: When, UTC.
        signature: Armoured SSHSIG over `approval_message`.
    """

    request: str
    approver: str
    decision: Decision
    time: datetime
    signature: str

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "version": _VERSION,
            "request": self.request,
            "approver": self.approver,
            "decision": self.decision.value,
            "time": to_rfc3339(self.time),
            "signature": self.signature,
        }

    @classmethod
    def from_json(cls, value: object) -> Approval:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "approval", IntegrityError)
        _head(table, _APPROVAL_KEYS)
        decision = table.text("decision")
        if decision not in set(Decision) or _DIGEST.fullmatch(table.text("request")) is None:
            raise table.error("its decision or its request is not one; get an unaltered copy")
        return cls(
            table.text("request"),
            _name(table, "approver"),
            Decision(decision),
            moment(table, "time"),
            table.text("signature"),
        )


def new_request(
    kind: str, body: JSONObject, requester: str, deployment: str, term: tuple[datetime, datetime]
) -> Request:
    """Make a request.

    Args:
        kind: One of `KINDS`.
        body: What is asked for.
        requester: Who asks.
        deployment: Origin of the deployment's log.
        term: When it is made and when it ends, UTC.

    Raises:
        UsageError: The kind is unknown, or the term is none or longer than a year.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no request of the kind {kind!r}; kinds are {', '.join(KINDS)}")
    if not timedelta(0) < term[1] - term[0] <= LONGEST:
        raise UsageError("a request ends after it is made and within a year; choose another end")
    return Request(kind, body, check_name(requester, "person"), deployment, *term, secrets.token_hex(16))


def sign_request(request: Request, key: PrivateKey) -> SignedRequest:
    """Sign a request with its requester's key."""
    return SignedRequest(request, key.sign(REQUEST_NAMESPACE, request.message()))


def approval_message(request: Request, approver: str, decision: Decision, time: datetime) -> bytes:
    """Return what an approver signs, in canonical JSON."""
    return _approval_message(request.digest(), request.deployment, approver, (decision, time))


def _approval_message(digest: str, deployment: str, approver: str, decided: tuple[Decision, datetime]) -> bytes:
    return canonical_json(
        {
            "version": _VERSION,
            "request": digest,
            "deployment": deployment,
            "approver": approver,
            "decision": decided[0].value,
            "time": to_rfc3339(decided[1]),
        }
    )


def sign_approval(request: Request, approver: str, decision: Decision, time: datetime, key: PrivateKey) -> Approval:
    """Sign a decision on a request with the approver's key."""
    signature = key.sign(APPROVAL_NAMESPACE, approval_message(request, approver, decision, time))
    return Approval(request.digest(), approver, decision, time, signature)


def check_request(signed: SignedRequest, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check that a person of the roster asks for it, here and now.

    Returns:
        The requester.

    Raises:
        PolicyRefusal: It is unsigned, signed by somebody else, made for another deployment, or its term has ended (S2).
    """
    _check_term(signed.request, deployment, now)
    requester = _person(roster, signed.request.requester)
    verify(requester.key, REQUEST_NAMESPACE, signed.request.message(), signed.signature)
    return requester


def check_founding(signed: SignedRequest, roster: Roster, deployment: str, now: datetime) -> None:
    """Check a change that founds the roster: unapproved, and unsigned where its requester is not in the roster yet.

    Raises:
        PolicyRefusal: The roster is complete; or the request is signed wrongly, made for another deployment, or its
            term has ended (S2).
    """
    if roster.complete:
        raise PolicyRefusal("S2", "the roster is complete, so a change needs another person's approval.", _ASK_ANOTHER)
    if signed.signature or signed.request.requester in roster:
        check_request(signed, roster, deployment, now)
    else:
        _check_term(signed.request, deployment, now)


def check_approval(signed: SignedRequest, approval: Approval, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check one decision on a request, whichever it is.

    Returns:
        The approver.

    Raises:
        PolicyRefusal: It is about another request or deployment; the approver is the requester, holds the requester's
            key, has not the role, is not trained where that is asked, or did not sign this (S2).
    """
    request = signed.request
    if approval.request != request.digest():
        raise PolicyRefusal("S2", "this approval is of another request.", "Approve the request itself.")
    approver = _person(roster, approval.approver)
    if approver.name == request.requester or _holds_key(roster, request.requester, approver):
        raise PolicyRefusal("S2", f"{approver.name!r} asked for it and cannot decide on it.", _ASK_ANOTHER)
    if Role.APPROVER not in approver.roles:
        raise PolicyRefusal("S2", f"{approver.name!r} has not the role approver.", _ASK_ANOTHER)
    if approval.time < request.created - SKEW or approval.time > now + SKEW or approval.time >= request.expires:
        raise PolicyRefusal("S2", "it was decided outside the request's term.", "Decide within it, by a right clock.")
    message = _approval_message(approval.request, deployment, approver.name, (approval.decision, approval.time))
    verify(approver.key, APPROVAL_NAMESPACE, message, approval.signature)
    # A refusal counts whoever is trained; only what lets something happen is asked for more.
    if roster.training_asked and approval.decision is Decision.APPROVE and not approver.is_trained(now):
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
    return name in roster and roster.person(name).key.same_key(person.key)


def _person(roster: Roster, name: str) -> Person:
    try:
        return roster.person(name)
    except UsageError:
        raise PolicyRefusal("S2", f"{name!r} is not in the roster.", "Let somebody sign who is.") from None


def moment(table: Table, key: str) -> datetime:
    """Return a moment in the only spelling that `to_rfc3339` writes."""
    text = table.text(key)
    try:
        found = from_rfc3339(text)
        if to_rfc3339(found) == text:
            return found
    except (ValueError, OverflowError):
        pass
    raise table.error(f"{key!r} is not a moment such as 2026-01-02T03:04:05.000006Z")


def _name(table: Table, key: str) -> str:
    text = table.text(key)
    try:
        if check_name(text, "person") == text:
            return text
    except (UsageError, UnicodeError):
        pass
    raise table.error(f"{key!r} is not a person's name as it is kept")


def _head(table: Table, keys: tuple[str, ...]) -> None:
    table.only(keys)
    if table.value("version") is not True and table.value("version") != _VERSION:
        raise table.error("it is of a newer version than this program reads; upgrade")
