"""Merkle maps: one root over labelled values, with a short proof of what it holds for a label. Pure.

A map is a binary trie over 32-byte labels, read from the highest bit. A part that holds one label is a leaf with the
hash of RFC 6962 §2.1 over `label || value`, wherever it stands; a part that holds more is a node over its two halves;
an empty part has the root of the empty tree. So a root fixes one value for each label: of two that it held, one would
stand where the other has a node or another leaf, and what is hashed for leaves and nodes differs in the first byte.

Labels are to look random, or paths grow long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.audit.merkle import EMPTY_ROOT, leaf_hash, node_hash
from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LABEL_SIZE = 32
MAX_PATH = 8 * LABEL_SIZE


@dataclass(slots=True)
class _Leaf:
    label: bytes
    value: bytes

    def hash(self) -> bytes:
        return leaf_hash(self.label + self.value)


@dataclass(slots=True)
class _Node:
    children: list[_Leaf | _Node | None]
    kept: bytes | None = None

    def hash(self) -> bytes:
        # Kept until something below it changes.
        if self.kept is None:
            left, right = self.children
            self.kept = node_hash(_hash(left), _hash(right))
        return self.kept


def _hash(part: _Leaf | _Node | None) -> bytes:
    return EMPTY_ROOT if part is None else part.hash()


def _bit(label: bytes, depth: int) -> int:
    return (label[depth >> 3] >> (7 - (depth & 7))) & 1


class MerkleMap:
    """A map that changes: a change costs one path of hashes, a root that did not change none.

    Args:
        items: Labels (32 bytes each) and values to begin with.

    Raises:
        UsageError: A label has another length.
    """

    __slots__ = ("_count", "_top")

    def __init__(self, items: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._top: _Leaf | _Node | None = None
        self._count = 0
        for label, value in items:
            self.put(label, value)

    def __len__(self) -> int:
        return self._count

    def root(self) -> bytes:
        """Return the root hash, 32 bytes; `EMPTY_ROOT` for the empty map."""
        return _hash(self._top)

    def put(self, label: bytes, value: bytes = b"") -> None:
        """Give a label a value, in the place of one that it has.

        Raises:
            UsageError: The label has another length.
        """
        if len(label) != LABEL_SIZE:
            raise UsageError(f"a label has {LABEL_SIZE} bytes, not {len(label)}")
        path, found = self._descend(label)
        new: _Leaf | _Node = _Leaf(label, value)
        if found is None or found.label == label:
            self._count += found is None
        else:
            self._count += 1
            new = _split(found, _Leaf(label, value), len(path))
        self._hang(path, label, new)

    def discard(self, label: bytes) -> None:
        """Forget a label; one that is not there is passed over."""
        path, found = self._descend(label)
        if found is None or found.label != label:
            return
        self._count -= 1
        rest: _Leaf | _Node | None = None
        while path:
            sibling = path[-1].children[1 - _bit(label, len(path) - 1)]
            if rest is None and isinstance(sibling, _Leaf):
                # What is left of this part is one label, so it is a leaf.
                rest = sibling
            elif rest is not None and sibling is None:
                pass
            else:
                break
            path.pop()
        self._hang(path, label, rest)

    def proof(self, label: bytes) -> tuple[bytes, ...]:
        """Return the hashes beside the path to a label, from the top downwards, for `root_with`.

        Raises:
            UsageError: The map has no such label.
        """
        path, found = self._descend(label)
        if found is None or found.label != label:
            raise UsageError("the map does not hold the label; nothing can be proven of it")
        return tuple(_hash(node.children[1 - _bit(label, depth)]) for depth, node in enumerate(path))

    def _descend(self, label: bytes) -> tuple[list[_Node], _Leaf | None]:
        """Return the nodes on the way to a label, and the leaf at its end, which may be another label's."""
        path: list[_Node] = []
        part = self._top
        while isinstance(part, _Node):
            path.append(part)
            part = part.children[_bit(label, len(path) - 1)]
        return path, part

    def _hang(self, path: Sequence[_Node], label: bytes, part: _Leaf | _Node | None) -> None:
        for node in path:
            node.kept = None
        if path:
            path[-1].children[_bit(label, len(path) - 1)] = part
        else:
            self._top = part


def _split(one: _Leaf, other: _Leaf, depth: int) -> _Node:
    """Return the part, which begins at a depth, that holds two labels."""
    end = depth
    while _bit(one.label, end) == _bit(other.label, end):
        end += 1
    made = _Node([one, other] if _bit(other.label, end) else [other, one])
    for above in reversed(range(depth, end)):
        made = _Node([None, made] if _bit(one.label, above) else [made, None])
    return made


def root_with(label: bytes, value: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root of a map that holds the value for the label, by its proof.

    Args:
        label: 32 bytes.
        value: What the map is said to hold for it.
        proof: From `MerkleMap.proof`.

    Raises:
        IntegrityError: The label or the proof has a length that no map gives.
    """
    if len(label) != LABEL_SIZE or len(proof) > MAX_PATH:
        raise IntegrityError("the proof of what a map holds is malformed; get an unaltered copy")
    computed = leaf_hash(label + value)
    for depth in reversed(range(len(proof))):
        sibling = proof[depth]
        computed = node_hash(sibling, computed) if _bit(label, depth) else node_hash(computed, sibling)
    return computed
