"""The verifier: recomputes a whole log, or checks one receipt, with the public key alone.

It shares no code with the writer beyond the formats: it reads the file with its own plain SQL, and rebuilds
the tree from the leaves without trusting a stored hash.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, open_checkpoint, open_kept
from faceward.audit.entries import HEADS_SLOT, SUBJECT_SLOTS, Entry, Phase
from faceward.audit.history import History, say_history
from faceward.audit.note import Verifier
from faceward.audit.receipt import Receipt
from faceward.audit.schema import check_schema, connect, translated
from faceward.core.canonical import canonical_json
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from faceward.core.canonical import JSONObject, JSONValue


@dataclass(frozen=True, slots=True)
class LogReport:
    """What a verified log holds.

    Attributes:
        checkpoint: The signed size and root, which the entries were found to have.
        operations: Number of entries by operation and phase.
        unfinished: Indexes of entries that begin an operation which none ends: interrupted, or still running.
        backwards: Indexes of entries more than an hour earlier than one before them: the clock was set back.
        sealed_openings: Number of openings still stored.
        blanked_openings: Number of openings that were destroyed.
        earlier: Size of the earlier checkpoint that the log was found to continue, or None if none was given.
    """

    checkpoint: Checkpoint
    operations: Mapping[tuple[str, Phase], int]
    unfinished: tuple[int, ...]
    backwards: tuple[int, ...]
    sealed_openings: int
    blanked_openings: int
    earlier: int | None

    def lines(self) -> list[str]:
        """Say it in plain words, a sentence a line."""
        size = self.checkpoint.size
        text = [
            f"The log {self.checkpoint.origin} holds {size} entries, all of them as they were when signed.",
            f"Its root is {self.checkpoint.root.hex()}.",
        ]
        if self.earlier is not None:
            text.append(f"It continues the checkpoint of size {self.earlier}: nothing up to there was changed.")
        text += say_history(dict(self.operations), self.unfinished, self.backwards)
        text.append(f"{self.sealed_openings} sealed openings are stored, {self.blanked_openings} were destroyed.")
        return text

    def to_json(self) -> dict[str, JSONValue]:
        """Return the object of `faceward audit verify --json`."""
        return {
            "verified": True,
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "root": self.checkpoint.root.hex(),
            "earlier": self.earlier,
            "operations": [
                {"operation": name, "phase": str(phase.value), "count": count}
                for (name, phase), count in sorted(self.operations.items())
            ],
            "unfinished": list(self.unfinished),
            "backwards": list(self.backwards),
            "sealed_openings": self.sealed_openings,
            "blanked_openings": self.blanked_openings,
        }


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """What a verified receipt proves.

    Attributes:
        checkpoint: The signed tree that the entry is in.
        index: Index of the entry.
        entry: The entry.
        opened: By slot, the details that the receipt opens and the entry commits to.
    """

    checkpoint: Checkpoint
    index: int
    entry: Entry
    opened: Mapping[str, JSONObject]

    def lines(self) -> list[str]:
        """Say it in plain words, a sentence a line."""
        entry = self.entry
        refers = "" if entry.refers is None else f", referring to entry {entry.refers}"
        text = [
            f"Entry {self.index} is in the log {self.checkpoint.origin} of size {self.checkpoint.size}.",
            f"It says: {entry.operation}, {entry.phase}, at {to_rfc3339(entry.time)}{refers}.",
        ]
        text += [
            f"It commits to these details ({slot}): {canonical_json(self.opened[slot]).decode()}."
            for slot in self.opened
        ]
        closed = [slot for slot in entry.slots if slot not in self.opened]
        if closed:
            text.append(f"It commits to details not shown here: {', '.join(closed)}.")
        text.append("A receipt proves that this entry exists; it cannot prove that no other does.")
        return text

    def to_json(self) -> dict[str, JSONValue]:
        """Return the object of `faceward audit check --json`."""
        return {
            "verified": True,
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "entry": self.index,
            "time": to_rfc3339(self.entry.time),
            "operation": self.entry.operation,
            "phase": str(self.entry.phase.value),
            "refers": self.entry.refers,
            "opened": {slot: dict(details) for slot, details in self.opened.items()},
        }


def verify_receipt(text: str, vkey: str) -> ReceiptReport:
    """Check a receipt offline.

    Args:
        text: The receipt (C2SP tlog-proof).
        vkey: The log's verifier key, from a source other than the receipt's.

    Raises:
        BadInput: The receipt or the key cannot be read.
        IntegrityError: The receipt proves nothing: another key, an altered entry, proof or opening.
    """
    # 1. The checkpoint is signed by the log.
    receipt = Receipt.parse(text)
    checkpoint = open_checkpoint(receipt.checkpoint, Verifier.from_vkey(vkey))
    # 2. The entry that the receipt shows is a leaf of that tree.
    content = receipt.content()
    hashed = merkle.leaf_hash(content.entry.encode())
    merkle.verify_inclusion(hashed, receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    # 3. Every opening opens a commitment of that entry.
    digests = {c.slot: c.digest for c in content.entry.commitments}
    for slot, opening in content.openings.items():
        if slot not in digests or not opening.opens(digests[slot]):
            raise IntegrityError(f"the details under {slot!r} are not what entry {receipt.index} commits to")
    opened = {slot: opening.details for slot, opening in content.openings.items()}
    return ReceiptReport(checkpoint, receipt.index, content.entry, opened)


def verify_log(path: Path, vkey: str, earlier: str | None = None) -> LogReport:
    """Recompute and check a whole log.

    Args:
        path: The log's SQLite file; it may be in use, and is not written to.
        vkey: The log's verifier key, best from outside the deployment.
        earlier: A signed checkpoint that somebody outside kept; finds a log that was rolled back, or
            rewritten and signed anew.

    Raises:
        BadInput: The key cannot be read, or `earlier` is no checkpoint.
        IntegrityError: Something was altered; the message names the first bad index where one can be named.
        EnvironmentFailure: The file cannot be read.
    """
    verifier = Verifier.from_vkey(vkey)
    kept = open_kept(earlier, verifier) if earlier is not None else None
    with closing(connect(path, readonly=True)) as database, translated(path):
        # One snapshot, while others may append.
        database.execute("BEGIN")
        # Again, in that snapshot: it is what keeps a view from standing in for a table and answering without end.
        check_schema(database, path)
        row = database.execute("SELECT CAST(note AS TEXT) FROM checkpoint").fetchone()
        if row is None:
            raise IntegrityError(f"the log {path} has no checkpoint; it was altered")
        checkpoint = open_checkpoint(row[0], verifier)
        return _Walk(database, checkpoint, kept).run()


class _Walk:
    """One pass over the entries, rebuilding the tree beside them."""

    def __init__(self, database: sqlite3.Connection, checkpoint: Checkpoint, kept: Checkpoint | None) -> None:
        self._db = database
        self._checkpoint = checkpoint
        self._kept = kept
        self._frontier = merkle.Frontier()
        self._history = History()

    def run(self) -> LogReport:
        self._check_kept()
        nodes = self._db.execute("SELECT position, hash FROM nodes ORDER BY position")
        openings = self._openings()
        waiting = next(openings, None)
        if waiting is not None and waiting[0] < 0:
            raise _misplaced(waiting[0])
        for number, leaf in self._db.execute("SELECT number, CAST(leaf AS BLOB) FROM entries ORDER BY number"):
            index = self._frontier.size
            if number != index:
                raise IntegrityError(f"entry {index} is missing from the log; it was altered")
            if index == self._checkpoint.size:
                raise IntegrityError(f"entry {index} and those after it were never signed; the log was altered")
            # 1. The stored hashes are those of the stored leaves, so proofs made from them hold.
            for position, hashed in enumerate(
                self._frontier.append(merkle.leaf_hash(leaf)), merkle.stored_count(index)
            ):
                if nodes.fetchone() != (position, hashed):
                    raise IntegrityError(f"entry {index} does not fit the stored hashes; it was altered")
            # 2. The entry is well formed, and follows from those before it.
            entry = self._history.read(index, leaf)
            # 3. Openings belong to commitments of their entry, and all are there that nobody may destroy.
            stored: dict[str, bool] = {}
            while waiting is not None and waiting[0] == index:
                stored[waiting[1]] = waiting[2]
                waiting = next(openings, None)
            _check_openings(index, entry, stored)
            self._check_kept()
        self._check_root()
        if nodes.fetchone() is not None:
            raise IntegrityError(f"more hashes are stored than {self._frontier.size} entries have; it was altered")
        if waiting is not None:
            raise _misplaced(waiting[0])
        return self._report()

    def _openings(self) -> Iterator[tuple[int, str, bool]]:
        """Iterate over the entry and slot of each opening, and whether it is more than a blank."""
        query = "SELECT entry, slot, blank = 0 AND length(sealed) > 0 FROM openings ORDER BY entry, slot"
        return iter(self._db.execute(query))

    def _check_kept(self) -> None:
        kept = self._kept
        if kept is not None and kept.size == self._frontier.size and kept.root != self._frontier.root():
            raise IntegrityError(
                f"the log is not the one whose checkpoint of size {kept.size} was kept: "
                "an entry before that was altered and the log signed anew"
            )

    def _check_root(self) -> None:
        size, signed = self._frontier.size, self._checkpoint
        if size < signed.size:
            raise IntegrityError(f"entry {size} is missing: {signed.size} were signed; the log was cut off")
        if self._frontier.root() != signed.root:
            raise IntegrityError(f"an entry before {size} was altered together with its hashes; the signature differs")
        if self._kept is not None and self._kept.size > size:
            raise IntegrityError(
                f"entry {size} is missing: a checkpoint of size {self._kept.size} was kept; rolled back"
            )

    def _report(self) -> LogReport:
        count = self._db.execute("SELECT count(*), count(nullif(blank, 0)) FROM openings").fetchone()
        return LogReport(
            checkpoint=self._checkpoint,
            operations=dict(self._history.operations),
            unfinished=tuple(self._history.begun),
            backwards=tuple(self._history.backwards),
            sealed_openings=count[0] - count[1],
            blanked_openings=count[1],
            earlier=self._kept.size if self._kept else None,
        )


def _misplaced(index: int) -> IntegrityError:
    return IntegrityError(f"an opening is stored for entry {index}, which is not there; it was altered")


def _check_openings(index: int, entry: Entry, stored: Mapping[str, bool]) -> None:
    """Check the openings of an entry, given by slot whether they are there and not blanked."""
    if not stored.keys() <= set(entry.slots):
        raise IntegrityError(f"entry {index} has an opening that it does not commit to; it was altered")
    for slot in entry.slots:
        # An erasure takes what concerns a subject; what concerns nobody in particular stays for good.
        if not slot.startswith(SUBJECT_SLOTS) and slot != HEADS_SLOT and not stored.get(slot, False):
            raise IntegrityError(f"the {slot} of entry {index} were deleted from the log; restore it from a backup")
