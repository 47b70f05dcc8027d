"""Deleting a case again whose alert could not be kept, so that no case waits for reviewers without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from faceward.core.canonical import JSONObject
from faceward.core.errors import FacewardError
from faceward.operations.case_end import DELETE
from faceward.operations.case_store import CaseStore
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening


@contextmanager
def undoing(deployment: Deployment, desk: Desk, search: int, subjects: Iterable[str]) -> Iterator[None]:
    """Delete the case of a search, its keys first, where what is done in this block fails; that is raised again.

    A process that is killed in the block leaves the case, and the log's open entry brings its alert to its end.

    Args:
        deployment: The deployment.
        desk: Where it is recorded.
        search: Index of the search's log entry.
        subjects: Whom the case names.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, SystemExit):
        # What failed is told, and not that tidying up after it failed too.
        with suppress(FacewardError):
            _delete(deployment, desk, search, subjects)
        raise


def _delete(deployment: Deployment, desk: Desk, search: int, subjects: Iterable[str]) -> None:
    store = CaseStore(deployment)
    for held in [held for held in store.held() if held.search == search]:
        details: JSONObject = {"case": held.id, "search_mandate": held.mandate, "reason": "its alert could not be kept"}
        about: JSONObject = {"outcome": "case deleted", "case": held.id}
        try:
            with desk.operation("tick", {}, Happening(DELETE, details, dict.fromkeys(subjects, about))):
                store.delete(held)
        finally:
            # Also where the log takes no entry any more: nobody has seen the case, and nobody is to find it.
            store.delete(held)
