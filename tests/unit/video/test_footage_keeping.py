from __future__ import annotations

import itertools

import numpy as np
import pytest

from faceward.core.faces import Box
from faceward.video.footage_cast import Cast
from faceward.video.footage_keeping import Segment, Verdict, Visible, comparisons, decide, segments
from faceward.video.footage_tracks import Track

SIZE = (640, 480)


def track(times: list[float], x: float = 100, *, moves: float = 0.0) -> Track:
    rows = []
    for seconds in times:
        left = x + moves * seconds
        rows.append(
            np.array([left, 200, left + 60, 280, 0.9, 15, 30, 45, 30, 30, 45, 18, 60, 42, 60], dtype=np.float32)
        )
    made = Track(times, rows, (0.0, 20.0), SIZE)
    made.begins, made.ends = max(0.0, times[0] - 1), times[-1] + 1
    return made


def steps(first: float, last: float) -> list[float]:
    return [round(t, 3) for t in np.arange(first, last + 1e-9, 0.2)]


def pieces(found: list[Segment]) -> dict[int, list[Segment]]:
    return {piece: [one for one in found if one.piece == piece] for piece in {one.piece for one in found}}


def yes(who: str = "Ada", score: float = 0.9, *, clear: bool = False) -> Verdict:
    return Verdict(who, score, clear)


NO = Verdict(None)


def test_a_track_is_divided_into_segments_of_some_seconds() -> None:
    found = segments([track(steps(0, 20))])
    assert len(found) == 5
    assert all(one.end - one.start <= 4.21 for one in found)
    assert found[0].start == 0
    assert found[-1].end == 20
    # One follows on the other, so that nothing between them flickers.
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert comparisons(len(found)) == 2.5


def test_a_track_is_divided_where_the_face_was_unseen_or_met_another() -> None:
    unseen = pieces(segments([track(steps(0, 2) + steps(3, 5))]))
    assert len(unseen) == 2
    crossing = [track(steps(0, 6)), track(steps(0, 6), 300, moves=-66)]
    mine = [one for one in segments(crossing) if one.track == 0]
    assert len(pieces(mine)) == 2
    # Where they met, there is no sample and nothing visible.
    assert all(not one.start < 3.0 < one.end for one in mine)


@pytest.mark.parametrize(
    ("verdicts", "visible"),
    [
        ({0: yes(), 1: yes(), 2: yes()}, [(0, 4)]),
        ({0: yes(), 2: yes()}, [(0, 4)]),  # the middle could not be compared
        ({0: yes(), 1: NO, 2: yes()}, [(0, 1.4), (2.8, 4)]),
        ({0: yes(), 1: NO, 2: NO}, []),
        ({0: yes()}, []),
        ({0: yes(clear=True)}, [(0, 1.4)]),
        ({0: yes(clear=True), 1: NO}, []),
        ({0: yes(), 1: yes("Bob")}, []),
        ({0: yes(), 1: yes(), 2: yes("Bob")}, []),
        ({}, []),
    ],
)
def test_two_samples_must_match_or_the_only_one_clearly(
    verdicts: dict[int, Verdict], visible: list[tuple[float, float]]
) -> None:
    found = segments([track(steps(0, 4))])
    assert [one.start for one in found] == [0, 1.4, 2.8]
    shown: list[tuple[float, float]] = []
    for one in decide(found, verdicts):
        if shown and shown[-1][1] == one.start:
            shown[-1] = (shown[-1][0], one.end)
        else:
            shown.append((one.start, one.end))
    assert shown == visible


def test_nobody_is_in_two_places_at_a_time() -> None:
    found = segments([track(steps(0, 4)), track(steps(0, 4), 400)])
    verdicts = {i: yes(score=0.9 if one.track else 0.8) for i, one in enumerate(found)}
    assert {one.track for one in decide(found, verdicts)} == {1}


def test_W2_a_face_shows_only_while_it_is_known_to_be_a_kept_one() -> None:
    mine, other = track(steps(2, 6)), track(steps(0, 8), 300)
    cast = Cast([mine, other], [Visible(0, 2.0, 3.4, "Ada", 0.9), Visible(0, 4.8, 6.0, "Ada", 0.9)])
    assert cast.hidden == 1
    states = {}
    for seconds in (0.5, 1.5, 2.5, 4.0, 5.0, 6.5, 8.5):
        scene = cast.at(seconds)
        states[seconds] = ({one.track for one in scene.hidden}, [box == Box(100, 200, 160, 280) for box in scene.kept])
    # Before the first and after the last find nothing is there to be covered; what did not match in between is.
    assert states[0.5] == ({1}, [])
    assert states[1.5] == ({1}, [])
    assert states[2.5] == ({1}, [True])
    assert states[4.0] == ({0, 1}, [])
    assert states[5.0] == ({1}, [True])
    assert states[6.5] == ({1}, [])
    assert states[8.5] == ({1}, [])


def test_tracks_that_are_over_are_named_once() -> None:
    cast = Cast([track(steps(0, 1)), track(steps(0, 5), 300)], [])
    assert cast.at(1.0).ended == ()
    assert cast.at(3.0).ended == (0,)
    assert cast.at(4.0).ended == ()
