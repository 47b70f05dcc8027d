"""Tiles: a tree as files of 256 hashes, and its entries in bundles of 256 (C2SP tlog-tiles). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKPOINT_FILE = "checkpoint"
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEAF_BYTES = 2**16 - 1
"""Largest leaf that an entry bundle can hold."""

_LENGTH_BYTES = 2
# Level, index and width as in `Tile.path`: no leading zeroes but those that fill three digits.
_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?!x000)x[0-9]{3}/(x[0-9]{3}/)*)?[0-9]{3}(\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile, or one bundle of entries.

    Attributes:
        level: From 0; None for a bundle of entries.
        index: Place within the level, from 0.
        width: Number of hashes or entries, 1 to 256; below 256 the tile is partial.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if self.index < 0 or not 0 < self.width <= TILE_WIDTH or not 0 <= (self.level or 0) <= 63:
            raise UsageError("a tile has a level from 0 to 63, an index from 0 and a width from 1 to 256")

    @classmethod
    def at(cls, path: str) -> Tile:
        """Return the tile that a path below the prefix names; the reverse of `path`.

        Raises:
            UsageError: It names none.
        """
        if not is_tile_path(path):
            raise UsageError(f"there is no tile {path[:80]!r}; see C2SP tlog-tiles for how they are named")
        whole, _, width = path.partition(".p/")
        _, level, *elements = whole.split("/")
        index = int("".join(element.lstrip("x") for element in elements))
        return cls(None if level == "entries" else int(level), index, int(width or TILE_WIDTH))

    @property
    def path(self) -> str:
        """Path below the prefix, such as `tile/0/x001/x234/067` or `tile/entries/000.p/17`."""
        level = "entries" if self.level is None else str(self.level)
        part = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{level}/{index_path(self.index)}{part}"


def index_path(index: int) -> str:
    """Encode an index in elements of three digits, all but the last after an x: 1234067 is `x001/x234/067`."""
    elements = [f"{index % 1000:03d}"]
    while index := index // 1000:
        elements.append(f"x{index % 1000:03d}")
    return "/".join(reversed(elements))


def is_tile_path(path: str) -> bool:
    """Return whether a path below the prefix is one that some tile or bundle has."""
    found = _PATH.fullmatch(path)
    if found is None:
        return False
    width = found["width"]
    return width is None or int(width) < TILE_WIDTH


def new_tiles(old: int, new: int) -> Iterator[Tile]:
    """Yield every tile and bundle of the tree of size `new` that the tree of size `old` has not.

    From `old` 0 these are all of them. Bundles come first, then the levels from below.

    Raises:
        UsageError: A tree does not shrink.
    """
    if not 0 <= old <= new:
        raise UsageError(f"a tree of size {new} does not grow from one of size {old}; give the smaller size first")
    yield from _new_of_level(None, old, new)
    level = 0
    while new:
        yield from _new_of_level(level, old, new)
        level, old, new = level + 1, old >> TILE_HEIGHT, new >> TILE_HEIGHT


def _new_of_level(level: int | None, old: int, new: int) -> Iterator[Tile]:
    """Yield the new tiles of a level that had `old` hashes and has `new`."""
    if old == new:
        return
    for index in range(old // TILE_WIDTH, new // TILE_WIDTH):
        yield Tile(level, index)
    if new % TILE_WIDTH:
        yield Tile(level, new // TILE_WIDTH, new % TILE_WIDTH)


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """Write entries, each after its length as a big-endian uint16.

    Raises:
        UsageError: An entry is longer than 65,535 bytes.
    """
    for leaf in leaves:
        if len(leaf) > MAX_LEAF_BYTES:
            raise UsageError(f"an entry of {len(leaf)} bytes cannot be published; the limit is {MAX_LEAF_BYTES}")
    return b"".join(len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf for leaf in leaves)


def decode_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """Read a bundle of exactly this many entries.

    Raises:
        IntegrityError: It holds more, fewer, or half an entry.
    """
    leaves: list[bytes] = []
    place = 0
    while place < len(data) and len(leaves) <= width:
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(data[place:start], "big")
        leaves.append(data[start:place])
    if place != len(data) or len(leaves) != width:
        raise IntegrityError(f"a bundle does not hold {width} entries; get an unaltered copy")
    return tuple(leaves)
