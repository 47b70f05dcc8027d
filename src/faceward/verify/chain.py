"""A subject's chain checked offline: that nothing about them was left out of it, up to where its end was committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.chain import CHAINS, GALLERY_SLOT, LINK_FIELD, Head, Link, check_head, check_member, decode_hex
from faceward.audit.cosignature import verify_cosignatures
from faceward.audit.entries import HEADS_SLOT, SUBJECT_SLOTS, Phase
from faceward.audit.merkle import verify_consistency
from faceward.audit.note import parse_note
from faceward.audit.receipt import Receipt
from faceward.audit.verifier import ReceiptReport, verify_receipt
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from faceward.audit.chain_file import Package, Search
    from faceward.audit.checkpoint import Checkpoint
    from faceward.audit.cosignature import CosignatureVerifier, Cosigned
    from faceward.core.canonical import JSONObject


_LIMITS = (
    "It does not prove that what happened was recorded: that rests on rule L2, no gallery opens without an entry.",
    "It does not prove that this is your only chain: an erasure ends one, and who alters the program could keep two.",
)


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """One entry of a verified chain.

    Attributes:
        number: From 1.
        report: What its receipt proved.
        slot: The subject's slot.
        link: Its place.
        digest: The commitment in the slot.
    """

    number: int
    report: ReceiptReport
    slot: str
    link: Link
    digest: bytes

    @property
    def details(self) -> JSONObject:
        """What the entry says about the subject."""
        return self.report.opened[self.slot]


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a chain was found to prove.

    Attributes:
        entries: All of it, in order.
        committed: The entry that commits to where it ended.
        covered: Number of the last entry that this commitment covers; nothing up to there was left out.
        checkpoints: The tree or two trees that hold it all; the later continues the earlier.
        notes: The signed notes of these, by size.
        earlier: Number of entries of the earlier file that this one was found to continue, or None.
        searches: What the receipts of searches proved that the subject's references were compared in.
    """

    entries: tuple[ChainEntry, ...]
    committed: ReceiptReport
    covered: int
    checkpoints: tuple[Checkpoint, ...]
    notes: Mapping[int, str]
    earlier: int | None
    searches: tuple[ReceiptReport, ...]

    @property
    def label(self) -> bytes:
        """The chain's label."""
        return self.entries[0].link.label

    def lines(self) -> list[str]:
        """Say it in plain words, a sentence a line."""
        origin, when = self.checkpoints[-1].origin, to_rfc3339(self.committed.entry.time)
        lines = [
            f"The log {origin} holds {_entries(len(self.entries))} about this subject, and here are their receipts."
        ]
        lines += [f"{one.number}. {_said(one)}" for one in self.entries]
        lines.append("They are numbered without a gap, and each names the one before: nothing between was left out.")
        lines.append(
            f"Entry {self.committed.index}, at {when}, commits to number {self.covered} as the end of this chain at "
            "that moment: up to there nothing was left out at the end either."
        )
        if self.covered < len(self.entries):
            lines.append(f"Nothing is committed yet about what follows number {self.covered}; ask again later.")
        lines += [
            f"Entry {one.index}: {one.entry.operation} at {to_rfc3339(one.entry.time)} searched the gallery "
            f"{one.opened[GALLERY_SLOT].get('gallery')!r}, in which a reference of this subject was."
            for one in self.searches
        ]
        if self.searches:
            lines.append("It does not prove that there was no other search; those named here are proven.")
        if self.earlier is not None:
            lines.append(f"It continues your earlier file of {_entries(self.earlier)}: nothing in it was changed.")
        lines += _LIMITS
        if self.earlier is None:
            lines.append("Keep this file: with --earlier, the next one is checked to continue it.")
        return lines


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _said(one: ChainEntry) -> str:
    entry = one.report.entry
    return f"Entry {one.report.index}: {entry.operation}, {entry.phase}, at {to_rfc3339(entry.time)}."


def verify_chain(package: Package, vkey: str, earlier: Package | None = None) -> ChainReport:
    """Check a subject's chain offline.

    Args:
        package: The chain with its proofs.
        vkey: The log's verifier key, from a source other than the package's.
        earlier: What the subject was given before; the chain must continue it.

    Raises:
        BadInput: A receipt or the key cannot be read.
        IntegrityError: An entry is missing, changed, out of order or another subject's, the end is another than was
            committed, or the receipts are of different logs.
    """
    # 1. Each entry is in the log, and opens to the next number of one chain.
    entries = _linked([verify_receipt(text, vkey) for text in package.receipts])
    # 2. The log committed to where the chain ended.
    committed = verify_receipt(package.heads.receipt, vkey)
    covered = _covered(package, entries, committed)
    # 3. All of it stands in one log.
    mine = {str(one.details.get("reference")) for one in entries}
    searches = tuple(_searched(search, vkey, mine) for search in package.searches)
    reports = [*(one.report for one in entries), committed, *searches]
    checkpoints = _one_log(reports, package.consistency)
    # 4. It continues what the subject was given before.
    before = None if earlier is None else _continued(verify_chain(earlier, vkey), entries)
    texts = (*package.receipts, package.heads.receipt, *(search.receipt for search in package.searches))
    notes = {
        report.checkpoint.size: Receipt.parse(text).checkpoint for text, report in zip(texts, reports, strict=True)
    }
    return ChainReport(entries, committed, covered, checkpoints, notes, before, searches)


