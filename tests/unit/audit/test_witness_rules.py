"""What a witness accepts, by the words and the worked example of C2SP tlog-witness."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from faceward.audit import merkle
from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.cosignature import Cosigner
from faceward.audit.note import Signer
from faceward.audit.witness import SIZE_TYPE, Refusal, Request, admit, judge, parse_size, read_cosignature
from faceward.core.errors import IntegrityError

EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501
SIGNER = Signer("example.org/log", bytes(32))
LOGS = {"example.org/log": SIGNER.verifier}
HASHES = [merkle.leaf_hash(bytes([index])) for index in range(40)]


def reader(hashes: list[bytes]) -> merkle.NodeReader:
    return lambda level, index: merkle.root_from_leaf_hashes(hashes[index << level : (index + 1) << level])


def checkpoint(size: int, hashes: list[bytes] = HASHES) -> Checkpoint:
    return Checkpoint("example.org/log", size, merkle.root_from_leaf_hashes(hashes[:size]))


def request(old: int, size: int, hashes: list[bytes] = HASHES, signer: Signer = SIGNER) -> Request:
    proof = merkle.consistency_proof(old, size, reader(hashes)) if old <= size else ()
    return Request(old, proof, sign_checkpoint(checkpoint(size, hashes), signer))


def refused(data: bytes, seen: Checkpoint | None) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        judge(admit(data, LOGS), seen)
    return refusal.value


def test_the_worked_example_is_read() -> None:
    parsed = Request.parse(EXAMPLE.encode())
    assert (parsed.old, len(parsed.proof)) == (20852014, 4)
    assert parsed.encode() == EXAMPLE.encode()
    with pytest.raises(Refusal) as refusal:
        admit(EXAMPLE.encode(), LOGS)
    assert refusal.value.status == 404


@pytest.mark.parametrize("old", range(0, 40, 3))
def test_growth_is_accepted(old: int) -> None:
    for size in range(old, 40):
        judge(admit(request(old, size).encode(), LOGS), checkpoint(old) if old else None)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", b"old 1\n", b"old 01\n\n", b"old -1\n\n", b"new 1\n\nx", b"\xff\n\n", b"old 0\nAAAA\n\n",
        b"old 0\n" + b"A" * 70_000, EXAMPLE.replace("old 20852014", "old 20852014 ").encode(),
        EXAMPLE.replace("\n\nexample", "\nexample").encode(),
        ("old 9\n" + "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" * 64 + "\n" + request(9, 9).note).encode(),
    ],
)  # fmt: skip
def test_400_malformed(data: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        admit(data, LOGS)
    assert refusal.value.status == 400


def test_400_the_old_size_is_larger() -> None:
    assert refused(Request(8, (), request(0, 7).note).encode(), checkpoint(8)).status == 400


def test_403_another_key_or_a_bad_signature() -> None:
    other = Signer("example.org/log", bytes(range(32)))
    assert refused(request(0, 3, signer=other).encode(), None).status == 403
    good = request(0, 3)
    altered = good.encode().replace(b"\n3\n", b"\n4\n")
    assert refused(altered, None).status == 403


def test_409_another_size_was_seen() -> None:
    for seen, old in ((checkpoint(5), 3), (checkpoint(5), 0), (None, 3)):
        refusal = refused(request(old, 9).encode(), seen)
        assert (refusal.status, refusal.content_type) == (409, SIZE_TYPE)
        assert refusal.body == f"{seen.size if seen else 0}\n"
        assert parse_size(refusal.body.encode()) == (seen.size if seen else 0)


def test_409_a_rollback_and_a_fork_of_the_same_size() -> None:
    assert refused(request(3, 3).encode(), checkpoint(5)).status == 409
    fork = [*HASHES[:4], *HASHES[20:]]
    assert refused(request(5, 5, fork).encode(), checkpoint(5)).status == 409


def test_422_a_fork_and_a_wrong_proof() -> None:
    fork = [*HASHES[:4], *HASHES[20:]]
    assert refused(request(5, 9, fork).encode(), checkpoint(5)).status == 422
    good = request(5, 9)
    assert refused(Request(5, good.proof[:-1], good.note).encode(), checkpoint(5)).status == 422
    assert refused(Request(0, (bytes(32),), good.note).encode(), None).status == 422
    assert refused(Request(9, (bytes(32),), good.note).encode(), checkpoint(9)).status == 422


def test_the_size_in_an_answer_is_strict() -> None:
    for body in (b"", b"x\n", b"01\n", b"\xff"):
        with pytest.raises(IntegrityError):
            parse_size(body)


def test_the_answer_is_the_named_witness() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    note, witness, other = request(0, 3).note, Cosigner("w1", bytes(32)), Cosigner("w2", bytes(range(32)))
    text = note.partition("\n\n")[0] + "\n"
    mine, theirs = (w.cosign(text, now).line() + "\n" for w in (witness, other))
    assert read_cosignature(note, (theirs + mine).encode(), witness.verifier).line() + "\n" == mine
    for body in (theirs, "", "no\n", mine[:-1], "\n" + mine, mine.replace("w1", "w3"), "x\n\n" + mine):
        with pytest.raises(IntegrityError):
            read_cosignature(note, body.encode(), witness.verifier)
    with pytest.raises(IntegrityError):
        read_cosignature(note, b"\xff", witness.verifier)
    wrong = witness.cosign("another\n", now).line() + "\n"
    with pytest.raises(IntegrityError, match="no good cosignature"):
        read_cosignature(note, wrong.encode(), witness.verifier)
