"""Searches, faces before cameras, findings, and what was noted of breaches, as the log holds them (rules H3, V1).

Pictures and people are named by keyed digests alone, since what is counted of them lies outside the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from faceward.audit.entries import Entry, Phase
from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Journal
from faceward.policy.monitored import Breach
from faceward.policy.verdicts import DISMISSED, Found, Passed, Searched

BREACH = "monitoring.breach"
RESTART = "monitoring.restart"
ALERT, COUNT = "watch.alert", "watch.count"
"""A sighting of a camera, and faces of which none became one."""
SEARCHES = frozenset({"identify", ALERT})
"""Operations whose candidates a case is about."""
FINDING = "case.outcome"
DISMISSAL = "case.dismissed"
"""Faces that reviewers dismissed, noted in the act of the answer that decided it."""
_NEAR = 9


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry that says that a purpose's test was breached, or began anew.

    Attributes:
        entry: Its index.
        time: When, UTC.
        purpose: The purpose.
        breach: The breach; None where the test began anew.
    """

    entry: int
    time: datetime
    purpose: str
    breach: Breach | None


def events(
    deployment: Deployment, journal: Journal, start: int, stop: int | None = None
) -> Iterator[Searched | Passed | Found | Noted]:
    """Return what counts, in the order of the log.

    Args:
        deployment: The deployment.
        journal: What opens the entries' details.
        start: Index of the first entry that is read.
        stop: Index of the first that is not; None where all are.

    Raises:
        IntegrityError: The log's details were altered.
    """
    for index, entry in deployment.log.entries(start, stop):
        event: Searched | Passed | Found | Noted | None = None
        if entry.phase is Phase.NOTE:
            event = _note(deployment, journal, index, entry)
        elif entry.phase is Phase.END and entry.operation in SEARCHES:
            event = _searched(deployment, journal, index, entry)
        elif entry.phase is Phase.END and entry.operation == FINDING:
            event = _found(deployment, journal, index, entry)
        if event is not None:
            yield event


def _note(deployment: Deployment, journal: Journal, index: int, entry: Entry) -> Passed | Found | Noted | None:
    if entry.operation == DISMISSAL:
        return _dismissed(deployment, index, entry, _details(journal, index, entry), journal)
    if entry.operation == COUNT:
        details = _details(journal, index, entry)
        return Passed(index, entry.time, str(details["purpose"]), _number(details, "faces"))
    return _noted(index, entry, _details(journal, index, entry)) if entry.operation in (BREACH, RESTART) else None


def _details(journal: Journal, index: int, entry: Entry) -> JSONObject:
    # What the entry says of subjects stays closed.
    return journal.opening_of(index, entry, None, DETAILS)[1].details


def _begun(deployment: Deployment, journal: Journal, entry: Entry) -> tuple[int, JSONObject]:
    """Return the entry that announced what this one ends, with its details."""
    index = entry.refers
    if index is None:
        raise IntegrityError("an entry of the log ends nothing; restore log.db from a backup")
    return index, _details(journal, index, deployment.log.entry(index))


def _searched(deployment: Deployment, journal: Journal, index: int, entry: Entry) -> Searched | None:
    details = _details(journal, index, entry)
    if "failed" in details or "faces" not in details:
        # What was interrupted or failed told nobody of a candidate.
        return None
    search, announced = _begun(deployment, journal, entry)
    purpose = announced.get("purpose")
    if not isinstance(purpose, str):
        return None
    faces, unknown, rejected = (_number(details, name) for name in ("faces", "unknown", "rejected"))
    # Entries from before pixels were named tell of the file alone.
    probe = announced.get("probe_pixels") or announced.get("probe_sha256")
    return Searched(
        index,
        entry.time,
        search,
        purpose,
        faces - rejected,
        faces - unknown,
        deployment.masked("probe", probe) if isinstance(probe, str) else "",
        deployment.masked("person", str(announced.get("operator"))),
    )


def _dismissed(deployment: Deployment, index: int, entry: Entry, details: JSONObject, journal: Journal) -> Found | None:
    search, named = search_of(deployment, journal, _number(details, "search")), details["reviewers"]
    if search is None:
        return None
    reviewers = tuple(deployment.masked("person", str(one)) for one in named) if isinstance(named, list) else ()
    return Found(index, entry.time, search, DISMISSED, _number(details, "false_alerts"), reviewers=reviewers)


def _found(deployment: Deployment, journal: Journal, index: int, entry: Entry) -> Found | None:
    if "failed" in _details(journal, index, entry):
        return None
    _, details = _begun(deployment, journal, entry)
    search = details.get("search")
    if not isinstance(search, int):
        # Findings said nothing of their search before there was a count.
        return None
    ended = search_of(deployment, journal, search)
    stated = details.get("false_alerts")
    if ended is None:
        return None
    return Found(
        index,
        entry.time,
        ended,
        str(details["accuracy"]),
        stated if isinstance(stated, int) else None,
        deployment.masked("person", str(details.get("operator"))),
    )


def search_of(deployment: Deployment, journal: Journal, search: int) -> Searched | None:
    """Return the search that an entry announced, or None where it did not come to its end."""
    # Most searches end a few entries after they began; only where others came between, more is read.
    for stop in (search + _NEAR, None):
        for index, entry in deployment.log.entries(search + 1, stop):
            if entry.phase is Phase.END and entry.refers == search:
                return _searched(deployment, journal, index, entry)
    return None


def _noted(index: int, entry: Entry, details: JSONObject) -> Noted:
    purpose = str(details["purpose"])
    if entry.operation == RESTART:
        return Noted(index, entry.time, purpose, None)
    told = {name: details[name] for name in Breach.__dataclass_fields__}
    return Noted(index, entry.time, purpose, Breach.from_json(told))


def _number(details: JSONObject, name: str) -> int:
    value = details.get(name, 0)
    return value if isinstance(value, int) else 0
