"""The group picture: faces cut from portraits, hung side by side, and a bystander whom no one is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from faceward.core.faces import Box, Face
from faceward.vision.align import similarity
from faceward.vision.images import decode, read_file

_Values = npt.NDArray[np.float64]
_TILE = 360
# Where the five landmarks of a bystander's portrait lie, as shares of its side.
_POINTS = np.array([[0.36, 0.42], [0.64, 0.42], [0.5, 0.58], [0.385, 0.72], [0.615, 0.72]]) * _TILE
# Each frame hangs a little differently: height of the picture, tilt in degrees, brightness.
_HANGING = ((330, -4.0, 1.0), (270, 3.0, 0.85), (300, 5.0, 1.05), (240, -3.0, 0.9), (320, 2.0, 0.95), (260, -5.0, 1.0))
_WALL, _EDGE, _GAP, _PER_ROW = (203, 198, 188), (92, 74, 58), 14, 4


def bystander(first: tuple[Path, Face], second: tuple[Path, Face], output: Path) -> None:
    """Make a face that nobody has: the mean of two portraits, reshaped, recoloured and mirrored.

    Args:
        first: A portrait and its face; hair and surroundings are taken from it.
        second: Another portrait and its face.
        output: The picture to write.
    """
    base, other = (_aligned(path, face) for path, face in (first, second))
    across, down = np.meshgrid(np.arange(_TILE, dtype=np.float64), np.arange(_TILE, dtype=np.float64))
    right, below = across - _TILE / 2, down - 200
    core = (right / 70) ** 2 + ((down - 205) / 95) ** 2 < 1
    spread = other[core].std(axis=0) / base[core].std(axis=0)
    matched = (other - other[core].mean(axis=0)) / spread + base[core].mean(axis=0)
    share = 0.6 * np.clip((1 - (right / 105) ** 2 - ((down - 200) / 140) ** 2) * 2.5, 0, 1)[..., None]
    mixed = base * (1 - share) + matched * share
    # A wider jaw, eyes closer together, a shorter face.
    jaw = 0.18 * np.exp(-(((down - 265) / 60) ** 2) - (right / 110) ** 2)
    eyes = 0.12 * np.exp(-(((down - 152) / 35) ** 2) - (right / 100) ** 2)
    short = 0.15 * np.exp(-((right / 120) ** 2) - (below / 140) ** 2)
    warped = _sampled(mixed, across + right * (eyes - jaw), down - below * short)[:, ::-1]
    # Darker hair and surroundings, so that the bystander is not taken for the first portrait at a glance.
    grey = warped.mean(axis=2, keepdims=True)
    face = np.clip((1 - (right / 100) ** 2 - ((down - 215) / 118) ** 2) * 1.8, 0, 1)[..., None]
    outside = (warped * 0.35 + grey * 0.65) * np.array([0.62, 0.55, 0.52])
    Image.fromarray(np.clip(warped * face + outside * (1 - face), 0, 255).astype(np.uint8)).save(output)


def group(faces: Sequence[tuple[Path, Face]], output: Path) -> tuple[Box, ...]:
    """Hang faces on a wall, in frames of differing size, tilt and light.

    Args:
        faces: Pictures and the face to cut from each.
        output: The picture to write, JPEG.

    Returns:
        Where each hangs, in the order given.
    """
    frames = [_framed(_cut(path, face), *_HANGING[k % len(_HANGING)]) for k, (path, face) in enumerate(faces)]
    rows = [frames[k : k + _PER_ROW] for k in range(0, len(frames), _PER_ROW)]
    width = max(sum(frame.width + _GAP for frame in row) for row in rows) + _GAP
    heights = [max(frame.height for frame in row) for row in rows]
    wall = Image.new("RGB", (width, sum(heights) + _GAP * (len(rows) + 1)), _WALL)
    top, places = _GAP, []
    for row, height in zip(rows, heights, strict=True):
        left = (width - sum(frame.width + _GAP for frame in row) + _GAP) // 2
        for frame in row:
            place = (left, top + (height - frame.height) // 2)
            shadow = Image.new("L", frame.size, 0)
            shadow.paste(frame.getchannel("A").point(lambda value: value // 3))
            wall.paste((0, 0, 0), (place[0] + 5, place[1] + 7), shadow.filter(ImageFilter.GaussianBlur(6)))
            wall.paste(frame, place, frame)
            places.append(Box(place[0], place[1], place[0] + frame.width, place[1] + frame.height))
            left += frame.width + _GAP
        top += height + _GAP
    wall.save(output, quality=92)
    return tuple(places)


def _upright(path: Path) -> Image.Image:
    return Image.fromarray(decode(read_file(path), path.name).pixels)


def _cut(path: Path, face: Face) -> Image.Image:
    """Cut head and shoulders, as far as the picture reaches."""
    image, box = _upright(path), face.box
    middle, side = (box.x0 + box.x1) / 2, max(box.width, box.height)
    half = min(side * 0.95, middle, image.width - middle)
    top = max(0.0, box.y0 - side * 0.45)
    return image.crop(
        (round(middle - half), round(top), round(middle + half), round(min(image.height, top + 2.35 * half)))
    )


def _framed(image: Image.Image, height: int, tilt: float, light: float) -> Image.Image:
    width = round(image.width * height / image.height)
    picture = image.resize((width, height), Image.Resampling.LANCZOS).point(lambda value: min(255, int(value * light)))
    frame = Image.new("RGBA", (width + 28, height + 28), (*_EDGE, 255))
    ImageDraw.Draw(frame).rectangle((7, 7, width + 20, height + 20), fill=(245, 243, 238, 255))
    frame.paste(picture, (14, 14))
    # Room for the shadow.
    return ImageOps.expand(frame, 16, (0, 0, 0, 0)).rotate(tilt, Image.Resampling.BICUBIC, expand=True)


def _aligned(path: Path, face: Face) -> _Values:
    matrix = np.vstack([similarity(face.landmarks.astype(np.float64), _POINTS), [0, 0, 1]])
    back = np.linalg.inv(matrix)[:2].ravel()
    chip = _upright(path).transform(
        (_TILE, _TILE), Image.Transform.AFFINE, tuple(float(v) for v in back), Image.Resampling.BICUBIC
    )
    return np.asarray(chip, dtype=np.float64)


def _sampled(values: _Values, across: _Values, down: _Values) -> _Values:
    """Read an image at fractional places, bilinearly."""
    x, y = np.clip(across, 0, _TILE - 1.001), np.clip(down, 0, _TILE - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    above = values[top, left] * (1 - fx) + values[top, left + 1] * fx
    below = values[top + 1, left] * (1 - fx) + values[top + 1, left + 1] * fx
    return np.asarray(above * (1 - fy) + below * fy)
