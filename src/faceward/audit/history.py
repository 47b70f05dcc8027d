"""What a run of entries says, gathered while they are read in order."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from faceward.audit.entries import Entry, Phase
from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    from datetime import datetime

CLOCK_STEP = timedelta(hours=1)
"""Clocks are corrected by seconds; a step back by more than this is reported."""


class History:
    """Entries in order, from the first.

    Attributes:
        operations: Number of entries by operation and phase.
        begun: By index, the operation of each entry that begins one which none has ended yet.
        backwards: Indexes of entries more than an hour earlier than one before them.
    """

    def __init__(self) -> None:
        self.operations: Counter[tuple[str, Phase]] = Counter()
        self.begun: dict[int, str] = {}
        self.backwards: list[int] = []
        self._latest: datetime | None = None

    def read(self, index: int, leaf: bytes) -> Entry:
        """Decode the next entry, and check that it follows from those before it.

        Raises:
            IntegrityError: It is malformed, refers to what is not before it, or ends what is not open.
        """
        try:
            entry = Entry.decode(leaf)
        except IntegrityError as error:
            raise IntegrityError(f"entry {index}: {error}") from error
        if entry.refers is not None and entry.refers >= index:
            raise IntegrityError(f"entry {index} refers to the later entry {entry.refers}; the log was altered")
        if entry.phase is Phase.BEGIN:
            self.begun[index] = entry.operation
        elif entry.phase is Phase.END and self.begun.pop(entry.refers or 0, None) != entry.operation:
            raise IntegrityError(f"entry {index} ends entry {entry.refers}, which is no open {entry.operation!r}")
        self.operations[entry.operation, entry.phase] += 1
        # Reported and not refused: a clock that was wrong once must not make the log unverifiable for ever.
        if self._latest is not None and entry.time < self._latest - CLOCK_STEP:
            self.backwards.append(index)
        self._latest = entry.time if self._latest is None else max(self._latest, entry.time)
        return entry

    def lines(self) -> list[str]:
        """Say it in plain words, a sentence a line."""
        return say_history(self.operations, tuple(self.begun), tuple(self.backwards))


def say_history(
    operations: dict[tuple[str, Phase], int], unfinished: tuple[int, ...], backwards: tuple[int, ...]
) -> list[str]:
    """Say counts, interrupted operations and steps of the clock in plain words, a sentence a line."""
    text = [
        f"{count} {'entry says' if count == 1 else 'entries say'}: {name}, {phase}."
        for (name, phase), count in sorted(operations.items())
    ]
    if unfinished:
        text.append(f"Begun and never ended: entries {_numbers(unfinished)}.")
    if backwards:
        text.append(f"The clock was set back by more than an hour before entries {_numbers(backwards)}.")
    return text


def _numbers(indexes: tuple[int, ...], shown: int = 10) -> str:
    more = f" and {len(indexes) - shown} more" if len(indexes) > shown else ""
    return ", ".join(map(str, indexes[:shown])) + more
