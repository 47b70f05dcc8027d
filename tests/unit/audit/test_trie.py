"""Merkle maps: canonical roots, proofs, and that a root fixes one value for each label."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.audit.merkle import EMPTY_ROOT, leaf_hash, node_hash
from faceward.audit.trie import MerkleMap, root_with
from faceward.core.errors import IntegrityError, UsageError

LABELS = st.integers(0, 40).map(lambda n: hashlib.sha256(bytes([n])).digest())
STEPS = st.lists(st.tuples(LABELS, st.one_of(st.none(), st.binary(max_size=4))), max_size=60)


@given(STEPS)
def test_a_map_has_the_root_of_what_it_holds_however_it_came_to_it(steps: list[tuple[bytes, bytes | None]]) -> None:
    held: dict[bytes, bytes] = {}
    found = MerkleMap()
    for label, value in steps:
        if value is None:
            held.pop(label, None)
            found.discard(label)
        else:
            held[label] = value
            found.put(label, value)
        assert len(found) == len(held)
    assert found.root() == MerkleMap(sorted(held.items())).root()
    for label, value in held.items():
        proof = found.proof(label)
        assert root_with(label, value, proof) == found.root()
        assert root_with(label, value + b"x", proof) != found.root()
        for place in range(len(proof)):
            broken = [*proof[:place], bytes(32), *proof[place + 1 :]]
            assert root_with(label, value, broken) != found.root()
        for shorter in range(len(proof)):
            assert root_with(label, value, proof[:shorter]) != found.root()


def test_the_smallest_maps_are_as_described() -> None:
    low, high = bytes(32), b"\x80" + bytes(31)
    assert MerkleMap().root() == EMPTY_ROOT
    assert MerkleMap([(low, b"v")]).root() == leaf_hash(low + b"v")
    assert MerkleMap([(low, b"v"), (high, b"w")]).root() == node_hash(leaf_hash(low + b"v"), leaf_hash(high + b"w"))
    near = b"\x40" + bytes(31)
    inner = node_hash(leaf_hash(low), leaf_hash(near))
    assert MerkleMap([(low, b""), (near, b"")]).root() == node_hash(inner, EMPTY_ROOT)


def test_labels_that_differ_in_the_last_bit_alone() -> None:
    one, two = bytes(32), bytes(31) + b"\x01"
    found = MerkleMap([(one, b"1"), (two, b"2")])
    assert len(found.proof(two)) == 256
    assert root_with(two, b"2", found.proof(two)) == found.root()
    found.discard(two)
    assert found.root() == MerkleMap([(one, b"1")]).root()


def test_what_is_not_there_is_not_proven() -> None:
    found = MerkleMap([(bytes(32), b"")])
    with pytest.raises(UsageError, match="does not hold"):
        found.proof(b"\xff" * 32)
    with pytest.raises(UsageError, match="32 bytes"):
        found.put(b"short")
    with pytest.raises(IntegrityError, match="malformed"):
        root_with(bytes(32), b"", [bytes(32)] * 257)
    found.discard(b"\xff" * 32)
    assert len(found) == 1
