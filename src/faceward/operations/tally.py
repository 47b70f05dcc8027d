"""Counting what the log tells of a year. Only details that concern nobody are read, and no name leaves here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from faceward.audit.entries import SUBJECT_SLOTS, Entry, Phase
from faceward.core.canonical import JSONObject
from faceward.core.errors import UsageError
from faceward.documents.facts import Tally
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Journal
from faceward.operations.search_log import COUNT

FIRST_YEAR, LAST_YEAR = 2000, 9998
# Begun operations that are figures by themselves.
_BEGUN = {
    "verify": "verifications",
    "identify": "searches",
    "watch": "watches",
    "watch.alert": "alerts",
    "watch.suppressed": "suppressed",
    "complaint.add": "complaints",
    "case.open": "cases",
    "case.answer": "answers",
    "adverse.note": "adverse",
}
_TELLING = frozenset({"verify", "identify", "enrol", "expire", "case.outcome"})
_ACCURACY = ("correct", "incorrect", "undetermined")
_NO_RULE = "no rule: nothing is held under that name"


@dataclass(slots=True)
class _Counts:
    """Counts while they grow; keys as in `Tally`."""

    entries: int = 0
    operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    purposes: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)


def tally(deployment: Deployment, journal: Journal, year: int) -> Tally:
    """Count the log's entries of one year, UTC.

    Raises:
        UsageError: The year has not begun.
        IntegrityError: Details do not open what the log committed to.
    """
    now = deployment.now()
    if not FIRST_YEAR <= year <= LAST_YEAR or datetime(year, 1, 1, tzinfo=UTC) > now:
        raise UsageError(f"the year {year} is out of range; give one from {FIRST_YEAR} to {now.year}")
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    counts = _Counts()
    # What an operation that began before the period was about is needed for nothing: outcomes stand by themselves.
    for index, entry in deployment.log.entries():
        if start <= entry.time < end:
            details: JSONObject = {}
            if DETAILS in entry.slots and _tells(entry):
                # What the entry says of subjects stays closed.
                details = journal.opening_of(index, entry, None, DETAILS)[1].details
            _count(counts, entry, details)
    counts.figures["refused"] = sum(counts.refusals.values()) - _unknown(counts)
    counts.figures["failed"] = sum(counts.failed.values())
    return Tally(
        first=start.date(),
        last=date(year, 12, 31),
        whole=end <= now,
        entries=counts.entries,
        operations=tuple(_operations(counts)),
        refusals=tuple((operation, rule, count) for (operation, rule), count in sorted(counts.refusals.items())),
        purposes=tuple(_purposes(deployment, counts)),
        figures=dict(counts.figures),
    )


def _tells(entry: Entry) -> bool:
    """Tell whether anything that is counted stands in an entry's details; opening them is what takes time."""
    if entry.phase is Phase.BEGIN:
        return entry.operation in _TELLING
    return entry.phase in (Phase.END, Phase.DENIED) or entry.operation == COUNT


def _count(counts: _Counts, entry: Entry, details: JSONObject) -> None:
    counts.entries += 1
    counts.operations[entry.operation, entry.phase.value] += 1
    if entry.phase is Phase.DENIED:
        rule = details.get("rule")
        counts.refusals[entry.operation, _NO_RULE if rule is None else str(rule)] += 1
    elif entry.phase is Phase.BEGIN:
        _begun(counts, entry, details)
    elif entry.phase is Phase.END:
        _ended(counts, entry, details)
    elif entry.operation == COUNT:
        counts.figures["passed"] += _number(details, "faces")
    _stops(counts, entry)


def _begun(counts: _Counts, entry: Entry, details: JSONObject) -> None:
    figure = _BEGUN.get(entry.operation)
    if figure is not None:
        counts.figures[figure] += 1
    elif entry.operation == "expire":
        counts.figures["expired"] += _number(details, "references")
    elif entry.operation == "case.outcome" and details.get("accuracy") in _ACCURACY:
        counts.figures[f"list_{details['accuracy']}"] += 1
        counts.figures["actionable"] += _number(details, "actionable")
    purpose = details.get("purpose")
    if isinstance(purpose, str):
        counts.purposes[purpose, entry.operation] += 1


def _ended(counts: _Counts, entry: Entry, details: JSONObject) -> None:
    if "failed" in details or details.get("outcome") == "interrupted":
        counts.failed[entry.operation] += 1
    elif entry.operation == "identify":
        # Whom a search named stands in slots of their own, counted here and not opened.
        counts.figures["candidates"] += sum(slot.startswith(SUBJECT_SLOTS) for slot in entry.slots)
        counts.figures["faces"] += _number(details, "faces")
        counts.figures["unknown"] += _number(details, "unknown")
    elif entry.operation == "enrol" and details.get("outcome") in ("enrolled", "rejected"):
        counts.figures[str(details["outcome"])] += 1
    elif entry.operation == "subject.erase":
        counts.figures["erasures"] += 1
        counts.figures["erased"] += _number(details, "references")
    elif entry.operation == "redact":
        counts.figures["redactions"] += 1


def _stops(counts: _Counts, entry: Entry) -> None:
    # A stop is one entry where it is noted, and counts where it began where it is an operation.
    if entry.phase in (Phase.BEGIN, Phase.NOTE) and entry.operation in ("stop", "restart"):
        counts.figures[f"{entry.operation}s"] += 1


def _number(details: JSONObject, name: str) -> int:
    value = details.get(name, 0)
    return value if isinstance(value, int) else 0


def _unknown(counts: _Counts) -> int:
    return sum(count for (_, rule), count in counts.refusals.items() if rule == _NO_RULE)


def _operations(counts: _Counts) -> Iterator[tuple[str, int, int, int, int, int]]:
    for name in sorted({operation for operation, _ in counts.operations}):
        by_phase = [counts.operations[name, phase.value] for phase in (Phase.BEGIN, Phase.END)]
        others = [counts.operations[name, phase.value] for phase in (Phase.DENIED, Phase.NOTE)]
        yield name, by_phase[0], by_phase[1], counts.failed[name], others[0], others[1]


def _purposes(deployment: Deployment, counts: _Counts) -> Iterator[tuple[str, int, int, int]]:
    """Return counts of registered purposes alone: what somebody typed as another one may say anything."""
    for name in sorted({purpose for purpose, _ in counts.purposes}):
        if deployment.purpose(name) is not None:
            verified, searched, enrolled = (counts.purposes[name, what] for what in ("verify", "identify", "enrol"))
            yield name, verified, searched, enrolled
