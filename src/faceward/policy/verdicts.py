"""What a search's alerts were found to be, by whom, and what repeated searches of one picture come to: pure.

A *false alert* is a face whose candidate list was found to hold no true match. The finding of a case (rule H3) speaks
of the whole search: *incorrect* says that of every face with candidates, unless it states of how many; *correct* of
none; *undetermined* leaves all of them open. What reviewers dismissed counts from their decision on, without a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from faceward.core.canonical import JSONValue
from faceward.policy.strict import Table

CORRECT, INCORRECT = "correct", "incorrect"
DISMISSED = "dismissed"
"""In the place of a finding: reviewers dismissed faces, which are false alerts; nothing is said of the others."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A search that came to its end.

    Attributes:
        entry: Index of the log entry that ended it.
        time: When, UTC.
        search: Index of the log entry that announced it.
        purpose: Its purpose.
        faces: Faces that were compared; those below the floors of quality were not.
        alerts: Faces among them that got candidates.
        probe: What stands for the picture, the same for each search of it; empty where that is not known.
        operator: What stands for who searched.
    """

    entry: int
    time: datetime
    search: int
    purpose: str
    faces: int
    alerts: int
    probe: str = ""
    operator: str = ""

    @property
    def picture(self) -> str:
        """What the search is counted under: its picture, or itself where that is not known."""
        return self.probe or f"{self.search:032x}"


@dataclass(frozen=True, slots=True)
class Passed:
    """Faces that cameras saw pass, which were compared and are nobody's on the list.

    Attributes:
        entry: Index of the log entry that counts them.
        time: When, UTC.
        purpose: The purpose.
        faces: Tracks that were compared, each one face.
    """

    entry: int
    time: datetime
    purpose: str
    faces: int


@dataclass(frozen=True, slots=True)
class Found:
    """A finding on a search's candidates (rule H3).

    Attributes:
        entry: Index of the log entry that ended its recording.
        time: When, UTC.
        searched: The search.
        accuracy: `correct`, `incorrect` or `undetermined`; or `dismissed`, by reviewers, before any finding.
        stated: Of how many faces it says that their candidates hold no true match; None where it does not say.
        by: What stands for who recorded it; empty where nobody did.
        reviewers: What stands for each of those who dismissed them.
    """

    entry: int
    time: datetime
    searched: Searched
    accuracy: str
    stated: int | None
    by: str = ""
    reviewers: tuple[str, ...] = ()

    @property
    def false_alerts(self) -> int:
        """False alerts of the search."""
        if self.accuracy not in (INCORRECT, DISMISSED):
            return 0
        alerts = self.searched.alerts
        return alerts if self.stated is None else max(0, min(self.stated, alerts))

    @property
    def known(self) -> int:
        """Alerts of the search that the finding settles."""
        if self.accuracy == DISMISSED:
            return self.false_alerts
        return self.searched.alerts if self.accuracy in (CORRECT, INCORRECT) else 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the findings on one search come to.

    Attributes:
        alerts: Alerts of the search.
        false_alerts: False ones among them.
        known: Alerts that are settled.
        authors: What stands for those who recorded findings on it.
    """

    alerts: int
    false_alerts: int
    known: int
    authors: tuple[str, ...] = ()

    def to_json(self, search: int) -> list[JSONValue]:
        """Return the row from which `from_json` reads search and verdict back."""
        return [search, self.alerts, self.false_alerts, self.known, list(self.authors)]

    @classmethod
    def from_json(cls, row: object, table: Table) -> tuple[int, Verdict]:
        """Read what `to_json` made; raises the table's error where it is something else."""
        if not isinstance(row, list) or len(row) != 5:
            raise table.error("a verdict has five parts")
        *numbers, authors = row
        if not isinstance(authors, list) or not all(isinstance(one, str) for one in authors):
            raise table.error("a verdict names its authors")
        search, alerts, false, known = counts(numbers, table)
        if not false <= known <= alerts:
            raise table.error("a verdict settles more alerts than there were")
        return search, cls(alerts, false, known, tuple(authors))


def judged(before: Verdict | None, finding: Found) -> Verdict:
    """Return what the findings on a search come to after another one.

    More false alerts count from whomever they come. Fewer count only from a person who neither made the search nor
    recorded an earlier finding on it nor answered its case, so that nobody alone takes back what speaks against the
    purpose, least of all who searched.
    """
    alerts, by = finding.searched.alerts, finding.by
    named = finding.reviewers or (by,)
    if before is None:
        return Verdict(alerts, finding.false_alerts, finding.known, named)
    authors = tuple(dict.fromkeys((*before.authors, *named)))
    if finding.accuracy == DISMISSED:
        return Verdict(
            alerts, max(finding.false_alerts, before.false_alerts), max(finding.known, before.known), authors
        )
    if finding.false_alerts < before.false_alerts and by in (finding.searched.operator, *before.authors):
        return replace(before, authors=authors)
    return Verdict(alerts, finding.false_alerts, finding.known, authors)


@dataclass(frozen=True, slots=True)
class Picture:
    """What one picture counts for, however often it was searched: never more than its most telling search.

    The same picture again is no further chance of an error: counted again, it would hide false alerts of others among
    faces that cost nothing, or make one false alert many.

    Attributes:
        faces: Most faces that one search of it compared.
        alerts: Most alerts of one search of it.
        verdicts: What was found, by the entry that announced the search.
    """

    faces: int = 0
    alerts: int = 0
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)

    @property
    def false_alerts(self) -> int:
        """Most false alerts that are found of one search of it."""
        return max((one.false_alerts for one in self.verdicts.values()), default=0)

    @property
    def settled(self) -> int:
        """Alerts that a finding settled."""
        return max((one.known for one in self.verdicts.values()), default=0)

    @property
    def looked_at(self) -> int:
        """Alerts with a finding."""
        return max((one.alerts for one in self.verdicts.values()), default=0)

    def searched(self, search: Searched) -> Picture:
        """Return what it counts for after a search of it."""
        return replace(self, faces=max(self.faces, search.faces), alerts=max(self.alerts, search.alerts))

    def found(self, finding: Found) -> Picture:
        """Return what it counts for after a finding on one of its searches."""
        search = finding.searched.search
        verdicts = {**self.verdicts, search: judged(self.verdicts.get(search), finding)}
        return replace(self, verdicts=verdicts)

    def to_json(self) -> list[JSONValue]:
        """Return the row that `from_json` reads back equal."""
        return [self.faces, self.alerts, [one.to_json(search) for search, one in sorted(self.verdicts.items())]]

    @classmethod
    def from_json(cls, row: object, table: Table) -> Picture:
        """Read what `to_json` made; raises the table's error where it is something else."""
        if not isinstance(row, list) or len(row) != 3 or not isinstance(row[2], list):
            raise table.error("a picture has three parts")
        faces, alerts = counts(row[:2], table)
        verdicts = dict(Verdict.from_json(one, table) for one in row[2])
        if alerts > faces or any(one.alerts > alerts for one in verdicts.values()):
            raise table.error("a picture has more alerts than faces")
        return cls(faces, alerts, verdicts)


def counts(numbers: list[object], table: Table) -> list[int]:
    """Return whole numbers of 0 or more; raises the table's error where they are something else."""
    found = [number for number in numbers if type(number) is int and number >= 0]
    if len(found) != len(numbers):
        raise table.error("a count is a whole number, 0 or more")
    return found
