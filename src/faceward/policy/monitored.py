"""What is counted of a purpose's searches and of the findings on them: pure, from events in the order of the log.

A *false alert* is a face whose candidate list was found to hold no true match. The finding of a case (rule H3) speaks
of the whole search: *incorrect* says that of every face with candidates, unless it states of how many; *correct* of
none; *undetermined* leaves all of them open. Of several findings on a search the last one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.policy.monitoring import EProcess, upper_bound
from faceward.policy.review_fields import moment, whole
from faceward.policy.strict import Table

CORRECT, INCORRECT = "correct", "incorrect"


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
    """

    entry: int
    time: datetime
    search: int
    purpose: str
    faces: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Found:
    """A finding on a search's candidates (rule H3).

    Attributes:
        entry: Index of the log entry that ended its recording.
        time: When, UTC.
        searched: The search.
        accuracy: `correct`, `incorrect` or `undetermined`.
        stated: Of how many faces it says that their candidates hold no true match; None where it does not say.
    """

    entry: int
    time: datetime
    searched: Searched
    accuracy: str
    stated: int | None

    @property
    def false_alerts(self) -> int:
        """False alerts of the search."""
        if self.accuracy != INCORRECT:
            return 0
        alerts = self.searched.alerts
        return alerts if self.stated is None else max(0, min(self.stated, alerts))

    @property
    def known(self) -> int:
        """Alerts of the search that the finding settles."""
        return self.searched.alerts if self.accuracy in (CORRECT, INCORRECT) else 0


@dataclass(frozen=True, slots=True)
class Breach:
    """The moment at which the test said that the rate is above what was accepted.

    Attributes:
        entry: Index of the log entry of the finding that brought it about.
        time: When that was, UTC.
        faces: Faces counted then.
        false_alerts: False alerts among them.
        accepted: The rate that was accepted.
    """

    entry: int
    time: datetime
    faces: int
    false_alerts: int
    accepted: float

    def to_json(self) -> dict[str, JSONValue]:
        """Return an object that `from_json` reads back equal."""
        return {
            "entry": self.entry,
            "time": to_rfc3339(self.time),
            "faces": self.faces,
            "false_alerts": self.false_alerts,
            "accepted": self.accepted,
        }

    @classmethod
    def from_json(cls, value: object) -> Breach:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        table = Table(value, "a breach", IntegrityError)
        table.only(cls.__dataclass_fields__)
        faces, false_alerts = whole(table, "faces"), whole(table, "false_alerts")
        return cls(whole(table, "entry"), moment(table, "time"), faces, false_alerts, table.number("accepted"))


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted for one purpose since the test began.

    Attributes:
        first: Index of the log entry after which it began; -1 at first.
        since: When it began, UTC.
        process: The test.
        searches: Searches.
        alerts: Faces that got candidates.
        findings: By the entry that announced a search: alerts, false alerts, and alerts settled.
        breach: The breach since then, or None.
        noted: Whether the log has an entry of it.
        latest: When the latest breach was, also one that was answered; None where there was none.
    """

    first: int
    since: datetime
    process: EProcess
    searches: int = 0
    alerts: int = 0
    findings: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    breach: Breach | None = None
    noted: bool = False
    latest: datetime | None = None

    @property
    def settled(self) -> int:
        """Alerts of which it is known whether they were false."""
        return sum(known for _, _, known in self.findings.values())

    @property
    def undetermined(self) -> int:
        """Alerts whose finding left them open."""
        return sum(alerts - known for alerts, _, known in self.findings.values())

    @property
    def correct(self) -> int:
        """Alerts whose candidates hold a true match."""
        return self.settled - self.process.false_alerts

    @property
    def undecided(self) -> int:
        """Alerts without a finding."""
        return self.alerts - self.settled - self.undetermined

    @property
    def high(self) -> float:
        """The rate above which every rate is refuted, were all alerts that are open false."""
        return upper_bound(self.process.faces, self.process.false_alerts + self.open_alerts, self.process.alpha)

    @property
    def open_alerts(self) -> int:
        """Alerts of which nobody knows whether they were false."""
        return self.undecided + self.undetermined

    @property
    def in_doubt(self) -> bool:
        """Tell whether the test would be breached if all alerts that are open were false."""
        worst = self.process.at(self.process.faces, self.process.false_alerts + self.open_alerts)
        return worst.breached and not self.process.breached

    def searched(self, search: Searched) -> Count:
        """Return the count after a search."""
        process = self.process.update(search.faces, 0)
        return replace(self, process=process, searches=self.searches + 1, alerts=self.alerts + search.alerts)

    def found(self, finding: Found, accepted: float) -> Count:
        """Return the count after a finding; one on a search from before the test began changes nothing.

        Args:
            finding: The finding.
            accepted: The rate that is accepted at that moment.
        """
        search = finding.searched
        if search.entry <= self.first:
            return self
        findings = {**self.findings, search.search: (search.alerts, finding.false_alerts, finding.known)}
        _, before, _ = self.findings.get(search.search, (0, 0, 0))
        false_alerts = self.process.false_alerts - before + finding.false_alerts
        process = replace(self.process, accepted=accepted).at(self.process.faces, false_alerts)
        counted = replace(self, process=process, findings=findings)
        if not process.breached or self.breach is not None:
            return counted
        return counted.broken(Breach(finding.entry, finding.time, process.faces, false_alerts, accepted), noted=False)

    def broken(self, breach: Breach, *, noted: bool) -> Count:
        """Return the count with a breach, which stays until the test begins anew."""
        process = replace(self.process, breached=True)
        return replace(self, process=process, breach=breach, noted=noted, latest=breach.time)

    def restarted(self, entry: int, time: datetime) -> Count:
        """Return the count of a test that begins anew after a log entry."""
        return Count(entry, time, EProcess(self.process.accepted, self.process.alpha), latest=self.latest)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        process = self.process
        return {
            "first": self.first,
            "since": to_rfc3339(self.since),
            "accepted": process.accepted,
            "alpha": process.alpha,
            "faces": process.faces,
            "low": process.low,
            "searches": self.searches,
            "alerts": self.alerts,
            "findings": [[search, *counts] for search, counts in sorted(self.findings.items())],
            "breach": None if self.breach is None else self.breach.to_json(),
            "noted": self.noted,
            "latest": None if self.latest is None else to_rfc3339(self.latest),
        }

    @classmethod
    def from_json(cls, value: object) -> Count:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        table = Table(value, "a count of alerts", IntegrityError)
        findings = _findings(table)
        breach = None if table.value("breach") is None else Breach.from_json(table.value("breach"))
        false_alerts = sum(false for _, false, _ in findings.values())
        rates, faces = (table.number("accepted"), table.number("alpha")), whole(table, "faces")
        try:
            process = EProcess(*rates, faces, false_alerts, breach is not None, table.number("low"))
        except UsageError as error:
            raise table.error(str(error)) from None
        return cls(
            first=int(table.number("first")),
            since=moment(table, "since"),
            process=process,
            searches=whole(table, "searches"),
            alerts=whole(table, "alerts"),
            findings=findings,
            breach=breach,
            noted=table.flag("noted"),
            latest=None if table.value("latest") is None else moment(table, "latest"),
        )


def _findings(table: Table) -> dict[int, tuple[int, int, int]]:
    rows = table.value("findings")
    if not isinstance(rows, list):
        raise table.error("'findings' must be a list")
    found: dict[int, tuple[int, int, int]] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != 4 or not all(type(number) is int for number in row):
            raise table.error("a finding is four whole numbers")
        search, alerts, false, known = row
        found[search] = (alerts, false, known)
    return found
