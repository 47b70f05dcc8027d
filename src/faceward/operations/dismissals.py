"""What reviewers dismissed counts from their decision on (rules W4, W6), and is not kept longer than it has to be (T1).

The act of the answer that decides a case notes in the log how many faces were dismissed, once. What a killed process
left unnoted the next turn of the clock notes, and so does whatever would change or end the case before it. What is
kept beside the log says how a case stood at its latest revision, so that nothing is opened again for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.operations import alert_store, complaints, false_alerts, gallery_term, monitoring, suspension
from faceward.operations.case_store import CaseStore, Held
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Happening
from faceward.operations.remembered import Remembered, RememberedDocuments
from faceward.operations.search_log import DISMISSAL, search_of
from faceward.policy import dismissed as policy
from faceward.policy import review
from faceward.policy.review_model import Case
from faceward.policy.strict import Table
from faceward.protection.guard import ProcessGuard

_KIND = "case-standing"
_GUARD = "dismissals.guard"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stood at one of its revisions, all of which is counted.

    Attributes:
        revision: The revision.
        gallery: Which gallery was searched.
        decided: Whether the review was decided.
        dismissed: When the review had dismissed every candidate, UTC, or None.
    """

    revision: int
    gallery: str
    decided: bool
    dismissed: datetime | None

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "revision": self.revision,
            "gallery": self.gallery,
            "decided": self.decided,
            "dismissed": None if self.dismissed is None else to_rfc3339(self.dismissed),
        }

    @classmethod
    def from_json(cls, value: object) -> Standing:
        """Read what `to_json` made; raises IntegrityError where it is something else."""
        table = Table(value, "how a case stands", IntegrityError)
        table.only(cls.__dataclass_fields__)
        when = None if table.value("dismissed") is None else from_rfc3339(table.text("dismissed"))
        return cls(int(table.number("revision")), table.text("gallery"), table.flag("decided"), when)


def settle(deployment: Deployment, desk: Desk, held: Held) -> Standing | None:
    """Note what was dismissed of a case, and do what follows for its purpose and references; see `standing`."""
    found = standing(deployment, desk, held)
    follow(deployment, desk)
    return found


def settle_subject(deployment: Deployment, desk: Desk, subject: str) -> None:
    """Note what was dismissed of cases that name somebody who is being erased: afterwards nobody can tell."""
    for held in list(CaseStore(deployment).held()):
        # What was altered must not stop an erasure; it is told elsewhere.
        with suppress(IntegrityError):
            opened = _opened(deployment, held)
            if opened is not None and subject in opened[1].subjects:
                standing(deployment, desk, held)


def settle_all(deployment: Deployment, desk: Desk) -> int:
    """Note what was dismissed of any case and not noted; return how many entries that took. Repeating is safe."""
    before = deployment.log.size
    there = {held.id for held, _ in _every(deployment, desk)}
    for name in set(_standings(deployment)) - there:
        forget(deployment, name)
    return sum(
        entry.phase is Phase.NOTE and entry.operation == DISMISSAL
        for _, entry in (deployment.log.entries(before) if deployment.log.size > before else ())
    )


def _every(deployment: Deployment, desk: Desk) -> Iterator[tuple[Held, Standing | None]]:
    """Yield each case with how it stands; see `standing`. What is known of all of them is read at once."""
    known = _standings(deployment)
    for held in list(CaseStore(deployment).held()):
        found = known.get(held.id)
        yield held, found if found is not None and found.revision == held.revision else standing(deployment, desk, held)


def follow(deployment: Deployment, desk: Desk) -> None:
    """Do what follows from what the log says of false alerts: note breaches, suspend references. Repeating is safe."""
    monitoring.note_breaches(deployment, desk.journal)
    false_alerts.suspend(deployment, desk)


def standing(deployment: Deployment, desk: Desk, held: Held) -> Standing | None:
    """Return how a case stands, once what was dismissed of it is noted; None where it cannot be opened.

    Raises:
        IntegrityError: The log's details or what is kept were altered.
        EnvironmentFailure: The log cannot be written.
    """
    known = _known(deployment, held.id)
    if known is not None and known.revision == held.revision:
        return known
    opened = _opened(deployment, held)
    if opened is None:
        return None
    held, case = opened
    whole = _note(deployment, desk, case)
    # Once dismissed is dismissed, also when an erasure has taken what told so.
    when = policy.since(case) or (None if known is None else known.dismissed)
    made = Standing(held.revision, case.search.gallery, review.decided(case), when)
    if whole:
        with suppress(EnvironmentFailure):
            deployment.keep(_KIND, held.id, made.to_json())
    return made


def forget(deployment: Deployment, case: str) -> None:
    """Forget how a case stood that is gone; repeating it is safe."""
    deployment.store.delete_document(_KIND, case)


