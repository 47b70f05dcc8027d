from __future__ import annotations

import numpy as np
import pytest

from faceward.core.faces import Box
from faceward.video.footage_covering import Hidden, Painter

SIZE = (160, 120)


def picture(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    width, height = SIZE
    return (
        rng.integers(16, 236, (height, width), dtype=np.uint8),
        rng.integers(16, 241, (height // 2, width // 2), dtype=np.uint8),
        rng.integers(16, 241, (height // 2, width // 2), dtype=np.uint8),
    )


def hidden(x: float, y: float = 40, side: float = 40, track: int = 0) -> Hidden:
    box = Box(x, y, x + side, y + side)
    return Hidden(track, box, box)


def joined(planes: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.concatenate([plane.reshape(-1) for plane in planes])


@pytest.mark.parametrize("mode", ["pixelate", "blur", "fill"])
@pytest.mark.parametrize("speed", [0.0, 0.7])
def test_W2_from_the_second_frame_on_nothing_of_a_face_is_in_what_is_written(mode: str, speed: float) -> None:
    """A hundred frames of a face, still or moving by parts of a pixel, tell what the first tells."""
    box = [hidden(40 + speed * number) for number in range(100)]

    def written(seeds: list[int]) -> list[np.ndarray]:
        painter = Painter(mode, 7)  # type: ignore[arg-type]
        result = []
        for one, seed in zip(box, seeds, strict=True):
            planes = picture(1)
            inside = picture(seed)
            x0, x1 = int(one.own.x0), int(one.own.x1)
            for plane, other, scale in zip(planes, inside, (1, 2, 2), strict=True):
                part = np.s_[40 // scale : 80 // scale, -(-x0 // scale) : x1 // scale]
                plane[part] = other[part]
            painter.cover(planes, [one], [])
            result.append(joined(planes))
        return result

    # The same face all the time, and another face in every frame but the first.
    first = written([50] * 100)
    second = written([50, *range(100, 199)])
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_the_cover_is_six_blocks_across_at_every_size() -> None:
    painter = Painter("pixelate", 1)
    for number, side in enumerate((30, 60, 44)):
        planes = picture(number)
        painter.cover(planes, [hidden(50, 30, side)], [])
        # A line through the middle of the box, without the margin's rounding at the edges of blocks.
        line = planes[0][30 + side // 2, 50 : 50 + side].astype(int)
        assert 4 <= np.count_nonzero(np.diff(line)) + 1 <= 6


def test_the_noise_is_secret_and_stays_for_the_whole_track() -> None:
    def middle(painter: Painter, track: int) -> int:
        planes = tuple(np.full_like(plane, 120) for plane in picture(0))
        painter.cover(planes, [hidden(40, track=track)], [])  # type: ignore[arg-type]
        return int(planes[0][60, 60])

    painter = Painter("pixelate", 1)
    first = [middle(painter, 0) for _ in range(20)]
    assert len(set(first)) == 1
    assert len({middle(painter, track) for track in range(1, 20)}) > 5
    assert {middle(Painter("pixelate", seed), 0) for seed in range(20)} != set(first)


def test_keeping_wins_in_a_margin_and_hiding_in_a_face() -> None:
    planes, before = picture(3), picture(3)
    kept = Box(78, 40, 118, 80)
    # The hidden face ends at 90; its margin would reach to 98.
    painter = Painter("fill", 1)
    painter.cover(planes, [hidden(50)], [kept])
    assert (planes[0][50:70, 60:88] == 128).all()
    assert (planes[0][50:70, 92:118] == before[0][50:70, 92:118]).all()


def test_what_the_edge_cuts_is_covered_and_what_is_outside_harms_nothing() -> None:
    planes = picture(4)
    painter = Painter("fill", 1)
    painter.cover(planes, [hidden(-25, -25), hidden(145, 100, track=1), hidden(400, 400, track=2)], [])
    assert (planes[0][4:8, 4:8] == 128).all()
    assert (planes[0][-4:, -4:] == 128).all()


def test_covers_are_made_of_the_picture_and_not_of_one_another() -> None:
    alone, both = picture(5), picture(5)
    Painter("pixelate", 1).cover(alone, [hidden(40)], [])
    painter = Painter("pixelate", 1)
    painter.cover(both, [hidden(40), hidden(60, track=1)], [])
    assert (alone[0][50:70, 42:50] == both[0][50:70, 42:50]).all()
    painter.forget([0, 1])
    assert painter._covers == {}
