"""Showing the log to people, which is recorded itself: what the entries open to is about people too."""

from __future__ import annotations

from faceward.core.reports import LogLine
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening

SHOW = "audit.show"

_ENDING = frozenset(
    {
        *("subject.erase", "release.withdraw", "reference.erase", "gallery.delete", "case.delete"),
        *("expire", "mandate.lock", "stop"),
    }
)


def ended_since(deployment: Deployment, start: int) -> bool:
    """Tell whether something was erased, withdrawn, locked or stopped in an entry of the log from an index on."""
    return any(entry.operation in _ENDING for _, entry in deployment.log.entries(start))


def show(deployment: Deployment, desk: Desk, last: int) -> tuple[LogLine, ...]:
    """Return the latest entries, as many as asked for, that were there before this question was.

    Raises:
        PolicyRefusal: Who asks may not see the log; the refusal is in it.
    """
    stop = deployment.log.size
    start = max(0, stop - last)
    with desk.operation(SHOW, {}, Happening(SHOW, {"from": start, "to": stop})):
        return tuple(desk.journal.line(index, entry) for index, entry in deployment.log.entries(start, stop))
