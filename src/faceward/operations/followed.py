"""What the log says of the ends of galleries and of cameras (rules W3, W8, P2), whatever an older gallery.db says.

A row of an older copy of gallery.db is genuine, so that nothing but the log tells that it was put back. Everything here
follows from the log, entry after entry. What was read up to some entry is kept, with the number of that entry, in one
document; an older copy of that only means that more is read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakKeyDictionary

from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Journal

ADD, CHANGE, REMOVE = "camera.add", "camera.change", "camera.remove"
END, CREATE, DELETE = "gallery.end", "gallery.create", "gallery.delete"
_READ = frozenset({ADD, CHANGE, REMOVE, END, CREATE, DELETE})
_PLACE = ("followed", "log")
_VERSION = 1
_STEP = 64


@dataclass(frozen=True, slots=True)
class CameraHistory:
    """What the log says of one camera.

    Attributes:
        records: Digests of what may be kept of it: of its latest configuration, and of what was begun since and may
            have been carried out; none where it was removed.
        changed: When it was configured or materially changed last, UTC.
    """

    records: tuple[str, ...]
    changed: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """What follows from the log before an entry.

    Attributes:
        stop: Index of the first entry that was not read.
        ends: When galleries end, UTC, by name.
        leaving: Galleries of which a deletion was begun, so that their names may be of others since.
        cameras: By name.
    """

    stop: int = 0
    ends: Mapping[str, datetime] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()
    cameras: Mapping[str, CameraHistory] = field(default_factory=dict)


# By log, which lives as long as its deployment is open; a watch asks twice a second.
_LATEST: WeakKeyDictionary[Log, Followed] = WeakKeyDictionary()


def followed(deployment: Deployment) -> Followed:
    """Return what the log says up to now, and keep it where much has come since.

    Raises:
        IntegrityError: The log's details or what is kept of them were altered, or the log is shorter than it was.
    """
    known = _LATEST.get(deployment.log)
    before = _kept(deployment) if known is None else known
    stop = deployment.log.size
    if before.stop > stop:
        raise IntegrityError("the log is shorter than what was read of it; restore log.db from a backup")
    if before.stop == stop and known is not None:
        return before
    now, journal = before, Journal(deployment)
    for index, entry in deployment.log.entries(before.stop, stop):
        if entry.operation in _READ and entry.phase in (Phase.BEGIN, Phase.END):
            now = _after(deployment, journal, now, (index, entry))
    now = replace(now, stop=stop)
    _LATEST[deployment.log] = now
    if known is None and stop - before.stop >= _STEP:
        # It is read again next time where it cannot be kept, and a full disk must not stop who only reads.
        with suppress(EnvironmentFailure):
            deployment.keep(*_PLACE, _to_json(now))
    return now


def _after(deployment: Deployment, journal: Journal, known: Followed, read: tuple[int, Entry]) -> Followed:
    index, entry = read
    details = journal.opening_of(index, entry, None, DETAILS)[1].details
    if entry.phase is Phase.BEGIN:
        return _begun(known, entry, details)
    if "failed" in details or details.get("outcome") == "interrupted" or entry.refers is None:
        return known
    announced = journal.opening_of(entry.refers, deployment.log.entry(entry.refers), None, DETAILS)[1].details
    return _ended(known, entry.operation, announced)


def _begun(known: Followed, entry: Entry, details: JSONObject) -> Followed:
    if entry.operation in (ADD, CHANGE):
        name, record = str(details["camera"]), str(details.get("record_sha256"))
        old = known.cameras.get(name)
        records = (*(old.records if old is not None else ()), record)
        changed = entry.time if old is None or details.get("material") is not False else old.changed
        return replace(known, cameras={**known.cameras, name: CameraHistory(records, changed)})
    if entry.operation == DELETE:
        return replace(known, leaving=known.leaving | {str(details["gallery"])})
    if entry.operation == CREATE and details.get("gallery") in known.leaving:
        # Only a name that was given up can be of another gallery; a note that was deleted gives up nothing.
        return _without(known, str(details["gallery"]))
    return known


def _ended(known: Followed, operation: str, announced: JSONObject) -> Followed:
    if operation == DELETE:
        return _without(known, str(announced["gallery"]))
    if operation == END:
        name, ends = str(announced["gallery"]), from_rfc3339(str(announced["ends"]))
        return replace(known, ends={**known.ends, name: min(ends, known.ends.get(name, ends))})
    if operation == CREATE:
        return known
    name = str(announced["camera"])
    records = () if operation == REMOVE else (str(announced.get("record_sha256")),)
    old = known.cameras.get(name)
    if old is None:
        return known
    return replace(known, cameras={**known.cameras, name: replace(old, records=records)})


def _without(known: Followed, gallery: str) -> Followed:
    ends = {name: moment for name, moment in known.ends.items() if name != gallery}
    return replace(known, ends=ends, leaving=known.leaving - {gallery})


def _to_json(known: Followed) -> JSONObject:
    ends: dict[str, JSONValue] = {name: to_rfc3339(moment) for name, moment in known.ends.items()}
    cameras: dict[str, JSONValue] = {
        name: {"records": [*one.records], "changed": to_rfc3339(one.changed)} for name, one in known.cameras.items()
    }
    leaving: list[JSONValue] = [*sorted(known.leaving)]
    return {"version": _VERSION, "stop": known.stop, "ends": ends, "leaving": leaving, "cameras": cameras}


def _kept(deployment: Deployment) -> Followed:
    value = deployment.kept(*_PLACE)
    if not isinstance(value, dict) or value.get("version") != _VERSION:
        return Followed()
    try:
        return Followed(
            stop=int(str(value["stop"])),
            ends={name: from_rfc3339(str(moment)) for name, moment in _table(value["ends"]).items()},
            leaving=frozenset(_names(value["leaving"])),
            cameras={
                name: CameraHistory(_names(_table(one)["records"]), from_rfc3339(str(_table(one)["changed"])))
                for name, one in _table(value["cameras"]).items()
            },
        )
    except (KeyError, TypeError, ValueError):
        raise IntegrityError("what is kept of cameras and ends is damaged; restore gallery.db from a backup") from None


def _table(value: JSONValue) -> dict[str, JSONValue]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _names(value: JSONValue) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(str(one) for one in value)