def cosigned_sizes(report: ChainReport, witnesses: Sequence[CosignatureVerifier]) -> tuple[tuple[Cosigned, int], ...]:
    """Check that each of these witnesses cosigned a tree that the chain stands in.

    Returns:
        For each, its cosignature of the largest such tree, and the size of that.

    Raises:
        IntegrityError: A witness cosigned none, or its signature is wrong.
    """
    found = []
    for witness in witnesses:
        sizes = [
            size
            for size, note in report.notes.items()
            if any((s.name, s.key_id) == (witness.name, witness.key_id) for s in parse_note(note).signatures)
        ]
        # Where it signed none, this says so.
        size = max(sizes, default=max(report.notes))
        [one] = verify_cosignatures(report.notes[size], [witness])
        found.append((one, size))
    return tuple(found)


def _searched(search: Search, vkey: str, mine: AbstractSet[str]) -> ReceiptReport:
    report = verify_receipt(search.receipt, vkey)
    if search.reference not in mine:
        raise IntegrityError(f"the search of entry {report.index} is said to concern a reference of somebody else")
    opened = report.opened.get(GALLERY_SLOT)
    if opened is None or report.entry.phase is not Phase.BEGIN:
        raise IntegrityError(f"the receipt of entry {report.index} does not open the gallery that was searched")
    check_member(search.reference, search.proof, decode_hex(opened.get("root")))
    return report


def _linked(reports: Sequence[ReceiptReport]) -> tuple[ChainEntry, ...]:
    entries: list[ChainEntry] = []
    for report in reports:
        slots = [slot for slot in report.opened if slot.startswith(SUBJECT_SLOTS)]
        if len(slots) != 1:
            raise IntegrityError(f"the receipt of entry {report.index} does not open what concerns the one subject")
        details = report.opened[slots[0]]
        if LINK_FIELD not in details:
            raise IntegrityError(f"entry {report.index} has no place in a chain; it was written before there were any")
        link = Link.from_json(details[LINK_FIELD])
        one = ChainEntry(len(entries) + 1, report, slots[0], link, report.entry.digest(slots[0]))
        _check_follows(entries[-1] if entries else None, one)
        entries.append(one)
    if not entries:
        raise IntegrityError("the chain holds no entry; ask for the whole of it")
    return tuple(entries)


def _check_follows(before: ChainEntry | None, one: ChainEntry) -> None:
    if before is not None and one.link.label != before.link.label:
        raise IntegrityError(f"entry {one.report.index} belongs to another subject's chain")
    if before is not None and before.details.get("subject") != one.details.get("subject"):
        raise IntegrityError(f"entry {one.report.index} is about another subject")
    if one.link.number != one.number:
        raise IntegrityError(
            f"number {one.number} of the chain is missing or out of order: entry {one.report.index} has number "
            f"{one.link.number}"
        )
    if one.link.previous != (None if before is None else before.digest):
        raise IntegrityError(f"number {one.number} of the chain does not follow the number before it; one was replaced")
    if before is not None and one.report.index <= before.report.index:
        raise IntegrityError(f"number {one.number} of the chain stands before number {before.number} in the log")


def _covered(package: Package, entries: Sequence[ChainEntry], committed: ReceiptReport) -> int:
    entry, number = committed.entry, package.heads.number
    if (entry.operation, entry.phase) != (CHAINS, Phase.NOTE) or HEADS_SLOT not in entry.slots:
        raise IntegrityError(f"entry {committed.index} does not commit to the ends of chains")
    if number > len(entries):
        raise IntegrityError(f"the chain ended at number {number}, and only {len(entries)} are here; it was cut off")
    label, head = entries[0].link.label, Head(number, entries[number - 1].digest)
    check_head(label, head, package.heads.proof, entry.digest(HEADS_SLOT))
    if entries[number - 1].report.index >= committed.index:
        raise IntegrityError(f"number {number} of the chain stands after the entry that commits to it")
    later = [one for one in entries[number:] if one.report.index < committed.index]
    if later:
        raise IntegrityError(
            f"the committed end was out of date: number {later[0].number} was in the log before entry {committed.index}"
        )
    return number


def _one_log(reports: Sequence[ReceiptReport], consistency: Sequence[bytes]) -> tuple[Checkpoint, ...]:
    found: dict[int, Checkpoint] = {}
    for report in reports:
        checkpoint = report.checkpoint
        if found.setdefault(checkpoint.size, checkpoint).root != checkpoint.root:
            raise IntegrityError(f"the receipts are of two logs that have {checkpoint.size} entries; it was forked")
    ordered = tuple(found[size] for size in sorted(found))
    if len(ordered) > 2:
        raise IntegrityError("the receipts stand under more than two checkpoints; ask for the chain again")
    first, last = ordered[0], ordered[-1]
    verify_consistency(first.size, last.size, consistency, first.root, last.root)
    return ordered


def _continued(before: ChainReport, entries: Sequence[ChainEntry]) -> int:
    if before.label != entries[0].link.label:
        raise IntegrityError("the earlier file is of another chain; an erasure may lie between, which ends one")
    if len(before.entries) > len(entries):
        raise IntegrityError(f"the earlier file holds {len(before.entries)} entries, this one fewer; it was cut off")
    for old, new in zip(before.entries, entries, strict=False):
        if (old.digest, old.report.index) != (new.digest, new.report.index):
            raise IntegrityError(f"number {old.number} of the chain is another than in the earlier file")
    return len(before.entries)
