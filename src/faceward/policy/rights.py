"""The terms of subjects' rights: what is due when, what is overdue, and what that suspends.

Pure decisions: given what is known and the time, what follows. `operations.clock` acts on them.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.policy.strict import Table

MAX_TEXT = 4000
"""Most characters of a complaint, a reason or a description: it has to fit into a log entry's opening."""


class Outcome(StrEnum):
    """How a complaint was decided."""

    UPHELD = "upheld"
    REJECTED = "rejected"


class RequestKind(StrEnum):
    """What a subject may ask for: GDPR Art. 15, 17, 16 and 21."""

    ACCESS = "access"
    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    OBJECTION = "objection"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take.

    Attributes:
        acknowledge: From a complaint to its acknowledgement (FTC v. Rite Aid, IV.C).
        decide: From a complaint to its decision.
        review: From one review of a watchlist's reference to the next (Rite Aid, III.D.6b).
        confirm: From a notice of deletion to the recipient's confirmation; our own number.
        warning: How long before its end a term is listed as due; our own number.
    """

    acknowledge: timedelta = timedelta(days=7)
    decide: timedelta = timedelta(days=30)
    review: timedelta = timedelta(days=30)
    confirm: timedelta = timedelta(days=30)
    warning: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint without its text, which is in the log under the subject's own key.

    Attributes:
        identifier: 16 hexadecimal digits.
        subject: Pseudonym of the subject, 64 hexadecimal digits.
        reference: The reference it is about, or empty for all of the subject's.
        received: When it came, UTC.
        entry: Index of the log entry with its text.
        acknowledged: When the subject was told that it came.
        decided: When it was decided.
        outcome: How.
    """

    identifier: str
    subject: str
    reference: str
    received: datetime
    entry: int
    acknowledged: datetime | None = None
    decided: datetime | None = None
    outcome: Outcome | None = None

    def deadline(self, terms: Terms) -> datetime | None:
        """Return by when the next step is to be done, or None where nothing is left to do."""
        if self.decided is not None:
            return None
        decision = self.received + terms.decide
        return decision if self.acknowledged else min(decision, self.received + terms.acknowledge)

    def overdue(self, now: datetime, terms: Terms) -> bool:
        """Tell whether a step was not done in time (rule D1)."""
        deadline = self.deadline(terms)
        return deadline is not None and now > deadline

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "identifier": self.identifier,
            "subject": self.subject,
            "reference": self.reference,
            "received": to_rfc3339(self.received),
            "entry": self.entry,
            "acknowledged": _written(self.acknowledged),
            "decided": _written(self.decided),
            "outcome": self.outcome.value if self.outcome else None,
        }

    @classmethod
    def from_json(cls, value: object) -> Complaint:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = _table(value, "stored complaint", cls)
        outcome = table.value("outcome")
        try:
            return cls(
                identifier=table.text("identifier"),
                subject=table.text("subject"),
                reference=table.text("reference"),
                received=from_rfc3339(table.text("received")),
                entry=int(table.number("entry")),
                acknowledged=_read(table, "acknowledged"),
                decided=_read(table, "decided"),
                outcome=None if outcome is None else Outcome(str(outcome)),
            )
        except ValueError as error:
            raise table.error(str(error)) from None


