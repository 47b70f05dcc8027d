"""Releases (rule C1): what a subject has signed, for which purpose and until when."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.policy.strict import Table

# A release signed today in the time zone furthest east, UTC+14, carries tomorrow's date in UTC.
_FURTHEST_EAST = timedelta(hours=14)
_KEYS = ("subject", "purpose", "signed_on", "until", "statement", "evidence")


@dataclass(frozen=True, slots=True)
class Release:
    """A subject's written release.

    Attributes:
        subject: The subject's name as enrolled, Unicode NFC.
        purpose: The purpose's name, Unicode NFC.
        signed_on: The date it bears.
        until: End of its term, exclusive, UTC.
        statement: What the subject agreed to, in the subject's words; may be empty.
        evidence: Where the signed original is kept; may be empty.
    """

    subject: str
    purpose: str
    signed_on: date
    until: datetime
    statement: str = ""
    evidence: str = ""

    def in_force(self, now: datetime) -> bool:
        """Tell whether it has been signed and its term has not ended."""
        return self.signed_on <= (now.astimezone(UTC) + _FURTHEST_EAST).date() and now < self.until

    def names_subject(self, subject: str) -> bool:
        """Tell whether it is this subject's."""
        return self.subject == _nfc(subject)

    def names_purpose(self, purpose: str) -> bool:
        """Tell whether it is given for this purpose."""
        return self.purpose == _nfc(purpose)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "subject": self.subject,
            "purpose": self.purpose,
            "signed_on": self.signed_on.isoformat(),
            "until": to_rfc3339(self.until),
            "statement": self.statement,
            "evidence": self.evidence,
        }

    @classmethod
    def from_json(cls, value: object) -> Release:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored release", IntegrityError)
        table.only(_KEYS)
        try:
            return cls(
                check_name(table.text("subject"), "subject"),
                check_name(table.text("purpose"), "purpose"),
                date.fromisoformat(table.text("signed_on")),
                from_rfc3339(table.text("until")),
                table.text("statement"),
                table.text("evidence"),
            )
        except (ValueError, OverflowError, UsageError) as error:
            raise table.error(str(error)) from None

    def digest(self) -> str:
        """Return the SHA-256 of its canonical JSON, 64 hexadecimal digits."""
        return sha256_hex(canonical_json(self.to_json()))


def find_release(releases: Iterable[Release], subject: str, purpose: str, now: datetime) -> Release | None:
    """Return the release in force that names the subject and the purpose, the longest-lasting of several.

    Args:
        releases: Candidates, in any order.
        subject: The subject's name.
        purpose: The purpose's name.
        now: The current time, UTC.
    """
    closest = closest_release(releases, subject, purpose, now)
    if closest is None or not (closest.names_subject(subject) and closest.names_purpose(purpose)):
        return None
    return closest if closest.in_force(now) else None


def closest_release(releases: Iterable[Release], subject: str, purpose: str, now: datetime) -> Release | None:
    """Return the release that comes closest to what is needed, so that a refusal can say what it lacks.

    The subject counts more than the purpose, the purpose more than the term.
    """
    # Normalised once, because a bulk enrolment asks this for each of thousands.
    who, what = _nfc(subject), _nfc(purpose)
    return max(
        releases,
        key=lambda release: (
            release.subject == who,
            release.purpose == what,
            release.in_force(now),
            release.until,
        ),
        default=None,
    )


def explain_missing(releases: Iterable[Release], subject: str, purpose: str, now: datetime) -> str:
    """Say in one line why `find_release` found none; empty where it finds one."""
    closest = closest_release(releases, subject, purpose, now)
    if closest is None:
        return "there is no release"
    if not closest.names_subject(subject):
        return f"no release names the subject {subject!r}"
    if not closest.names_purpose(purpose):
        return f"the release of {subject!r} names the purpose {closest.purpose!r}, not {purpose!r}"
    if now >= closest.until:
        return f"the release of {subject!r} for {purpose!r} ended at {to_rfc3339(closest.until)}"
    if not closest.in_force(now):
        return f"the release of {subject!r} for {purpose!r} is signed in the future, on {closest.signed_on}"
    return ""


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()
