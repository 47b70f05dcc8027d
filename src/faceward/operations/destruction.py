"""What was destroyed stays destroyed: an older copy of keys.db is brought up to the log before anything is opened.

Whatever erases people names the keys in the entry that announces it, before they are destroyed. A key store restored
from a backup remembers an earlier end of the log; every destruction that the log tells of since is repeated (rule T2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Happening, Journal

DESTROYS = frozenset({"subject.erase", "release.withdraw", "expire", "reference.erase", "gallery.delete"})
"""Operations whose beginning names keys under `keys`."""

MOST = 1000
"""Most keys that one entry names."""


def named(key_ids: Iterable[str]) -> JSONObject:
    """Return what the beginning of such an operation says of the keys; identifiers are random and lead to nobody."""
    listed: list[JSONValue] = [*sorted(key_ids)]
    return {"keys": listed}


def announce(journal: Journal, operation: str, key_ids: Sequence[str]) -> None:
    """Name keys that do not fit into the beginning of an operation, in notes before it."""
    for start in range(0, len(key_ids), MOST):
        journal.write(Phase.NOTE, [Happening(operation, named(key_ids[start : start + MOST]))])


def repeat(deployment: Deployment, journal: Journal, since: int) -> int:
    """Repeat every destruction that the log tells of from an entry on; return how many keys existed.

    Args:
        deployment: The deployment; nothing of it was opened yet.
        journal: Its journal.
        since: How long the log was when the key store last heard of it.

    Raises:
        IntegrityError: The details of an entry were deleted or altered.
    """
    doomed: set[str] = set()
    for index, entry in deployment.log.entries(since, None):
        if entry.operation in DESTROYS and entry.phase in (Phase.BEGIN, Phase.NOTE):
            details: Mapping[str, JSONValue] = journal.opened(index, entry)[DETAILS].details
            keys = details.get("keys")
            doomed.update(map(str, keys) if isinstance(keys, list) else ())
    return deployment.keys.destroy(sorted(doomed)) if doomed else 0
