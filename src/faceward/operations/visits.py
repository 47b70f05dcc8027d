"""Whether a subject who came by a link may still act: it follows from the log entry that says that it was made.

The entry is sealed under the subject's own key, so that a link and every session begun with it end with an erasure, in
every process, and nobody is let in whom no entry lets in.
"""

from __future__ import annotations

from collections.abc import Mapping

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations.deployment import Deployment
from faceward.operations.openings import unsealed
from faceward.operations.subject_keys import SubjectKeys
from faceward.policy.people import Role
from faceward.policy.rules import Principal
from faceward.policy.visits import check_in_force, ended

LINK = "subject.link"
"""The operation of the entry that says that a link was made."""


def guest(deployment: Deployment) -> Principal | None:
    """Return who came by a link as the rules know them: a subject, and nothing else; None where nobody did.

    Raises:
        PolicyRefusal: The link counts no more (K2).
    """
    visit = deployment.visit
    if visit is None:
        return None
    noted(deployment)
    return Principal(visit.subject, signed_in=True, roles=frozenset({Role.SUBJECT.value}))


def noted(deployment: Deployment) -> Mapping[str, JSONValue]:
    """Return what the entry of the link says under the subject's key.

    Raises:
        PolicyRefusal: There is none, it is another subject's or destroyed with them, or its term has ended (K2).
    """
    visit = deployment.visit
    owner = None if visit is None else SubjectKeys(deployment).found(visit.subject)
    if visit is None or owner is None:
        raise ended()
    try:
        entry, sealed = deployment.log.entry(visit.entry), deployment.log.openings(visit.entry)
        opened = [unsealed(visit.entry, entry, one, owner.key) for one in sealed if one.key_id == owner.key_id]
    except (UsageError, IntegrityError):
        # Its opening was blanked while it was read: the subject was erased just now.
        raise ended() from None
    if entry.operation != LINK or len(opened) != 1 or opened[0].details.get("subject") != visit.subject:
        raise ended()
    check_in_force(from_rfc3339(str(opened[0].details["until"])), deployment.now())
    return opened[0].details


def records(deployment: Deployment) -> Mapping[str, Mapping[str, JSONValue]]:
    """Return what the records of the visitor's references said when the link was made, by reference.

    No gallery is opened for somebody who came by a link: the operator's own act had them opened (rule L2).

    Raises:
        PolicyRefusal: See `noted`.
    """
    kept = noted(deployment).get("records")
    return {name: one for name, one in kept.items() if isinstance(one, Mapping)} if isinstance(kept, Mapping) else {}
