from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.faces import Box
from faceward.video.footage_tracks import LONGEST_GAP, Look, Track, follow

SIZE = (640, 480)


def face(x: float, y: float = 200, side: float = 40, score: float = 0.9) -> np.ndarray:
    return np.array([x, y, x + side, y + side, score, *range(10)], dtype=np.float32)


def look(seconds: float, *faces: np.ndarray) -> Look:
    return Look(seconds, np.array(faces, dtype=np.float32).reshape(-1, 15))


def tracks(looks: list[Look], *cuts: float, end: float = 10.0) -> list[Track]:
    return follow(looks, cuts, (0.0, end), SIZE)


def covers(track: Track, seconds: float, box: Box) -> bool:
    found = track.box(seconds)
    if found is None:
        return False
    within = found[1]
    return within.x0 <= box.x0 and within.y0 <= box.y0 and within.x1 >= box.x1 and within.y1 >= box.y1


def test_W2_a_face_that_is_not_found_for_a_while_is_covered_all_the_same() -> None:
    # Found until 3.0 and from 4.6 on; walks at 40 pixels a second all the time.
    times = [t / 5 for t in range(41) if not 15 < t < 23]
    [track] = tracks([look(t, face(100 + 40 * t)) for t in times], end=8.0)
    for step in range(161):
        seconds = step / 20
        assert covers(track, seconds, Box(100 + 40 * seconds, 200, 140 + 40 * seconds, 240)), seconds


def test_W2_a_track_reaches_before_its_first_find_and_beyond_its_last() -> None:
    [track] = tracks([look(t / 5, face(100 + 60 * t / 5)) for t in range(15, 26)])
    assert (track.times[0], track.times[-1]) == (3.0, 5.0)
    for seconds in (2.2, 2.6, 2.9, 5.1, 5.5, 5.9):
        assert covers(track, seconds, Box(102 + 60 * seconds, 202, 138 + 60 * seconds, 238)), seconds
    # Whoever stops at that moment instead is covered too.
    assert covers(track, 5.9, Box(400, 200, 440, 240))
    assert track.box(8.0) is None


def test_W2_who_walks_out_of_the_picture_is_covered_up_to_its_edge() -> None:
    [track] = tracks([look(t / 5, face(300 + 100 * t / 5)) for t in range(10)], end=9.0)
    gone = (640 - 300) / 100
    assert track.ends >= gone > track.times[-1] + 1.5
    assert covers(track, gone - 0.1, Box(632, 205, 640, 235))


def test_a_gap_that_is_too_long_ends_the_track() -> None:
    looks = [look(t, face(100)) for t in (0.0, 0.2, 0.4, 0.6 + LONGEST_GAP, 0.8 + LONGEST_GAP)]
    assert len(tracks(looks)) == 2


def test_W2_nothing_crosses_a_cut() -> None:
    looks = [look(t / 5, face(100)) for t in range(10)] + [look(2 + t / 5, face(110)) for t in range(10)]
    before, after = tracks(looks, 2.0, end=4.0)
    assert before.ends == pytest.approx(2.0)
    assert after.begins == after.times[0] == 2.0
    assert after.box(1.99) is None


def test_faint_finds_continue_a_track_in_both_directions_and_begin_none() -> None:
    faint = [look(t / 5, face(100 + t, score=0.08)) for t in range(3)]
    sure = [look(0.6 + t / 5, face(103 + t)) for t in range(3)]
    after = [look(1.2 + t / 5, face(106 + t, score=0.08)) for t in range(3)]
    [track] = tracks([*faint, *sure, *after])
    assert (track.times[0], track.times[-1], len(track.times)) == (0.0, 1.6, 9)
    assert tracks(faint) == []


def test_people_who_walk_side_by_side_are_two_and_keep_their_places() -> None:
    looks = [look(t / 5, face(100 + 8 * t), face(160 + 8 * t)) for t in range(20)]
    left, right = sorted(tracks(looks), key=lambda track: float(track.faces[0][0]))
    assert [float(f[0]) for f in left.faces] == [100 + 8 * t for t in range(20)]
    assert [float(f[0]) for f in right.faces] == [160 + 8 * t for t in range(20)]


def test_a_face_that_changes_its_size_abruptly_is_another() -> None:
    looks = [look(0.0, face(100)), look(0.2, face(80, 180, 90)), look(0.4, face(80, 180, 90))]
    assert sorted(len(track.times) for track in tracks(looks)) == [1, 2]


def test_of_what_is_half_believed_once_little_is_covered() -> None:
    [track] = tracks([look(0.0), look(5.0, face(300, score=0.2))])
    assert (track.begins, track.ends) == (4.6, 5.4)


def has(track: Track, seconds: float, row: np.ndarray) -> bool:
    return any(t == seconds and (f == row).all() for t, f in zip(track.times, track.faces, strict=True))


FACES = st.tuples(st.integers(0, 600), st.integers(0, 400), st.integers(8, 90), st.floats(0.07, 1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 600), st.integers(0, 400), st.integers(8, 90), st.floats(0.07, 1)), max_size=4
        ),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.integers(0, 12), max_size=3, unique=True),
)
def test_every_face_that_is_believed_is_in_one_track_whose_box_it_has(
    found: list[list[tuple[int, int, int, float]]], cuts: list[int]
) -> None:
    looks = [look(i / 5, *(face(*one) for one in faces)) for i, faces in enumerate(found)]
    places = sorted(cut / 5 - 0.1 for cut in cuts)
    made = follow(looks, places, (0.0, len(looks) / 5), SIZE)
    for one in looks:
        for row in one.faces:
            mine = [track for track in made if has(track, one.seconds, row)]
            assert len(mine) >= (row[4] >= 0.15)
            for track in mine:
                boxes = track.box(one.seconds)
                assert boxes is not None
                assert boxes[0] == boxes[1]
    for track in made:
        assert track.begins <= track.times[0] <= track.times[-1] <= track.ends
        assert all(a < b for a, b in itertools.pairwise(track.times))
        assert not any(track.times[0] < place <= track.times[-1] for place in places)


def test_W2_a_look_at_a_part_gives_nobody_beside_it_the_face_of_another() -> None:
    # One stands at 100 and is not looked for at 1.1; another is found 30 pixels beside them.
    looks = [look(t / 5, face(100), face(300 - 100 * t / 5)) for t in range(6)]
    part = Look(1.1, np.array([face(135)], dtype=np.float32), Box(130, 150, 250, 300))
    found = tracks([*looks, part, *(look(t / 5, face(100)) for t in range(6, 12))], end=2.4)
    [stands] = [one for one in found if one.times[0] == 0 and one.faces[0][0] == 100]
    assert 1.1 not in stands.times
    for seconds in (1.0, 1.05, 1.1, 1.15, 1.2):
        assert covers(stands, seconds, Box(102, 202, 138, 238))
    assert any(covers(one, 1.1, Box(137, 202, 173, 238)) for one in found)
