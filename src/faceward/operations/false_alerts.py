"""A reference with two false alerts suspends itself (rule W4): counted from dismissals and findings in the log.

What is kept beside the log is where the count stands; without it everything is counted again from the first entry. So
nobody takes back a false alert by another finding, and what a killed process left undone the next turn of the clock
does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from faceward.audit.entries import Entry, Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.operations import reviews, suspension
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Happening, Journal
from faceward.operations.search_log import ALERT, DISMISSAL, FINDING, SEARCHES, search_of
from faceward.policy import false_alerts as policy
from faceward.policy.false_alerts import Counted, FalseAlerts

_PLACE = ("false-alerts", "references")
_VERSION = 1
_STEP = 64
_RELEASES = frozenset({reviews.REVIEWED, suspension.RESUME})


@dataclass(frozen=True, slots=True)
class _Told:
    """What an operation's two entries say: its own details, the outcome's, and by subject what is said of them."""

    details: JSONObject
    outcome: JSONObject
    subjects: Mapping[str, JSONObject]
    dismissal: bool = False
    """Reviewers dismissed those whom it names."""

    @property
    def failed(self) -> bool:
        return "failed" in self.outcome or self.outcome.get("outcome") == "interrupted"


def suspend(deployment: Deployment, desk: Desk) -> tuple[str, ...]:
    """Suspend what has brought about two false alerts and is not suspended for it yet; return those references.

    Repeating it does nothing more. It is the deployment's own act, for which nobody has to be signed in.
    """
    new = tuple(name for name in policy.suspends(_counted(deployment, desk.journal)) if _to_be_held(deployment, name))
    if new:
        details: JSONObject = {"references": [*new], "reason": f"{policy.MOST} false alerts were found of each"}
        with desk.operation("tick", {}, Happening("watchlist.suspend", details)):
            for name in new:
                suspension.hold(deployment, name, suspension.FALSE_ALERTS)
    return new


def suspended_by_count(deployment: Deployment, desk: Desk) -> frozenset[str]:
    """Return the references that two false alerts suspend by what the log says, whatever is kept beside it."""
    return frozenset(policy.suspends(_counted(deployment, desk.journal)))


def makers(deployment: Deployment, desk: Desk, references: Collection[str]) -> frozenset[str]:
    """Return who made the searches and watches that suspend references: all since they were released last."""
    journal, found, wanted = desk.journal, set[str](), set(references)
    owners = {one.owner for name, one in _counted(deployment, journal).items() if name in wanted}
    for index, entry in deployment.log.entries(0):
        if not _counts(entry):
            continue
        told = _told(deployment, journal, index, entry)
        if entry.operation in _RELEASES:
            resumed = {_owner(deployment, subject) for subject in told.subjects}
            if not told.failed and (owners <= resumed or wanted == {told.details.get("reference")}):
                found.clear()
            continue
        search = told.details.get("search")
        concerned = not told.failed and any(
            not wanted.isdisjoint(named) for _, named, _ in _false(deployment, journal, told)
        )
        if concerned and isinstance(search, int):
            begun = journal.opening_of(search, deployment.log.entry(search), None, DETAILS)[1].details
            found.add(str(begun.get("operator")))
    return frozenset(found)


def _counts(entry: Entry) -> bool:
    """Tell whether an entry may say that an alert was false, or begins the count anew."""
    ended = entry.phase is Phase.END and entry.operation in {FINDING, *_RELEASES}
    return ended or (entry.phase is Phase.NOTE and entry.operation == DISMISSAL)


def _to_be_held(deployment: Deployment, reference: str) -> bool:
    try:
        deployment.store.reference(reference)
    except UsageError:
        # It was erased since, and nothing of it is compared.
        return False
    return not suspension.is_held(deployment, reference, suspension.FALSE_ALERTS)


def _counted(deployment: Deployment, journal: Journal) -> Counted:
    """Return the false alerts of each reference up to now, and keep the count where much has come since."""
    start, counted = _kept(deployment)
    stop = deployment.log.size
    if start > stop:
        raise IntegrityError("the log is shorter than what was counted of it; restore log.db from a backup")
    now = counted
    for index, entry in deployment.log.entries(start, stop):
        if _counts(entry):
            now = _after(deployment, journal, now, (index, entry))
    if now != counted or stop - start >= _STEP:
        # A full disk must not keep anybody from a finding; it is counted again next time.
        with suppress(EnvironmentFailure):
            rows: dict[str, JSONValue] = {name: dict(one.to_json()) for name, one in sorted(now.items())}
            deployment.keep(*_PLACE, {"version": _VERSION, "stop": stop, "references": rows})
    return now


def _kept(deployment: Deployment) -> tuple[int, Counted]:
    value = deployment.kept(*_PLACE)
    if not isinstance(value, dict) or value.get("version") != _VERSION:
        return 0, {}
    stop, rows = value["stop"], value["references"]
    if not isinstance(stop, int) or not isinstance(rows, dict):
        raise IntegrityError("what is kept of false alerts is damaged; restore gallery.db from a backup")
    return stop, {name: FalseAlerts.from_json(row) for name, row in rows.items()}


def _after(deployment: Deployment, journal: Journal, counted: Counted, ended: tuple[int, Entry]) -> Counted:
    told = _told(deployment, journal, *ended)
    if told.failed:
        return counted
    operation = ended[1].operation
    if operation == reviews.REVIEWED:
        return policy.released(counted, references=(str(told.details.get("reference")),))
    if operation == suspension.RESUME:
        for subject in told.subjects:
            counted = policy.released(counted, owner=_owner(deployment, subject))
        return counted
    for subject, references, picture in _false(deployment, journal, told):
        counted = policy.found(counted, _owner(deployment, subject), references, picture)
    return counted


def _false(deployment: Deployment, journal: Journal, told: _Told) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the subjects who were found to be a false alert, the references that made them one, and the picture."""
    accuracy, stated, search = (told.details.get(name) for name in ("accuracy", "false_alerts", "search"))
    if not isinstance(search, int):
        return
    wrong = {
        subject
        for subject, about in told.subjects.items()
        if told.dismissal
        or policy.are_false(str(accuracy), stated if isinstance(stated, int) else None, str(about.get("result")))
    }
    picture = search_of(deployment, journal, search) if wrong else None
    if picture is None or not _concerned(deployment, search):
        return
    ended = _end_of(deployment, search)
    for subject, about in _subjects(journal, *ended).items() if ended else ():
        if subject in wrong and about.get("outcome") == "candidate":
            yield subject, _references(about), picture.picture


