"""What is counted of a purpose's searches and of the findings on them: pure, from events in the order of the log.

Each picture counts once, however often it was searched; `policy.verdicts` says what its findings come to.
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
from faceward.policy.verdicts import Found, Passed, Picture, Searched

# The first characters of what stands for a picture; those with the same ones are kept together (see `_put`).
_PREFIX = 2
Pictures = Mapping[str, Mapping[str, Picture]]


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
        searches: Searches, those of a picture that was searched before among them.
        pictures: What each picture counts for, by what stands for it, under the beginning of that.
        alerts: Faces that got candidates.
        settled: Alerts of which it is known whether they were false.
        looked_at: Alerts with a finding.
        breach: The breach since then, or None.
        noted: Whether the log has an entry of it.
        latest: When the latest breach was, also one that was answered; None where there was none.
        watched: Faces that passed cameras and brought about no alert; those of alerts are among the pictures.
    """

    first: int
    since: datetime
    process: EProcess
    searches: int = 0
    pictures: Pictures = field(default_factory=dict)
    alerts: int = 0
    settled: int = 0
    looked_at: int = 0
    breach: Breach | None = None
    noted: bool = False
    latest: datetime | None = None
    watched: int = 0

    @property
    def undetermined(self) -> int:
        """Alerts whose finding left them open."""
        return self.looked_at - self.settled

    @property
    def correct(self) -> int:
        """Alerts whose candidates hold a true match."""
        return self.settled - self.process.false_alerts

    @property
    def undecided(self) -> int:
        """Alerts without a finding."""
        return self.alerts - self.looked_at

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
        """Return the count after a search; one of a picture that was searched before adds no faces."""
        old = self._picture(search.picture)
        counted = self._counted(search.picture, old, old.searched(search), self.process.accepted)
        return replace(counted, searches=self.searches + 1)

    def passed(self, faces: Passed) -> Count:
        """Return the count after faces that passed cameras; they are no pictures that could be searched again."""
        process = self.process.at(self.process.faces + faces.faces, self.process.false_alerts)
        return replace(self, process=process, watched=self.watched + faces.faces)

    def found(self, finding: Found, accepted: float) -> Count:
        """Return the count after a finding; one on a search from before the test began changes nothing.

        Args:
            finding: The finding.
            accepted: The rate that is accepted at that moment.
        """
        search = finding.searched
        if search.entry <= self.first:
            return self
        old = self._picture(search.picture)
        counted = self._counted(search.picture, old, old.found(finding), accepted)
        process = counted.process
        if not process.breached or self.breach is not None:
            return counted
        breach = Breach(finding.entry, finding.time, process.faces, process.false_alerts, accepted)
        return counted.broken(breach, noted=False)

    def _picture(self, name: str) -> Picture:
        return self.pictures.get(name[:_PREFIX], {}).get(name, Picture())

    def _counted(self, name: str, old: Picture, new: Picture, accepted: float) -> Count:
        """Return the count with what a picture counts for now in the place of what it counted for."""
        faces = self.process.faces + new.faces - old.faces
        false_alerts = self.process.false_alerts + new.false_alerts - old.false_alerts
        return replace(
            self,
            process=replace(self.process, accepted=accepted).at(faces, false_alerts),
            pictures=_put(self.pictures, name, new),
            alerts=self.alerts + new.alerts - old.alerts,
            settled=self.settled + new.settled - old.settled,
            looked_at=self.looked_at + new.looked_at - old.looked_at,
        )

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
            "low": process.low,
            "searches": self.searches,
            "watched": self.watched,
            "pictures": {name: one.to_json() for some in self.pictures.values() for name, one in some.items()},
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
        listed = table.value("pictures")
        if not isinstance(listed, dict):
            raise table.error("'pictures' must be an object")
        pictures = {name: Picture.from_json(row, table) for name, row in listed.items()}
        kept: dict[str, dict[str, Picture]] = {}
        for name, picture in pictures.items():
            kept.setdefault(name[:_PREFIX], {})[name] = picture
        breach = None if table.value("breach") is None else Breach.from_json(table.value("breach"))
        rates = table.number("accepted"), table.number("alpha")
        watched = whole(table, "watched")
        faces, false_alerts = (
            sum(getattr(one, what) for one in pictures.values()) for what in ("faces", "false_alerts")
        )
        try:
            process = EProcess(*rates, faces + watched, false_alerts, breach is not None, table.number("low"))
        except UsageError as error:
            raise table.error(str(error)) from None
        return cls(
            first=int(table.number("first")),
            since=moment(table, "since"),
            process=process,
            searches=whole(table, "searches"),
            pictures=kept,
            alerts=sum(one.alerts for one in pictures.values()),
            settled=sum(one.settled for one in pictures.values()),
            looked_at=sum(one.looked_at for one in pictures.values()),
            breach=breach,
            noted=table.flag("noted"),
            latest=None if table.value("latest") is None else moment(table, "latest"),
            watched=watched,
        )


def _put(pictures: Pictures, name: str, picture: Picture) -> Pictures:
    """Return the pictures with one of them; of many thousands only those that are kept together are copied."""
    return {**pictures, name[:_PREFIX]: {**pictures.get(name[:_PREFIX], {}), name: picture}}
