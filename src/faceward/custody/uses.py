"""Which entries were used, and how often each mandate was: what makes one entry one key."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from faceward.core.errors import PolicyRefusal
from faceward.custody.errors import Replayed
from faceward.custody.presentation import FRESH
from faceward.custody.timing import ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faceward.core.canonical import JSONObject
    from faceward.custody.state import Turn

USED = "used"
SPENT = "spent"
URGENT = "urgent"


def check_unused(turn: Turn, index: int, gallery: str, mark: str) -> None:
    """Check that an entry was not used in this way before.

    Raises:
        PolicyRefusal: It is from before the last restart (L2).
        Replayed: It was used.
    """
    if index < turn.head.floor:
        raise PolicyRefusal("L2", "the log entry is from before the last restart.", "Repeat the operation.")
    row = turn.get(USED, str(index))
    if row is not None and _place(mark, gallery) in _marks(row):
        raise Replayed("L2", "the log entry was presented before.", "Repeat the operation, which writes a new entry.")


def note(turn: Turn, place: tuple[int, str, str], mandate: str, time: datetime) -> None:
    """Note that an entry was used; the first use under a mandate counts as a search.

    Args:
        turn: The state.
        place: Index of the entry, gallery, and the way of using it.
        mandate: Digest of its mandate; empty without one.
        time: The entry's time.
    """
    index, gallery, mark = place
    row = turn.get(USED, str(index))
    if mandate and row is None:
        turn.put(SPENT, mandate, {"count": _count(turn.get(SPENT, mandate)) + 1, "time": ticks(time)})
    marks = [] if row is None else _marks(row)
    turn.put(USED, str(index), {"marks": [*marks, _place(mark, gallery)], "time": ticks(time)})


def spent(turn: Turn, mandate: str, index: int) -> int:
    """Return how many searches were made under a mandate before that of an entry.

    One entry that names several galleries is one search.
    """
    return _count(turn.get(SPENT, mandate)) - (turn.get(USED, str(index)) is not None)


def note_urgent(turn: Turn, mandate: str, requester: str, until: datetime, now: datetime) -> None:
    """Note that an urgent mandate is used before anybody approved it (rule P7).

    Args:
        turn: The state.
        mandate: Digest of the mandate.
        requester: Who asked for it.
        until: When the time ends in which it may be used unapproved, UTC.
        now: The custodian's time, UTC.

    Raises:
        PolicyRefusal: An earlier one of the same requester was used, and its time ended without a decision (P7):
            otherwise urgent mandates could follow each other for ever.
    """
    for name, row in turn.all(URGENT).items():
        if name != mandate and row["requester"] == requester and time_of(row) <= ticks(now):
            raise PolicyRefusal(
                "P7",
                f"an urgent mandate of {requester!r} was used, and nobody decided on it in time ({name[:12]}…).",
                "Ask for a mandate that is approved before it is used.",
            )
    turn.put(URGENT, mandate, {"requester": requester, "time": ticks(until)})


def decided(turn: Turn, mandate: str) -> None:
    """Note that somebody decided on an urgent mandate."""
    if turn.get(URGENT, mandate) is not None:
        turn.drop(URGENT, mandate)


def last_spent(turn: Turn, most: int) -> Mapping[str, int]:
    """Return how many searches were made under each of the mandates that were used last."""
    return {digest: _count(row) for digest, row in latest(turn.all(SPENT), most).items()}


def latest(rows: Mapping[str, JSONObject], most: int) -> Mapping[str, JSONObject]:
    """Return the rows of the latest times, at most so many."""
    if len(rows) <= most:
        return rows
    return dict(sorted(rows.items(), key=lambda item: time_of(item[1]))[-most:])


def time_of(row: JSONObject) -> int:
    """Return the time of a row in ticks; 0 where it has none."""
    time = row.get("time")
    return time if isinstance(time, int) else 0


def prune(turn: Turn, now: datetime) -> None:
    """Forget uses of entries that are too old to be presented again."""
    oldest = ticks(now - FRESH)
    for name, row in turn.all(USED).items():
        time = row["time"]
        if isinstance(time, int) and time < oldest:
            turn.drop(USED, name)


def _marks(row: JSONObject) -> list[str]:
    marks = row["marks"]
    return [str(mark) for mark in marks] if isinstance(marks, list) else []


def _place(mark: str, gallery: str) -> str:
    return f"{mark}/{gallery}"


def _count(row: JSONObject | None) -> int:
    count = 0 if row is None else row["count"]
    return count if isinstance(count, int) else 0
