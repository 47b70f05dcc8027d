"""The running rate of false alerts as people see it, and its export: numbers alone, no names and no pictures."""

from __future__ import annotations

from faceward.core.clock import to_rfc3339
from faceward.core.results import JSONDict
from faceward.operations import monitoring, purposes
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.log_view import SHOW
from faceward.policy.monitored import Count
from faceward.policy.monitoring import EProcess
from faceward.policy.verdicts import Picture, Searched

EXPORT = "monitoring.export"


class Monitoring:
    """The findings on the searches of an open deployment, counted.

    Methods raise `IntegrityError` where the log's details or what is kept of them were altered.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def purposes(self) -> list[JSONDict]:
        """Return what was counted for each purpose since its test began, by name of the purpose.

        Each object has the keys `purpose`, `since`, `accepted`, `searches`, `watched`, `faces`, `alerts`, `correct`,
        `incorrect`, `undetermined`, `undecided`, `rate`, `worst_rate`, `low`, `high`, `evalue`, `limit`, `in_doubt`,
        `breached` and `latest_breach`; docs/monitoring.md says what they mean.
        """
        counted = monitoring.counts(self._deployment, self._desk.journal).purposes
        known = {purpose.name: purpose.created for purpose in purposes.listed(self._deployment)}
        accepted = {name: monitoring.accepted_rate(self._deployment, name) for name in known | counted.keys()}
        return [
            _row(name, counted.get(name) or Count(-1, known[name], EProcess(accepted[name])), accepted[name])
            for name in sorted(accepted)
        ]

    def outcomes(self) -> list[JSONDict]:
        """Return one object a picture and purpose, in the order of first searches; that they were asked for is logged.

        Each has the keys `time` (when that search ended), `purpose`, `faces`, `alerts`, `false_alerts` and `undecided`
        (alerts of which nobody found out whether they were false).

        Raises:
            PolicyRefusal: Who asks may not see the log.
        """
        found = [_outcome(*one) for one in monitoring.pictures(self._deployment, self._desk.journal)]
        with self._desk.operation(SHOW, {}, Happening(EXPORT, {"searches": len(found)})):
            return found


def _row(purpose: str, count: Count, accepted: float) -> JSONDict:
    process, faces = count.process, count.process.faces
    return {
        "purpose": purpose,
        "since": to_rfc3339(count.since),
        "accepted": accepted,
        "searches": count.searches,
        "watched": count.watched,
        "faces": faces,
        "alerts": count.alerts,
        "correct": count.correct,
        "incorrect": process.false_alerts,
        "undetermined": count.undetermined,
        "undecided": count.undecided,
        "rate": process.false_alerts / faces if faces else None,
        "worst_rate": (process.false_alerts + count.open_alerts) / faces if faces else None,
        "low": process.low,
        "high": count.high,
        "evalue": process.evalue,
        "limit": 1 / process.alpha,
        "in_doubt": count.in_doubt,
        "breached": None if count.breach is None else to_rfc3339(count.breach.time),
        "latest_breach": None if count.latest is None else to_rfc3339(count.latest),
    }


def _outcome(search: Searched, picture: Picture) -> JSONDict:
    return {
        "time": to_rfc3339(search.time),
        "purpose": search.purpose,
        "faces": picture.faces,
        "alerts": picture.alerts,
        "false_alerts": picture.false_alerts,
        "undecided": picture.alerts - picture.settled,
    }
