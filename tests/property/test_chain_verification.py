"""The chain of a subject as outsiders check it, and what an operator could try with it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceward.audit.chain import CHAINS, GALLERY_SLOT, LINK_FIELD, Head, Link, chain_label, member_label
from faceward.audit.chain_file import Commitment as Heads
from faceward.audit.chain_file import Package, Search
from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.entries import HEADS_SLOT, Commitment, Entry, Opening, Phase, commit
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer, parse_note
from faceward.audit.trie import MerkleMap
from faceward.core.errors import BadInput, IntegrityError
from faceward.verify.chain import cosigned_sizes, verify_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SIGNER = Signer("example.org/log", bytes(range(32)))
VKEY = SIGNER.verifier.vkey
WITNESS = Cosigner("witness.example.org/one", bytes(32))


@dataclass
class Book:
    """An operator's log, with every key in hand."""

    log: Log
    chains: dict[str, list[tuple[int, str, Opening]]] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)

    def label(self, who: str) -> bytes:
        return chain_label(who.encode())

    def write(self, *people: str, link: Link | None = None, hide: bool = False, **more: Any) -> int:
        """Append an entry about some people; with a link of one's own, or without telling the one it is about."""
        openings, commitments = {}, []
        for number, who in enumerate(people):
            place = link or Link.after(self.label(who), self.heads.get(who))
            digest, openings[who] = commit({"subject": who, LINK_FIELD: place.to_json(), **more})
            commitments.append(Commitment(f"subject/{number}", digest))
            if not hide:
                self.heads[who] = Head(place.number, digest)
        entry = Entry(NOW, "verify", Phase.NOTE, None, tuple(commitments))
        [index] = self.log.append([Record(entry)], NOW)
        for number, who in enumerate(people):
            self.chains.setdefault(who, []).append((index, f"subject/{number}", openings[who]))
        return index

    def map(self) -> MerkleMap:
        return MerkleMap((self.label(who), head.encode()) for who, head in self.heads.items())

    def commit(self, found: MerkleMap | None = None) -> int:
        entry = Entry(NOW, CHAINS, Phase.NOTE, None, (Commitment(HEADS_SLOT, (found or self.map()).root()),))
        return self.log.append([Record(entry)], NOW)[0]

    def search(self, *members: str) -> tuple[int, Opening, MerkleMap]:
        found = MerkleMap((member_label(member), b"") for member in members)
        digest, opening = commit({"gallery": "door", "root": found.root().hex()})
        entry = Entry(NOW, "identify", Phase.BEGIN, None, (Commitment(GALLERY_SLOT, digest),))
        return self.log.append([Record(entry)], NOW)[0], opening, found

    def package(self, who: str, committed: int, proof: tuple[bytes, ...], number: int | None = None) -> Package:
        wanted: list[Any] = [(index, {slot: opening}) for index, slot, opening in self.chains[who]]
        (*receipts, last), consistency = self.log.receipts([*wanted, (committed, {})])
        heads = Heads(last.encode(), number or self.heads[who].number, proof)
        return Package(tuple(r.encode() for r in receipts), heads, consistency)

    def honest(self, who: str) -> Package:
        return self.package(who, self.commit(), self.map().proof(self.label(who)))

    def cosign(self) -> None:
        note = self.log.checkpoint()
        keep_cosignatures(self.log.path, note, [WITNESS.cosign(parse_note(note).text, NOW)])


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Log.create(tmp_path / "log.db", SIGNER) as log:
        yield Book(log)


def filled(book: Book) -> Book:
    for people in (["Ada"], ["Ada", "Bob"], ["Bob"], ["Ada"], ["Cy", "Ada"]):
        book.write(*people)
    return book


def without(package: Package, *numbers: int) -> Package:
    return replace(package, receipts=tuple(r for n, r in enumerate(package.receipts, 1) if n not in numbers))


def test_L1_a_whole_chain_is_proven_and_says_what_it_does_not_prove(book: Book) -> None:
    package = filled(book).honest("Ada")
    report = verify_chain(package, VKEY)
    assert [one.report.index for one in report.entries] == [0, 1, 3, 4]
    assert (report.covered, report.earlier) == (4, None)
    said = "\n".join(report.lines())
    for words in ("holds 4 entries", "nothing between was left out", "commits to number 4", "L2", "only chain"):
        assert words in said
    # The same by way of its file, and inside an export.
    text = json.dumps(package.to_json())
    assert Package.parse(text) == package == Package.parse(json.dumps({"subject": "Ada", "chain": package.to_json()}))


def test_L1_an_omitted_entry_is_found(book: Book) -> None:
    package = filled(book).honest("Ada")
    for number in (1, 2, 3):
        with pytest.raises(IntegrityError, match=f"number {number} of the chain is missing"):
            verify_chain(without(package, number), VKEY)


def test_L1_a_chain_cut_off_at_its_end_is_found(book: Book) -> None:
    package = filled(book).honest("Ada")
    with pytest.raises(IntegrityError, match="only 3 are here; it was cut off"):
        verify_chain(without(package, 4), VKEY)
    # Said to have ended earlier than was committed.
    with pytest.raises(IntegrityError, match="do not hold number 3"):
        verify_chain(replace(without(package, 4), heads=replace(package.heads, number=3)), VKEY)


