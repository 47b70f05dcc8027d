"""A tile's path leads back to the tile."""

from __future__ import annotations

import pytest

from faceward.audit.tiles import Tile, new_tiles
from faceward.core.errors import UsageError


def test_a_path_leads_back_to_its_tile() -> None:
    for tile in (*new_tiles(0, 700), Tile(None, 1234067), Tile(2, 3, 17)):
        assert Tile.at(tile.path) == tile


@pytest.mark.parametrize("path", ["tile/0/../x", "tile/0/000.p/256", "tile/64/000", "/etc/passwd", "tile/0/x000/001"])
def test_other_paths_lead_to_none(path: str) -> None:
    with pytest.raises(UsageError, match="there is no tile"):
        Tile.at(path)