def _concerned(deployment: Deployment, search: int) -> bool:
    """Tell whether W4 speaks of a search: of every one on a watchlist, and of whatever a camera raised."""
    operation = deployment.log.entry(search).operation
    return operation in SEARCHES and (operation == ALERT or reviews.is_watchlist(deployment))


def _told(deployment: Deployment, journal: Journal, index: int, entry: Entry) -> _Told:
    if entry.phase is Phase.NOTE:
        details = journal.opening_of(index, entry, None, DETAILS)[1].details
        return _Told(details, {}, _subjects(journal, index, entry), dismissal=True)
    if entry.refers is None:
        raise IntegrityError(f"log entry {index} ends nothing; restore log.db from a backup")
    begun = deployment.log.entry(entry.refers)
    details = journal.opening_of(entry.refers, begun, None, DETAILS)[1].details
    outcome = journal.opening_of(index, entry, None, DETAILS)[1].details
    return _Told(details, outcome, _subjects(journal, entry.refers, begun))


def _subjects(journal: Journal, index: int, entry: Entry) -> dict[str, JSONObject]:
    """Return what an entry says of subjects who were not erased since, by name."""
    opened = journal.opened(index, entry).items()
    return {
        str(opening.details["subject"]): opening.details
        for slot, opening in opened
        if slot != DETAILS and "subject" in opening.details
    }


def _end_of(deployment: Deployment, search: int) -> tuple[int, Entry] | None:
    for index, entry in deployment.log.entries(search + 1):
        if entry.phase is Phase.END and entry.refers == search:
            return index, entry
    return None


def _references(about: JSONObject) -> tuple[str, ...]:
    listed = about.get("references")
    named = [about.get("reference"), *(listed if isinstance(listed, list) else ())]
    return tuple(dict.fromkeys(str(one) for one in named if one))


def _owner(deployment: Deployment, subject: str) -> str:
    return deployment.masked("subject", subject)
