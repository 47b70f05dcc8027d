"""Group pictures made of synthetic faces: every face once, whatever the size of the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceward.core.faces import Face, ImageArray
from faceward.vision.images import Picture
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Effort, Pipeline

SFHQ = Path(__file__).parents[3] / "shared" / "data" / "sfhq"
Place = tuple[float, float, int]

pytestmark = [pytest.mark.data, pytest.mark.skipif(not SFHQ.is_dir(), reason="../shared/data/sfhq is absent")]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    store = PackStore(tmp_path_factory.mktemp("packs"), tmp_path_factory.mktemp("cache"))
    return Pipeline(store, store.get(DEFAULT_PACK))


def _collage(size: tuple[int, int], cell: int, sides: tuple[int, int], seed: int) -> tuple[Picture, list[Place]]:
    """Lay one face of random side into every cell, at a random place of it."""
    numbers = np.random.default_rng(seed)
    files = sorted(SFHQ.glob("*.jpg"))
    canvas: ImageArray = np.full((size[1], size[0], 3), 110, np.uint8)
    places: list[Place] = []
    for y in range(0, size[1] - cell + 1, cell):
        for x in range(0, size[0] - cell + 1, cell):
            side = int(numbers.integers(*sides))
            face = Image.open(files[(len(places) * 7 + seed) % len(files)]).convert("RGB")
            left, top = (start + int(numbers.integers(0, cell - side + 1)) for start in (x, y))
            canvas[top : top + side, left : left + side] = np.asarray(
                face.resize((side, side), Image.Resampling.LANCZOS)
            )
            places.append((left + side / 2, top + side / 2, side))
    return Picture(canvas, 1.0, bytes(32), "collage"), places


def _counts(faces: tuple[Face, ...], places: list[Place]) -> list[int]:
    return [
        sum(
            abs((face.box.x0 + face.box.x1) / 2 - x) < side / 2 and abs((face.box.y0 + face.box.y1) / 2 - y) < side / 2
            for face in faces
        )
        for x, y, side in places
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "cell", "sides", "seed"),
    [
        ((4000, 3000), 333, (120, 330), 1),
        ((4000, 3000), 333, (60, 120), 2),
        ((4000, 3000), 990, (500, 980), 3),
        ((4000, 3000), 495, (200, 490), 4),
        ((2000, 1500), 250, (100, 240), 5),
        ((1200, 1000), 150, (60, 150), 6),
    ],
)
def test_every_face_is_found_once(
    pipeline: Pipeline, size: tuple[int, int], cell: int, sides: tuple[int, int], seed: int
) -> None:
    picture, places = _collage(size, cell, sides, seed)
    faces = pipeline.detect(picture, Effort.ALL)
    assert set(_counts(faces, places)) == {1}
    assert len(faces) == len(places)


@pytest.mark.slow
def test_principal_finds_what_all_finds_where_faces_are_alike(pipeline: Pipeline) -> None:
    for seed in range(4):
        picture, places = _collage((1600, 1200), 400, (250, 400), seed)
        assert set(_counts(pipeline.detect(picture, Effort.PRINCIPAL), places)) == {1}
        assert set(_counts(pipeline.detect(picture, Effort.ALL), places)) == {1}


def test_principal_finds_the_large_face_that_all_finds(pipeline: Pipeline) -> None:
    for seed in range(8):
        picture, _ = _collage((900, 700), 600, (500, 600), seed)
        (principal,) = pipeline.detect(picture, Effort.PRINCIPAL)
        (largest, *_) = pipeline.detect(picture, Effort.ALL)
        assert principal.box.overlap(largest.box) > 0.75
