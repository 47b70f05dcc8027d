from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from faceward.core.errors import PackMismatch, PolicyRefusal, UsageError
from faceward.gallery.store import Counts, GalleryInfo, StoredReference

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceward.gallery.store import ReferenceStore

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DAY = timedelta(days=1)
STAFF = GalleryInfo("staff", "sealed", "pack", NOW)
VISITORS = GalleryInfo("Besucher Ж", "sealed", "pack", NOW)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def made(number: int, **changes: object) -> StoredReference:
    reference = StoredReference(
        reference_id=f"{number:032x}",
        subject=digest(f"subject {number}"),
        gallery="staff",
        purpose="doors",
        pack="pack",
        key_id=f"{number + 2**64:032x}",
        created=NOW,
        expires=NOW + 30 * DAY,
        sealed=b"sealed" + bytes([number % 256]) * 40,
        record=b"record" + bytes([number % 256]) * 40,
        sample=digest(f"sample {number}"),
    )
    return replace(reference, **changes)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _galleries(store: ReferenceStore) -> None:
    store.add_gallery(STAFF)
    store.add_gallery(VISITORS)


def test_galleries_are_found_by_name(store: ReferenceStore) -> None:
    assert store.gallery("staff") == STAFF
    assert store.galleries() == [VISITORS, STAFF]
    with pytest.raises(UsageError, match="exists"):
        store.add_gallery(replace(STAFF, mode="witnessed"))
    with pytest.raises(UsageError, match="does not exist"):
        store.gallery("nobody")
    assert store.gallery("staff") == STAFF


def test_a_reference_comes_back_as_it_was(store: ReferenceStore, connect: Callable[[], ReferenceStore]) -> None:
    references = [made(n) for n in (5, 3, 9)]
    store.add(references)
    other = connect()
    assert list(other.references("staff", NOW)) == references
    assert other.reference(references[1].reference_id) == references[1]
    assert other.keys("staff") == {r.reference_id: r.key_id for r in references}
    with pytest.raises(UsageError, match="does not exist"):
        other.reference("f" * 32)


def test_references_come_in_the_order_they_were_added_however_many(store: ReferenceStore) -> None:
    references = [made((n * 7919) % 20011) for n in range(9000)]
    for start in range(0, 9000, 3000):
        store.add(references[start : start + 3000])
        store.add([made(100_000 + start, gallery=VISITORS.name)])
    assert [r.reference_id for r in store.references("staff", NOW)] == [r.reference_id for r in references]
    assert store.count("staff", NOW) == 9000
    later = list(store.references("staff", NOW, after=1))
    assert later == references[3000:]


def test_purposes_and_galleries_are_kept_apart(store: ReferenceStore) -> None:
    store.add([made(1), made(2, purpose="lockers")])
    store.add([made(3, gallery=VISITORS.name)])
    assert [r.reference_id for r in store.references("staff", NOW, purpose="lockers")] == [f"{2:032x}"]
    assert store.reference_ids("staff", NOW) == {f"{1:032x}", f"{2:032x}"}
    assert store.reference_ids("staff", NOW, purpose="doors") == {f"{1:032x}"}
    assert store.reference_ids("staff", NOW, purpose="other") == frozenset()
    assert store.count("staff", NOW, purpose="doors") == 1
    assert list(store.references("nobody", NOW)) == []


def test_T1_an_expired_reference_is_listed_as_expired_and_as_nothing_else(store: ReferenceStore) -> None:
    short, long = made(1, expires=NOW + DAY), made(2)
    store.add([short, long])
    at = NOW + DAY
    assert list(store.references("staff", at)) == [long]
    assert list(store.references("staff", at - timedelta(microseconds=1))) == [short, long]
    assert store.reference_ids("staff", at) == {long.reference_id}
    assert store.count("staff", at) == 1
    assert store.expired(at) == [short]
    assert store.expired(at, gallery=VISITORS.name) == []
    assert store.by_subject(short.subject) == [short]


@pytest.mark.parametrize("term", [timedelta(0), -DAY, timedelta(days=5 * 366)])
def test_T1_no_reference_is_stored_without_an_expiry_within_five_years(store: ReferenceStore, term: timedelta) -> None:
    with pytest.raises(UsageError, match="five years"):
        store.add([made(1, expires=NOW + term)])
    assert store.counts().references == 0


