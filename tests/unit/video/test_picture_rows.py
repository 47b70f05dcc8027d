"""Folders and patterns of pictures as a camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceward.core.errors import BadInput
from faceward.video.opened import Broken, Decoded
from faceward.video.picture_rows import PictureRow
from faceward.video.source_files import is_row, row_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (1, 2, 10):
        Image.new("RGB", (32, 24), (number * 20, 0, 0)).save(tmp_path / f"shot-{number}.png")
    Image.new("L", (16, 16), 99).save(tmp_path / "other.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "clip.mp4").write_bytes(b"no film")
    return tmp_path


def names(source: Path) -> list[str]:
    return [path.name for path in row_of(str(source))]


def test_a_folder_is_its_pictures_by_name(folder: Path) -> None:
    assert names(folder) == ["other.jpg", "shot-1.png", "shot-10.png", "shot-2.png"]


def test_a_number_in_a_pattern_orders_by_number_and_a_star_by_name(folder: Path) -> None:
    assert names(folder / "shot-%d.png") == ["shot-1.png", "shot-2.png", "shot-10.png"]
    assert names(folder / "shot-%04d.png") == ["shot-1.png", "shot-2.png", "shot-10.png"]
    assert names(folder / "shot-*.png") == ["shot-1.png", "shot-10.png", "shot-2.png"]
    assert names(folder / "other.jpg") == ["other.jpg"]


def test_what_is_a_row_and_what_is_a_film(folder: Path) -> None:
    rows = [folder, folder / "other.jpg", folder / "a-%03d.png", folder / "*.png"]
    assert all(is_row(str(source)) for source in rows)
    assert not any(is_row(str(folder / name)) for name in ("clip.mp4", "gone.mp4", "100%.mkv"))


@pytest.mark.parametrize("name", ["*.webp", "gone/%d.png", "shot-%d.jpg", "*"])
def test_nothing_there_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"check the camera's source|give a folder or pattern"):
        row_of(str(tmp_path / name))


def test_pictures_come_at_the_camera_s_rate_and_a_damaged_one_is_left_out(folder: Path) -> None:
    damaged = folder / "shot-2.png"
    damaged.write_bytes(damaged.read_bytes()[:40])
    row = PictureRow(row_of(str(folder / "shot-%d.png")), rate=4)
    items = list(row.frames(lambda stamp: False))
    assert [type(item) for item in items] == [Decoded, Broken, Decoded]
    assert [item.stamp for item in items if isinstance(item, Decoded)] == [0.0, 0.5]
    first = items[0]
    assert isinstance(first, Decoded)
    assert (first.frame.to_ndarray() == np.array([20, 0, 0])).all()
    assert row.note() == "1 of 3 pictures could not be read"
    assert not row.live


def test_what_nobody_wants_is_not_opened(folder: Path) -> None:
    row = PictureRow((folder / "gone.png", folder / "other.jpg"), rate=1)
    assert len(list(row.frames(lambda stamp: stamp < 1))) == 1
    assert row.note() == ""