@dataclass(frozen=True, slots=True)
class SubjectRequest:
    """What a subject asked for; it is to be answered within a month (GDPR Art. 12(3)).

    Attributes:
        identifier: 16 hexadecimal digits.
        kind: What was asked.
        subject: Pseudonym of the subject, 64 hexadecimal digits.
        received: When it came, UTC.
        entry: Index of the log entry that recorded it.
        answered: When it was answered.
    """

    identifier: str
    kind: RequestKind
    subject: str
    received: datetime
    entry: int
    answered: datetime | None = None

    @property
    def deadline(self) -> datetime:
        """By when it is to be answered."""
        return month_after(self.received)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "identifier": self.identifier,
            "kind": self.kind.value,
            "subject": self.subject,
            "received": to_rfc3339(self.received),
            "entry": self.entry,
            "answered": _written(self.answered),
        }

    @classmethod
    def from_json(cls, value: object) -> SubjectRequest:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = _table(value, "stored request of a subject", cls)
        try:
            return cls(
                identifier=table.text("identifier"),
                kind=RequestKind(table.text("kind")),
                subject=table.text("subject"),
                received=from_rfc3339(table.text("received")),
                entry=int(table.number("entry")),
                answered=_read(table, "answered"),
            )
        except ValueError as error:
            raise table.error(str(error)) from None


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something to be done by a moment.

    Attributes:
        what: `complaint`, `request`, `review`, `confirmation` or `alert`.
        identifier: Of the complaint, the request, the reference, the notice or the alert.
        deadline: By when, UTC.
        overdue: Whether that moment has passed.
    """

    what: str
    identifier: str
    deadline: datetime
    overdue: bool

    def to_json(self) -> JSONObject:
        """Return the object that the command line prints."""
        return {
            "what": self.what,
            "identifier": self.identifier,
            "deadline": to_rfc3339(self.deadline),
            "overdue": self.overdue,
        }


@dataclass(frozen=True, slots=True)
class Agenda:
    """What has a term.

    Attributes:
        complaints: Complaints, decided ones too.
        requests: Subjects' requests, answered ones too.
        reviews: References of watchlists with the moment when each was looked at last.
        notices: Notices of deletion that no recipient has confirmed, with the moment when each was given.
        alerts: Alerts that wait too long for their review, with the moment by which each was to be decided.
    """

    complaints: tuple[Complaint, ...] = ()
    requests: tuple[SubjectRequest, ...] = ()
    reviews: tuple[tuple[str, datetime], ...] = ()
    notices: tuple[tuple[str, datetime], ...] = ()
    alerts: tuple[tuple[str, datetime], ...] = ()


def obligations(agenda: Agenda, now: datetime, terms: Terms) -> tuple[Obligation, ...]:
    """Return everything that is open, the most urgent first."""
    found = (Obligation(what, name, end, now > end) for what, name, end in _open(agenda, terms))
    return tuple(sorted(found, key=lambda one: (one.deadline, one.what, one.identifier)))


def due(open_ones: Iterable[Obligation], now: datetime, terms: Terms) -> tuple[Obligation, ...]:
    """Return of what is open that which is overdue or soon will be."""
    return tuple(one for one in open_ones if now >= one.deadline - terms.warning)


def _open(agenda: Agenda, terms: Terms) -> Iterator[tuple[str, str, datetime]]:
    for complaint in agenda.complaints:
        deadline = complaint.deadline(terms)
        if deadline is not None:
            yield "complaint", complaint.identifier, deadline
    for request in agenda.requests:
        if request.answered is None:
            yield "request", request.identifier, request.deadline
    for reference, seen in agenda.reviews:
        yield "review", reference, seen + terms.review
    for notice, given in agenda.notices:
        yield "confirmation", notice, given + terms.confirm
    for alert, deadline in agenda.alerts:
        yield "alert", alert, deadline


def month_after(moment: datetime) -> datetime:
    """Return the same day and time of the next month, or its last day (Reg. 1182/71, Art. 3(2)(c))."""
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def check_text(text: str, what: str) -> str:
    """Return a text that somebody wrote, without white space around it.

    Raises:
        UsageError: It is empty or too long.
    """
    text = text.strip()
    if not text:
        raise UsageError(f"the {what} is empty; write at least a sentence")
    if len(text) > MAX_TEXT:
        raise UsageError(f"the {what} is longer than {MAX_TEXT:,} characters; keep the rest with the paper file")
    return text.encode("utf-8", "replace").decode()


def _table(value: object, what: str, kind: type[Complaint | SubjectRequest]) -> Table:
    table = Table(value, what, IntegrityError)
    table.only(tuple(kind.__dataclass_fields__))
    return table


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else to_rfc3339(moment)


def _read(table: Table, key: str) -> datetime | None:
    return None if table.value(key) is None else from_rfc3339(table.text(key))
