"""Merkle trees as in RFC 6962 §2.1, over stored hashes of complete subtrees. Pure.

A node `(level, index)` is the root of the complete subtree over `2^level` leaves, the first of which is
`index * 2^level`; level 0 holds the leaf hashes. Complete subtrees never change, so a log stores each once
and computes only the ragged right edge: every root and proof takes O(log n) reads.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1)."""

Node: TypeAlias = "tuple[int, int]"
NodeReader: TypeAlias = "Callable[[int, int], bytes]"
"""Returns the 32-byte hash of the complete subtree `(level, index)`."""


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf's data: SHA-256(0x00 || data) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children: SHA-256(0x01 || left || right) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def stored_position(level: int, index: int) -> int:
    """Return the place of a node when nodes are stored in the order in which they become complete.

    The leaf `n` comes after the `2n - popcount(n)` nodes of the tree of size `n`; a node of level L follows
    its last leaf by L places. So the tree of size n fills the positions below
    `2n - popcount(n)`, with no hole.
    """
    last_leaf = ((index + 1) << level) - 1
    return 2 * last_leaf - last_leaf.bit_count() + level


def stored_count(size: int) -> int:
    """Return how many nodes a tree of this size has stored: the position of its next leaf."""
    return 2 * size - size.bit_count()


def complete_subtrees(first: int, last: int) -> list[Node]:
    """Return the complete subtrees that make up the leaves `[first, last)`, from left to right.

    `first` is a multiple of the largest power of two not above `last - first`, as in every split of RFC 6962.
    """
    nodes = []
    while first < last:
        level = (last - first).bit_length() - 1
        nodes.append((level, first >> level))
        first += 1 << level
    return nodes


def fold(hashes: Iterable[bytes]) -> bytes:
    """Join the roots of complete subtrees, largest first, into the root of the tree that they make up."""
    *rest, folded = hashes
    for left in reversed(rest):
        folded = node_hash(left, folded)
    return folded


def _range_root(first: int, last: int, read: NodeReader) -> bytes:
    return fold(read(*node) for node in complete_subtrees(first, last))


def tree_root(size: int, read: NodeReader) -> bytes:
    """Return the root of the tree over the first `size` leaves."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first.

    Args:
        size: Number of leaves so far.
        hashes: Hashes of `complete_subtrees(0, size)`.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise UsageError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(hashes)}")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def append(self, hashed_leaf: bytes) -> list[bytes]:
        """Add a leaf hash, and return the hashes that became complete, in the order of `stored_position`."""
        complete = [hashed_leaf]
        rest = self._size
        while rest & 1:
            complete.append(node_hash(self._hashes.pop(), complete[-1]))
            rest >>= 1
        self._hashes.append(complete[-1])
        self._size += 1
        return complete

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        return fold(self._hashes) if self._hashes else EMPTY_ROOT

    def copy(self) -> Frontier:
        """Return an independent copy."""
        return Frontier(self._size, self._hashes)


def root_from_leaf_hashes(hashes: Iterable[bytes]) -> bytes:
    """Return the root of the tree over these leaf hashes."""
    frontier = Frontier()
    for hashed in hashes:
        frontier.append(hashed)
    return frontier.root()


def _split(size: int) -> int:
    """Return the largest power of two below `size` (k in RFC 6962 §2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, read: NodeReader) -> tuple[bytes, ...]:
    """Return the audit path PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf's sibling upwards.

    Raises:
        UsageError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise UsageError(f"a tree of size {size} has no leaf {index}; give an index below the size")
    path = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(_range_root(middle, last, read))
            last = middle
        else:
            path.append(_range_root(first, middle, read))
            first = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, read: NodeReader) -> tuple[bytes, ...]:
    """Return PROOF(old, D[new]) of RFC 6962 §2.1.2; empty for equal sizes and for an empty old tree.

    Raises:
        UsageError: The old tree is larger than the new one, or a size is negative.
    """
    if not 0 <= old <= new:
        raise UsageError(f"a tree of size {new} does not grow from one of size {old}; give the smaller size first")
    if old in (0, new):
        return ()
    path = []
    first, last = 0, new
    whole = True  # `old` is still the whole of the subtree that began with the first leaf (b in RFC 6962)
    while old != last:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(_range_root(middle, last, read))
            last = middle
        else:
            path.append(_range_root(first, middle, read))
            first = middle
            whole = False
    if not whole:
        path.append(_range_root(first, last, read))
    return tuple(reversed(path))


def verify_inclusion(hashed_leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check an inclusion proof, as RFC 9162 §2.1.3.2 (the trees of RFC 6962 are the same).

    Raises:
        IntegrityError: The proof does not lead from the leaf to the root.
    """
    if not 0 <= index < size:
        raise IntegrityError(f"the proof speaks of leaf {index} in a tree of size {size}; get an unaltered copy")
    number, last = index, size - 1
    computed = hashed_leaf
    for sibling in proof:
        if last == 0:
            raise IntegrityError(f"the inclusion proof of entry {index} is too long; get an unaltered copy")
        if number & 1 or number == last:
            computed = node_hash(sibling, computed)
            # A right edge without a sibling rises until it has one.
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        number, last = number >> 1, last >> 1
    if last or computed != root:
        raise IntegrityError(f"entry {index} is not proven to be in the log; it or the proof was altered")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the new tree begins with all of the old one, as RFC 9162 §2.1.4.2.

    Raises:
        IntegrityError: It does not: the log was rolled back, rewritten or forked.
    """
    broken = IntegrityError(f"the log of size {new} does not continue the log of size {old}; it was rewritten")
    if not 0 <= old <= new:
        raise broken
    if old in (0, new):
        if proof or old_root != (new_root if old == new else EMPTY_ROOT):
            raise broken
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise broken
    if _replay(old, new, path) != (old_root, new_root):
        raise broken


def _replay(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Rebuild both roots from a consistency path, or return None if its length does not fit the sizes."""
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old_root = new_root = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if number & 1 or number == last:
            old_root = node_hash(sibling, old_root)
            new_root = node_hash(sibling, new_root)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new_root = node_hash(new_root, sibling)
        number, last = number >> 1, last >> 1
    return None if last else (old_root, new_root)
