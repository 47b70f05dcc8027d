"""The motion gate: what is motion, and what is noise, dusk or a switch of the light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from faceward.core.faces import Box
from faceward.video.gate import MotionGate, small_size

FRAME = (640, 480)
EVERYTHING = (Box(0.0, 0.0, 640.0, 480.0),)
Grey = npt.NDArray[np.uint8]


def view(seed: int = 0, level: float = 0.0, noise: float = 0.0, draw: int = 0) -> Grey:
    texture = np.repeat(np.repeat(np.random.default_rng(seed).uniform(60, 180, (15, 20)), 8, 0), 8, 1)
    return np.clip(texture + level + np.random.default_rng(draw).normal(0, noise, texture.shape), 0, 255).astype(
        np.uint8
    )


def settled(noise: float = 2.0, seconds: int = 60) -> tuple[MotionGate, float]:
    gate = MotionGate()
    for n in range(seconds * 5):
        gate.moving(view(noise=noise, draw=n), FRAME, n / 5)
    return gate, seconds


def test_the_first_picture_is_motion_everywhere_and_an_empty_scene_is_none() -> None:
    gate = MotionGate()
    assert gate.moving(view(), FRAME, 0.0) == EVERYTHING
    assert all(gate.moving(view(), FRAME, n / 5) == () for n in range(1, 50))


@pytest.mark.parametrize("noise", [1.0, 3.0, 5.0])
def test_noise_is_no_motion_after_the_gate_has_learnt_it(noise: float) -> None:
    gate, now = settled(noise)
    assert sum(bool(gate.moving(view(noise=noise, draw=1000 + n), FRAME, now + n / 5)) for n in range(200)) <= 2


def test_dusk_is_no_motion() -> None:
    gate, now = settled()
    # Forty levels of brightness within ten minutes.
    moved = [gate.moving(view(level=-n / 75, noise=2.0, draw=n), FRAME, now + n / 5) for n in range(3000)]
    assert sum(map(bool, moved)) <= 5


def test_a_switch_of_the_light_is_motion_everywhere_once() -> None:
    gate, now = settled()
    assert gate.moving(view(level=50), FRAME, now) == EVERYTHING
    assert all(gate.moving(view(level=50, noise=2, draw=n), FRAME, now + 0.2 + n / 5) == () for n in range(20))


@pytest.mark.parametrize("side", [6, 10, 30])
@pytest.mark.parametrize("contrast", [-50, 50])
def test_somebody_who_appears_is_found_where_they_are(side: int, contrast: int) -> None:
    gate, now = settled()
    picture = view(noise=2.0, draw=7).astype(int)
    picture[60 : 60 + side, 90 : 90 + side] += contrast
    (box,) = gate.moving(np.clip(picture, 0, 255).astype(np.uint8), FRAME, now)
    seen = Box(90 * 4, 60 * 4, (90 + side) * 4, (60 + side) * 4)
    assert box.x0 <= seen.x0
    assert box.y0 <= seen.y0
    assert box.x1 >= seen.x1
    assert box.y1 >= seen.y1
    assert box.area < 640 * 480 / 4


def test_two_people_apart_are_two_boxes_and_one_who_walks_is_one_all_the_way() -> None:
    gate, now = settled()
    both = view(noise=2.0, draw=7)
    both[20:60, 10:30] = both[20:60, 120:140] = 250
    assert len(gate.moving(both, FRAME, now)) == 2
    for n in range(40):
        picture = view(noise=2.0, draw=n)
        picture[40:100, 10 + 3 * n : 30 + 3 * n] = 250
        boxes = gate.moving(picture, FRAME, now + 1 + n / 5)
        assert any(box.x0 <= (10 + 3 * n) * 4 and box.x1 >= (30 + 3 * n) * 4 for box in boxes)


def test_who_stands_still_stays_motion_for_a_while_and_a_parked_car_does_not_for_ever() -> None:
    gate, now = settled()
    parked = [view(noise=2.0, draw=n) for n in range(20)]
    for picture in parked:
        picture[60:90, 40:100] = 220
    moved = [bool(gate.moving(parked[n % 20], FRAME, now + n / 5)) for n in range(5 * 300)]
    assert all(moved[:100]), "twenty seconds at least"
    assert not any(moved[-300:])


def test_leaves_that_never_rest_do_not_hide_a_person_among_them() -> None:
    gate = MotionGate()
    rng = np.random.default_rng(4)
    for n in range(3000):
        picture = view(noise=2.0, draw=n % 50)
        picture[:60, :60] = rng.integers(60, 180, (60, 60))
        gate.moving(picture, FRAME, n / 5)
    picture = view()
    picture[10:50, 10:40] = 250
    boxes = gate.moving(picture, FRAME, 601.0)
    assert any(box.x0 <= 60 and box.y0 <= 60 for box in boxes)


def test_another_size_or_a_reset_is_motion_everywhere() -> None:
    gate, now = settled(seconds=2)
    assert gate.moving(view()[:80], FRAME, now) == EVERYTHING
    assert gate.moving(view()[:80], FRAME, now + 0.2) == ()
    gate.reset()
    assert gate.moving(view()[:80], FRAME, now + 0.4) == EVERYTHING


@pytest.mark.parametrize(
    ("frame", "small"),
    [
        ((640, 480), (160, 120)),
        ((1920, 1080), (160, 88)),
        ((480, 640), (160, 216)),
        ((50, 3), (48, 8)),
        ((9, 9000), (8, 640)),
    ],
)
def test_the_small_picture_is_of_whole_cells(frame: tuple[int, int], small: tuple[int, int]) -> None:
    assert small_size(*frame) == small
