from __future__ import annotations

import numpy as np
import pytest

from faceward.core.faces import ImageArray
from faceward.vision.align import ARCFACE_112, chip, similarity, warp

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


@pytest.fixture(scope="module")
def noise() -> ImageArray:
    return np.random.default_rng(0).integers(1, 256, (80, 100, 3)).astype(np.uint8)


def test_identity_is_exact(noise: ImageArray) -> None:
    assert (warp(noise, IDENTITY, 80) == noise[:, :80]).all()


@pytest.mark.parametrize(("across", "down"), [(10, 5), (36, 0), (0, 16), (1, 1)])
def test_a_shift_by_whole_pixels_is_exact(noise: ImageArray, across: int, down: int) -> None:
    matrix = np.array([[1.0, 0, -across], [0, 1, -down]])
    assert (warp(noise, matrix, 64) == noise[down : down + 64, across : across + 64]).all()


@pytest.mark.parametrize(("across", "down"), [(-20, 0), (0, -20), (70, 50), (-200, 0), (500, 500), (10**9, -(10**9))])
def test_outside_the_picture_it_is_black(noise: ImageArray, across: int, down: int) -> None:
    expected = np.zeros((64, 64, 3), np.uint8)
    rows = [(y, y + down) for y in range(64) if 0 <= y + down < 80]
    columns = [(x, x + across) for x in range(64) if 0 <= x + across < 100]
    for y, v in rows:
        for x, u in columns:
            expected[y, x] = noise[v, u]
    assert (warp(noise, np.array([[1.0, 0, -across], [0, 1, -down]]), 64) == expected).all()


def test_a_quarter_turn_is_exact(noise: ImageArray) -> None:
    matrix = np.array([[0.0, -1, 79], [1, 0, 0]])  # x' = 79 - y, y' = x: clockwise
    assert (warp(noise[:80, :80], matrix, 80) == np.rot90(noise[:80, :80], -1)).all()


def test_half_a_pixel_is_the_mean_of_two(noise: ImageArray) -> None:
    found = warp(noise, np.array([[1.0, 0, -10.5], [0, 1, -10]]), 32).astype(float)
    pair = noise[10:42, 10:43].astype(float)
    assert np.abs(found - (pair[:, :-1] + pair[:, 1:]) / 2).max() <= 1


def test_a_gradient_stays_in_its_place_when_reduced() -> None:
    ramp = np.repeat(np.tile(np.linspace(0, 255, 1200), (900, 1))[:, :, None], 3, axis=2).astype(np.uint8)
    found = warp(ramp, np.array([[0.125, 0, -10], [0, 0.125, -5]]), 64)[:, :, 0].astype(float)
    expected = (np.arange(64) + 10) / 0.125 * 255 / 1199
    assert np.abs(found - expected[None]).max() < 2


def test_a_large_face_is_not_aliased() -> None:
    checks = (np.indices((1600, 1600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = warp(np.repeat(checks[:, :, None], 3, axis=2), np.array([[0.09, 0, 0], [0, 0.09, 0]]), 112)
    assert np.abs(found.astype(float) - 127.5).max() < 16


@pytest.mark.parametrize(
    "landmarks",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 50.0),
        np.full((5, 2), np.nan),
        np.full((5, 2), 1e300),
        np.array([[0.0, 0]] * 4 + [[np.inf, 0]]),
        np.array([[0.0, 0]] * 4 + [[1e-9, 0]]),
        np.array([[x, x] for x in range(5)], dtype=float),
        ARCFACE_112 * 1e-5,
        ARCFACE_112 * 1e5,
        ARCFACE_112 + 1e7,
        ARCFACE_112 * [1, -1],
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_degenerate_landmarks_give_a_chip_all_the_same(noise: ImageArray, landmarks: np.ndarray) -> None:
    assert chip(noise, landmarks, ARCFACE_112, 112).shape == (112, 112, 3)


def test_landmarks_land_on_the_template(astronaut: ImageArray) -> None:
    angle = np.radians(25)
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = ARCFACE_112 @ turn.T + [120, 80]
    matrix = similarity(landmarks, ARCFACE_112)
    assert np.allclose(landmarks @ matrix[:, :2].T + matrix[:, 2], ARCFACE_112)
    dots = np.zeros((400, 400, 3), np.uint8)
    for x, y in landmarks:
        dots[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = 255
    found = chip(dots, landmarks.astype(np.float32), ARCFACE_112, 112)[:, :, 0]
    for x, y in ARCFACE_112:
        assert found[round(y), round(x)] > 200


def test_a_small_face_is_drawn_out_by_cubic_interpolation() -> None:
    """A wave of seven pixels keeps its height when it is magnified; linear interpolation would flatten it."""
    across = np.arange(40)
    wave = np.broadcast_to(128 + 100 * np.sin(across * 2 * np.pi / 7), (40, 40))
    pixels = np.repeat(wave[:, :, None], 3, axis=2).round().astype(np.uint8)
    enlarged = warp(pixels, np.array([[2.0, 0, 0], [0, 2.0, 0]]), 64)[20, 10:54, 0].astype(float)
    wanted = 128 + 100 * np.sin((np.arange(10, 54) / 2) * 2 * np.pi / 7)
    kept = np.abs(enlarged - wanted).max()
    linear = np.interp(np.arange(10, 54) / 2, across, wave[0])
    assert kept < 0.8 * np.abs(linear - wanted).max()