def test_L1_reordered_and_repeated_entries_are_found(book: Book) -> None:
    package = filled(book).honest("Ada")
    first, second, *rest = package.receipts
    for receipts in ([second, first, *rest], [first, first, second, *rest], []):
        with pytest.raises(IntegrityError, match=r"missing or out of order|no entry"):
            verify_chain(replace(package, receipts=tuple(receipts)), VKEY)


def test_L1_an_entry_of_another_subject_is_found(book: Book) -> None:
    filled(book)
    ada, bob = book.honest("Ada"), book.honest("Bob")
    with pytest.raises(IntegrityError, match="another subject's chain"):
        verify_chain(replace(ada, receipts=(ada.receipts[0], bob.receipts[1], *ada.receipts[2:])), VKEY)
    with pytest.raises(IntegrityError, match="do not hold number 2"):
        verify_chain(replace(bob, heads=replace(bob.heads, proof=ada.heads.proof)), VKEY)
    # Another's name in this chain.
    book.write("Eve", link=Link.after(book.label("Ada"), book.heads["Ada"]))
    book.chains["Ada"].append(book.chains["Eve"].pop())
    book.heads["Ada"] = book.heads.pop("Eve")
    with pytest.raises(IntegrityError, match="about another subject"):
        verify_chain(book.honest("Ada"), VKEY)


def test_L1_a_forged_number_is_found(book: Book) -> None:
    filled(book)
    head = book.heads["Ada"]
    # An entry is left out, and the next takes its number.
    book.write("Ada", hide=True)
    book.chains["Ada"].pop()
    book.write("Ada", link=Link(book.label("Ada"), head.number + 2, head.digest))
    with pytest.raises(IntegrityError, match="number 5 of the chain is missing"):
        verify_chain(book.honest("Ada"), VKEY)


def test_L1_an_entry_that_was_replaced_after_it_was_committed_is_found(book: Book) -> None:
    package = filled(book).honest("Ada")
    earlier = book.chains["Ada"][:-1]
    before = Head(3, earlier[-1][2].digest())
    book.heads["Ada"] = before
    book.chains["Ada"] = earlier
    book.write("Ada", what="another story")
    forged = book.honest("Ada")
    # By itself the new chain is whole; whoever kept the old file sees the difference.
    assert len(verify_chain(forged, VKEY).entries) == 4
    with pytest.raises(IntegrityError, match="number 4 of the chain is another"):
        verify_chain(forged, VKEY, package)
    # Under the old commitment it is no end.
    with pytest.raises(IntegrityError, match="do not hold number 4"):
        verify_chain(replace(forged, heads=package.heads), VKEY)


def test_L1_a_link_that_names_another_entry_before_it_is_found(book: Book) -> None:
    filled(book)
    head = book.heads["Ada"]
    book.write("Ada", link=Link(book.label("Ada"), head.number + 1, bytes(32)))
    with pytest.raises(IntegrityError, match="one was replaced"):
        verify_chain(book.honest("Ada"), VKEY)


def test_L1_a_head_older_than_the_chain_at_that_moment_is_found(book: Book) -> None:
    filled(book)
    old = book.map()
    number = book.heads["Ada"].number
    book.write("Ada")
    late = book.commit(old)
    with pytest.raises(IntegrityError, match="out of date: number 5 was in the log"):
        verify_chain(book.package("Ada", late, old.proof(book.label("Ada")), number), VKEY)
    # The entry left out as well: it is not told from one that never was until the next commitment covers it.
    book.chains["Ada"].pop()
    assert verify_chain(book.package("Ada", late, old.proof(book.label("Ada")), number), VKEY).covered == 4
    with pytest.raises(IntegrityError, match="it was cut off"):
        verify_chain(book.honest("Ada"), VKEY)


def test_L1_what_follows_the_commitment_is_said_to_be_open(book: Book) -> None:
    filled(book)
    committed, proof = book.commit(), book.map().proof(book.label("Ada"))
    book.write("Ada")
    report = verify_chain(book.package("Ada", committed, proof, 4), VKEY)
    assert (report.covered, len(report.entries)) == (4, 5)
    assert any("Nothing is committed yet about what follows number 4" in line for line in report.lines())


def test_L1_a_number_cannot_be_committed_before_its_entry(book: Book) -> None:
    filled(book)
    ahead = Link.after(book.label("Ada"), book.heads["Ada"])
    digest, opening = commit({"subject": "Ada", LINK_FIELD: ahead.to_json()})
    book.heads["Ada"] = Head(5, digest)
    committed, proof = book.commit(), book.map().proof(book.label("Ada"))
    entry = Entry(NOW, "verify", Phase.NOTE, None, (Commitment("subject/0", digest),))
    [index] = book.log.append([Record(entry)], NOW)
    book.chains["Ada"].append((index, "subject/0", opening))
    with pytest.raises(IntegrityError, match="stands after the entry that commits to it"):
        verify_chain(book.package("Ada", committed, proof), VKEY)


