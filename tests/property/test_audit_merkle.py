"""Every proof of every small tree against the recursive definitions of RFC 6962 §2.1."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.audit import merkle
from faceward.core.errors import IntegrityError

LARGEST = 130
LEAVES = [merkle.leaf_hash(bytes([index])) for index in range(LARGEST)]


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


@cache
def mth(first: int, last: int) -> bytes:
    if first == last:
        return merkle.EMPTY_ROOT
    if last - first == 1:
        return LEAVES[first]
    k = split(last - first)
    return merkle.node_hash(mth(first, first + k), mth(first + k, last))


def path(m: int, first: int, last: int) -> list[bytes]:
    if last - first == 1:
        return []
    k = split(last - first)
    if m < k:
        return [*path(m, first, first + k), mth(first + k, last)]
    return [*path(m - k, first + k, last), mth(first, first + k)]


def subproof(m: int, first: int, last: int, whole: bool) -> list[bytes]:
    if m == last - first:
        return [] if whole else [mth(first, last)]
    k = split(last - first)
    if m <= k:
        return [*subproof(m, first, first + k, whole), mth(first + k, last)]
    return [*subproof(m - k, first + k, last, whole=False), mth(first, first + k)]


def read(level: int, index: int) -> bytes:
    return mth(index << level, (index + 1) << level)


def test_all_roots() -> None:
    frontier = merkle.Frontier()
    for size in range(LARGEST):
        assert frontier.root() == merkle.tree_root(size, read) == mth(0, size)
        assert merkle.Frontier(size, [read(*n) for n in merkle.complete_subtrees(0, size)]).root() == mth(0, size)
        frontier.append(LEAVES[size])


def test_all_inclusion_proofs() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, read)
            assert list(proof) == path(index, 0, size)
            merkle.verify_inclusion(LEAVES[index], index, size, proof, mth(0, size))


def test_all_consistency_proofs() -> None:
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, read)
            assert list(proof) == subproof(old, 0, new, whole=True)
            merkle.verify_consistency(old, new, proof, mth(0, old), mth(0, new))


def test_a_proof_takes_few_reads() -> None:
    reads = 0

    def counted(level: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return bytes(32)

    merkle.inclusion_proof(77_777, 1_000_001, counted)
    merkle.consistency_proof(77_777, 1_000_001, counted)
    assert reads < 100


def flipped(hashes: tuple[bytes, ...], bit: int) -> tuple[bytes, ...]:
    data = bytearray(b"".join(hashes))
    data[bit // 8] ^= 1 << bit % 8
    return tuple(bytes(data[at : at + 32]) for at in range(0, len(data), 32))


@given(st.data())
def test_any_flipped_bit_of_an_inclusion_proof_fails(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, read)
    bit = data.draw(st.integers(0, 256 * (len(proof) + 2) - 1))
    *changed, leaf, root = flipped((*proof, LEAVES[index], mth(0, size)), bit)
    with pytest.raises(IntegrityError):
        merkle.verify_inclusion(leaf, index, size, changed, root)


@given(st.data())
def test_any_flipped_bit_of_a_consistency_proof_fails(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, LARGEST))
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency_proof(old, new, read)
    bit = data.draw(st.integers(0, 256 * (len(proof) + 2) - 1))
    *changed, old_root, new_root = flipped((*proof, mth(0, old), mth(0, new)), bit)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(old, new, changed, old_root, new_root)


def test_every_bit_of_the_proofs_of_a_small_tree() -> None:
    size = 11
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, read)
        for bit in range(256 * len(proof)):
            with pytest.raises(IntegrityError):
                merkle.verify_inclusion(LEAVES[index], index, size, flipped(proof, bit), mth(0, size))


@given(st.integers(1, LARGEST), st.data())
def test_a_proof_fits_no_other_leaf(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index)) if size > 1 else size
    with pytest.raises(IntegrityError):
        merkle.verify_inclusion(LEAVES[index], other, size, merkle.inclusion_proof(index, size, read), mth(0, size))


@given(
    st.integers(-5, 200),
    st.integers(-5, 200),
    st.lists(st.binary(min_size=32, max_size=32), max_size=12),
    st.binary(min_size=32, max_size=32),
)
def test_arbitrary_proofs_are_refused_quietly(a: int, b: int, proof: list[bytes], root: bytes) -> None:
    with pytest.raises(IntegrityError):
        merkle.verify_inclusion(bytes(32), a, b, proof, root)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(a, b, proof, b"\1" * 32, root)
