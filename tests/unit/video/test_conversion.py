"""From libav's frames to pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from faceward.video.conversion import Conversion


@pytest.fixture(scope="module")
def video(load_beside: Callable[[str, str], ModuleType]) -> Any:
    return load_beside("faceward_test_video_kit", "video_kit.py")


def first(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def corner(_: int) -> np.ndarray:
    picture = np.full((240, 320, 3), 40, np.uint8)
    picture[:80, :120] = 250, 0, 0
    return picture


@pytest.mark.parametrize(
    ("rotation", "size", "place"),
    [(0, (320, 240), (5, 5)), (90, (240, 320), (-5, 5)), (180, (320, 240), (-5, -5)), (270, (240, 320), (5, -5))],
)
def test_a_film_of_a_turned_camera_is_upright(
    video: Any, tmp_path: Path, rotation: int, size: tuple[int, int], place: tuple[int, int]
) -> None:
    frame = first(video.film(tmp_path / "a.mp4", 1, picture=corner, rotation=rotation))
    conversion = Conversion(1280 * 720)
    assert conversion.size(frame) == size
    pixels = conversion.rgb(frame)
    assert pixels.shape == (size[1], size[0], 3)
    assert pixels[place][0] > 200
    assert [int(pixels[y, x, 0]) for y in (5, -5) for x in (5, -5)].count(int(pixels[place][0])) == 1
    small = conversion.small(frame)
    assert (small.shape[0] > small.shape[1]) == (size[1] > size[0])


@pytest.mark.parametrize("size", [(1920, 1080), (1000, 2000), (3000, 40)])
def test_a_larger_picture_is_scaled_down_in_proportion(size: tuple[int, int]) -> None:
    frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 90, np.uint8), format="rgb24")
    conversion = Conversion(1280 * 720)
    height, width, _ = conversion.rgb(frame).shape
    assert (width, height) == conversion.size(frame)
    assert width * height <= 1280 * 720
    if size[0] * size[1] > 1280 * 720:
        assert width * height > 0.98 * 1280 * 720
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)


@pytest.mark.parametrize("pixel_format", ["rgb24", "gray", "yuv420p", "yuvj422p", "rgba", "nv12", "pal8", "gray16le"])
def test_pictures_can_be_written_to_without_changing_the_decoder_s_own(pixel_format: str) -> None:
    made = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 120, np.uint8), format="rgb24")
    frame = made.reformat(format=pixel_format) if pixel_format not in {"rgb24", "pal8"} else made
    conversion = Conversion(10_000)
    for picture in (conversion.rgb, conversion.small):
        picture(frame)[:] = 0
        assert np.abs(picture(frame).astype(int) - 120).max() <= 3


def test_the_small_picture_is_an_average(video: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 1), dtype=np.uint8).repeat(3, 2)
    small = Conversion(10**6).small(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
    assert small.shape == (120, 160)
    blocks = pixels[:, :, 0].reshape(120, 4, 160, 4).mean(axis=(1, 3))
    assert np.abs(small - blocks).mean() < 6
