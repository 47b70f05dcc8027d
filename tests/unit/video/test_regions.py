"""Which parts of a frame pay for a detector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.faces import Box
from faceward.video.regions import SIDES, Region, regions, whole

SIZE = (640, 480)


def inside(box: Box, region: Region) -> bool:
    return region.x0 <= box.x0 and region.y0 <= box.y0 and box.x1 <= region.x1 and box.y1 <= region.y1


def test_where_nothing_moves_and_nobody_is_expected_there_is_nothing_to_look_for() -> None:
    assert regions(SIZE, (), ()) == ()


def test_a_small_movement_costs_a_small_square() -> None:
    [region] = regions(SIZE, [Box(300, 200, 360, 280)], ())
    assert (region.x1 - region.x0, region.y1 - region.y0) == (SIDES[0], SIDES[0])
    assert inside(Box(276, 176, 384, 304), region)


def test_a_face_is_looked_for_around_where_it_is_expected() -> None:
    face = Box(100, 100, 140, 150)
    [region] = regions(SIZE, (), [face])
    assert inside(Box(40, 25, 200, 225), region)


def test_two_movements_far_apart_cost_two_squares_and_near_ones_cost_one() -> None:
    far = regions(SIZE, [Box(20, 20, 60, 60), Box(580, 420, 620, 460)], ())
    assert len(far) == 2
    assert len(regions(SIZE, [Box(20, 20, 60, 60), Box(100, 20, 140, 60)], ())) == 1


def test_where_much_moves_the_whole_frame_is_looked_at() -> None:
    assert regions(SIZE, [Box(0, 0, 600, 400)], ()) == (whole(SIZE),)
    spread = [Box(x, y, x + 10, y + 10) for x in (10, 320, 620) for y in (10, 460)]
    assert regions(SIZE, spread, ()) == (whole(SIZE),)


def test_what_is_outside_of_the_frame_is_passed_over() -> None:
    assert regions(SIZE, (), [Box(900, 100, 940, 150)]) == ()


def test_a_small_frame_is_looked_at_as_a_whole() -> None:
    assert regions((160, 120), [Box(10, 10, 30, 30)], ()) == (whole((160, 120)),)


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.floats(-50, 1300), st.floats(-50, 750), st.floats(1, 500), st.floats(1, 500),
)  # fmt: skip


@given(st.lists(boxes, max_size=8), st.lists(boxes, max_size=4), st.sampled_from([(640, 480), (1280, 720), (320, 240)]))
def test_all_that_moves_is_looked_at_once_in_few_shapes(
    moving: list[Box], expected: list[Box], size: tuple[int, int]
) -> None:
    found = regions(size, moving, expected)
    for box in moving:
        shown = Box(max(0, box.x0), max(0, box.y0), min(size[0], box.x1), min(size[1], box.y1))
        if shown.width > 0 and shown.height > 0:
            assert any(inside(shown, region) for region in found)
    for number, region in enumerate(found):
        assert inside(Box(region.x0, region.y0, region.x1, region.y1), whole(size))
        sides = {region.x1 - region.x0, region.y1 - region.y0}
        assert region == whole(size) or (len(sides) == 1 and sides <= set(SIDES))
        assert not any(
            region.x0 < other.x1 and other.x0 < region.x1 and region.y0 < other.y1 and other.y0 < region.y1
            for other in found[number + 1 :]
        )
    assert sum(region.area for region in found) <= size[0] * size[1]


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        (Box(110, 110, 150, 160), False),
        (Box(99, 110, 140, 160), True),
        (Box(200, 110, 291.5, 160), True),
        (Box(110, 110, 150, 291), True),
        (Box(110, 101, 150, 150), True),
    ],
)
def test_a_face_at_an_inner_edge_is_cut(box: Box, cut: bool) -> None:
    assert Region(100, 100, 292, 292).cuts(box, SIZE) is cut


def test_a_face_at_the_frames_own_edge_is_not_cut() -> None:
    assert not Region(0, 0, 192, 192).cuts(Box(0, 0, 40, 50), SIZE)
    assert not whole(SIZE).cuts(Box(600, 440, 640, 480), SIZE)
