"""Which parts of a frame pay for a detector: where something moves or a face is expected; now and then the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faceward.core.faces import Box

# A detector's cost goes with the area. Its working memory is overwritten shape by shape (`video.forgetting`), so there
# are few: squares of these sides, and the whole frame.
SIDES = (192, 256, 320, 448)
# Around what moves, in pixels; a face that has just turned up reaches beyond what the gate saw move.
_MARGIN = 24
# A face that is expected somewhere is looked for in this many times its own size around there.
_AROUND = 1.5
# Above this share of the frame's area its parts save nothing worth having.
_WORTH = 0.7
# A face that a region's edge cuts is shown by a box of its own, which reaches to the edge.
_EDGE = 2.0


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a frame in whole pixels; `x1` and `y1` are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def area(self) -> int:
        """Area in pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    def cuts(self, box: Box, size: tuple[int, int]) -> bool:
        """Tell whether an edge of the region, other than the frame's, cuts a face, given in pixels of the frame."""
        width, height = size
        return (
            (self.x0 > 0 and box.x0 < self.x0 + _EDGE)
            or (self.y0 > 0 and box.y0 < self.y0 + _EDGE)
            or (self.x1 < width and box.x1 > self.x1 - _EDGE)
            or (self.y1 < height and box.y1 > self.y1 - _EDGE)
        )


def whole(size: tuple[int, int]) -> Region:
    """Return the whole of a frame of a width and height."""
    return Region(0, 0, *size)


def regions(size: tuple[int, int], moving: Sequence[Box], expected: Iterable[Box]) -> tuple[Region, ...]:
    """Choose where to look for faces.

    Args:
        size: Width and height of the frame in pixels.
        moving: What moves.
        expected: Where faces of known tracks are expected.

    Returns:
        Squares of `SIDES` that do not overlap, which hold all of it; or the whole frame, where that costs no more;
        nothing where there is nothing to look for.
    """
    wanted = [_grown(box, _MARGIN, _MARGIN) for box in moving]
    wanted += [_grown(box, _AROUND * box.width, _AROUND * box.height) for box in expected]
    inside = [box for box in (_clipped(box, size) for box in wanted) if box.area > 0]
    if not inside:
        return ()
    full = whole(size)
    chosen = _merged(inside, size)
    if any(region == full for region in chosen) or sum(region.area for region in chosen) > _WORTH * full.area:
        return (full,)
    return chosen


def _merged(boxes: list[Box], size: tuple[int, int]) -> tuple[Region, ...]:
    """Join boxes whose squares overlap, or cost no less apart than together."""
    groups = [(box, _square(box, size)) for box in boxes]
    joined = True
    while joined:
        joined = False
        for first in range(len(groups)):
            for second in range(first + 1, len(groups)):
                union = _union(groups[first][0], groups[second][0])
                together = _square(union, size)
                one, other = groups[first][1], groups[second][1]
                if _overlap(one, other) or together.area <= one.area + other.area:
                    groups[first] = (union, together)
                    del groups[second]
                    joined = True
                    break
            if joined:
                break
    return tuple(region for _, region in groups)


def _square(box: Box, size: tuple[int, int]) -> Region:
    """Return the smallest of the squares that holds a box, inside the frame; the whole frame where none does."""
    width, height = size
    needed = max(box.width, box.height)
    side = next((side for side in SIDES if side >= needed and side <= min(width, height)), None)
    if side is None:
        return whole(size)
    left = round(min(max(0.0, (box.x0 + box.x1 - side) / 2), width - side))
    top = round(min(max(0.0, (box.y0 + box.y1 - side) / 2), height - side))
    return Region(left, top, left + side, top + side)


def _grown(box: Box, across: float, down: float) -> Box:
    return Box(box.x0 - across, box.y0 - down, box.x1 + across, box.y1 + down)


def _clipped(box: Box, size: tuple[int, int]) -> Box:
    return Box(max(0.0, box.x0), max(0.0, box.y0), min(float(size[0]), box.x1), min(float(size[1]), box.y1))


def _union(one: Box, other: Box) -> Box:
    return Box(min(one.x0, other.x0), min(one.y0, other.y0), max(one.x1, other.x1), max(one.y1, other.y1))


def _overlap(one: Region, other: Region) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1
