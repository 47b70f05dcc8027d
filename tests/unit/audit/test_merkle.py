from __future__ import annotations

import pytest

from faceward.audit import merkle
from faceward.core.errors import IntegrityError, UsageError

# The inputs and hashes of Certificate Transparency's reference tests (RFC 6962).
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
G = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"


def read(level: int, index: int) -> bytes:
    leaves = INPUTS[index << level : (index + 1) << level]
    assert len(leaves) == 1 << level
    return merkle.root_from_leaf_hashes(map(merkle.leaf_hash, leaves))


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert merkle.root_from_leaf_hashes(map(merkle.leaf_hash, INPUTS[:size])).hex() == ROOTS[size]
    assert merkle.tree_root(size, read).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (0, 8, [A, B, C]),
        (5, 8, [D, E, G]),
        (2, 3, [ROOTS[2]]),
        (1, 5, [ROOTS[1], B, D]),
    ],
)
def test_known_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    found = merkle.inclusion_proof(index, size, read)
    assert [h.hex() for h in found] == proof
    merkle.verify_inclusion(merkle.leaf_hash(INPUTS[index]), index, size, found, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, G]), (2, 5, [B, D]), (0, 5, [])],
)
def test_known_consistency_proofs(old: int, new: int, proof: list[str]) -> None:
    found = merkle.consistency_proof(old, new, read)
    assert [h.hex() for h in found] == proof
    merkle.verify_consistency(old, new, found, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]))


def test_positions_are_dense_and_in_order_of_completion() -> None:
    frontier, position = merkle.Frontier(), 0
    for index in range(70):
        assert merkle.stored_count(index) == position
        for level, _ in enumerate(frontier.append(bytes(32))):
            assert merkle.stored_position(level, index >> level) == position
            position += 1


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_inclusion_of_no_leaf(index: int, size: int) -> None:
    with pytest.raises(UsageError, match="no leaf"):
        merkle.inclusion_proof(index, size, read)
    with pytest.raises(IntegrityError):
        merkle.verify_inclusion(bytes(32), index, size, [], bytes(32))


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 3)])
def test_consistency_of_impossible_sizes(old: int, new: int) -> None:
    with pytest.raises(UsageError):
        merkle.consistency_proof(old, new, read)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(old, new, [], bytes(32), bytes(32))


def test_proofs_of_wrong_length() -> None:
    root = bytes.fromhex(ROOTS[8])
    proof = merkle.inclusion_proof(3, 8, read)
    for bad in (proof[:-1], (*proof, bytes(32)), ()):
        with pytest.raises(IntegrityError):
            merkle.verify_inclusion(merkle.leaf_hash(INPUTS[3]), 3, 8, bad, root)
    proof = merkle.consistency_proof(6, 8, read)
    for bad in (proof[:-1], (*proof, bytes(32)), ()):
        with pytest.raises(IntegrityError):
            merkle.verify_consistency(6, 8, bad, bytes.fromhex(ROOTS[6]), root)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(8, 8, [bytes(32)], root, root)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(0, 8, [], root, root)


def test_frontier_refuses_the_wrong_number_of_hashes() -> None:
    with pytest.raises(UsageError, match="complete subtrees"):
        merkle.Frontier(3, [bytes(32)])
