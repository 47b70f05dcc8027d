"""What the custodian said last, for what must not wait for it: erasing, withdrawing, complaints, terms that end.

None of these (rules T2, C2, D1, T1) needs a key of a gallery. Who may do them is judged by the people and pins as they
were seen last, which are kept among the deployment's documents. Whoever could forge those holds the deployment's own
secrets, with which he could destroy the same keys by hand.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress

from faceward.core.errors import EnvironmentFailure
from faceward.custody.calls import status_from_json, status_to_json
from faceward.custody.protocol import CustodyStatus
from faceward.operations.deployment import Deployment

PATIENT = frozenset({"erase", "release.withdraw", "complaint.add", "tick"})
"""Actions that do not wait for a custodian."""
_PLACE = ("custody", "last")


def status(deployment: Deployment, *, patient: bool) -> CustodyStatus:
    """Return what the custodian says, or what it said last where it does not answer and that will do.

    Args:
        deployment: The deployment.
        patient: Whether what is to be done must not wait for it.

    Raises:
        EnvironmentFailure: It does not answer, and that will not do, or it was never heard.
        IntegrityError: What it said last was altered.
    """
    try:
        known = deployment.custody.status()
    except EnvironmentFailure:
        kept = deployment.kept(*_PLACE) if patient else None
        if kept is None:
            raise
        return status_from_json(kept)
    _remember(deployment, known)
    return known


def _remember(deployment: Deployment, known: CustodyStatus) -> None:
    """Keep what changes seldom; counts and the log's size are not needed."""
    seen = next(iter(deployment.seen), None)
    if seen is not None and (seen.roster is known.roster or seen.roster == known.roster) and seen.pins == known.pins:
        return
    deployment.seen[:] = [known]
    lasting = dataclasses.replace(known, size=0, root=bytes(32), spent={}, revoked=frozenset(), stopped=True)
    value = status_to_json(lasting)
    # On a full disk an erasure must still be possible, and it is what was asked for.
    with suppress(EnvironmentFailure):
        if deployment.kept(*_PLACE) != value:
            deployment.keep(*_PLACE, value)
