"""Withdrawing a release: from that moment nothing that rests on it is compared, in any process (rule C2)."""

from __future__ import annotations

from faceward.audit.entries import Phase
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.core.rights_results import WithdrawalResult
from faceward.operations import consent, destruction, recipients, reviews, suspension
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening, Kept

WITHDRAW = "release.withdraw"


def withdraw(deployment: Deployment, desk: Desk, subject: str, purpose: str) -> WithdrawalResult:
    """Withdraw a subject's releases for a purpose and destroy the keys of every reference that rests on them.

    Other processes see destroyed keys at their next search. Nobody who holds a gallery's key is needed.

    Returns:
        A receipt for the subject among others.

    Raises:
        UsageError: Nothing is held about such a subject, or the purpose does not rest on a release.
    """
    subject = check_name(subject, "subject")
    known = deployment.purpose(purpose)
    happening = Happening(WITHDRAW, {"purpose": purpose}, {subject: {}})
    held = deployment.store.by_subject(deployment.pseudonym(subject))
    if not held and desk.journal.subject_key_id(subject) is None:
        desk.unknown(happening)
        raise UsageError(f"nothing is held about {subject!r}; check the name")
    if known is None:
        raise UsageError(f"no purpose {purpose!r} is registered; list them with 'purpose list'")
    if not consent.needs_release(deployment, purpose):
        raise UsageError(f"the purpose {purpose!r} rests on no release; record an objection, or erase the subject")
    desk.authorise(WITHDRAW, suspension.own(deployment, subject), happening)
    doomed = [reference.key_id for reference in held if reference.purpose == purpose]
    announced = Happening(WITHDRAW, {"purpose": purpose, **destruction.named(doomed)}, {subject: {}})
    [begun] = desk.journal.write(Phase.BEGIN, [announced])
    return finish(deployment, desk, begun.index, (subject, purpose))


def finish(deployment: Deployment, desk: Desk, entry: int, which: tuple[str, str]) -> WithdrawalResult:
    """Carry out a withdrawal that was recorded; also one that was interrupted, which repeats no harm."""
    subject, purpose = which
    # Noted first, so that an enrolment under way elsewhere is refused when it asks again.
    consent.end_purpose(deployment, subject, purpose, deployment.log.entry(entry).time)
    held = deployment.store.by_subject(deployment.pseudonym(subject))
    mine = [reference for reference in held if reference.purpose == purpose]
    act = desk.act(Kept(entry, {}))
    act.outcome["notices"] = recipients.give_notice(deployment, subject, {r.reference_id for r in mine})
    for name in sorted({reference.gallery for reference in mine}):
        ids = [reference.reference_id for reference in mine if reference.gallery == name]
        # Straight from the deployment: whoever keeps the galleries' keys has no say in a withdrawal.
        deployment.gallery(name).erase_references(ids)
    for reference in mine:
        reviews.forget(deployment, reference.reference_id)
    act.outcome["references"] = len(mine)
    act.subjects[subject] = {"outcome": "withdrawn", "purpose": purpose, "references": len(mine)}
    kept = desk.close(WITHDRAW, act)
    receipt = deployment.log.receipt(kept.index, kept.openings).encode()
    return WithdrawalResult(subject, purpose, len(mine), kept.index, receipt)
