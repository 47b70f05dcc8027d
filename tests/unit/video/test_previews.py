"""What is shown of a camera, and what of an alert: nobody but who matched can be recognised (rule W2)."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from faceward.core.faces import Box
from faceward.video.previews import WIDTH, crop, preview
from faceward.video.views import View

# In the fifth of the face's size around it the cover is round.
SIDE = 60


def frame(*marks: Box, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    """Return a grey frame in which each face is a field of red and blue stripes."""
    pixels = np.full((size[1], size[0], 3), 90, dtype=np.uint8)
    for box in marks:
        x0, y0, x1, y1 = (round(v) for v in (box.x0, box.y0, box.x1, box.y1))
        stripes = np.zeros((y1 - y0, x1 - x0, 3), dtype=np.uint8)
        stripes[:, ::2, 0], stripes[:, 1::2, 2] = 255, 255
        pixels[y0:y1, x0:x1] = stripes
    return pixels


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def coloured(pixels: np.ndarray) -> int:
    return int((np.ptp(pixels, axis=2) > 60).sum())


STILL = np.zeros((18, 24), dtype=np.bool_)
FACE, OTHER = Box(100, 100, 100 + SIDE, 100 + SIDE), Box(400, 300, 400 + SIDE, 300 + SIDE)


def test_W2_every_face_of_a_preview_is_painted_over() -> None:
    pixels = frame(FACE, OTHER)
    before = pixels.copy()
    shown = opened(preview(pixels, [FACE, OTHER], STILL))
    assert shown.shape == (180, WIDTH, 3)
    assert coloured(shown) == 0
    assert (pixels == before).all()
    # The same picture without the cover shows both.
    assert coloured(opened(preview(pixels, [FACE], STILL))) > 200


def test_a_small_frame_is_not_enlarged_and_nothing_is_said_of_where_it_comes_from() -> None:
    data = preview(frame(size=(160, 120)), [], STILL)
    with Image.open(io.BytesIO(data)) as shown:
        assert shown.size == (160, 120)
        assert not shown.getexif()
        assert not shown.info.get("comment")


def test_W2_a_crop_shows_who_matched_without_loss_and_nobody_else() -> None:
    beside = Box(FACE.x1 + 10, FACE.y0, FACE.x1 + 10 + SIDE, FACE.y1)
    pixels = frame(FACE, beside)
    cut = crop(pixels, FACE, [beside])
    shown = opened(cut.png)
    height, width = shown.shape[:2]
    assert (width, height) == (2 * SIDE, 2 * SIDE)
    x0, y0, x1, y1 = (round(v) for v in np.array(cut.box) * [width, height, width, height])
    assert (shown[y0:y1, x0:x1] == pixels[100:160, 100:160]).all()
    assert coloured(shown[:, x1:]) == 0
    assert coloured(opened(crop(pixels, FACE, []).png)[:, x1:]) > 200


def test_W2_where_another_face_overlaps_the_one_that_matched_hiding_wins() -> None:
    over = Box(FACE.x0 + 40, FACE.y0, FACE.x0 + 40 + SIDE, FACE.y1)
    shown = opened(crop(frame(FACE, over), FACE, [over]).png)
    assert coloured(shown[40:80, 75:85]) == 0


@pytest.mark.parametrize("face", [Box(-20, -20, 40, 40), Box(620, 460, 680, 520), Box(630, 470, 638, 478)])
def test_a_face_at_the_edge_is_cut_out_as_far_as_it_is_seen(face: Box) -> None:
    cut = crop(frame(), face, [])
    assert min(opened(cut.png).shape[:2]) >= 20
    assert all(0 <= share <= 1 for share in cut.box)
    assert cut.box[0] < cut.box[2]
    assert cut.box[1] < cut.box[3]


def test_W2_what_moves_is_shown_in_blocks_whether_or_not_a_face_was_found() -> None:
    moving = STILL.copy()
    moving[:, :12] = True
    shown = opened(preview(frame(FACE, OTHER), [], moving))
    # Nobody was found. The one who moves is blocks of one colour each; who stands still would have to be found.
    assert coloured(shown[:, : WIDTH // 2]) == 0
    assert coloured(shown[:, WIDTH // 2 :]) > 200


def test_W2_all_counts_as_moving_until_a_minute_has_shown_what_stands_still() -> None:
    view = View(5.0, 0.5, 10.0, 3)
    assert view.moving(0.0).all()
    view.moved((640, 480), [], 0.0)
    assert view.moving(59.0).all()
    assert not view.moving(61.0).any()
    view.moved((640, 480), [Box(0, 0, 20, 20)], 61.0)
    assert view.moving(120.0)[:2, :2].all()
    assert view.moving(120.0).sum() == 4
    assert not view.moving(122.0).any()
    # A stream whose clock went back shows nothing more for that.
    assert view.moving(10.0).all()
