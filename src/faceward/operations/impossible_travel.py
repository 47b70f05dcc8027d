"""Which of those whom a sighting may be of are new, repeated, or cannot have got there (rule W5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from faceward.core.errors import UsageError
from faceward.operations import alert_store
from faceward.operations.alert_store import Kept
from faceward.operations.case_store import CaseStore
from faceward.operations.deployment import Deployment
from faceward.policy.review import Result, decided, results
from faceward.policy.travel import Spot, impossible
from faceward.policy.watching import repeated
from faceward.protection.scheme import Hit


@dataclass(frozen=True, slots=True)
class Judged:
    """The hits of a sighting.

    Attributes:
        new: Those of whom an alert is raised.
        impossible: Those who were seen elsewhere, with that alert.
        repeated: Those of whom this camera raised or suppressed one just before.
    """

    new: tuple[Hit, ...]
    impossible: tuple[tuple[Hit, Kept], ...]
    repeated: tuple[Hit, ...]


def judge(
    hits: Iterable[Hit], seen: tuple[str, Spot], earlier: Iterable[Kept], dismissed: Callable[[Kept], bool]
) -> Judged:
    """Sort the hits of a sighting by what other alerts say of the same subjects.

    Whichever alert is on record first stays; the one that comes to it is the one that is not raised.

    Args:
        hits: Whom it may be of.
        seen: Name of the camera, and where and when it was.
        earlier: The alerts on record.
        dismissed: Tells whether people found that an alert shows somebody else: it rules nothing out.
    """
    camera, spot = seen
    known = tuple(earlier)
    new: list[Hit] = []
    elsewhere: list[tuple[Hit, Kept]] = []
    again: list[Hit] = []
    for hit in hits:
        mine = [alert for alert in known if hit.subject.hex() in alert.subjects]
        here = {alert.state for alert in mine if alert.camera == camera and repeated(alert.captured, spot.time)}
        conflict = None if alert_store.RAISED in here else _conflict(mine, spot, dismissed)
        if alert_store.RAISED in here or (here and conflict is not None):
            again.append(hit)
        elif conflict is not None:
            elsewhere.append((hit, conflict))
        else:
            # Also where a sighting was suppressed just before: what stood against it was dismissed since.
            new.append(hit)
    return Judged(tuple(new), tuple(elsewhere), tuple(again))


def _conflict(mine: Iterable[Kept], spot: Spot, dismissed: Callable[[Kept], bool]) -> Kept | None:
    for alert in mine:
        if alert.state == alert_store.RAISED and impossible(alert.spot, spot) and not dismissed(alert):
            return alert
    return None


def dismissed(deployment: Deployment, alert: Kept) -> bool:
    """Tell whether people decided that an alert is of nobody on the list."""
    store = CaseStore(deployment)
    try:
        _, case = store.read(alert.case)
    except UsageError:
        # Its case was deleted just now, and it goes with it.
        return True
    return decided(case) and Result.ACTIONABLE not in results(case).values()
