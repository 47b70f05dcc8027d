"""The board of live cameras: what a watch writes is read, what is old is called old, and nothing else is served."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faceward.core.clock import to_rfc3339
from faceward.core.errors import EnvironmentFailure
from faceward.core.watch_results import LiveCamera, LiveState
from faceward.operations.live import GONE, STALE, LiveBoard
from faceward.operations.live_history import KEPT, Counted, History

START = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0 a redacted picture"


class Time:
    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def pass_(self, **span: float) -> None:
        self.moment += timedelta(**span)


@pytest.fixture
def time() -> Time:
    return Time()


def state(time: Time, *cameras: LiveCamera) -> LiveState:
    return LiveState(17, "thieves", "theft", to_rfc3339(START), to_rfc3339(time.now()), cameras)


DOOR, GATE = LiveCamera("door", "by the door", state="connected"), LiveCamera("gate", "outside", state="lost")


def test_what_a_watch_tells_is_read_by_others(tmp_path: Path, time: Time) -> None:
    writer, reader = LiveBoard(tmp_path, time), LiveBoard(tmp_path, time)
    assert reader.cameras() == ()
    assert reader.preview("door") is None
    assert dict(reader.lately()) == {}
    writer.write_state(state(time, GATE, DOOR))
    writer.write_preview("door", JPEG)
    door, gate = reader.cameras()
    assert (door.told, gate.told) == (DOOR, GATE)
    assert (door.of.entry, door.age, door.picture, gate.picture, door.stale) == (17, 0.0, 0.0, None, False)
    found = reader.preview("door")
    assert found is not None
    assert (found.jpeg, found.taken) == (JPEG, START)
    for file in (tmp_path / "live").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "live").stat().st_mode) == 0o700
    writer.clear()
    assert reader.cameras() == ()
    assert reader.preview("door") is None


def test_of_two_watches_the_one_that_spoke_last_is_believed_and_clears_only_its_own(tmp_path: Path, time: Time) -> None:
    first, second, reader = (LiveBoard(tmp_path, time) for _ in range(3))
    first.write_state(state(time, DOOR, GATE))
    time.pass_(seconds=1)
    second.write_state(state(time, replace(DOOR, state="stalled")))
    assert [one.told.state for one in reader.cameras()] == ["stalled", "lost"]
    second.clear()
    assert [one.told.state for one in reader.cameras()] == ["connected", "lost"]


def test_what_a_killed_watch_left_is_called_old_then_not_shown_then_removed_by_the_next(
    tmp_path: Path, time: Time
) -> None:
    killed, reader = LiveBoard(tmp_path, time), LiveBoard(tmp_path, time)
    killed.write_state(state(time, DOOR))
    killed.write_preview("door", JPEG)
    (tmp_path / "live" / "x.jpg.1234.tmp").write_bytes(JPEG)
    time.pass_(seconds=STALE.total_seconds() + 1)
    [door] = reader.cameras()
    assert door.stale
    assert door.picture == door.age == STALE.total_seconds() + 1
    time.pass_(seconds=GONE.total_seconds())
    [door] = reader.cameras()
    assert (door.picture, reader.preview("door")) == (None, None)
    time.pass_(days=1)
    assert reader.cameras() == ()
    LiveBoard(tmp_path, time).write_state(state(time))
    left = {file.suffix for file in (tmp_path / "live").iterdir()} - {".jsonl"}
    assert left == {".json"}
    assert len(list((tmp_path / "live").glob("state-*"))) == 1


@pytest.mark.parametrize("name", ["../keys", "..", "/etc/passwd", "a/../../keys", "keys\0", "\N{SNOWMAN}", ""])
def test_W2_no_name_of_a_camera_leads_to_another_file(tmp_path: Path, time: Time, name: str) -> None:
    board = LiveBoard(tmp_path / "home", time)
    (tmp_path / "home").mkdir()
    (tmp_path / "keys.jpg").write_bytes(JPEG)
    assert board.preview(name) is None
    board.write_preview(name, JPEG + b"2")
    [written] = (tmp_path / "home").rglob("*.jpg")
    assert written.parent == tmp_path / "home" / "live"
    assert (tmp_path / "keys.jpg").read_bytes() == JPEG


def test_W2_only_a_jpeg_file_is_written_and_only_a_plain_one_is_served(tmp_path: Path, time: Time) -> None:
    board = LiveBoard(tmp_path, time)
    for data in (b"\x89PNG", b"", JPEG + bytes(1 << 20)):
        with pytest.raises(ValueError, match="JPEG"):
            board.write_preview("door", data)
    board.write_preview("door", JPEG)
    [file] = (tmp_path / "live").glob("*.jpg")
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(JPEG)
    file.unlink()
    file.symlink_to(secret)
    assert board.preview("door") is None
    file.unlink()
    file.write_bytes(b"not a picture")
    assert board.preview("door") is None


def test_a_state_that_is_damaged_or_of_another_form_is_passed_over(tmp_path: Path, time: Time) -> None:
    board = LiveBoard(tmp_path, time)
    board.write_state(state(time, DOOR))
    folder = tmp_path / "live"
    good = next(folder.glob("state-*")).read_text()
    for number, text in enumerate(
        ("{}", "{", "[]", '{"state": {"cameras": 1}}', '{"state": 1, "rates": {}}', good.replace("2026", "x"))
    ):
        (folder / f"state-{number:016x}.json").write_text(text)
    assert [one.told for one in board.cameras()] == [DOOR]


NESTED = "[" * 100_000 + "]" * 100_000
PLANTED = (
    ('"rates":{}', f'"rates":{NESTED}'),
    ('"rates":{}', '"rates":{"door":Infinity}'),
    ('"rates":{}', '"rates":{"door":NaN}'),
    ('"rates":{}', '"rates":{"door":1e999}'),
    ('"by the door"', r'"\ud800"'),
    ('"name":"door"', r'"name":"\udfff"'),
    ('"news":[]', r'"news":["\ud800"]'),
    ('"latency":null', '"latency":Infinity'),
    ('"decoded":0', f'"decoded":{10**400}'),
    ('"captured":null', '"captured":"yesterday"'),
    ('"since":""', '"since":"0001-01-01T00:00:00+23:59"'),
)


@pytest.mark.parametrize(("before", "planted"), PLANTED, ids=range(len(PLANTED)))
def test_a_planted_state_that_cannot_be_shown_is_passed_over(
    tmp_path: Path, time: Time, before: str, planted: str
) -> None:
    board = LiveBoard(tmp_path, time)
    board.write_state(state(time, DOOR))
    file = next((tmp_path / "live").glob("state-*"))
    good = file.read_text()
    assert before in good
    file.write_text(good.replace(before, planted))
    assert board.cameras() == ()
    file.write_text(good)
    assert [one.told for one in board.cameras()] == [DOOR]


def test_a_planted_pipe_or_link_is_neither_waited_for_nor_followed(tmp_path: Path, time: Time) -> None:
    board = LiveBoard(tmp_path, time)
    board.write_state(state(time, DOOR))
    folder = tmp_path / "live"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text('["10:00","door",7,0,0]\n')
    os.mkfifo(folder / "state-0.json")
    today, day_before = folder / "counts-2026-11-23.jsonl", folder / "counts-2026-11-22.jsonl"
    os.mkfifo(today)
    day_before.symlink_to(elsewhere)
    assert [one.told for one in board.cameras()] == [DOOR]
    assert sum((one.faces for one in board.hours(START - timedelta(days=2), START + timedelta(hours=1))), 0) == 0
    # What is counted goes into a file of our own all the same.
    History(folder).add(START, {"door": Counted(3)})
    assert stat.S_ISREG(today.lstat().st_mode)
    assert dict(board.lately())["door"].faces == 3
    History(folder).add(START - timedelta(days=1), {"door": Counted(2)})
    assert elsewhere.read_text() == '["10:00","door",7,0,0]\n'


def test_planted_lines_of_counts_are_passed_over(tmp_path: Path, time: Time) -> None:
    (tmp_path / "live").mkdir()
    lines = [
        NESTED,
        '[1,"door",1,0,0]',
        '{"10:00":1,"door":2}',
        r'["10:00","\ud800",1,0,0]',
        '["10:00","door",1e999,0,0]',
    ]
    (tmp_path / "live" / "counts-2026-11-23.jsonl").write_text("\n".join([*lines, '["10:00","door",7,0,0]']))
    assert {name: one.faces for name, one in LiveBoard(tmp_path, time).lately().items()} == {"door": 7}


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path, time: Time) -> None:
    (tmp_path / "live").write_text("a file")
    board = LiveBoard(tmp_path, time)
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        board.write_state(state(time, DOOR))
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        board.write_preview("door", JPEG)


def counting(time: Time, board: LiveBoard, compared: int, alerts: int = 0, dropped: int = 0) -> None:
    board.write_state(state(time, replace(DOOR, compared=compared, alerts=alerts, dropped=dropped)))


def test_counts_of_a_watch_become_counts_of_minutes(tmp_path: Path, time: Time) -> None:
    board = LiveBoard(tmp_path, time)
    counting(time, board, 2)
    time.pass_(seconds=10)
    counting(time, board, 3, dropped=4)
    assert dict(board.lately()) == {}
    time.pass_(minutes=1)
    counting(time, board, 8, 1, 4)
    assert board.lately()["door"] == Counted(8, 1, 4, 1)
    time.pass_(seconds=5)
    counting(time, board, 9, 1, 5)
    board.clear()
    assert board.lately()["door"] == Counted(9, 1, 5, 2)
    # Another watch counts from nothing, and its first minute may be the one in which the other ended.
    again = LiveBoard(tmp_path, time)
    counting(time, again, 2)
    again.clear()
    assert again.lately()["door"] == Counted(11, 1, 5, 3)
    time.pass_(hours=2)
    assert dict(again.lately()) == {}


def test_hours_hold_what_came_in_them_and_tell_where_nothing_was_watched(tmp_path: Path) -> None:
    history = History(tmp_path)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    for minutes, faces in ((-61, 1), (-1, 2), (0, 4), (59, 8), (60, 0)):
        history.add(midnight + timedelta(minutes=minutes), {"door": Counted(faces), "gate": Counted(10 * faces)})
    start, stop = midnight - timedelta(hours=2), midnight + timedelta(hours=3)
    assert [one.faces for one in history.hours(start, stop, {"door"})] == [1, 2, 12, 0, 0]
    assert [one.minutes for one in history.hours(start, stop, {"door"})] == [1, 1, 2, 1, 0]
    assert [one.faces for one in history.hours(start, stop)] == [11, 22, 132, 0, 0]
    assert history.hours(stop, start) == ()


def test_a_line_that_a_crash_left_unfinished_takes_no_other_with_it(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(START, {"door": Counted(1)})
    [file] = tmp_path.iterdir()
    with file.open("ab") as torn:
        torn.write(b'["10:01","door",5')
    for line in ('["25:00","door",1,1,1]', '["10:00",7,1,1,1]', '["10:00","door",-1,1,1]', '{"a":1}', "[true]"):
        with file.open("ab") as torn:
            torn.write(b"\n" + line.encode())
    history.add(START + timedelta(minutes=2), {"door": Counted(3)})
    assert history.lately(START + timedelta(minutes=2))["door"] == Counted(4, 0, 0, 2)


def test_days_go_after_a_month_and_other_files_stay(tmp_path: Path) -> None:
    history = History(tmp_path)
    for age in (0, KEPT.days, KEPT.days + 1, 400):
        history.add(START - timedelta(days=age), {"door": Counted(1)})
    (tmp_path / "counts-old.jsonl").write_text("")
    history.prune(START)
    assert {file.name for file in tmp_path.iterdir()} == {
        "counts-2026-11-23.jsonl",
        "counts-2026-10-23.jsonl",
        "counts-old.jsonl",
    }


def test_the_rate_of_frames_is_of_the_last_seconds(tmp_path: Path, time: Time) -> None:
    board = LiveBoard(tmp_path, time)
    looked = 0
    assert board.cameras() == ()
    for fps in (5, 5, 2):
        for _ in range(10):
            board.write_state(state(time, replace(DOOR, looked_at=looked), GATE))
            time.pass_(seconds=1)
            looked += fps
    board.write_state(state(time, replace(DOOR, looked_at=looked), GATE))
    assert [one.rate for one in board.cameras()] == [2.0, 0.0]
