"""What a camera never sees."""

from __future__ import annotations

import numpy as np

from faceward.policy.zones import Zone
from faceward.video.masks import Mask

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
MIDDLE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


def white(width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def test_without_zones_nothing_is_black() -> None:
    picture = white()
    Mask(()).apply(picture)
    assert picture.all()


def test_W10_an_opt_out_is_black_and_nothing_else_is() -> None:
    picture = white()
    Mask((Zone("opt-out", MIDDLE),)).apply(picture)
    assert not picture[12:36, 16:48].any()
    picture[11:38, 15:50] = 255
    assert picture.all()


def test_W10_outside_every_zone_to_look_at_is_black() -> None:
    picture = white()
    right = ((0.8, 0.0), (1.0, 0.0), (1.0, 1.0), (0.8, 1.0))
    Mask((Zone("look", LEFT), Zone("look", right))).apply(picture)
    assert picture[:, :31].all()
    assert not picture[:, 34:51].any()
    assert picture[:, 53:].all()


def test_W10_an_opt_out_inside_a_zone_to_look_at_is_black() -> None:
    picture = white()
    Mask((Zone("look", LEFT), Zone("opt-out", MIDDLE))).apply(picture)
    assert picture[:11, :31].all()
    assert not picture[12:36, 16:].any()


def test_W10_a_pixel_that_an_opt_out_touches_is_black_at_every_size() -> None:
    mask = Mask((Zone("opt-out", TRIANGLE),))
    for width, height in ((64, 48), (160, 120), (40, 96), (7, 5), (333, 217)):
        picture = white(width, height)
        mask.apply(picture)
        rows, columns = np.nonzero(picture[:, :, 0])
        # The corner that is nearest to the triangle lies outside.
        assert ((columns / width + rows / height) >= 1 - 1e-9).all()
        assert len(rows) > 0.8 * (width - 2) * (height - 2) / 2 - 2


def test_grey_pictures_and_turned_views_are_masked_in_place() -> None:
    stored = np.full((64, 48), 255, np.uint8)
    turned = np.rot90(stored)
    Mask((Zone("opt-out", LEFT),)).apply(turned)
    assert not turned[:, :32].any()
    assert turned[:, 34:].all()
    assert stored.min() == 0


def test_a_camera_that_keeps_changing_its_size_fills_no_memory() -> None:
    mask = Mask((Zone("opt-out", MIDDLE),))
    for width in range(16, 60):
        mask.apply(white(width))
    assert len(mask._runs) <= 4
