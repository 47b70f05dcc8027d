"""Whether witnesses have seen the log lately (rule L3): judged by the cosignatures kept beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from faceward.audit.cosignature import verify_cosignatures
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceward.audit.cosignature import CosignatureVerifier
    from faceward.audit.reader import LogReader

COMMAND = "faceward audit cosign"
# By how much a witness's clock may be ahead.
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sighting:
    """The latest that one witness has seen.

    Attributes:
        witness: Its name.
        size: Of the tree that it cosigned.
        time: When it says that it did.
        uncovered: When the first entry was made that this tree lacks, or None where it lacks none.
    """

    witness: str
    size: int
    time: datetime
    uncovered: datetime | None = None

    def since(self) -> datetime:
        """Return the moment up to which the witness has certainly seen everything."""
        return self.time if self.uncovered is None else min(self.time, self.uncovered)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Whether enough witnesses have seen the log lately, and why not.

    Attributes:
        good: They have.
        reason: In words, in one line; what to do where they have not.
        sightings: What each trusted witness has seen last.
    """

    good: bool
    reason: str
    sightings: tuple[Sighting, ...]


def sightings(log: LogReader, witnesses: Sequence[CosignatureVerifier]) -> tuple[Sighting, ...]:
    """Return the latest cosignature of each of these witnesses that has one over a tree that this log continues.

    Raises:
        IntegrityError: The log does not continue a checkpoint that it was cosigned under.
        EnvironmentFailure: The file of cosigned checkpoints cannot be read.
    """
    kept = log.cosigned()
    found = []
    for witness in witnesses:
        for one in reversed(kept):
            try:
                [cosigned] = verify_cosignatures(one.note, [witness])
                time = datetime.fromtimestamp(cosigned.seconds, tz=UTC)
            except (IntegrityError, ValueError, OverflowError, OSError):
                # Not by this witness, or not good; an earlier one may be.
                continue
            found.append(Sighting(witness.name, one.checkpoint.size, time))
            break
    return tuple(found)


def judge(seen: Sequence[Sighting], now: datetime, needed: int, freshest: timedelta, trusted: int) -> Witnessed:
    """Say whether the log counts as witnessed. Pure.

    A sighting counts while it is no older than the term, and everything that it lacks is no older either, so that a
    witness that is shown an old tree every day does not make the log look seen. One from the future does not count.

    Args:
        seen: From `sightings`, with what they lack.
        now: The current time, UTC.
        needed: How many witnesses must have seen it.
        freshest: How old that may be.
        trusted: How many witnesses are trusted.
    """
    if needed <= 0:
        return Witnessed(good=True, reason="the standard asks for no witness", sightings=tuple(seen))
    if trusted < needed:
        why = f"trusted witnesses needed: {needed}, known: {trusted}; name one with 'faceward witness trust'"
        return Witnessed(good=False, reason=why, sightings=tuple(seen))
    fresh = [one for one in seen if now - freshest <= one.since() and one.time <= now + _AHEAD]
    if len(fresh) >= needed:
        names = ", ".join(one.witness for one in fresh)
        return Witnessed(good=True, reason=f"seen lately by {names}", sightings=tuple(seen))
    stale = [f"{one.witness} since {to_rfc3339(one.since())}" for one in seen if one not in fresh]
    missing = f"{len(fresh)} of {needed} witnesses needed have seen the log within {_words(freshest)}"
    last = f", the last being {'; '.join(stale)}" if stale else ", and no other ever"
    return Witnessed(good=False, reason=f"{missing}{last}; run '{COMMAND}'", sightings=tuple(seen))


def _words(span: timedelta) -> str:
    hours, rest = divmod(int(span.total_seconds()), 3600)
    return f"{hours} h" if not rest else f"{int(span.total_seconds()) // 60} min"
