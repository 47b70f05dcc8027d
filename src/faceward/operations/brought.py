"""A decision on a request that was signed elsewhere, for example with a security key and `ssh-keygen -Y sign`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from faceward.core.errors import BadInput
from faceward.policy.fields import moment, person_name
from faceward.policy.requests import Decision, SignedRequest, approval_message
from faceward.policy.strict import Table, parse_json

_MAX_MESSAGE = 8192


@dataclass(frozen=True, slots=True)
class Brought:
    """The decision as it was brought.

    Attributes:
        message: What was signed.
        signature: Armoured SSHSIG.
    """

    message: bytes
    signature: str


def said(brought: Brought, signed: SignedRequest, decision: Decision) -> tuple[str, datetime]:
    """Return who decided and when, as the message says that was signed.

    Raises:
        BadInput: It is no message of this decision on this request.
    """
    where = "the message"
    table = Table(parse_json(brought.message[:_MAX_MESSAGE], where, BadInput), where, BadInput)
    approver, time = person_name(table, "approver"), moment(table, "time")
    if approval_message(signed.request, approver, decision, time) != brought.message:
        raise BadInput(
            f"the message does not {decision.value} this request; make it with 'faceward request show --message-for'"
        )
    return approver, time
