from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceward.core.faces import Box
from faceward.vision.detect import suppress

seeds = st.integers(0, 2**32 - 1)
counts = st.integers(0, 40)


def _heap(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, list[Box]]:
    numbers = np.random.default_rng(seed)
    corners = numbers.uniform(0, 100, (count, 2))
    boxes = np.concatenate([corners, corners + numbers.uniform(1, 60, (count, 2))], axis=1).astype(np.float32)
    scores = (numbers.integers(0, 20, count) / 20).astype(np.float32)
    return boxes, scores, [Box(*map(float, box)) for box in boxes]


@given(seeds, counts)
def test_what_remains_does_not_overlap_and_covers_what_was_dropped(seed: int, count: int) -> None:
    boxes, scores, plain = _heap(seed, count)
    kept = suppress(boxes, scores, 0.3)
    assert len(set(kept)) == len(kept)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for place, one in enumerate(kept):
        assert all(plain[one].overlap(plain[other]) <= 0.3 + 1e-5 for other in kept[:place])
    for dropped in set(range(count)) - set(kept):
        assert any(scores[one] >= scores[dropped] and plain[one].overlap(plain[dropped]) > 0.3 - 1e-5 for one in kept)


@given(seeds, counts)
def test_suppressing_twice_changes_nothing(seed: int, count: int) -> None:
    boxes, scores, _ = _heap(seed, count)
    kept = suppress(boxes, scores)
    assert suppress(boxes[kept], scores[kept]) == list(range(len(kept)))


@given(seeds, st.integers(1, 40))
def test_the_order_of_the_input_does_not_matter(seed: int, count: int) -> None:
    boxes, _, _ = _heap(seed, count)
    numbers = np.random.default_rng(seed)
    scores = numbers.permutation(count).astype(np.float32)
    order = numbers.permutation(count)
    assert {int(order[i]) for i in suppress(boxes[order], scores[order])} == set(suppress(boxes, scores))