def test_L1_an_entry_that_commits_to_something_else_is_refused(book: Book) -> None:
    package = filled(book).honest("Ada")
    with pytest.raises(IntegrityError, match="does not commit to the ends"):
        verify_chain(replace(package, heads=replace(package.heads, receipt=package.receipts[0])), VKEY)
    with pytest.raises(IntegrityError, match="does not open what concerns"):
        verify_chain(replace(package, receipts=(package.heads.receipt,)), VKEY)


def test_L1_receipts_of_a_forked_log_do_not_join(book: Book, tmp_path: Path) -> None:
    package = filled(book).honest("Ada")
    with Log.create(tmp_path / "fork.db", SIGNER) as log:
        fork = Book(log)
        fork.write("Eve")
        for who in ("Ada", "Bob", "Cy", "Ada", "Ada"):
            fork.write(who)
        other = fork.honest("Ada")
    with pytest.raises(IntegrityError):
        verify_chain(replace(package, heads=other.heads), VKEY)
    with pytest.raises(IntegrityError):
        verify_chain(replace(package, receipts=(*package.receipts[:-1], other.receipts[-1])), VKEY)


def test_L3_a_chain_under_a_cosigned_and_a_current_checkpoint(book: Book) -> None:
    filled(book).cosign()
    book.write("Ada")
    package = book.honest("Ada")
    report = verify_chain(package, VKEY)
    assert [one.size for one in report.checkpoints] == [5, 7]
    [(cosigned, size)] = cosigned_sizes(report, [WITNESS.verifier])
    assert (cosigned.witness, size) == (WITNESS.verifier.name, 5)
    with pytest.raises(IntegrityError, match="not cosigned by"):
        cosigned_sizes(report, [Cosigner("witness.example.org/two", bytes(32)).verifier])
    with pytest.raises(IntegrityError, match="does not continue"):
        verify_chain(replace(package, consistency=package.consistency[:-1]), VKEY)


def test_L1_a_member_of_a_searched_gallery_can_prove_it_and_nobody_else(book: Book) -> None:
    book.write("Ada", reference="aa" * 16)
    index, opening, found = book.search("aa" * 16, "bb" * 16, "cc" * 16)
    package = book.honest("Ada")
    (receipt,), _ = book.log.receipts([(index, {GALLERY_SLOT: opening})])
    (late,), _ = book.log.receipts([(index, {})])
    search = Search(receipt.encode(), "aa" * 16, found.proof(member_label("aa" * 16)))
    whole = replace(package, searches=(search,))
    report = verify_chain(Package.parse(json.dumps(whole.to_json())), VKEY)
    assert [one.index for one in report.searches] == [index]
    assert any("searched the gallery 'door'" in line for line in report.lines())
    for forged, why in (
        (replace(search, proof=found.proof(member_label("bb" * 16))), "does not hold"),
        (replace(search, reference="bb" * 16, proof=found.proof(member_label("bb" * 16))), "somebody else"),
        (replace(search, receipt=late.encode()), "does not open the gallery"),
    ):
        with pytest.raises(IntegrityError, match=why):
            verify_chain(replace(package, searches=(forged,)), VKEY)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"chain": {}}', '{"format": "faceward/chain/v2"}', "[" * 100_000, '{"chain": 3}', "\ud800"],
)
def test_what_is_no_chain_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match="no chain of a subject"):
        Package.parse(text)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=8))
def test_a_file_with_wrong_parts_is_bad_input(value: Any) -> None:
    whole: dict[str, Any] = {
        "format": "faceward/chain/v1",
        "receipts": [],
        "heads": {"receipt": "", "number": 1, "proof": []},
        "searches": [],
        "consistency": [],
    }
    for name in whole:
        try:
            Package.parse(json.dumps({**whole, name: value}))
        except BadInput:
            continue
        assert isinstance(value, list)


PEOPLE = st.lists(st.sampled_from(["Ada", "Bob", "Cy"]), min_size=1, max_size=3, unique=True)


@settings(max_examples=40, deadline=timedelta(seconds=5), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(PEOPLE, st.just([])), min_size=1, max_size=14), st.data())
def test_L1_every_honest_chain_is_proven_and_nothing_can_be_left_out(
    steps: list[list[str]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder, Log.create(Path(folder) / "log.db", SIGNER) as log:
        book = Book(log)
        kept: dict[str, Package] = {}
        for people in steps:
            if people:
                book.write(*people)
            else:
                kept.update((who, book.honest(who)) for who in book.heads)
        for who in book.heads:
            package = book.honest(who)
            report = verify_chain(package, VKEY, kept.get(who))
            assert [one.report.index for one in report.entries] == [index for index, _, _ in book.chains[who]]
            assert report.covered == len(package.receipts)
            dropped = data.draw(st.sets(st.integers(1, len(package.receipts)), min_size=1))
            with pytest.raises(IntegrityError):
                verify_chain(without(package, *dropped), VKEY)
            shuffled = data.draw(st.permutations(package.receipts))
            if tuple(shuffled) != package.receipts:
                with pytest.raises(IntegrityError):
                    verify_chain(replace(package, receipts=tuple(shuffled)), VKEY)
