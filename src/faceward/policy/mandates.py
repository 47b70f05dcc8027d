"""What of a mandate allows a use (rules P2, P7); the rules and the custodian both go by this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from faceward.core.errors import PolicyRefusal
from faceward.policy.asking import Approval, Decision, SignedRequest
from faceward.policy.authority import KIND, MOST_SEARCHES, Limits, Mandate, check_mandate

__all__ = [
    "FACTS",
    "KIND",
    "MOST_SEARCHES",
    "Limits",
    "Mandate",
    "Standing",
    "Use",
    "assess",
    "check_mandate",
    "refuse_uncovered",
]

FACTS = (
    "mandate_present",
    "mandate_approved",
    "mandate_in_force",
    "mandate_not_revoked",
    "mandate_unspent",
    "mandate_names_purpose",
    "mandate_names_operation",
    "mandate_names_gallery",
    "mandate_names_camera",
    "mandate_names_operator",
)


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody is about to do under a mandate.

    Attributes:
        operation: What.
        purpose: For which purpose.
        gallery: Where.
        camera: The camera whose pictures are searched with, or None where they come from none that was named.
        operator: Who.
        time: When, UTC.
        cameras: Further cameras, of which a mandate has to name each.
    """

    operation: str
    purpose: str
    gallery: str
    camera: str | None
    operator: str
    time: datetime
    cameras: tuple[str, ...] = ()

    @property
    def seen_by(self) -> frozenset[str]:
        """Every camera whose pictures are searched with."""
        return frozenset(self.cameras) | (frozenset() if self.camera is None else {self.camera})


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a mandate.

    Attributes:
        approved: Other people approved it, by `requests.check_approved`.
        revoked: It was revoked.
        spent: How many times it was used.
    """

    approved: bool
    revoked: bool
    spent: int


def by_others(signed: SignedRequest, approvals: tuple[Approval, ...], operator: str) -> tuple[Approval, ...]:
    """Return what others than who uses a mandate decided on it; a refusal counts whoever gave it.

    An approver may be named among a mandate's operators. What he approved then covers the others, not himself (S2).
    What its requester approved stays, since that is refused as such.
    """
    return tuple(
        one
        for one in approvals
        if one.approver != operator or one.approver == signed.request.requester or one.decision is Decision.REFUSE
    )


def assess(
    mandate: Mandate | None, use: Use, standing: Standing, urgent_limit: timedelta, created: datetime | None
) -> Mapping[str, bool]:
    """Tell what of a mandate allows a use; the rules and the custodian both go by this.

    Args:
        mandate: The mandate, or None where none was presented.
        use: What is to be done.
        standing: What became of it.
        urgent_limit: How long the standard lets an urgent one be used before it is approved (rule P7).
        created: When it was requested, UTC.

    Returns:
        All of `FACTS`; a use is covered where all are true.
    """
    if mandate is None or created is None:
        return dict.fromkeys(FACTS, False)
    urgently = mandate.urgent and created <= use.time < created + urgent_limit
    return {
        "mandate_present": True,
        "mandate_approved": standing.approved or urgently,
        "mandate_in_force": mandate.starts <= use.time < mandate.until,
        "mandate_not_revoked": not standing.revoked,
        "mandate_unspent": standing.spent < mandate.searches,
        "mandate_names_purpose": use.purpose == mandate.purpose,
        "mandate_names_operation": use.operation in mandate.operations,
        "mandate_names_gallery": use.gallery in mandate.galleries,
        "mandate_names_camera": _names_cameras(mandate, use.seen_by),
        "mandate_names_operator": use.operator in mandate.operators,
    }


def _names_cameras(mandate: Mandate, used: frozenset[str]) -> bool:
    """Tell whether a mandate names every camera, and whether there is one where it names some."""
    return used <= frozenset(mandate.cameras) and bool(used) == bool(mandate.cameras)


_LACKS = {
    "mandate_present": ("P2", "no mandate was presented."),
    "mandate_approved": ("P2", "nobody else has approved the mandate, or its urgent time is over."),
    "mandate_in_force": ("P2", "the mandate has not begun or has ended."),
    "mandate_not_revoked": ("P2", "the mandate was revoked."),
    "mandate_unspent": ("P2", "the mandate has been used as often as it says."),
    "mandate_names_purpose": ("P2", "the mandate is for another purpose."),
    "mandate_names_operation": ("P2", "the mandate does not name this operation."),
    "mandate_names_gallery": ("P2", "the mandate does not name this gallery."),
    "mandate_names_camera": ("P2", "the mandate does not name this camera, or names cameras and none was given."),
    "mandate_names_operator": ("P2", "the mandate does not name this operator."),
}


def refuse_uncovered(facts: Mapping[str, bool], *, urgent: bool = False) -> None:
    """Refuse a use that `assess` does not find covered.

    Args:
        facts: What `assess` returned.
        urgent: Whether the mandate is an urgent one, for which a missing approval is rule P7.

    Raises:
        PolicyRefusal: A fact is missing or false (P2, P7).
    """
    for fact in FACTS:
        if facts.get(fact) is not True:
            rule, reason = _LACKS[fact]
            if urgent and fact == "mandate_approved":
                rule = "P7"
            raise PolicyRefusal(rule, reason, "Use one that covers this, or ask for one: 'faceward mandate request'.")
