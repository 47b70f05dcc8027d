"""Tiles by the words and the worked examples of C2SP tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.audit.tiles import Tile, decode_bundle, encode_bundle, index_path, new_tiles
from faceward.core.errors import IntegrityError, UsageError


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "000"),
        (67, "067"),
        (999, "999"),
        (1000, "x001/000"),
        (1234067, "x001/x234/067"),
        (10**9, "x001/x000/x000/000"),
    ],
)
def test_an_index_is_a_path(index: int, path: str) -> None:
    assert index_path(index) == path


def test_paths() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(2, 0, 1).path == "tile/2/000.p/1"
    assert Tile(None, 273, 112).path == "tile/entries/273.p/112"


def test_the_worked_example_of_70000_entries() -> None:
    tiles = list(new_tiles(0, 70_000))
    for level, full, partial in ((0, 273, 112), (1, 1, 17), (2, 0, 1), (None, 273, 112)):
        mine = [tile for tile in tiles if tile.level == level]
        assert mine == [*(Tile(level, index) for index in range(full)), Tile(level, full, partial)]
    assert {tile.level for tile in tiles} == {None, 0, 1, 2}


def test_the_worked_example_of_256_entries() -> None:
    assert list(new_tiles(0, 256)) == [Tile(None, 0), Tile(0, 0), Tile(1, 0, 1)]


def test_an_empty_tree_has_no_tile() -> None:
    assert list(new_tiles(0, 0)) == []


def every_tile(size: int) -> set[Tile]:
    """The definition: level l has floor(s / 256**l) hashes, in tiles of 256."""
    found = set()
    for level in (None, 0, 1, 2, 3, 4):
        hashes = size // 256 ** (level or 0)
        found |= {Tile(level, index) for index in range(hashes // 256)}
        if hashes % 256:
            found.add(Tile(level, hashes // 256, hashes % 256))
    return found


@given(st.integers(0, 150_000), st.integers(0, 70_000))
def test_new_tiles_are_those_that_the_old_tree_had_not(old: int, more: int) -> None:
    new = list(new_tiles(old, old + more))
    assert len(new) == len(set(new))
    assert set(new) == every_tile(old + more) - every_tile(old)


def test_a_tree_does_not_shrink() -> None:
    with pytest.raises(UsageError, match="does not grow"):
        list(new_tiles(2, 1))


@pytest.mark.parametrize("wrong", [(64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_what_is_no_tile(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError):
        Tile(*wrong)


@given(st.lists(st.binary(max_size=400), max_size=256))
def test_bundles_are_read_as_written(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves), len(leaves)) == tuple(leaves)


def test_a_bundle_is_lengths_and_entries() -> None:
    assert encode_bundle([b"", b"ab", bytes(300)]) == b"\0\0" + b"\0\2ab" + b"\1\x2c" + bytes(300)
    with pytest.raises(UsageError, match="cannot be published"):
        encode_bundle([bytes(65_536)])


@given(st.binary(max_size=600), st.integers(0, 256))
def test_a_bundle_is_exact_or_refused(data: bytes, width: int) -> None:
    try:
        leaves = decode_bundle(data, width)
    except IntegrityError:
        return
    assert len(leaves) == width
    assert encode_bundle(leaves) == data
