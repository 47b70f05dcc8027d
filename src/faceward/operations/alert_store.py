"""What is kept of alerts beside their cases: where and when, under pseudonyms, without a name or a picture.

An alert's document goes when its case goes; one that was suppressed has no case and goes after the same time. Who is
erased, and a list that ends, leave no pseudonym behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.watch_results import AlertState, AlertView
from faceward.operations.case_store import CaseStore
from faceward.operations.deployment import Deployment
from faceward.operations.remembered import Remembered, RememberedDocuments
from faceward.policy.strict import Table
from faceward.policy.travel import Spot
from faceward.protection.guard import ProcessGuard

RAISED, SUPPRESSED = "raised", "suppressed"
_KIND = "alert"
_GUARD = "alerts.guard"
_SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an alert.

    Attributes:
        id: 32 hexadecimal digits, random.
        state: `raised`, or `suppressed` (rule W5).
        entry: Index of the log entry that announced it.
        case: Identifier of its case; empty where there is none.
        camera: Which camera saw them.
        branch: In which branch; may be empty.
        position: Of the branch, latitude and longitude in degrees, or None.
        captured: When, by the stream's clock, UTC.
        gallery: The list.
        purpose: Its purpose.
        fpir: Rate at which a track of somebody who is not on the list brings about an alert.
        expected: False alerts a day that this makes of the traffic of the hour before.
        matches: Subjects that it may be about.
        expires: When it is deleted where it has no case, UTC.
        subjects: Their pseudonyms, hexadecimal; fewer once some were erased.
        flags: What is to be known of it.
    """

    id: str
    state: str
    entry: int
    case: str
    camera: str
    branch: str
    position: tuple[float, float] | None
    captured: datetime
    gallery: str
    purpose: str
    fpir: float
    expected: float
    matches: int
    expires: datetime
    subjects: tuple[str, ...]
    flags: tuple[str, ...] = ()

    @property
    def spot(self) -> Spot:
        """Where and when it was."""
        return Spot(self.branch, self.position, self.captured)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "id": self.id,
            "state": self.state,
            "entry": self.entry,
            "case": self.case,
            "camera": self.camera,
            "branch": self.branch,
            "position": None if self.position is None else list(self.position),
            "captured": to_rfc3339(self.captured),
            "gallery": self.gallery,
            "purpose": self.purpose,
            "fpir": self.fpir,
            "expected": self.expected,
            "matches": self.matches,
            "expires": to_rfc3339(self.expires),
            "subjects": list(self.subjects),
            "flags": list(self.flags),
        }

    @classmethod
    def from_json(cls, value: object) -> Kept:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        table = Table(value, "an alert", IntegrityError)
        table.only(cls.__dataclass_fields__)
        position = table.value("position")
        return cls(
            id=table.text("id"),
            state=table.text("state"),
            entry=int(table.number("entry")),
            case=table.text("case"),
            camera=table.text("camera"),
            branch=table.text("branch"),
            position=(float(position[0]), float(position[1])) if isinstance(position, list) else None,
            captured=from_rfc3339(table.text("captured")),
            gallery=table.text("gallery"),
            purpose=table.text("purpose"),
            fpir=table.number("fpir"),
            expected=table.number("expected"),
            matches=int(table.number("matches")),
            expires=from_rfc3339(table.text("expires")),
            subjects=tuple(table.names("subjects")),
            flags=tuple(table.names("flags")),
        )


def changing(deployment: Deployment) -> AbstractContextManager[None]:
    """Hold back whoever else, of other processes too, raises or changes an alert until this one is kept."""
    return ProcessGuard(deployment.home / _GUARD).alone()


def put(deployment: Deployment, alert: Kept) -> None:
    """Keep an alert, in the place of the one of its identifier."""
    deployment.keep(_KIND, alert.id, alert.to_json())


def flagged(deployment: Deployment, identifier: str, flag: str) -> None:
    """Flag an alert that is there still; repeating it is safe. The caller holds `changing`."""
    value = deployment.kept(_KIND, identifier)
    alert = None if value is None else Kept.from_json(value)
    if alert is not None and flag not in alert.flags:
        put(deployment, replace(alert, flags=(*alert.flags, flag)))


def listed(deployment: Deployment) -> tuple[Kept, ...]:
    """Return all alerts in the order in which they were announced.

    Raises:
        IntegrityError: One was altered.
    """
    return _listed(deployment)


def _parsed(content: bytes) -> Kept:
    return Kept.from_json(json.loads(content))


_documents = RememberedDocuments(_KIND, _parsed)


def _sorted(deployment: Deployment) -> tuple[Kept, ...]:
    return tuple(sorted(_documents(deployment).values(), key=lambda alert: (alert.entry, alert.id)))


_listed = Remembered(_sorted)


def find(deployment: Deployment, prefix: str) -> Kept:
    """Return the one alert whose identifier begins so.

    Raises:
        UsageError: There is none, or several.
    """
    found = [alert for alert in listed(deployment) if alert.id.startswith(prefix)]
    if len(prefix) < _SHORTEST_PREFIX or not found:
        raise UsageError(f"no alert {prefix[:80]!r}; 'alert list' shows them, and four digits of one are enough")
    if len(found) > 1:
        raise UsageError(f"several alerts begin with {prefix!r}; give more digits")
    return found[0]


def forget_subject(deployment: Deployment, subject: str) -> None:
    """Take an erased subject's pseudonym out of every alert; part of their erasure. Repeating it is safe."""
    gone = deployment.pseudonym(subject).hex()
    _forget(deployment, lambda alert: gone in alert.subjects, {gone})


def forget_gallery(deployment: Deployment, gallery: str) -> None:
    """Take every pseudonym out of a list's alerts; part of its end. Repeating it is safe."""
    _forget(deployment, lambda alert: alert.gallery == gallery, None)


def _forget(deployment: Deployment, concerned: Callable[[Kept], bool], gone: Collection[str] | None) -> None:
    with changing(deployment):
        for alert in filter(concerned, listed(deployment)):
            left = () if gone is None else tuple(one for one in alert.subjects if one not in gone)
            # One that was suppressed says nothing but whom it concerned.
            if not left and alert.state == SUPPRESSED:
                deployment.store.delete_document(_KIND, alert.id)
            elif left != alert.subjects:
                put(deployment, replace(alert, subjects=left))


def forget_case(deployment: Deployment, case: str) -> None:
    """Delete the alert of a case that was deleted; repeating it is safe."""
    with changing(deployment):
        for alert in listed(deployment):
            if alert.case == case:
                deployment.store.delete_document(_KIND, alert.id)


def expire(deployment: Deployment, now: datetime) -> int:
    """Delete every alert without a case whose term has ended, or whose case is gone; return how many."""
    with changing(deployment):
        found = listed(deployment)
        # An alert is kept after its case, so that no case is missed that is on its way.
        cases = {held.id for held in CaseStore(deployment).held()} if found else set()
        ended = [one for one in found if (one.case not in cases if one.case else one.expires <= now)]
        for alert in ended:
            deployment.store.delete_document(_KIND, alert.id)
    return len(ended)


def shown(alert: Kept, state: AlertState) -> AlertView:
    """Return an alert as it is shown without anybody's name."""
    return AlertView(
        alert=alert.id,
        entry=alert.entry,
        case=alert.case or None,
        camera=alert.camera,
        branch=alert.branch,
        captured=to_rfc3339(alert.captured),
        gallery=alert.gallery,
        purpose=alert.purpose,
        fpir=alert.fpir,
        expected_false_alerts_per_day=alert.expected,
        state=state,
        flags=alert.flags,
        matches=alert.matches,
    )
