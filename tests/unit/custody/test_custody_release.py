"""No entry, no key (rule L2): what a presentation must show, step by step."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.audit.entries import Phase, commit
from faceward.audit.log import Log
from faceward.audit.note import Signer
from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.custody.errors import Replayed, StaleProof
from faceward.custody.presenter import Claim, Presenter


def test_L2_a_key_is_released_for_an_entry_that_announces_its_use(bench: Any) -> None:
    created = bench.create()
    lease = bench.custody.release(bench.enrol())
    assert (lease.key_id, lease.key) == (created.key_id, created.key)
    assert len(lease.key) == 32
    assert lease.seconds == 900
    assert (lease.size, bench.custody.status().root) == (bench.log.size, bench.log.root())
    assert base64.b64encode(lease.key).decode() not in repr(lease)


def test_L2_one_entry_gives_one_key(bench: Any) -> None:
    bench.create()
    recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"})
    bench.custody.release(bench.show(recorded))
    with pytest.raises(Replayed, match=r"L2.*presented before"):
        bench.custody.release(bench.show(recorded))
    bench.reopen()
    with pytest.raises(Replayed):
        bench.custody.release(bench.show(recorded))


def test_L2_an_entry_of_several_galleries_opens_each_of_them_once_and_no_other(bench: Any) -> None:
    for gallery in ("door", "hall", "vault"):
        bench.create(gallery)
    recorded = bench.record("verify", {"operator": "ann", "galleries": ["door", "hall"]})
    for gallery in ("door", "hall"):
        bench.custody.release(bench.show(recorded, gallery))
        with pytest.raises(Replayed):
            bench.custody.release(bench.show(recorded, gallery))
    with pytest.raises(PolicyRefusal, match="does not name this gallery"):
        bench.custody.release(bench.show(recorded, "vault"))


def test_L2_without_the_gallery_in_its_details_an_entry_opens_nothing(bench: Any) -> None:
    bench.create()
    for details in ({}, {"gallery": "hall"}, {"gallery": None}, {"galleries": "door"}, {"galleries": [["door"]]}):
        with pytest.raises(PolicyRefusal, match="does not name this gallery") as caught:
            bench.custody.release(bench.show(bench.record("enrol", {"operator": "ann", **details})))
        assert caught.value.rule == "L2"


@pytest.mark.parametrize(("seconds", "fresh"), [(-120, True), (-121, False), (120, True), (121, False)])
def test_L2_an_entry_is_of_now(bench: Any, seconds: int, *, fresh: bool) -> None:
    bench.create()
    moment = bench.clock.now() + timedelta(seconds=seconds)
    shown = bench.show(bench.record("enrol", {"operator": "ann", "gallery": "door"}, moment))
    if fresh:
        bench.custody.release(shown)
        return
    with pytest.raises(PolicyRefusal, match="older than 2 minutes" if seconds < 0 else "ahead") as caught:
        bench.custody.release(shown)
    assert caught.value.rule == "L2"


def test_L2_a_clock_that_was_set_back_is_noticed(bench: Any) -> None:
    bench.create()
    stale = bench.record("enrol", {"operator": "ann", "gallery": "door"})
    bench.clock.move(minutes=5)
    bench.custody.release(bench.enrol())
    bench.clock.move(minutes=-5)
    with pytest.raises(EnvironmentFailure, match="runs 300 s behind"):
        bench.custody.release(bench.show(stale))
    # Within what clocks are adjusted by, the latest time counts.
    bench.clock.move(minutes=5, seconds=-5)
    bench.custody.release(bench.enrol())
    assert bench.custody.status().size == bench.log.size
    old = bench.record("enrol", {"operator": "ann", "gallery": "door"}, bench.clock.now() - timedelta(seconds=118))
    with pytest.raises(PolicyRefusal, match="older"):
        bench.custody.release(bench.show(old))


def test_L2_what_is_no_beginning_opens_nothing(bench: Any) -> None:
    bench.create()
    for phase in (Phase.NOTE, Phase.DENIED):
        recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"}, phase=phase)
        with pytest.raises(PolicyRefusal, match="announces no operation"):
            bench.custody.release(bench.show(recorded))


def test_L2_an_operation_without_business_with_references_gets_no_key(bench: Any) -> None:
    bench.create()
    for operation in (
        "purpose.add", "enroll", "init", "subject", "subject.erase", "subject.look", "case.show", "review.answer",
        "complaint.add", "consent.note", "watchlist.review", "expire", "recover", "gallery.destroy.all",
    ):  # fmt: skip
        with pytest.raises(PolicyRefusal, match="gets no key"):
            bench.custody.release(bench.show(bench.record(operation, {"operator": "ann", "gallery": "door"})))


def test_L2_an_entry_that_the_log_does_not_hold_opens_nothing(bench: Any) -> None:
    bench.create()
    honest, other = bench.enrol(), bench.enrol()
    proof = honest.proof
    for forged in (
        replace(proof, leaf=other.proof.leaf),
        replace(proof, index=proof.index + 1),
        replace(proof, index=10**9),
        replace(proof, inclusion=proof.inclusion[:-1]),
        replace(proof, inclusion=(*proof.inclusion[:-1], bytes(32))),
    ):
        with pytest.raises(IntegrityError, match=r"leaf|proof|proven|log"):
            bench.custody.release(replace(honest, proof=forged))
    bench.custody.release(honest)


def test_L2_details_that_are_not_the_entrys_open_nothing(bench: Any) -> None:
    bench.create()
    honest = bench.enrol()
    _, other = commit({"operator": "ann", "gallery": "door"})
    for details in (other.encode(), b"", b"{}", honest.details[:-2]):
        with pytest.raises(IntegrityError):
            bench.custody.release(replace(honest, details=details))
    bench.custody.release(honest)


def test_L2_a_log_that_was_rolled_back_is_refused(bench: Any, tmp_path: Path) -> None:
    bench.create()
    for suffix in ("", "-wal"):
        path = tmp_path / f"log.db{suffix}"
        if path.exists():
            (tmp_path / f"old.db{suffix}").write_bytes(path.read_bytes())
    bench.custody.release(bench.enrol())
    bench.custody.release(bench.enrol())
    old = Log.open(tmp_path / "old.db", bench.log._signer)
    recent, bench.log = bench.log, old
    try:
        recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"})
        with pytest.raises(StaleProof, match="saw the log last with 3 entries"):
            bench.custody.release(bench.show(recorded, since=0))
        with pytest.raises(IntegrityError, match="rolled back"):
            Presenter(bench.custody, bench.log).release(Claim(*recorded, "door"))
        # Grown beyond what was seen, it is a fork.
        for _ in range(3):
            recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"})
        with pytest.raises(IntegrityError, match="does not continue"):
            bench.custody.release(bench.show(recorded))
        with pytest.raises(IntegrityError, match="does not continue"):
            Presenter(bench.custody, bench.log).release(Claim(*recorded, "door"))
    finally:
        old.close()
        bench.log = recent


def test_L2_a_checkpoint_of_another_key_or_origin_is_refused(bench: Any, kit: Any, tmp_path: Path) -> None:
    bench.create()
    real = bench.log
    for number, signer in enumerate((Signer(kit.ORIGIN, bytes(32)), Signer("example.org/other", bytes(range(32))))):
        with Log.create(tmp_path / f"foreign{number}.db", signer) as log:
            bench.log = log
            recorded = [bench.record("enrol", {"operator": "ann", "gallery": "door"}) for _ in range(2)]
            with pytest.raises(IntegrityError, match=r"not signed by|another log"):
                bench.custody.release(bench.show(recorded[-1]))
    bench.log = real


def test_L2_a_proof_from_another_size_is_built_again(bench: Any) -> None:
    bench.create()
    shown = bench.enrol()
    bench.custody.release(bench.enrol())
    with pytest.raises(StaleProof) as caught:
        bench.custody.release(shown)
    assert caught.value.size == bench.log.size
    presenter = Presenter(bench.custody, bench.log)
    recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"})
    bench.custody.release(bench.enrol())
    assert presenter.release(Claim(*recorded, "door")).size == bench.log.size


def test_L2_two_presenters_overtake_each_other_and_both_are_served(bench: Any) -> None:
    bench.create()
    one, two = Presenter(bench.custody, bench.log), Presenter(bench.custody, bench.log)
    for _ in range(3):
        first = bench.record("enrol", {"operator": "ann", "gallery": "door"})
        second = bench.record("enrol", {"operator": "ann", "gallery": "door"})
        two.release(Claim(*second, "door"))
        one.release(Claim(*first, "door"))


def test_L2_a_gallery_without_a_key_is_told(bench: Any) -> None:
    with pytest.raises(UsageError, match="holds no key of the gallery"):
        bench.custody.release(bench.enrol())
    # What was refused was not counted either.
    bench.create()
    bench.custody.release(bench.enrol())


def test_L2_a_gallery_keeps_its_first_key(bench: Any) -> None:
    assert bench.create().key == bench.create().key
    assert bench.create("hall").key != bench.create("door").key
    with pytest.raises(PolicyRefusal, match=r"does not announce 'gallery.create'"):
        bench.custody.create(bench.enrol())


def test_K1_rotation_holds_two_keys_until_the_old_one_is_retired(bench: Any) -> None:
    old = bench.create()
    recorded = bench.record("rotate", {"operator": "ann", "gallery": "door"})
    assert bench.custody.release(bench.show(recorded)).key == old.key
    new = bench.custody.rotate(bench.show(recorded))
    assert new.key != old.key
    # The rewrap may take longer than entries are fresh, and either key is there meanwhile.
    bench.clock.move(minutes=30)
    bench.reopen()
    assert bench.custody.release(replace(bench.enrol(), key_id=new.key_id)).key == new.key
    assert bench.custody.release(bench.enrol()).key == old.key
    with pytest.raises(UsageError, match="began no rotation"):
        bench.custody.retire(replace(bench.show(recorded), key_id=""))
    bench.custody.retire(replace(bench.show(recorded), key_id=new.key_id))
    assert bench.custody.release(bench.enrol()).key == new.key
    with pytest.raises(IntegrityError, match="does not hold the key"):
        bench.custody.release(replace(bench.enrol(), key_id=old.key_id))


def test_K1_a_retired_key_leaves_no_bytes(bench: Any, kit: Any, tmp_path: Path) -> None:
    bench.create()
    [[_, wrapped]] = _row(bench)["keys"]
    assert wrapped.encode() in _bytes(tmp_path)
    recorded = bench.record("rotate", {"operator": "ann", "gallery": "door"})
    new = bench.custody.rotate(bench.show(recorded))
    bench.custody.retire(replace(bench.show(recorded), key_id=new.key_id))
    assert wrapped.encode() not in _bytes(tmp_path)
    [[_, wrapped]] = _row(bench)["keys"]
    bench.custody.destroy(bench.show(bench.record("gallery.destroy", {"operator": "ann", "gallery": "door"})))
    assert wrapped.encode() not in _bytes(tmp_path)
    with pytest.raises(UsageError, match="holds no key"):
        bench.custody.release(bench.enrol())


def test_K1_an_interrupted_rotation_is_taken_up(bench: Any) -> None:
    old = bench.create()

    def rotate(in_use: str) -> Any:
        recorded = bench.record("rotate", {"operator": "ann", "gallery": "door"})
        return recorded, bench.custody.rotate(replace(bench.show(recorded), key_id=in_use))

    first, one = rotate(old.key_id)
    second, two = rotate(old.key_id)
    assert two.key == one.key
    with pytest.raises(UsageError, match="began no rotation"):
        bench.custody.retire(replace(bench.show(first), key_id=one.key_id))
    # The rewrap had happened, and only the end of the old key was missing.
    third, three = rotate(one.key_id)
    assert three.key not in (one.key, old.key)
    bench.custody.retire(replace(bench.show(third), key_id=three.key_id))
    assert bench.custody.release(bench.enrol()).key == three.key
    with pytest.raises(UsageError, match="began no rotation"):
        bench.custody.retire(replace(bench.show(second), key_id=three.key_id))


def test_L2_a_custodian_serves_one_deployment(bench: Any, kit: Any) -> None:
    bench.custody.found(kit.pins())
    with pytest.raises(PolicyRefusal, match="another deployment"):
        bench.custody.found(kit.pins(signer=Signer("example.org/other", bytes(32))))
    with pytest.raises(PolicyRefusal, match="not the one that is pinned") as caught:
        bench.custody.found(kit.pins("strict"))
    assert caught.value.rule == "S2"


def test_L2_a_custodian_without_a_deployment_releases_nothing(kit: Any, tmp_path: Path) -> None:
    made = kit.Bench(tmp_path)
    made.log = Log.create(tmp_path / "log.db", kit.SIGNER)
    made.custody = kit.Custodian(
        kit.State.create(tmp_path / "c.db", kit.MASTER), kit.Keyring(kit.MASTER), made.clock, load_terms=kit.load
    )
    assert made.custody.status().pins is None
    with pytest.raises(UsageError, match="serves no deployment"):
        made.create()
    pins = kit.pins()
    for wrong in (replace(pins, vkey="x"), replace(pins, origin="example.org/b"), replace(pins, standard="unknown")):
        with pytest.raises(UsageError):
            made.custody.found(wrong)
    assert made.custody.status().pins is None
    made.close()
    with pytest.raises(UsageError, match="closed"):
        made.custody.status()


def _row(bench: Any) -> Any:
    with bench.custody._state.turn() as turn:
        return turn.get("gallery", "door")


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("custodian.db*"))
