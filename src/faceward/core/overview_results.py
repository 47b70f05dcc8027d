"""What pages show of galleries and of the log: frozen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GallerySeen:
    """A gallery, without anybody in it.

    Attributes:
        name: Its name.
        purpose: What it is for.
        basis: The purpose's lawful basis.
        released: Whether its references rest on releases.
        mode: How references are protected.
        pack: Identifier of the model pack that its new references are of.
        created: When, RFC 3339.
        references: References in force.
        subjects: Subjects among those that a search compares.
        left_out: References of another pack, which are compared with nobody until they are made anew.
        simulated: References of nobody.
        ending: References whose term ends within 30 days.
        next_end: When the next of them ends, RFC 3339, or None.
        ends: When the gallery itself is destroyed (rule W3), RFC 3339, or None.
    """

    name: str
    purpose: str
    basis: str
    released: bool
    mode: str
    pack: str
    created: str
    references: int
    subjects: int
    left_out: int
    simulated: int
    ending: int
    next_end: str | None
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class EntrySeen:
    """A log entry as everybody may see it.

    Attributes:
        index: Position in the log.
        time: RFC 3339.
        operation: What was done.
        phase: `begin`, `end`, `denied` or `note`.
        refers: Index of the entry that it closes, or None.
        commitments: Digests by slot, Base 64.
    """

    index: int
    time: str
    operation: str
    phase: str
    refers: int | None
    commitments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class EntriesSeen:
    """Some entries, the newest first.

    Attributes:
        entries: The entries.
        before: Older ones are before this index, or None where there is none.
        exhausted: False where more was looked through than is looked through at once, and more may be found.
    """

    entries: tuple[EntrySeen, ...]
    before: int | None
    exhausted: bool
