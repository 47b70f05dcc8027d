from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from faceward.core.footage_results import FootageResult, Stretch, clock
from faceward.video.footage_concerns import KINDS, MOST_LISTED, Shown, concerns
from faceward.video.footage_keeping import Visible
from faceward.video.footage_report import render
from faceward.video.footage_tracks import Look, follow

SIZE = (640, 480)


def face(x: float, y: float = 200, side: float = 40, score: float = 0.9) -> np.ndarray:
    return np.array([x, y, x + side, y + side, score, *range(10)], dtype=np.float32)


def shown(
    looks: dict[float, list[np.ndarray]], *cuts: float, visible: tuple[Visible, ...] = (), end: float = 10.0
) -> Shown:
    rows = [Look(t, np.array(faces, dtype=np.float32).reshape(-1, 15)) for t, faces in sorted(looks.items())]
    return Shown(follow(rows, cuts, (0.0, end), SIZE), visible, cuts, 0.0, end)


def kinds(what: Shown) -> list[str]:
    return [one.kind for one in concerns(what)[0]]


def test_a_face_that_is_seen_all_the_time_needs_no_look() -> None:
    assert kinds(shown({t / 5: [face(100)] for t in range(51)})) == []


def test_gaps_and_abrupt_ends_are_named_with_their_times() -> None:
    looks = {t / 5: [face(100)] for t in range(10, 31) if not 15 <= t < 22}
    found, more = concerns(shown(looks))
    assert more == 0
    assert [(one.kind, round(one.start, 1), round(one.end, 1)) for one in found] == [
        ("abrupt", 0.5, 2.0),
        ("abrupt", 6.0, 7.5),
        ("gap", 2.8, 4.4),
    ]


def test_who_leaves_over_the_edge_does_not_vanish() -> None:
    assert kinds(shown({t / 5: [face(min(600, 300 + 90 * t / 5))] for t in range(18)})) == []


def test_faint_small_crowded_cut_and_kept_places_are_named_in_the_order_of_importance() -> None:
    looks = {t / 5: [face(40 * i, 20 + 30 * (i % 2), 30) for i in range(15)] for t in range(51)}
    looks |= {t / 5: [*looks[t / 5], face(300, 440, 10), face(30, 300, 40, 0.2)] for t in range(51)}
    found = kinds(shown(looks, 5.0, visible=(Visible(0, 1.0, 4.0, "Ada", 0.9),)))
    assert sorted(set(found), key=KINDS.index) == ["kept", "faint", "crowd", "small", "cut"]
    assert found == sorted(found, key=KINDS.index)


def test_the_list_stays_short() -> None:
    looks = {float(t): [face(100 if t % 8 < 4 else 400, score=0.9)] for t in range(11)}
    looks |= {t / 50: [face((37 * t) % 560, (53 * t) % 430, 20, 0.2)] for t in range(0, 500, 1)}
    found, more = concerns(shown(looks))
    assert len(found) <= MOST_LISTED
    assert len({(one.kind, one.start, one.says) for one in found}) == len(found)
    assert more >= 0


@pytest.mark.parametrize(("minutes", "most"), [(10, 60), (11, 120), (60, 360)])
def test_the_list_grows_with_the_footage(minutes: int, most: int) -> None:
    # Somebody appears in the middle of the picture every five seconds, and vanishes again.
    looks = {s + t / 5: [face(100)] for s in range(5, 60 * minutes - 5, 5) for t in range(4)}
    found, more = concerns(shown(looks, end=60.0 * minutes))
    assert (len(found), more > 0) == (most, True)


def result(*look_at: Stretch) -> FootageResult:
    return FootageResult(
        "in <b>.mp4", "out.mp4", "fill", 250, 10.0, SIZE, 3, ("Ada",), look_at, 2, ("metadata: location",), "ab" * 32
    )


def test_the_report_is_one_page_without_pictures_or_a_word_of_markup_from_names() -> None:
    says = "a face vanishes inside the picture: does it show again?"
    made = datetime(2026, 6, 1, tzinfo=UTC)
    page = render(result(Stretch("abrupt", 61.26, 62.5, says)), Path("r.html"), made, "faceward 1").decode()
    assert "<img" not in page
    assert "img-src" not in page
    assert "in &lt;b&gt;.mp4" in page
    for text in ("1:01.3", says, "metadata: location", "Ada", 'scope="col"', '<html lang="en">'):
        assert text in page
    told = json.loads(render(result(), Path("r.JSON"), made, "faceward 1"))
    assert told == result().to_json()


def test_times_are_minutes_and_seconds() -> None:
    assert [clock(seconds) for seconds in (0, 59.96, 61.04, 3600)] == ["0:00.0", "1:00.0", "1:01.0", "60:00.0"]
