"""The end of the log that the key store remembers, by which an older copy of `log.db` is known for one.

Its signature alone cannot tell: an older log was signed by the same key. The size and root hash after the last
append are kept where only the master key opens them. An append that was stopped before they were kept leaves a log
that is longer, which is no harm; one that is shorter, or that another history leads to, is refused. So they
are kept without waiting for the disk, which would take longer than the append: they outlive the process at once, and a
power cut with the next change of the key store that waits. Who cuts the power and puts an older log in place within
that time is found by custodian and witnesses, not by this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.audit.merkle import EMPTY_ROOT, HASH_SIZE
from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from faceward.audit.log import Log
    from faceward.protection.keys import KeyStore

_SECRET = "log-head"  # noqa: S105 - the name of a secret, not one
_SIZE_BYTES = 8

Head = tuple[int, bytes]
"""Number of entries, and the 32-byte root hash over them."""

EMPTY: Head = (0, EMPTY_ROOT)


def keep_head(keys: KeyStore, head: Head) -> None:
    """Remember how far the log has come; an earlier end never takes the place of a later one.

    Raises:
        EnvironmentFailure: The key store cannot be written.
        IntegrityError: What it remembers does not authenticate.
    """

    def further(kept: bytes | None) -> bytes | None:
        # Of two processes, the one that appended first may come here last.
        return None if kept is not None and _decode(kept)[0] >= head[0] else _encode(head)

    keys.update_secret(_SECRET, further, durable=False)


def kept_head(keys: KeyStore) -> Head:
    """Return how far the log had come; read it before the log is opened, since others may append.

    Raises:
        IntegrityError: The key store remembers nothing, or what it remembers does not authenticate.
    """
    try:
        return _decode(keys.secret(_SECRET))
    except UsageError:
        raise IntegrityError(
            f"{keys.path} does not hold how far the log had come, so it was altered; restore it from its backup"
        ) from None


def check_head(log: Log, kept: Head) -> None:
    """Check that the log holds everything up to what was remembered.

    Raises:
        IntegrityError: It is an older copy, or another log signed by the same key.
    """
    size, root = kept
    if not log.continues(size, root):
        raise IntegrityError(
            f"the log was rolled back or replaced; it held {size} entries and this one, of {log.size}, "
            "does not continue them: restore the newest log.db"
        )


def _encode(head: Head) -> bytes:
    size, root = head
    return size.to_bytes(_SIZE_BYTES, "big") + root


def _decode(data: bytes) -> Head:
    if len(data) != _SIZE_BYTES + HASH_SIZE:
        raise IntegrityError("what the key store remembers of the log is malformed; restore keys.db from its backup")
    return int.from_bytes(data[:_SIZE_BYTES], "big"), data[_SIZE_BYTES:]
