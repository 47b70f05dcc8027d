"""Whether a mandate covers what an entry announces (rules P2, P7, S4); the custodian looks for itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from faceward.core.errors import PolicyRefusal
from faceward.custody import uses
from faceward.custody.changes import REVOKED
from faceward.custody.duties import EXPORT, WATCH
from faceward.policy.mandates import Standing, Use, assess, by_others, refuse_uncovered

if TYPE_CHECKING:
    from faceward.custody.messages import Presentation
    from faceward.custody.presentation import Shown
    from faceward.custody.standing import Trust
    from faceward.custody.state import Turn
    from faceward.policy.authority import Mandate

_ASK = "Ask for one: 'faceward mandate request'."
_REPEAT = "Repeat the operation, which writes a new entry."


def covering(turn: Turn, presentation: Presentation, shown: Shown, trust: Trust, now: datetime) -> str:
    """Return the digest of the mandate that covers a use, or nothing where the standard asks for none.

    Raises:
        PolicyRefusal: There is none and one is needed, or it is not the entry's, or does not cover this (P2, P7, S4),
            or its signatures do not count (S2).
        IntegrityError: What is shown is no mandate.
    """
    operation, named = shown.entry.operation, shown.text("mandate")
    signed = presentation.authority.mandate
    if signed is None:
        if operation in trust.terms.required or operation == EXPORT or named:
            raise PolicyRefusal("P2", f"{operation!r} needs a mandate and none was shown.", _ASK)
        return ""
    digest = signed.request.digest()
    if named != digest:
        raise PolicyRefusal("P2", "the log entry names another mandate than is shown, or none.", _REPEAT)
    mandate = trust.mandate(signed, digest)
    standing = Standing(
        approved=True,
        revoked=turn.get(REVOKED, digest) is not None,
        spent=uses.spent(turn, digest, presentation.proof.index),
    )
    use = Use(
        operation,
        shown.text("purpose"),
        presentation.gallery,
        shown.text("camera") or None,
        shown.text("operator"),
        now,
        _cameras(operation, shown),
    )
    created, urgent = signed.request.created, trust.terms.urgent
    # What the mandate says comes first: an ended one is ended, whoever approved it.
    refuse_uncovered(assess(mandate, use, standing, urgent, created))
    others = by_others(signed, presentation.authority.approvals, use.operator)
    if not trust.approved(signed, digest, others, now):
        standing = replace(standing, approved=False)
        refuse_uncovered(assess(mandate, use, standing, urgent, created), urgent=mandate.urgent)
        uses.note_urgent(turn, digest, signed.request.requester, created + urgent, now)
    else:
        uses.decided(turn, digest)
    _check_recipient(operation, mandate, shown)
    return digest


def _cameras(operation: str, shown: Shown) -> tuple[str, ...]:
    """Return the cameras that an entry lists; whoever watches names them."""
    listed = shown.details.get("cameras")
    if listed is None and operation != WATCH:
        return ()
    names = tuple(one for one in listed if isinstance(one, str) and one) if isinstance(listed, list) else ()
    if not names or not isinstance(listed, list) or len(names) != len(listed):
        raise PolicyRefusal("P2", "the log entry does not name the cameras that are watched.", _REPEAT)
    return names


def _check_recipient(operation: str, mandate: Mandate, shown: Shown) -> None:
    if operation == EXPORT and (not mandate.recipient or shown.text("recipient") != mandate.recipient):
        raise PolicyRefusal("S4", "the mandate names no recipient, or another one.", _ASK)
