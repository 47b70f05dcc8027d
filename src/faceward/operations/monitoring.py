"""The running rate of false alerts, from what the log holds of searches and findings (rules V1, W6).

Everything follows from the log alone, entry after entry: searches that ended, findings on them, breaches that were
noted and answers to them. What was counted up to some entry is kept, with the number of that entry, in one document.
So nothing is counted twice, whoever writes last, and without the document it is counted again from the first entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from math import isqrt
from weakref import WeakKeyDictionary

from faceward.audit.log import Log
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Journal
from faceward.operations.search_log import BREACH, RESTART, Noted, events
from faceward.policy.monitored import Count
from faceward.policy.monitoring import EProcess
from faceward.policy.verdicts import Found, Passed, Picture, Searched

_PLACE = ("monitoring", "counts")
_VERSION = 3
# Entries that are read again each time before what was counted is kept anew: more where it is long.
_STEP = 32
_LONG = 10


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted before a log entry.

    Attributes:
        stop: Index of the first entry that was not read.
        purposes: By name.
    """

    stop: int = 0
    purposes: Mapping[str, Count] = field(default_factory=dict)

    @property
    def unnoted(self) -> tuple[str, ...]:
        """Purposes whose breach has no entry of its own yet, by name."""
        return tuple(sorted(name for name, count in self.purposes.items() if count.breach and not count.noted))


def breached(deployment: Deployment, purpose: str) -> datetime | None:
    """Return when a purpose's latest breach was, answered or not: evidence from before it is void (rule V1).

    It follows from the findings themselves, whether or not the breach was noted in the log.

    Raises:
        IntegrityError: The log's details or what is kept of them were altered.
    """
    count = counts(deployment).purposes.get(purpose)
    return None if count is None else count.latest


def restart(deployment: Deployment, purpose: str, made: datetime) -> bool:
    """Answer a breach with new evidence: the test begins anew with the next search.

    Without a breach the count goes on, or recording evidence again and again would keep the test from its end.

    Args:
        deployment: The deployment.
        purpose: Name of the purpose.
        made: When the evidence was made, UTC; it answers no breach that came later.

    Returns:
        Whether the test begins anew.
    """
    journal = Journal(deployment)

    def make() -> tuple[str, JSONObject, tuple[()]] | None:
        count = _read_on(deployment, journal, _kept(deployment)).purposes.get(purpose)
        if count is None or count.breach is None or made <= count.breach.time:
            return None
        return RESTART, {"purpose": purpose, "breach": count.breach.entry, "made": to_rfc3339(made)}, ()

    note_breaches(deployment, journal)
    return journal.append_note(make) is not None


def note_breaches(deployment: Deployment, journal: Journal) -> tuple[str, ...]:
    """Write an entry for each breach that has none yet; repeating it, also of several processes at once, adds nothing.

    Returns:
        The purposes concerned, by name.
    """
    noted: list[str] = []

    def make() -> tuple[str, JSONObject, tuple[()]] | None:
        # Nobody else can append now, so that what is unnoted here is noted by nobody else.
        now = _read_on(deployment, journal, _kept(deployment))
        for name in now.unnoted:
            breach = now.purposes[name].breach
            if breach is not None:
                noted.append(name)
                return BREACH, {"purpose": name, **breach.to_json()}, ()
        return None

    while counts(deployment, journal).unnoted and journal.append_note(make) is not None:
        pass
    return tuple(noted)


