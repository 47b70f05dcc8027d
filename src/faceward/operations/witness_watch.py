"""Whether the witnesses that a deployment trusts have seen its log lately (rule L3)."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from faceward.audit.cosignature import CosignatureVerifier
from faceward.audit.cosigned import cosigned_path
from faceward.audit.log import Log
from faceward.audit.witnessed import Sighting, Witnessed, judge, sightings
from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from faceward.operations.deployment import Deployment

# In the key store, since whoever can name a witness can make one: an altered or exchanged file must not.
TRUSTED_SECRET = "witnesses"  # noqa: S105 - the name of a secret, not one


def trusted(deployment: Deployment) -> tuple[CosignatureVerifier, ...]:
    """Return the keys of the witnesses that the deployment trusts, by name.

    Raises:
        IntegrityError: What the key store holds was altered.
    """
    try:
        value = json.loads(deployment.keys.secret(TRUSTED_SECRET))
    except UsageError:
        return ()
    except ValueError as error:
        raise IntegrityError("the key store's list of witnesses is damaged; restore keys.db") from error
    return tuple(CosignatureVerifier.from_vkey(str(vkey)) for vkey in value)


class Watch:
    """Tells whether the log is witnessed. While the file of cosignatures does not change, asking again is cheap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[object, tuple[Sighting, ...]] | None = None

    def judged(
        self,
        log: Log,
        keys: Sequence[CosignatureVerifier],
        now: datetime,
        needed: int,
        freshest: timedelta,
    ) -> Witnessed:
        """Say whether enough of these witnesses have seen the log lately.

        Args:
            log: The deployment's log.
            keys: Of the witnesses that are trusted, from `trusted`.
            now: The current time, UTC.
            needed: How many must have.
            freshest: How old that may be.

        Raises:
            IntegrityError: The log does not continue what was cosigned.
        """
        if needed <= 0:
            return judge((), now, needed, freshest, len(keys))
        return judge(self.seen(log, keys), now, needed, freshest, len(keys))

    def seen(self, log: Log, keys: Sequence[CosignatureVerifier]) -> tuple[Sighting, ...]:
        """Return what each of these witnesses has seen last, and since when it lacks something.

        Raises:
            IntegrityError: The log does not continue what was cosigned.
        """
        return tuple(_lacking(log, one) for one in self._kept(log, keys))

    def _kept(self, log: Log, keys: Sequence[CosignatureVerifier]) -> tuple[Sighting, ...]:
        try:
            stat = cosigned_path(log.path).stat()
            state: object = (stat.st_ino, stat.st_mtime_ns, stat.st_size, tuple(keys))
        except OSError:
            state = (None, tuple(keys))
        with self._lock:
            if self._known is None or self._known[0] != state:
                self._known = state, sightings(log, keys)
            return self._known[1]


def _lacking(log: Log, one: Sighting) -> Sighting:
    """Add to a sighting when the first entry was made that the witness has not seen."""
    return replace(one, uncovered=log.entry(one.size).time) if one.size < log.size else one
