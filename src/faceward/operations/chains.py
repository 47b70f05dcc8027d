"""The ends of all subjects' chains, committed in the log, and what a subject is given to check a chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.audit.chain import CHAINS, GALLERY_SLOT, Head
from faceward.audit.chain_file import Commitment as HeadsProof
from faceward.audit.chain_file import Package, Search
from faceward.audit.entries import HEADS_SLOT, Commitment, Entry, Opening, Phase
from faceward.audit.merkle import HASH_SIZE
from faceward.audit.trie import LABEL_SIZE, MerkleMap
from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations.deployment import Deployment
from faceward.operations.members import MemberProofs

if TYPE_CHECKING:
    from faceward.operations.journal import Journal

MAX_SEARCHES = 1000
"""Most of the latest searches that a package is to prove."""

# Most entries that are held decoded.
_ENTRIES = 16
# The document that holds what was committed last, and from which the next commitment goes on.
_KIND, _NAME = "chains", "heads"
_MAGIC = b"FWH1"
_NUMBER = 8
_KEY = 16
_HEADER = len(_MAGIC) + 2 * _NUMBER
_ROW = _KEY + LABEL_SIZE + _NUMBER + HASH_SIZE


@dataclass(frozen=True, slots=True)
class _End:
    label: bytes
    head: Head


@dataclass(frozen=True, slots=True)
class _State:
    """The ends of all chains.

    Attributes:
        entry: Index of the log entry that committed to them.
        row: Number of the latest opening that they regard.
        ends: By the identifier of the subject's key.
    """

    entry: int = -1
    row: int = 0
    ends: Mapping[str, _End] = field(default_factory=dict)

    def map(self) -> MerkleMap:
        return MerkleMap((end.label, end.head.encode()) for end in self.ends.values())

    def encode(self) -> bytes:
        rows = (
            bytes.fromhex(key_id) + end.label + end.head.encode()
            for key_id, end in sorted(self.ends.items(), key=lambda item: item[1].label)
        )
        return b"".join([_MAGIC, self.entry.to_bytes(_NUMBER, "big"), self.row.to_bytes(_NUMBER, "big"), *rows])

    @classmethod
    def decode(cls, data: bytes) -> _State:
        if data[: len(_MAGIC)] != _MAGIC or (len(data) - _HEADER) % _ROW:
            raise IntegrityError("the ends of chains in gallery.db are malformed; restore it from a backup")
        entry, row = (int.from_bytes(data[start : start + _NUMBER], "big") for start in (4, 4 + _NUMBER))
        ends = dict(_read(data[start : start + _ROW]) for start in range(_HEADER, len(data), _ROW))
        return cls(entry, row, ends)


def _read(row: bytes) -> tuple[str, _End]:
    number = row[_KEY + LABEL_SIZE : -HASH_SIZE]
    head = Head(int.from_bytes(number, "big"), row[-HASH_SIZE:])
    return row[:_KEY].hex(), _End(row[_KEY : _KEY + LABEL_SIZE], head)


def commit_heads(deployment: Deployment, journal: Journal) -> int | None:
    """Commit in the log to the end of every subject's chain, if any is another than was committed last.

    Returns:
        The index of the entry, or None where nothing changed.

    Raises:
        IntegrityError: An opening was altered, or the log holds less of a chain than was committed before.
    """
    before = _load(deployment)
    # Most of the work is done before others have to wait.
    state = _brought_up(deployment, journal, before)

    def make() -> tuple[str, JSONObject, tuple[Commitment, ...]] | None:
        nonlocal state
        state = _brought_up(deployment, journal, state)
        if state.ends == before.ends:
            return None
        return CHAINS, {"chains": len(state.ends)}, (Commitment(HEADS_SLOT, state.map().root()),)

    entry = journal.append_note(make)
    if entry is not None:
        content = _State(entry, state.row, state.ends).encode()
        deployment.store.put_document(_KIND, _NAME, deployment.authenticated(_KIND, _NAME, content))
    return entry


def subject_package(deployment: Deployment, journal: Journal, subject: str) -> Package:
    """Return a subject's chain, a receipt for each entry, and the proof of where it ended when that was committed last.

    Raises:
        UsageError: The log holds nothing about such a subject, or no end of the chain was committed yet.
        IntegrityError: Something was altered.
    """
    owner = journal.keys.found(subject)
    if owner is None:
        raise UsageError(f"the log holds nothing about {subject!r}; check the name")
    state = _load(deployment)
    end = state.ends.get(owner.key_id)
    if end is None:
        raise UsageError(f"the end of the chain of {subject!r} was not committed yet; run 'faceward tick'")
    chained: list[tuple[int, Mapping[str, Opening]]] = []
    references = set()
    for index in deployment.log.entries_of(owner.key_id):
        slot, opening = journal.opening_of(index, deployment.log.entry(index), owner)
        chained.append((index, {slot: opening}))
        references.add(str(opening.details.get("reference")))
    found = _searches(deployment, journal, references, start=chained[0][0])
    wanted = [*chained, (state.entry, {}), *((one.index, {GALLERY_SLOT: one.opening}) for one in found)]
    made, consistency = deployment.log.receipts(wanted)
    receipts = [receipt.encode() for receipt in made]
    proven = zip(receipts[len(chained) + 1 :], found, strict=True)
    return Package(
        receipts=tuple(receipts[: len(chained)]),
        heads=HeadsProof(receipts[len(chained)], end.head.number, state.map().proof(end.label)),
        consistency=consistency,
        searches=tuple(Search(receipt, one.reference, one.proof) for receipt, one in proven),
    )


def searches_of(deployment: Deployment, journal: Journal, subject: str) -> tuple[tuple[int, Opening], ...]:
    """Return the latest searches that compared a subject: index of the entry, and what it commits to of the gallery.

    Raises:
        IntegrityError: Something was altered.
    """
    owner = journal.keys.found(subject)
    indexes = () if owner is None else tuple(deployment.log.entries_of(owner.key_id))
    if not indexes:
        return ()
    opened = (journal.opening_of(index, deployment.log.entry(index), owner)[1] for index in indexes)
    references = {str(opening.details.get("reference")) for opening in opened}
    found = _searches(deployment, journal, references, start=indexes[0])
    return tuple((one.index, one.opening) for one in found)


@dataclass(frozen=True, slots=True)
class _Searched:
    index: int
    opening: Opening
    reference: str
    proof: tuple[bytes, ...]


def _searches(deployment: Deployment, journal: Journal, references: set[str], start: int) -> list[_Searched]:
    """Return the latest searches, from an entry on, of galleries that some reference was a member of."""
    found = []
    prover = MemberProofs(deployment)
    for index in deployment.log.entries_with(GALLERY_SLOT, start)[-MAX_SEARCHES:]:
        entry = deployment.log.entry(index)
        if entry.phase is not Phase.BEGIN:
            continue
        opening = journal.opening_of(index, entry, None, GALLERY_SLOT)[1]
        proven = prover.prove(opening.details, references)
        if proven is not None:
            found.append(_Searched(index, opening, *proven))
    return found


def _load(deployment: Deployment) -> _State:
    try:
        document = deployment.store.document(_KIND, _NAME)
    except UsageError:
        return _State()
    return _State.decode(deployment.authentic(_KIND, _NAME, document))


def _brought_up(deployment: Deployment, journal: Journal, state: _State) -> _State:
    """Return the ends as the log has them now: those that changed are read, those of destroyed keys are left out."""
    rows = deployment.log.latest_rows(state.row)
    gone = deployment.keys.destroyed([*state.ends, *rows])
    ends = {key_id: end for key_id, end in state.ends.items() if key_id not in gone}
    # In the order of the log, so that an entry about many subjects is read once.
    changed = sorted((key_id for key_id in rows if key_id not in gone), key=lambda key_id: rows[key_id])
    ends.update(_read_ends(journal, changed, ends))
    return _State(state.entry, max([state.row, *rows.values()]), ends)


def _read_ends(journal: Journal, key_ids: list[str], known: Mapping[str, _End]) -> Iterator[tuple[str, _End]]:
    entries: dict[int, Entry] = {}
    for key_id in key_ids:
        if len(entries) > _ENTRIES:
            entries.clear()
        owner = journal.keys.of(key_id)
        head = None if owner is None else journal.head(owner, entries)
        if owner is None or head is None:
            continue
        if key_id in known and head.number <= known[key_id].head.number:
            raise IntegrityError("a subject's chain is shorter than was committed; restore the newest log.db")
        yield key_id, _End(owner.label, head)
