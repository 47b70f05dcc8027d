"""Requests and approvals as objects: what is signed is their canonical form."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.policy.fields import MAX_ORIGIN, VERSION, check_head, line, moment, person_name
from faceward.policy.sshsig import MessageSigner
from faceward.policy.strict import Table

REQUEST_NAMESPACE = "faceward-request"
APPROVAL_NAMESPACE = "faceward-approval"
KINDS = (
    "mandate",
    "person.add",
    "person.remove",
    "standard",
    "pack",
    "restart",
    "entry",
    "export",
    "witness.trust",
    "rates",
    "evidence",
)
LONGEST = timedelta(days=366)
"""Longest time between a request and its end, whatever a standard says."""

MAX_BYTES = 65536
"""Largest request, in canonical JSON."""

_NONCE = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REQUEST_KEYS = ("version", "kind", "body", "requester", "deployment", "created", "expires", "nonce")
_APPROVAL_KEYS = ("version", "request", "approver", "decision", "time", "signature")


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
            "version": VERSION,
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
        check_head(table, _REQUEST_KEYS)
        body = table.value("body")
        if not isinstance(body, dict):
            raise table.error("'body' must be an object")
        if table.text("kind") not in KINDS or _NONCE.fullmatch(table.text("nonce")) is None:
            raise table.error("its kind or its nonce is not one; get an unaltered copy")
        request = cls(
            table.text("kind"),
            body,
            person_name(table, "requester"),
            line(table, "deployment", MAX_ORIGIN),
            moment(table, "created"),
            moment(table, "expires"),
            table.text("nonce"),
        )
        try:
            if len(request.message()) > MAX_BYTES:
                raise table.error(f"it is larger than {MAX_BYTES} bytes")
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
            "version": VERSION,
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
        check_head(table, _APPROVAL_KEYS)
        decision = table.text("decision")
        if decision not in set(Decision) or _DIGEST.fullmatch(table.text("request")) is None:
            raise table.error("its decision or its request is not one; get an unaltered copy")
        return cls(
            table.text("request"),
            person_name(table, "approver"),
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


def sign_request(request: Request, key: MessageSigner) -> SignedRequest:
    """Sign a request with its requester's key."""
    return SignedRequest(request, key.sign(REQUEST_NAMESPACE, request.message()))


def approval_message(request: Request, approver: str, decision: Decision, time: datetime) -> bytes:
    """Return what an approver signs, in canonical JSON."""
    return decision_message(request.digest(), request.deployment, approver, (decision, time))


def decision_message(digest: str, deployment: str, approver: str, decided: tuple[Decision, datetime]) -> bytes:
    """Return what an approver signs, by the request's digest."""
    return canonical_json(
        {
            "version": VERSION,
            "request": digest,
            "deployment": deployment,
            "approver": approver,
            "decision": decided[0].value,
            "time": to_rfc3339(decided[1]),
        }
    )


def sign_approval(request: Request, approver: str, decision: Decision, time: datetime, key: MessageSigner) -> Approval:
    """Sign a decision on a request with the approver's key."""
    signature = key.sign(APPROVAL_NAMESPACE, approval_message(request, approver, decision, time))
    return Approval(request.digest(), approver, decision, time, signature)
