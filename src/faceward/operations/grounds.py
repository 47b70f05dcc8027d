"""On which grounds somebody is enrolled: releases, an approved entry on a watchlist, an exemption from the notice."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.errors import PolicyRefusal
from faceward.operations import complaints, consent, watchlist
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy.consent import Release
from faceward.policy.facts import Entry
from faceward.policy.notices import check_exemption


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is handed in with pictures.

    Attributes:
        releases: Releases of subjects, where the basis is consent (rule C1).
        entry: Digest of the approved request for an entry on a watchlist, or its first digits (rule E1).
        exemption: Why no notice is given: a key of `policy.notices.EXEMPTIONS`, or None (rule E5).
    """

    releases: tuple[Release, ...] = ()
    entry: str | None = None
    exemption: str | None = None


def entry(deployment: Deployment, desk: Desk, grounds: Grounds, about: tuple[str, str, str, str | None]) -> Entry:
    """Return what the rules ask about an entry; `about` is subject, purpose, gallery and the file's SHA-256."""
    return watchlist.entry_facts(deployment, desk, grounds.entry, about)


def objected(deployment: Deployment, grounds: Grounds, subject: str) -> bool:
    """Tell whether the subject asked not to be found and handed in no release since (rule C2)."""
    releases = consent.in_effect(deployment, subject, grounds.releases)
    return complaints.objected(deployment, subject, releases)


def ended(deployment: Deployment, grounds: Grounds, subject: str, purpose: str) -> bool:
    """Tell whether releases were handed in for a subject and a purpose that needs one, and all have been ended."""
    mine = [one for one in grounds.releases if one.names_subject(subject) and one.names_purpose(purpose)]
    if not mine or not consent.needs_release(deployment, purpose):
        return False
    return not consent.in_effect(deployment, subject, mine)


def require_exemption(deployment: Deployment, desk: Desk, grounds: Grounds, purpose: str) -> None:
    """Check that the notice may be left out, before anything is stored.

    Raises:
        UsageError: There is no such exemption.
        PolicyRefusal: It does not apply to pictures that the subject gave (rule E5); the refusal is logged.
    """
    if grounds.exemption is None:
        return
    try:
        check_exemption(grounds.exemption, from_subject=consent.needs_release(deployment, purpose))
    except PolicyRefusal as refusal:
        desk.deny(Happening("enrol", {"purpose": purpose, "exemption": grounds.exemption}), refusal)
        raise
