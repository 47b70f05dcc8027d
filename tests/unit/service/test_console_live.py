"""The wall in words and drawings, and the form of a camera: pure parts of the pages about cameras."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from faceward.core.errors import BadInput, UsageError
from faceward.core.watch_results import ALERT_STATES, IMPOSSIBLE_TRAVEL, LiveCamera, LiveState
from faceward.operations.live import STALE, CameraNow
from faceward.operations.live_history import Counted
from faceward.policy.cameras import UNCHANGED, Camera, new_camera
from faceward.service.console import camera_form, live_words
from faceward.service.console.charts import LOW, WIDTH, columns

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
FORM = {
    "name": "door",
    "source": "rtsp://u:p@10.0.0.1/s",
    "place": "by the door",
    "position": "51.5,-0.1",
    "rate": "2.5",
    "look": "0,0.5 1,0.5 1,1 0,1\n\n 0,0 1,0 1,0.2 ",
    "opt_out": "0,0 0.5,0 0.5,0.5",
    "notice-data": "pictures",
    "notice-outputs": "an alert",
    "notice-deletion": "at once",
    "notice-contact": "desk",
    "notice-sign": "at the door",
}


def form(**changes: str) -> FormData:
    given = {**FORM, **changes}
    return FormData([*given.items(), ("notice-purposes", "theft"), ("notice-purposes", "safety")])


def now(told: LiveCamera, age: float = 0.0, picture: float | None = 0.0) -> CameraNow:
    state = LiveState(7, "thieves", "theft", "2026-11-23T10:00:00Z", "2026-11-23T10:30:00Z", (told,))
    return CameraNow(told, state, age, 4.83, picture)


def camera(name: str) -> Camera:
    return new_camera(camera_form.requested(form(name=name)), "rtsp://10.0.0.1/s", NOW)


def test_the_wall_has_every_camera_once_with_what_its_watch_tells() -> None:
    door, gate = LiveCamera("door", "by the door", state="connected"), LiveCamera("Gate", "outside", state="lost")
    tiles = live_words.tiles([camera("door"), camera("attic")], [now(gate), now(door)], {"door": Counted(9)}, NOW)
    assert [(one.name, one.state, one.faces) for one in tiles] == [
        ("attic", "unwatched", 0),
        ("door", "connected", 9),
        ("Gate", "lost", 0),
    ]
    assert [one.watched for one in tiles] == [False, True, True]
    assert [one.works for one in tiles] == [False, True, False]


def test_what_is_old_is_called_old_and_a_silent_watch_silent() -> None:
    late = STALE.total_seconds() + 7
    door = LiveCamera("door", state="connected")
    [fresh] = live_words.tiles([], [now(door)], {}, NOW)
    [old] = live_words.tiles([], [now(door, picture=late)], {}, NOW)
    # Before a camera that sees nothing move, pictures come every five seconds.
    assert [one.old for one in live_words.tiles([], [now(door, picture=8.0)], {}, NOW)] == [None]
    [silent] = live_words.tiles([], [now(door, age=late, picture=None)], {}, NOW)
    assert (fresh.old, fresh.rate, fresh.state) == (None, 4.83, "connected")
    assert (old.old, old.state) == (12, "connected")
    assert (silent.state, silent.rate, silent.stamp, silent.works) == ("silent", None, "", False)
    assert fresh.stamp not in ("", old.stamp)


def test_in_its_first_minute_a_watch_tells_itself_how_many_faces_came() -> None:
    door = LiveCamera("door", state="connected", compared=4)
    assert [one.faces for one in live_words.tiles([], [now(door)], {}, NOW)] == [4]
    assert [one.faces for one in live_words.tiles([], [now(door)], {"door": Counted(9, minutes=3)}, NOW)] == [9]
    assert [one.faces for one in live_words.tiles([], [now(door, age=60.0)], {}, NOW)] == [0]


def test_W7_while_nobody_is_compared_no_camera_is_said_to_work() -> None:
    def state(name: str) -> str:
        one = now(LiveCamera("door", state=name))
        [tile] = live_words.tiles([], [replace(one, of=replace(one.of, comparing=False))], {}, NOW)
        return tile.state

    assert (state("connected"), state("lost")) == ("interrupted", "lost")
    news = tuple(f"line {number}" for number in range(9))
    [told] = live_words.tellings([replace(now(LiveCamera("door")).of, news=news)])
    assert told.news == ("line 8", "line 7", "line 6", "line 5", "line 4")
    assert told.cameras == ("door",)


def test_every_state_of_a_camera_and_of_an_alert_has_its_words() -> None:
    feeds = ("starting", "connected", "stalled", "lost", "garbage", "frozen", "ended", "resized")
    assert set(live_words.STATES) == {*feeds, "interrupted", "silent", "unwatched"}
    assert set(live_words.ALERTS) == set(ALERT_STATES)
    assert set(live_words.FLAGS) == {IMPOSSIBLE_TRAVEL}
    [odd] = live_words.tiles([], [now(LiveCamera("door", state="of a later version"))], {}, NOW)
    assert odd.state in live_words.STATES


def row(**changes: object) -> dict[str, object]:
    plain = {"purpose": "theft", "faces": 4000, "accepted": 1e-3, "rate": 5e-4, "low": 1e-4, "high": 1.5e-3}
    return {**plain, "evalue": 0.4, "limit": 20.0, "breached": None, **changes}


def test_W6_the_meter_stands_at_its_middle_where_the_rate_is_what_is_accepted() -> None:
    [quiet] = live_words.meters([row()], [])
    assert (quiet["from"], quiet["at"], quiet["to"], quiet["state"]) == (5.0, 25.0, 75.0, "quiet")
    [near] = live_words.meters([row(evalue=15.0, rate=1e-3)], [])
    assert (near["at"], near["state"]) == (50.0, "near")
    [above] = live_words.meters([row(faces=27, rate=1 / 27, high=0.2, evalue=3.2)], [])
    assert (above["at"], above["state"]) == (100.0, "above")
    [halted] = live_words.meters([row(rate=0.5, high=1.0, breached="2026-11-23T10:00:00Z")], [])
    assert (halted["at"], halted["to"], halted["state"]) == (100.0, 100.0, "halted")
    idle = row(faces=0, rate=None, evalue=1.0)
    assert live_words.meters([idle], []) == []
    assert [one["at"] for one in live_words.meters([idle], ["theft"])] == [0.0]


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**6)), max_size=200))
def test_columns_stand_on_the_axis_within_the_drawing(counts: list[int | None]) -> None:
    drawn = columns(counts, NOW.replace(minute=0))
    if drawn is None:
        assert counts == []
        return
    assert len(drawn.columns) == sum(bool(one) for one in counts)
    for one in drawn.columns:
        assert 0 <= one.x <= one.x + drawn.width <= WIDTH
        assert one.y + one.height == pytest.approx(LOW - 34, abs=0.11)
    for x, width in drawn.gaps:
        assert 0 <= x <= x + width <= WIDTH
    assert len(drawn.gaps) == sum(
        one is None and (not at or counts[at - 1] is not None) for at, one in enumerate(counts)
    )


def test_plots_tell_what_was_not_watched_from_what_was_empty() -> None:
    hours = (Counted(3, 1, 0, 60), Counted(0, 0, 0, 60), Counted())
    faces, alerts, dropped = live_words.plots(hours, NOW.replace(hour=5, minute=0))
    assert (faces.total, alerts.total, dropped.total) == (3, 1, 0)
    assert faces.chart is not None
    assert (len(faces.chart.columns), len(faces.chart.gaps)) == (1, 1)
    assert [tick.text for tick in faces.chart.across] == ["06:00"]
    assert [tick.text for tick in faces.chart.upward] == ["0", "2", "4"]
    week = live_words.plots((Counted(),) * 168, NOW.replace(minute=0))[0].chart
    assert week is not None
    assert [tick.text for tick in week.across][:2] == ["11-24", "11-25"]


def test_a_form_asks_for_a_camera_and_is_filled_with_the_same_but_for_its_address() -> None:
    asked = camera_form.requested(form())
    assert (asked.name, asked.rate, asked.position, len(asked.zones)) == ("door", 2.5, (51.5, -0.1), 3)
    assert asked.notice is not None
    assert asked.notice.purposes == ("theft", "safety")
    made = new_camera(asked, "rtsp://10.0.0.1/s", NOW)
    filled = camera_form.filled(made)
    assert filled["look"] == "0,0.5 1,0.5 1,1 0,1\n0,0 1,0 1,0.2"
    assert (filled["opt_out"], filled["position"], filled["sign"]) == ("0,0 0.5,0 0.5,0.5", "51.5,-0.1", "at the door")
    assert "rtsp" not in str(filled)
    assert camera_form.changed(form(source="")).source is UNCHANGED
    assert camera_form.changed(form()).source == FORM["source"]


def test_a_form_that_cannot_be_read_is_refused_in_one_line() -> None:
    for changes, said in (
        ({"rate": "many"}, "frames a second"),
        ({"position": "here"}, "position"),
        ({"opt_out": "0,0 1,1 1,0 0,1"}, "cross"),
        ({"look": "0;0"}, "point of a zone"),
    ):
        with pytest.raises(UsageError, match=said):
            camera_form.requested(form(**changes))
    with pytest.raises(BadInput, match="lacks: deletion, contact"):
        camera_form.requested(form(**{"notice-deletion": "", "notice-contact": " "}))
    bare = FormData([(key, value) for key, value in FORM.items() if not key.startswith("notice-")])
    assert camera_form.requested(bare).notice is None
    empty = camera_form.filled(None)
    assert (empty["rate"], empty["camera_class"], empty["purposes"]) == ("5", "any", ())
