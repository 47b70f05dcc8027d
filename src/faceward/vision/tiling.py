"""Searching a large picture in tiles: where they lie, and which of what they find is one face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faceward.core.faces import Box, Face
from faceward.vision.detect import suppress

# Above this a picture is searched in tiles, which bounds the network's memory (about 150 bytes a pixel).
TILE = 1280
_TILE_OVERLAP = 256
# Of a face that a tile's edge cuts, the tile may show a box of its own, nearly all of it inside the whole face's.
_PART = 0.7
_SMALLEST_PART = 0.1


def stretches(length: int) -> list[tuple[int, int]]:
    """Divide a side into stretches of equal length, at most a tile's, that overlap."""
    if length <= TILE:
        return [(0, length)]
    count = -(-(length - _TILE_OVERLAP) // (TILE - _TILE_OVERLAP))
    size = -(-(length + _TILE_OVERLAP * (count - 1)) // count)
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    return [(start, start + size) for start in starts]


def cut_by_inner_edge(box: Box, origin: tuple[int, int], tile: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Tell whether a tile's edge cuts the face; a neighbour or the whole picture shows it better."""
    x0, y0 = origin
    return (
        (box.x0 < 1 and x0 > 0)
        or (box.y0 < 1 and y0 > 0)
        or (box.x1 > tile[1] - 1 and x0 + tile[1] < size[0])
        or (box.y1 > tile[0] - 1 and y0 + tile[0] < size[1])
    )


def merged(faces: Sequence[Face]) -> list[Face]:
    """Return the faces that several tiles found, each once and as a whole."""
    if not faces:
        return []
    boxes = np.array([[f.box.x0, f.box.y0, f.box.x1, f.box.y1] for f in faces], dtype=np.float32)
    keep = suppress(boxes, np.array([f.confidence for f in faces], dtype=np.float32))
    whole: list[Face] = []
    for face in (faces[i] for i in keep):
        if not any(_is_part(face.box, other.box) for other in whole):
            whole.append(face)
    return whole


def _is_part(box: Box, whole: Box) -> bool:
    """Tell whether one box is the piece that a tile shows of the face in the other."""
    across = min(box.x1, whole.x1) - max(box.x0, whole.x0)
    down = min(box.y1, whole.y1) - max(box.y0, whole.y0)
    inside = max(0.0, across) * max(0.0, down)
    return inside > _PART * box.area and box.area > _SMALLEST_PART * whole.area
