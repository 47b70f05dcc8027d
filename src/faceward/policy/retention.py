"""How long a reference is kept (rule T1): the earliest of all limits."""

from __future__ import annotations

from datetime import datetime, timedelta

from faceward.policy.consent import Release
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.purposes import Purpose
from faceward.policy.standard import Standard


def limit(standard: Standard, jurisdiction: Jurisdiction) -> timedelta:
    """Return the longest retention that the standard and the jurisdiction allow."""
    return jurisdiction.shorten(standard.parameters.maximum_retention)


def expiry(
    now: datetime,
    purpose: Purpose,
    release: Release | None,
    standard: Standard,
    jurisdiction: Jurisdiction,
) -> datetime:
    """Return when a reference enrolled or last used at `now` expires.

    Args:
        now: The current time, UTC.
        purpose: The purpose it is enrolled for.
        release: The subject's release, where there is one; the reference never outlives it.
        standard: The deployment's standard.
        jurisdiction: The deployment's jurisdiction.

    Returns:
        The earliest of the purpose's retention, the standard's, the jurisdiction's and the release's end.
        It lies in the past where the release has ended; such an enrolment is refused by rule C1 or T1.
    """
    latest = now + min(purpose.retention, limit(standard, jurisdiction))
    return latest if release is None else min(latest, release.until)
