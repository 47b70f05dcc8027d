"""Cameras are watched as they were approved, and an older copy of gallery.db undoes nothing (rules P2, W3, W8, W10)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.clock import to_rfc3339
from faceward.core.errors import PolicyRefusal
from faceward.operations import followed, gallery_end, gallery_term
from faceward.policy.cameras import LOOK, OPT_OUT, CameraChange, parse_zone

HOUR = timedelta(hours=1)
LANE = parse_zone("0,0 0.3,0 0.3,1 0,1", OPT_OUT)
SMALLER = parse_zone("0,0 0.2,0 0.2,1 0,1", OPT_OUT)
WIDER = parse_zone("0,0 0.4,0 0.4,1 0,1", OPT_OUT)
FRONT, FURTHER = parse_zone("0,0 0.6,0 0.6,1 0,1", LOOK), parse_zone("0,0 0.9,0 0.9,1 0,1", LOOK)


def later(shop: Any) -> Any:
    shop.world.clock.advance(HOUR)
    return shop.act("ana").cameras


def watch(shop: Any, camera: str = "door") -> None:
    shop.act("olga")
    with shop.watch(camera):
        pass


def rows(home: Path, kind: str, name: str = "%") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "gallery.db")) as database:
        return database.execute("SELECT * FROM document WHERE kind = ? AND name LIKE ?", (kind, name)).fetchall()


def put_back(home: Path, found: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(home / "gallery.db")) as database, database:
        database.executemany("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", found)


@pytest.mark.parametrize(
    "change",
    [
        CameraChange(source="rtsp://10.0.0.77/changing-room"),
        CameraChange(place="changing room"),
        CameraChange(branch="Bristol"),
        CameraChange(position=(51.45, -2.58)),
        CameraChange(zones=(FRONT,)),
        CameraChange(zones=(SMALLER, FRONT)),
        CameraChange(zones=(LANE, FURTHER)),
        CameraChange(zones=(LANE,)),
        None,
    ],
)
def test_P2_a_mandate_is_for_a_camera_as_it_was_when_it_was_asked_for(shop: Any, change: CameraChange | None) -> None:
    shop.act("ana").cameras.change("door", CameraChange(zones=(LANE, FRONT)))
    shop.mandate_digest = shop.mandate()
    cameras = later(shop)
    watch(shop)
    cameras = shop.act("ana").cameras
    if change is None:
        cameras.remove("door")
        shop.add_camera("door", zones=(LANE, FRONT))
    else:
        cameras.change("door", change)
    with pytest.raises(PolicyRefusal, match=r"rule P2: the camera 'door' was changed after .* Ask for another one"):
        watch(shop)
    assert [*shop.world.log(shop.system)][-1] == ("watch", "denied")
    watch(shop, "till")
    shop.mandate_digest = shop.mandate()
    watch(shop)


@pytest.mark.parametrize(
    "change",
    [
        CameraChange(zones=(LANE, FRONT, parse_zone("0.8,0 1,0 1,1 0.8,1", OPT_OUT))),
        CameraChange(zones=(WIDER, FRONT)),
        CameraChange(zones=(LANE, parse_zone("0.3,0.1 0.5,0.1 0.5,0.9 0.3,0.9", LOOK))),
        CameraChange(rate=2.0),
    ],
)
def test_P2_what_looks_at_less_needs_no_other_mandate(shop: Any, change: CameraChange) -> None:
    shop.act("ana").cameras.change("door", CameraChange(zones=(LANE, FRONT)))
    shop.mandate_digest = shop.mandate()
    later(shop).change("door", change)
    watch(shop)


def test_P2_a_watch_under_way_ends_when_its_camera_is_changed(shop: Any) -> None:
    shop.world.clock.advance(HOUR)
    shop.act("olga")
    with shop.watch() as watching:
        watching.check()
        shop.act("ana").cameras.change("door", CameraChange(place="changing room"))
        shop.act("olga")
        with pytest.raises(PolicyRefusal, match="rule P2: the camera 'door' was changed"):
            watching.check()
        with pytest.raises(PolicyRefusal, match="rule P2"):
            watching.compare(shop.features("Hugo"))


def identified(shop: Any, camera: str, mandate: str) -> Any:
    return shop.system.identify(
        shop.world.picture("Hugo"), gallery="theft", purpose="theft", reason="x", mandate=mandate, camera=camera
    )


def test_P2_a_single_search_of_a_changed_camera_is_refused_too(shop: Any) -> None:
    later(shop).change("door", CameraChange(place="changing room"))
    shop.act("olga")
    with pytest.raises(PolicyRefusal, match="rule P2: the camera 'door' was changed"):
        identified(shop, "door", shop.mandate_digest)


def test_W8_W10_a_search_names_a_camera_that_is_configured_with_its_notice(shop: Any) -> None:
    cameras = ("spare", "door")
    with pytest.raises(PolicyRefusal, match="rule W8: a camera is not configured here"):
        identified(shop, "spare", shop.mandate(cameras=cameras))
    shop.add_camera("spare", notice=None)
    with pytest.raises(PolicyRefusal, match="rule W8: a camera has no notice record"):
        identified(shop, "spare", shop.mandate(cameras=cameras))
    shop.add_camera("bare", zones=(parse_zone("0,0 0.1,0 0.1,0.1 0,0.1", OPT_OUT),), notice=no_lane(shop))
    with pytest.raises(PolicyRefusal, match="rule W10"):
        identified(shop, "bare", shop.mandate(cameras=("bare",)))
    assert identified(shop, "door", shop.mandate(cameras=cameras)).case


def no_lane(shop: Any) -> Any:
    return replace(shop.act("ana").cameras.get("door").notice, alternative="")


def test_V1_a_camera_without_a_class_does_not_pass_for_one_that_was_evaluated(shop: Any) -> None:
    shop.act("ana").cameras.change("door", CameraChange(camera_class="any"))
    shop.mandate_digest = shop.mandate()
    with pytest.raises(
        PolicyRefusal, match="rule V1: the camera 'door' names no class, and the evaluation is of 'shop'"
    ):
        watch(shop)


def test_W3_an_older_note_of_a_list_puts_its_end_off_by_nothing(shop: Any) -> None:
    home = shop.world.home
    older = rows(home, "gallery", "theft")
    near = shop.end_in(2 * HOUR)
    put_back(home, older)
    assert gallery_term.gallery_end(shop.deployment, "theft") == near
    # Neither another process, nor one that finds an older cursor, is deceived.
    followed._LATEST.clear()
    assert gallery_term.gallery_end(shop.deployment, "theft") == near
    shop.world.clock.advance(HOUR)
    watch(shop)
    shop.world.clock.advance(HOUR)
    shop.act("olga")
    with pytest.raises(Exception, match="no gallery 'theft'"), shop.watch():
        pass
    assert [line.phase for line in shop.lines("gallery.delete")] == ["begin", "end"]


def test_W3_status_and_pages_tell_the_end_that_holds_whatever_older_rows_say(shop: Any) -> None:
    home, name = shop.world.home, "theft"
    older = rows(home, "gallery", name) + rows(home, "gallery-end", name) + rows(home, "followed")
    near = to_rfc3339(shop.end_in(2 * HOUR))
    put_back(home, older)
    followed._LATEST.clear()
    assert shop.deployment.gallery_note(name)["ends"] != near
    assert [one["ends"] for one in shop.system.status()["galleries"]] == [near]
    assert shop.system.overview.gallery(name).ends == near
    assert [one.ends for one in shop.system.overview.galleries()] == [near]


def test_W8_an_older_record_of_a_camera_is_refused_until_it_is_configured_again(shop: Any) -> None:
    home = shop.world.home
    older = rows(home, "camera", "door") + rows(home, "followed")
    shop.act("ana").cameras.change("door", CameraChange(source="rtsp://10.0.0.8/other"))
    shop.mandate_digest = shop.mandate()
    watch(shop)
    put_back(home, older)
    for _ in range(2):
        with pytest.raises(PolicyRefusal, match=r"rule W8: a camera's record in gallery.db is not the one"):
            watch(shop)
        with pytest.raises(PolicyRefusal, match="rule W8"):
            identified(shop, "door", shop.mandate_digest)
        followed._LATEST.clear()
    # To configure what was put back makes it another camera than the mandate is for.
    later(shop).change("door", CameraChange(rate=3.0))
    with pytest.raises(PolicyRefusal, match="rule P2"):
        watch(shop)
    shop.mandate_digest = shop.mandate()
    watch(shop)


def test_W8_a_camera_that_was_removed_and_put_back_is_refused(shop: Any) -> None:
    home = shop.world.home
    older = rows(home, "camera", "till")
    shop.act("ana").cameras.remove("till")
    put_back(home, older)
    with pytest.raises(PolicyRefusal, match="rule W8"):
        watch(shop, "till")
    assert shop.act("ana").cameras.get("till").name == "till"
    shop.act("ana").cameras.remove("till")


def test_W3_the_name_of_a_list_that_was_deleted_is_free_of_its_end(shop: Any) -> None:
    system = shop.act("ana")
    gallery_end.delete(system._deployment, system._desk, "theft")
    assert "theft" not in followed.followed(shop.deployment).ends
    shop.enter("Jana")
    assert gallery_term.gallery_end(shop.deployment, "theft") is None


def test_W3_W8_what_is_kept_of_the_log_says_the_same_as_the_log(shop: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(followed, "_STEP", 1)
    shop.act("ana").cameras.change("door", CameraChange(rate=1.0))
    known = followed.followed(shop.deployment)
    followed._LATEST.clear()
    shop.deployment.store.delete_document(*followed._PLACE)
    assert followed.followed(shop.deployment) == known
    followed._LATEST.clear()
    assert followed._kept(shop.deployment) == known == followed.followed(shop.deployment)
    assert set(known.cameras) == {"door", "till", "hall"}