def test_adding_is_all_or_none(store: ReferenceStore) -> None:
    store.add([made(1)])
    generation = store.generation("staff")
    for bad, error in (
        (made(1), UsageError),
        (made(3, gallery=VISITORS.name), UsageError),
        (made(3, pack="other"), PackMismatch),
        (made(3, subject=b"short"), UsageError),
        (made(3, sample=b"short"), UsageError),
    ):
        with pytest.raises(error):
            store.add([made(2), bad])
    with pytest.raises(UsageError, match="does not exist"):
        store.add([made(2, gallery="nobody")])
    assert store.reference_ids("staff", NOW) == {f"{1:032x}"}
    assert store.generation("staff") == generation


def test_every_change_counts_the_generation_up(store: ReferenceStore, connect: Callable[[], ReferenceStore]) -> None:
    other = connect()
    assert other.generation("staff") == 0
    store.add([made(1), made(2)])
    assert other.generation("staff") == 1
    store.delete([f"{1:032x}"])
    assert other.generation("staff") == 2
    store.replace([made(2, key_id="e" * 32)])
    assert other.generation("staff") == 3
    store.add([])
    store.replace([])
    assert store.delete(["f" * 32]) == 0
    assert other.generation("staff") == 3
    assert other.generation(VISITORS.name) == 0
    with pytest.raises(UsageError, match="does not exist"):
        other.generation("nobody")


def test_deleting_is_repeatable(store: ReferenceStore) -> None:
    store.add([made(n) for n in range(5)])
    assert store.delete([f"{n:032x}" for n in (1, 2, 77)]) == 2
    assert store.delete([f"{n:032x}" for n in (1, 2)]) == 0
    assert store.reference_ids("staff", NOW) == {f"{n:032x}" for n in (0, 3, 4)}


def test_a_replaced_reference_is_seen_as_new(store: ReferenceStore) -> None:
    store.add([made(1), made(2)])
    generation = store.generation("staff")
    again = made(1, key_id="e" * 32, sealed=b"again" * 10, record=b"anew" * 10)
    store.replace([again])
    assert list(store.references("staff", NOW, after=generation)) == [again]
    with pytest.raises(UsageError, match="does not exist"):
        store.replace([made(2, key_id="d" * 32), made(3)])
    assert store.reference(f"{2:032x}") == made(2)


def test_a_subject_is_found_across_galleries(store: ReferenceStore) -> None:
    mine = [made(1), made(2, subject=made(1).subject, purpose="lockers")]
    store.add([*mine, made(9)])
    elsewhere = made(3, subject=made(1).subject, gallery=VISITORS.name)
    store.add([elsewhere])
    assert store.by_subject(made(1).subject) == [*mine, elsewhere]
    assert store.by_subject(made(1).subject, gallery="staff") == mine
    assert store.by_subject(digest("nobody")) == []
    assert store.samples("staff", "doors", made(1).subject) == {made(1).sample}
    assert store.counts() == Counts(galleries=2, subjects=2, references=4)


def test_E4_a_probe_never_becomes_a_reference(store: ReferenceStore, connect: Callable[[], ReferenceStore]) -> None:
    connect().remember_probe(NOW, made(2).sample)
    store.remember_probe(NOW + DAY, made(2).sample, made(3).sample)
    assert store.is_probe(made(2).sample)
    assert store.is_probe(made(3).sample)
    assert not store.is_probe(made(1).sample)
    with pytest.raises(PolicyRefusal, match="E4"):
        store.add([made(1), made(2)])
    assert store.counts().references == 0


def test_a_reference_that_was_compared_as_a_probe_later_can_still_be_renewed(store: ReferenceStore) -> None:
    store.add([made(1)])
    store.remember_probe(NOW, made(1).sample)
    store.replace([made(1, key_id="e" * 32)])
    assert store.reference(f"{1:032x}").key_id == "e" * 32


def test_documents_are_kept_by_kind_and_name(store: ReferenceStore) -> None:
    store.put_document("purpose", "doors", b"{}")
    store.put_document("purpose", "doors", b'{"a":1}')
    store.put_document("notice", "doors", b"other")
    assert store.document("purpose", "doors") == b'{"a":1}'
    assert store.documents("purpose") == {"doors": b'{"a":1}'}
    assert store.documents("none") == {}
    for name in ("door", "doors/\U0001f6aa", "doors/Žofie", "doort"):
        store.put_document("purpose", name, b"2")
    assert list(store.documents("purpose", "doors")) == ["doors", "doors/Žofie", "doors/\U0001f6aa"]
    assert list(store.documents("purpose", "doors/")) == ["doors/Žofie", "doors/\U0001f6aa"]
    assert store.documents("purpose", "Doors") == {}
    with pytest.raises(UsageError, match="purpose 'lockers'"):
        store.document("purpose", "lockers")


