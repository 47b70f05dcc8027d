"""Who watches over a deployment: custodian, people by role, witnesses. It counts and names no person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from faceward.audit.note import Verifier, parse_note
from faceward.operations.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Guardians:
    """Custody, people and witnesses.

    Attributes:
        separate: Whether a process of its own holds the galleries' keys.
        stopped: Whether recognition is stopped.
        roles: How many people hold each role.
        people: How many people there are.
        witnesses: Names of the witnesses whose cosignatures are kept, sorted; whose they are, their keys tell.
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
    return Guardians(status.separate, status.stopped, roles, len(people), _witnesses(deployment))


def _witnesses(deployment: Deployment) -> tuple[str, ...]:
    vkey = deployment.log.vkey
    if vkey is None:
        return ()
    own = Verifier.from_vkey(vkey).key_id
    signatures = (one for kept in deployment.log.cosigned() for one in parse_note(kept.note).signatures)
    return tuple(sorted({signature.name for signature in signatures if signature.key_id != own}))
