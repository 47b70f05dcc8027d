"""Recording in the log: commitments in the leaf, openings sealed beside it (rule L4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from faceward.audit.chain import LINK_FIELD, Head, Link
from faceward.audit.chain_file import Package
from faceward.audit.entries import HEADS_SLOT, SUBJECT_SLOTS, Commitment, Entry, Opening, Phase, commit
from faceward.audit.log import Record
from faceward.audit.sealed import SealedOpening
from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError
from faceward.core.reports import LogLine
from faceward.operations.chains import commit_heads, subject_package
from faceward.operations.deployment import Deployment
from faceward.operations.log_head import keep_head
from faceward.operations.members import Members
from faceward.operations.openings import seal_opening, unsealed
from faceward.operations.subject_keys import SubjectKeys, SubjectLogKey

DETAILS = "details"


@dataclass(frozen=True, slots=True)
class Happening:
    """What an entry is about.

    Attributes:
        operation: Name of the operation, for example `subject.erase`.
        details: What concerns nobody in particular.
        subjects: For each subject concerned, what concerns them.
        parts: By slot, what is to be shown apart from the details, such as a gallery's root.
        told: By rule, the reason and the remedy that a refusal gives instead of the rule's own, where more is known.
    """

    operation: str
    details: JSONObject
    subjects: Mapping[str, JSONObject] = field(default_factory=dict)
    parts: Mapping[str, JSONObject] = field(default_factory=dict)
    told: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """An appended entry with its openings, for a receipt."""

    index: int
    openings: Mapping[str, Opening]


class _KeyGoneError(Exception):
    """A subject's key was destroyed between its reading and its use."""


class Journal:
    """Writes entries of a deployment's log and opens what it may of them."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.keys = SubjectKeys(deployment)
        self.members = Members(deployment)
        # Where the chains of subjects ended whose keys this journal destroyed, for the entry that says so.
        self._ended: dict[str, tuple[bytes, Head | None]] = {}

    def write(
        self, phase: Phase, happenings: Sequence[Happening], refers: Sequence[int | None] = (), *, keep: bool = True
    ) -> list[Kept]:
        """Append entries in one transaction; they are durable when this returns.

        Args:
            phase: Where in its operation each entry stands.
            happenings: What each is about.
            refers: For `end` entries, the entries that they close.
            keep: Whether subjects' openings are stored, sealed. An erasure does not keep them.
        """
        now = self._deployment.now()
        closing = refers or [None] * len(happenings)
        concerned = {subject for happening in happenings for subject in happening.subjects}
        while True:
            keys = {subject: self.keys.drawn(subject) for subject in concerned} if keep else {}
            batch = _Batch(self, self._deployment.operator, phase, now, keys)
            try:
                indexes = self._deployment.log.append(partial(batch.records, happenings, closing), now)
                break
            except _KeyGoneError:
                # An erasure came between. What is written now needs another key, and begins another chain.
                continue
        keep_head(self._deployment.keys, self._deployment.log.head)
        for subject in concerned if not keep else ():
            self._ended.pop(subject, None)
        return [Kept(index, openings) for index, openings in zip(indexes, batch.openings, strict=True)]

    def append_note(self, make: Callable[[], tuple[str, JSONObject, Sequence[Commitment]] | None]) -> int | None:
        """Append an entry of the phase `note` with commitments of its own, made once nobody else can append.

        Args:
            make: Returns the operation, details and commitments, or None to append nothing.
        """
        now = self._deployment.now()

        def records() -> list[Record]:
            made = make()
            if made is None:
                return []
            operation, details, commitments = made
            digest, opening = commit({"operator": self._deployment.operator, **details})
            slots = (Commitment(DETAILS, digest), *commitments)
            return [Record(Entry(now, operation, Phase.NOTE, None, slots), (self.sealed(DETAILS, opening, None),))]

        indexes = self._deployment.log.append(records, now)
        keep_head(self._deployment.keys, self._deployment.log.head)
        return indexes[0] if indexes else None

    def ended(self, subject: str) -> Link | None:
        """Return the link that ends the chain of a subject whom this journal forgot, or None."""
        label, head = self._ended.get(subject, (None, None))
        return None if label is None else Link.after(label, head)

    def alive(self, keys: Iterable[SubjectLogKey]) -> None:
        """Check, while nobody else can append, that no key was destroyed: its destruction blanks what is there."""
        if self._deployment.keys.destroyed([key.key_id for key in keys]):
            raise _KeyGoneError

    def sealed(self, slot: str, opening: Opening, owner: SubjectLogKey | None) -> SealedOpening:
        """Seal an opening under a subject's key, or the deployment's."""
        return seal_opening(slot, opening, owner or self.keys.deployment_key())

    def head(self, owner: SubjectLogKey, entries: dict[int, Entry] | None = None) -> Head | None:
        """Return the end of a subject's chain, or None where it has no entry yet.

        It is read from the subject's latest opening, so that there is no second record that could say otherwise.

        Args:
            owner: The subject's key.
            entries: Entries read before, to which this one is added.

        Raises:
            IntegrityError: The opening does not authenticate, or is no link of this chain.
        """
        placed = self._deployment.log.last_opening(owner.key_id)
        if placed is None:
            return None
        read = {} if entries is None else entries
        if placed.entry not in read:
            read[placed.entry] = self._deployment.log.entry(placed.entry)
        opening = unsealed(placed.entry, read[placed.entry], placed.opening, owner.key)
        if LINK_FIELD not in opening.details:
            # Written before there were chains.
            return None
        link = Link.from_json(opening.details[LINK_FIELD])
        if link.label != owner.label:
            raise IntegrityError(f"log entry {placed.entry}: its opening is of another chain; restore log.db")
        return Head(link.number, opening.digest())

    def subject_key_id(self, subject: str) -> str | None:
        """Return the identifier of the key that seals a subject's openings, or None where there is none."""
        return self.keys.key_id(subject)

    def forget(self, subject: str) -> None:
        """Destroy the key of a subject's openings, and the sealed openings themselves; the subject's chain ends."""
        key_id, owner = self.keys.key_id(subject), self.keys.found(subject)
        if owner is not None:
            self.keys.destroy(owner)
            # Read now: nobody adds to the chain any more, and its openings are still there. One that was altered
            # must not stop an erasure.
            with suppress(IntegrityError):
                self._ended[subject] = owner.label, self.head(owner)
        if key_id is not None:
            self.keys.drop(subject, key_id)

    def sweep(self) -> None:
        """Finish what a killed process left of subjects' keys; no other process may have the deployment open."""
        self.keys.sweep()

    def commit_heads(self) -> int | None:
        """Commit in the log to the end of every subject's chain; see `chains.commit_heads`."""
        return commit_heads(self._deployment, self)

    def chain(self, subject: str) -> Package:
        """Return a subject's chain with its proofs; see `chains.subject_package`."""
        return subject_package(self._deployment, self, subject)

    def opened(self, index: int, entry: Entry) -> dict[str, Opening]:
        """Open what can still be opened of an entry.

        Raises:
            IntegrityError: An opening does not authenticate or does not open its commitment, or the details, which
                no erasure takes, are not there.
        """
        result: dict[str, Opening] = {}
        for sealed in self._deployment.log.openings(index):
            key = self.keys.key(sealed.key_id)
            if key is None:
                continue
            result[sealed.slot] = unsealed(index, entry, sealed, key)
        if DETAILS in entry.slots and DETAILS not in result:
            raise IntegrityError(f"log entry {index}: its details were deleted; restore log.db from a backup")
        return result

    def opening_of(
        self, index: int, entry: Entry, owner: SubjectLogKey | None, slot: str | None = None
    ) -> tuple[str, Opening]:
        """Return the slot and the opening of an entry that are sealed under a subject's key, or the deployment's.

        Raises:
            IntegrityError: There is none, or it does not open its commitment.
        """
        owner = owner or self.keys.deployment_key()
        for sealed in self._deployment.log.openings(index):
            if sealed.key_id == owner.key_id and slot in (None, sealed.slot):
                return sealed.slot, unsealed(index, entry, sealed, owner.key)
        raise IntegrityError(f"log entry {index}: its opening was deleted; restore log.db from a backup")

    def line(self, index: int, entry: Entry, *, only: str | None = None) -> LogLine:
        """Show an entry.

        Args:
            index: Its position.
            entry: The entry.
            only: Show of all subjects' details those of this one alone.
        """
        opened = {slot: opening.details for slot, opening in self.opened(index, entry).items()}
        if only is not None:
            opened = {
                slot: details for slot, details in opened.items() if slot == DETAILS or details.get("subject") == only
            }
        return LogLine(
            index=index,
            time=to_rfc3339(entry.time),
            operation=entry.operation,
            phase=entry.phase.value,
            refers=entry.refers,
            opened=opened,
            sealed=tuple(slot for slot in entry.slots if slot not in opened and slot != HEADS_SLOT),
        )


