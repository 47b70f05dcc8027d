"""Who watches over a deployment: custodian, people by role, witnesses. It counts and names no person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from faceward.operations.deployment import Deployment
from faceward.operations.witness_watch import trusted


@dataclass(frozen=True, slots=True)
class Guardians:
    """Custody, people and witnesses.

    Attributes:
        separate: Whether a process of its own holds the galleries' keys.
        stopped: Whether recognition is stopped.
        roles: How many people hold each role.
        people: How many people there are.
        witnesses: Names of the witnesses that the deployment trusts, sorted.
    """

    separate: bool
    stopped: bool
    roles: Mapping[str, int]
    people: int
    witnesses: tuple[str, ...]


def guardians(deployment: Deployment) -> Guardians:
    """Return who watches over a deployment."""
    status = deployment.custody.status()
    people = status.roster.people.values()
    roles = Counter(role.value for person in people for role in person.roles)
    return Guardians(
        status.separate,
        status.stopped,
        roles,
        len(people),
        tuple(sorted({witness.name for witness in trusted(deployment)})),
    )
