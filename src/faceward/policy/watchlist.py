"""What is said of a person who is to be entered on a watchlist (rules E1 and E3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.policy.rights import check_text
from faceward.policy.strict import Table

_OLDEST = 150
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is said of a person who is to be entered on a watchlist; nothing of it is estimated.

    Attributes:
        subject: Who.
        purpose: For which purpose.
        gallery: Into which gallery.
        source: Where the pictures come from.
        evidence: Why the person is entered, and where the proof is kept.
        samples: SHA-256 of each picture file, 64 hexadecimal digits; the entry is for these alone.
        born: The stated day of birth, or None.
        stated_age: The stated age in years on the day of the request, or None.
        vulnerable: The person is stated to be vulnerable.
        safeguarding: The entry serves the person's own protection.
    """

    subject: str
    purpose: str
    gallery: str
    source: str
    evidence: str
    samples: tuple[str, ...]
    born: date | None = None
    stated_age: int | None = None
    vulnerable: bool = False
    safeguarding: bool = False

    def checked(self) -> Particulars:
        """Return it with its names and texts as they are written.

        Raises:
            UsageError: A name or text is empty or too long, a sample is no SHA-256, or an age is none.
        """
        if not self.samples or not all(_SHA256.fullmatch(sample) for sample in self.samples):
            raise UsageError("an entry names the pictures it is for; give at least one")
        if self.stated_age is not None and not 0 <= self.stated_age <= _OLDEST:
            raise UsageError(f"the stated age {self.stated_age} is none; give years, 0 to {_OLDEST}")
        return replace(
            self,
            subject=check_name(self.subject, "subject"),
            purpose=check_name(self.purpose, "purpose"),
            gallery=check_name(self.gallery, "gallery"),
            source=check_text(self.source, "source"),
            evidence=check_text(self.evidence, "evidence"),
        )

    def minor(self, minimum_age: int, now: datetime) -> bool:
        """Tell whether the person is stated to be younger than an age in years, by day of birth or by age."""
        if self.born is not None:
            had = (now.month, now.day) >= (self.born.month, self.born.day)
            if now.year - self.born.year - (not had) < minimum_age:
                return True
        return self.stated_age is not None and self.stated_age < minimum_age

    def to_json(self) -> JSONObject:
        """Return what the log keeps under the subject's key."""
        samples: list[JSONValue] = [*self.samples]
        return {
            "source": self.source,
            "evidence": self.evidence,
            "samples": samples,
            "born": None if self.born is None else self.born.isoformat(),
            "stated_age": self.stated_age,
            "vulnerable": self.vulnerable,
            "safeguarding": self.safeguarding,
        }

    @classmethod
    def from_json(cls, value: object, purpose: str, gallery: str) -> Particulars:
        """Read what `to_json` wrote and the log has kept, with the name of the subject beside it.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "what is kept of an entry", IntegrityError)
        born, age = table.value("born"), table.value("stated_age")
        try:
            return cls(
                subject=table.text("subject"),
                purpose=purpose,
                gallery=gallery,
                source=table.text("source"),
                evidence=table.text("evidence"),
                samples=table.names("samples"),
                born=None if born is None else date.fromisoformat(str(born)),
                stated_age=None if age is None else int(table.number("stated_age")),
                vulnerable=table.flag("vulnerable"),
                safeguarding=table.flag("safeguarding"),
            )
        except ValueError as error:
            raise table.error(str(error)) from None