def counts(deployment: Deployment, journal: Journal | None = None) -> Counts:
    """Return what is counted up to now, and keep it where enough has come since.

    Raises:
        IntegrityError: The log's details or what is kept of them were altered.
    """
    content = deployment.kept_content(*_PLACE)
    before = Counts() if content is None else _parsed(content)
    now = _latest(deployment, journal or Journal(deployment), content, before)
    length = sum(len(some) for count in now.purposes.values() for some in count.pictures.values())
    if now.stop - before.stop >= max(_STEP, isqrt(length // _LONG)):
        # It is counted again next time where it cannot be kept, and a full disk must not stop who only reads.
        with suppress(EnvironmentFailure):
            purposes: dict[str, JSONValue] = {name: dict(count.to_json()) for name, count in now.purposes.items()}
            deployment.keep(*_PLACE, {"version": _VERSION, "stop": now.stop, "purposes": purposes})
    return now


def breaches(deployment: Deployment) -> dict[str, JSONValue]:
    """Return when each breach was that was not answered yet, RFC 3339, by purpose."""
    known = counts(deployment).purposes
    return {name: to_rfc3339(count.breach.time) for name, count in sorted(known.items()) if count.breach is not None}


def pictures(deployment: Deployment, journal: Journal) -> Iterator[tuple[Searched, Picture]]:
    """Return the first search of every picture for each purpose that the log holds, and what the picture counts for.

    They come in the order in which those searches ended; faces that passed cameras come together, as often as they were
    counted.
    """
    first: dict[tuple[str, str], Searched] = {}
    counted: dict[tuple[str, str], Picture] = {}
    for event in events(deployment, journal, 0):
        if isinstance(event, Noted):
            continue
        if isinstance(event, Passed):
            passed = Searched(event.entry, event.time, event.entry, event.purpose, event.faces, 0)
            first[passed.purpose, passed.picture] = passed
            counted[passed.purpose, passed.picture] = Picture(event.faces)
            continue
        search = event if isinstance(event, Searched) else event.searched
        place = search.purpose, search.picture
        first.setdefault(place, search)
        old = counted.get(place, Picture())
        counted[place] = old.searched(event) if isinstance(event, Searched) else old.found(event)
    for place, search in first.items():
        yield search, counted[place]


def _kept(deployment: Deployment) -> Counts:
    content = deployment.kept_content(*_PLACE)
    return Counts() if content is None else _parsed(content)


# Every search asks, and to parse thousands of findings takes longer than to read them.
@lru_cache(maxsize=4)
def _parsed(content: bytes) -> Counts:
    value = json.loads(content)
    if value["version"] != _VERSION:
        return Counts()
    stop, purposes = value["stop"], value["purposes"]
    if not isinstance(stop, int) or not isinstance(purposes, dict):
        raise IntegrityError("what is kept of false alerts is damaged; restore gallery.db from a backup")
    return Counts(stop, {name: Count.from_json(one) for name, one in purposes.items()})


@dataclass(frozen=True, slots=True)
class _Latest:
    """What this process counted last, from what was kept then, and at which rates."""

    content: bytes | None
    rates: Mapping[str, float]
    counts: Counts


# By log, which lives as long as its deployment is open. Every search asks, and opening entries again takes longer than
# all of its rules; where the process has not counted yet, entries since what is kept are read.
_LATEST: WeakKeyDictionary[Log, _Latest] = WeakKeyDictionary()


def _latest(deployment: Deployment, journal: Journal, content: bytes | None, before: Counts) -> Counts:
    """Return the counts up to now, from where this process left off if that follows from what is kept."""
    last = _LATEST.get(deployment.log)
    if last is not None and (last.content != content or _rates(deployment, last.counts) != last.rates):
        last = None
    now = _read_on(deployment, journal, before if last is None else last.counts)
    _LATEST[deployment.log] = _Latest(content, _rates(deployment, now), now)
    return now


def _rates(deployment: Deployment, of: Counts) -> dict[str, float]:
    return {name: accepted_rate(deployment, name) for name in of.purposes}


def _read_on(deployment: Deployment, journal: Journal, before: Counts) -> Counts:
    """Return the counts after the entries that have come since."""
    purposes, stop = dict(before.purposes), deployment.log.size
    if before.stop > stop:
        raise IntegrityError("the log is shorter than what was counted of it; restore log.db from a backup")
    accepted: dict[str, float] = {}
    for event in events(deployment, journal, before.stop, stop):
        name = event.searched.purpose if isinstance(event, Found) else event.purpose
        if name not in accepted:
            accepted[name] = accepted_rate(deployment, name)
        count = purposes.get(name) or Count(-1, event.time, EProcess(accepted[name]))
        purposes[name] = _after(count, event, accepted[name])
    return Counts(stop, purposes)


def accepted_rate(deployment: Deployment, purpose: str) -> float:
    """Return how often a face may be a false alert, 0 to 1: what the purpose accepts of a search (FPIR).

    A standard that was adopted after the purpose may accept less, and then that counts; `retail` never accepts more
    than 1 in 1,000 faces (rule W6). A purpose that an older copy of gallery.db does not know yet is counted by the
    standard's own rate: nobody can search for it before it is registered again.
    """
    found, parameters = deployment.purpose(purpose), deployment.standard.parameters
    return parameters.default_fpir if found is None else min(found.fpir, parameters.loosest_fpir)


def _after(count: Count, event: Searched | Passed | Found | Noted, accepted: float) -> Count:
    if isinstance(event, Searched | Passed):
        now = replace(count, process=replace(count.process, accepted=accepted))
        return now.searched(event) if isinstance(event, Searched) else now.passed(event)
    if isinstance(event, Found):
        return count.found(event, accepted)
    if event.breach is None:
        return count.restarted(event.entry, event.time)
    return count.broken(event.breach, noted=True)
