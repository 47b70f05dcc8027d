"""A subject's account, for a page that shows it, and the receipts of its single entries."""

from __future__ import annotations

from faceward.audit.chain import GALLERY_SLOT
from faceward.audit.entries import Opening
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.core.subject_results import SearchSeen, SubjectAccount
from faceward.operations import complaints, consent, subjects, suspension
from faceward.operations.chains import searches_of
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening


def account(deployment: Deployment, desk: Desk, subject: str) -> SubjectAccount:
    """Return what is held about a subject, what happened, every search that compared them, and what they asked for.

    That it was looked at is an entry of the log, as with `subjects.show`.

    Raises:
        UsageError: Nothing is held about such a subject.
        PolicyRefusal: Who acts may not see it; the refusal is in the log.
    """
    view = subjects.show(deployment, desk, subject)
    searches = tuple(
        SearchSeen(index, to_rfc3339(deployment.log.entry(index).time), str(opening.details.get("gallery", "")))
        for index, opening in searches_of(deployment, desk.journal, view.subject)
    )
    out = suspension.suspended(deployment, deployment.now())
    pseudonym = deployment.pseudonym(view.subject)
    purposes = sorted({reference.purpose for reference in view.references})
    terms = suspension.terms(deployment)
    return SubjectAccount(
        view=view,
        searches=searches,
        matters=complaints.of_subject(deployment, desk, view.subject),
        suspended=tuple(one.reference for one in view.references if out.covers(pseudonym, one.reference)),
        released=tuple(name for name in purposes if consent.needs_release(deployment, name)),
        acknowledge=terms.acknowledge.days,
        decide=terms.decide.days,
        controller=deployment.config.controller,
        contact=deployment.config.contact,
        complaints_to=deployment.jurisdiction.complaints,
    )


def receipt(deployment: Deployment, desk: Desk, subject: str, entry: int) -> str:
    """Return the receipt of one entry that concerns a subject, with what it says of them and of nobody else.

    Raises:
        UsageError: No entry of this index concerns them.
        PolicyRefusal: Who acts may not have it; the refusal is in the log.
    """
    subject = check_name(subject, "subject")
    happening = Happening("subject.receipt", {}, {subject: {"of": entry}})
    if desk.journal.subject_key_id(subject) is None:
        desk.unknown(Happening("subject.receipt", {}, {subject: {}}))
        raise UsageError(f"nothing is held about {subject!r}; check the name")
    with desk.operation("export", suspension.own(deployment, subject), happening):
        openings = _openings(deployment, desk, subject, entry)
    return deployment.log.receipt(entry, openings).encode()


def _openings(deployment: Deployment, desk: Desk, subject: str, entry: int) -> dict[str, Opening]:
    owner = desk.journal.keys.found(subject)
    if owner is not None and entry in deployment.log.entries_of(owner.key_id):
        slot, opening = desk.journal.opening_of(entry, deployment.log.entry(entry), owner)
        return {slot: opening}
    for index, opening in searches_of(deployment, desk.journal, subject):
        if index == entry:
            return {GALLERY_SLOT: opening}
    raise UsageError(f"no entry {entry} concerns this subject; their history lists those that do")