def test_what_was_stored_is_sound(store: ReferenceStore) -> None:
    store.add([made(n) for n in range(50)])
    store.delete([f"{n:032x}" for n in range(25)])
    store.check()


def test_a_closed_store_says_so(store: ReferenceStore) -> None:
    store.close()
    with pytest.raises(UsageError, match="closed"):
        store.galleries()


def test_of_two_documents_added_at_once_the_first_stays(connect: Callable[[], ReferenceStore]) -> None:
    store, other = connect(), connect()
    assert store.add_document("key", "ada", b"1") == b"1"
    assert other.add_document("key", "ada", b"2") == b"1"
    other.delete_document("key", "ada", b"2")
    assert store.documents("key") == {"ada": b"1"}
    other.delete_document("key", "ada", b"1")
    assert store.documents("key") == {}


def test_a_gallery_goes_over_to_another_pack_reference_by_reference(
    store: ReferenceStore, connect: Callable[[], ReferenceStore]
) -> None:
    store.add([made(1), made(2, purpose="lockers"), made(3, subject=digest("subject 1"))])
    generation = store.generation("staff")
    assert store.use_pack("newer") == 2
    assert store.use_pack("newer") == 0
    other = connect()
    assert other.gallery("staff").pack == "newer"
    assert other.generation("staff") == generation + 1
    with pytest.raises(PackMismatch, match="newer"):
        store.add([made(4)])
    store.add([made(4, pack="newer")])
    for bad in (made(1, pack="third"), made(4)):
        with pytest.raises(PackMismatch):
            store.replace([made(2, key_id="d" * 32), bad])
    assert store.reference(f"{2:032x}").key_id == made(2).key_id
    store.replace([made(1, pack="newer", key_id="e" * 32), made(2, key_id="f" * 32)])
    assert other.reference(f"{1:032x}") == made(1, pack="newer", key_id="e" * 32)
    assert [r.reference_id for r in other.references("staff", NOW, pack="newer")] == [f"{4:032x}", f"{1:032x}"]
    assert other.reference_ids("staff", NOW, pack="pack") == {f"{2:032x}", f"{3:032x}"}
    assert other.count("staff", NOW, purpose="doors", pack="newer") == 2
    assert other.count("staff", NOW) == 4
    assert other.samples("staff", "doors", digest("subject 1")) == {digest("sample 1")}


def test_subjects_are_counted_once(store: ReferenceStore) -> None:
    ada = digest("Ada")
    store.add([made(1, subject=ada), made(2, subject=ada, expires=NOW + DAY), made(3), made(4, purpose="lockers")])
    store.add([made(5, gallery=VISITORS.name)])
    assert store.subjects("staff", NOW, purpose="doors", pack="pack") == 2
    store.delete([f"{1:032x}"])
    assert store.subjects("staff", NOW, purpose="doors", pack="pack") == 2
    assert store.subjects("staff", NOW + DAY, purpose="doors", pack="pack") == 1
    assert store.subjects("staff", NOW, purpose="doors", pack="newer") == 0
    assert store.subjects("nobody", NOW, purpose="doors", pack="pack") == 0


def test_numbers_follow_every_change_and_every_moment(
    store: ReferenceStore, connect: Callable[[], ReferenceStore]
) -> None:
    other = connect()

    def numbers(at: datetime) -> list[tuple[int, int]]:
        return [
            (
                one.count("staff", at, purpose="doors", pack="pack"),
                one.subjects("staff", at, purpose="doors", pack="pack"),
            )
            for one in (store, other)
        ]

    store.add([made(1), made(2, expires=NOW + DAY), made(3, subject=digest("subject 1"))])
    assert numbers(NOW) == numbers(NOW) == [(3, 2)] * 2
    # The end of a term changes nothing in the file; an earlier moment brings it back.
    assert numbers(NOW + DAY - timedelta(microseconds=1)) == [(3, 2)] * 2
    assert numbers(NOW + DAY) == numbers(NOW + 2 * DAY) == [(2, 1)] * 2
    assert numbers(NOW) == [(3, 2)] * 2
    other.add([made(4)])
    assert numbers(NOW) == [(4, 3)] * 2
    store.delete([made(1).reference_id, made(3).reference_id])
    assert numbers(NOW) == [(2, 2)] * 2
    assert store.count("staff", NOW) == store.count("staff", NOW, purpose="doors") == 2
    assert store.count("nobody", NOW) == 0