class _Batch:
    """Entries that are appended together; made anew if they have to be."""

    def __init__(
        self, journal: Journal, operator: str, phase: Phase, now: datetime, keys: Mapping[str, SubjectLogKey]
    ) -> None:
        self._journal, self._operator, self._phase, self._now, self._keys = journal, operator, phase, now, keys
        self._heads: dict[str, Head | None] = {}
        self._entries: dict[int, Entry] = {}
        self.openings: list[dict[str, Opening]] = []

    def records(self, happenings: Sequence[Happening], refers: Sequence[int | None]) -> list[Record]:
        self._journal.alive(self._keys.values())
        return [self._record(happening, number) for happening, number in zip(happenings, refers, strict=True)]

    def _record(self, happening: Happening, refers: int | None) -> Record:
        plain = {DETAILS: {"operator": self._operator, **happening.details}, **happening.parts}
        openings, sealed = {}, []
        for slot, details in plain.items():
            _, openings[slot] = commit(details)
            sealed.append(self._journal.sealed(slot, openings[slot], None))
        for number, (subject, about) in enumerate(happening.subjects.items()):
            slot, owner = f"{SUBJECT_SLOTS}{number}", self._keys.get(subject)
            link = self._link(subject, owner)
            chained = {} if link is None else {LINK_FIELD: link.to_json()}
            digest, openings[slot] = commit({"subject": subject, **about, **chained})
            if owner is not None and link is not None:
                self._heads[owner.key_id] = Head(link.number, digest)
                sealed.append(self._journal.sealed(slot, openings[slot], owner))
        self.openings.append(openings)
        commitments = tuple(Commitment(slot, opening.digest()) for slot, opening in openings.items())
        return Record(Entry(self._now, happening.operation, self._phase, refers, commitments), tuple(sealed))

    def _link(self, subject: str, owner: SubjectLogKey | None) -> Link | None:
        if owner is None:
            return self._journal.ended(subject)
        if owner.key_id not in self._heads:
            self._heads[owner.key_id] = self._journal.head(owner, self._entries)
        return Link.after(owner.label, self._heads[owner.key_id])