def ended(deployment: Deployment, desk: Desk) -> Iterator[Held]:
    """Yield the cases that were dismissed and for which there is no reason left to keep them.

    That is so once 30 days have passed or the list is gone, unless a complaint about the case is open.
    """
    now, received = deployment.now(), suspension.open_complaints(deployment)
    told = [(one, complaints.statement(deployment, desk, one.entry)["text"]) for one in received]
    for held, found in _every(deployment, desk):
        if found is None or found.dismissed is None:
            continue
        if not policy.ends(found.dismissed, now, list_ended=_list_ended(deployment, found.gallery)):
            continue
        opened = _opened(deployment, held)
        if opened is not None and not policy.complained(opened[1], _pseudonyms(deployment, opened[1]), told):
            yield opened[0]


def waiting(deployment: Deployment, purpose: str | None = None) -> tuple[tuple[str, datetime], ...]:
    """Return the alerts that wait longer than 7 days for the decision of their review, with when each was raised.

    Args:
        deployment: The deployment.
        purpose: Only those of this purpose.
    """
    return tuple(_late(deployment, purpose))


def too_many_wait(deployment: Deployment, purpose: str) -> bool:
    """Tell whether more alerts of a purpose wait too long than may (rule W6)."""
    # A watch asks twice a second, so that no more are looked at than tell.
    return len(tuple(islice(_late(deployment, purpose), policy.MOST_WAITING + 1))) > policy.MOST_WAITING


def _late(deployment: Deployment, purpose: str | None) -> Iterator[tuple[str, datetime]]:
    latest = deployment.now() - policy.LOOKED_AT
    for alert, raised in _undecided(deployment):
        if purpose not in (None, alert.purpose) or raised > latest:
            continue
        case = _case(deployment, alert.case)
        if case is not None and not review.decided(case):
            yield alert.id, raised


_standings = RememberedDocuments(_KIND, lambda content: Standing.from_json(json.loads(content)))


def decided(deployment: Deployment) -> frozenset[str]:
    """Return the cases that are known to be decided; nothing that was decided is ever undecided again."""
    return frozenset(case for case, found in _standings(deployment).items() if found.decided)


def _read_undecided(deployment: Deployment) -> tuple[tuple[alert_store.Kept, datetime], ...]:
    known = decided(deployment)
    return tuple(
        (alert, deployment.log.entry(alert.entry).time)
        for alert in alert_store.listed(deployment)
        if alert.case and alert.case not in known
    )


_undecided = Remembered(_read_undecided)
"""Alerts of whose case it is not known that it is decided, with when each was raised."""


def _case(deployment: Deployment, case: str) -> Case | None:
    try:
        opened = _opened(deployment, CaseStore(deployment).find(case))
    except UsageError:
        return None
    return None if opened is None else opened[1]


def _note(deployment: Deployment, desk: Desk, case: Case) -> bool:
    """Note how many faces of a case were dismissed, unless that is noted; False where the search has no end yet."""
    gone = policy.dismissed(case)
    if not gone:
        return True
    with ProcessGuard(deployment.home / _GUARD).alone():
        search = search_of(deployment, desk.journal, case.search.entry)
        if search is None:
            return False
        count = min(policy.false_alerts(case), search.alerts)
        if count > _noted(deployment, desk, case):
            reviewers: list[JSONValue] = [*sorted(answer.reviewer for answer in review.first_answers(case))]
            details: JSONObject = {
                "case": case.id,
                "search": case.search.entry,
                "false_alerts": count,
                "reviewers": reviewers,
            }
            about: JSONObject = {"outcome": "dismissed", "case": case.id}
            named = (one.subject for some in gone for one in some if one.subject is not None)
            desk.journal.write(Phase.NOTE, [Happening(DISMISSAL, details, dict.fromkeys(named, about))])
    return True


def _noted(deployment: Deployment, desk: Desk, case: Case) -> int:
    """Return how many dismissed faces of a case the log holds already; nobody else notes any meanwhile."""
    most = 0
    for index, entry in deployment.log.entries(case.search.entry + 1):
        if entry.phase is Phase.NOTE and entry.operation == DISMISSAL:
            details = desk.journal.opening_of(index, entry, None, DETAILS)[1].details
            count = details.get("false_alerts")
            if details.get("case") == case.id and isinstance(count, int):
                most = max(most, count)
    return most


def _opened(deployment: Deployment, held: Held) -> tuple[Held, Case] | None:
    """Return a case as it is now, or None where it is gone or its key is destroyed."""
    try:
        return CaseStore(deployment).read(held.id)
    except UsageError:
        return None
    except IntegrityError:
        if deployment.keys.destroyed([held.key]):
            return None
        raise


def _known(deployment: Deployment, case: str) -> Standing | None:
    value = deployment.kept(_KIND, case)
    return None if value is None else Standing.from_json(value)


def _list_ended(deployment: Deployment, gallery: str) -> bool:
    return deployment.gallery_note(gallery) is None or not gallery_term.in_force(deployment, gallery)


def _pseudonyms(deployment: Deployment, case: Case) -> tuple[str, ...]:
    return tuple(deployment.pseudonym(subject).hex() for subject in case.subjects)
