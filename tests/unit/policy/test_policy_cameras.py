"""Cameras: names, positions, zones, notices, and addresses that are never shown whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import BadInput, IntegrityError, UsageError
from faceward.policy.camera_notices import MAX_BYTES
from faceward.policy.camera_sources import check_source, is_device, is_stream, shown
from faceward.policy.cameras import (
    LOOK,
    OPT_OUT,
    Camera,
    CameraChange,
    CameraRequest,
    NoticeRecord,
    Zone,
    changed_camera,
    new_camera,
    parse_notice,
    parse_position,
    parse_zone,
)
from faceward.policy.zones import MOST_POINTS, MOST_ZONES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LANE = parse_zone("0,0 0.3,0 0.3,1 0,1", OPT_OUT)
NOTICE = NoticeRecord("pictures", "an alert", ("theft",), "at once", "desk@shop.example", "at both doors", "east door")
REQUEST = CameraRequest("Tür 1", "rtsp://10.0.0.5/1", "Main door", "Shop 12", (51.5, -0.1), "shop", 5, (LANE,), NOTICE)
TEXT = """
data = "pictures"
outputs = "an alert"
purposes = ["theft"]
deletion = "at once"
contact = "desk@shop.example"
sign = "at both doors"
"""
HOME = Path("/srv/faceward/home")


@pytest.fixture
def camera() -> Camera:
    return new_camera(REQUEST, "rtsp://10.0.0.5/1", NOW)


def test_W8_a_camera_is_read_back_as_it_was_written(camera: Camera) -> None:
    assert Camera.from_json(camera.to_json()) == camera
    bare = new_camera(CameraRequest("x", "s", "p"), "s", NOW)
    assert Camera.from_json(bare.to_json()) == bare
    assert (bare.notice, bare.zones, bare.rate, bare.camera_class) == (None, (), 5.0, "any")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "../live"),
        ("rate", 99),
        ("rate", float("nan")),
        ("zones", {}),
        ("zones", [{"kind": "look", "points": [[0, 0], [1, 1]]}]),
        ("zones", [{"kind": "blur", "points": [[0, 0], [1, 0], [1, 1]]}]),
        ("zones", [{"kind": "look", "points": [[0, 0], [1, 0], [1]]}]),
        ("position", [1]),
        ("position", [91, 0]),
        ("notice", {"data": "x"}),
        ("since", "today"),
        ("more", 1),
    ],
)
def test_a_stored_camera_that_is_none_is_an_integrity_error(camera: Camera, name: str, value: Any) -> None:
    with pytest.raises(IntegrityError):
        Camera.from_json({**camera.to_json(), name: value})


@pytest.mark.parametrize("name", ["", " ", ".hidden", "a/b", "a\\b", "a+b", "a#", "C:", "x" * 81, "a\tb", "a,b", "*"])
def test_names_that_have_a_meaning_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_camera(replace(REQUEST, name=name), "", NOW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", 0.1),
        ("rate", 15.1),
        ("rate", float("nan")),
        ("place", " "),
        ("place", "x" * 501),
        ("place", "a\x00b"),
        ("position", (90.1, 0.0)),
        ("position", (0.0, float("nan"))),
        ("camera_class", ""),
        ("branch", "a\x1bb"),
        ("zones", (LANE,) * (MOST_ZONES + 1)),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: Any) -> None:
    change: dict[str, Any] = {name: value}
    with pytest.raises(UsageError):
        new_camera(replace(REQUEST, **change), "", NOW)


def test_a_change_leaves_the_rest_as_it_is(camera: Camera) -> None:
    after = changed_camera(camera, CameraChange(rate=2.0, notice=None, position=None), camera.address)
    assert after == replace(camera, rate=2.0, notice=None, position=None)
    with pytest.raises(UsageError, match="--rate"):
        changed_camera(camera, CameraChange(rate=0.0), camera.address)


def test_W10_an_opt_out_zone_or_a_way_around_lets_people_keep_out(camera: Camera) -> None:
    assert camera.opts_out
    assert replace(camera, zones=()).opts_out
    closed = replace(camera, notice=replace(NOTICE, alternative=""))
    assert closed.opts_out
    assert not replace(closed, zones=(parse_zone("0,0 1,0 1,1", LOOK),)).opts_out
    assert not replace(camera, zones=(), notice=None).opts_out


@pytest.mark.parametrize("text", ["51.5,-0.1", " 51.5 , -0.1 ", "90,180", "-90,-180"])
def test_positions_are_read(text: str) -> None:
    latitude, longitude = parse_position(text)
    assert (latitude, longitude) == tuple(float(part) for part in text.split(","))


@pytest.mark.parametrize("text", ["", "51.5", "1,2,3", "north,west", "91,0", "0,181", "nan,0", "inf,0"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_position(text)


# ---- Zones -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "0,0 1,0 1,1 0,1",
        "0,0 1,0 0.5,1",
        ".1,.1 .9,.1 .9,.9 .5,.5 .1,.9",  # concave
        "0,0 0,1 1,1 1,0",  # the other way round
        "0,0 0.5,0 1,0 1,1",  # a corner on a straight line
    ],
)
def test_W10_a_simple_polygon_is_a_zone(text: str) -> None:
    zone = parse_zone(text, LOOK)
    assert Zone.from_json(zone.to_json()) == zone
    assert parse_zone(zone.text(), LOOK) == zone


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "3 to 32"),
        ("0,0 1,1", "3 to 32"),
        (" ".join(f"0.{n:03d},{n % 2}" for n in range(MOST_POINTS + 1)), "3 to 32"),
        ("0,0 1,0 1,1.1", "outside"),
        ("0,0 1,0 2,1", "outside"),
        ("0,0 1,1 1,0 0,1", "cross"),  # a bow tie
        ("0,0 1,0 1,1 0,0 0,1", "cross"),  # a corner twice
        ("0,0 1,0 0.5,0 0.5,1", "cross"),  # there and back
        ("0,0 1,0 1,1 0.5,0 0,1", "cross"),  # a corner touches a side
        ("0,0 0.5,0.5 1,1", "thousandth|cross"),  # a line
        ("0.5,0.5 0.51,0.5 0.51,0.51 0.5,0.51", "thousandth"),
        ("0,0 1,0 1", "no point"),
        ("0,0 1,0 1,x", "no point"),
        ("0,0 1,0 1,nan", "no point"),
        ("0,0 1,0 1,1e0", "no point"),
        ("0,0 1,0 -0.1,1", "no point"),
        ("0,0 1,0 .,1", "no point"),
    ],
)
def test_W10_what_is_no_zone_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse_zone(text, OPT_OUT)
    assert "\n" not in str(caught.value)


# ---- Notices ---------------------------------------------------------------------------------------


def test_W8_a_notice_is_read_and_names_its_purposes() -> None:
    notice = parse_notice(TEXT.encode(), "notice.toml")
    assert notice == replace(NOTICE, alternative="")
    assert notice.names("theft")
    assert notice.names(" theft ")
    assert not notice.names("door")
    assert NoticeRecord.from_json(notice.to_json()) == notice
    several = parse_notice(f'{TEXT}\nalternative = """the\n  east door"""'.encode(), "notice.toml")
    assert several.alternative == "the east door"
    assert several.digest() != notice.digest()


@pytest.mark.parametrize(
    ("was", "then", "why"),
    [
        ('sign = "at both doors"', "", "'sign' is missing"),
        ('data = "pictures"', 'data = ""', "'data' must say something"),
        ('data = "pictures"', 'data = " \\n "', "'data' must say something"),
        ('data = "pictures"', f'data = "{"x" * 1001}"', "'data' must say something"),
        ('data = "pictures"', 'data = "a\\u0000b"', "control characters"),
        ('data = "pictures"', "data = 1", "'data' must be text"),
        ('["theft"]', "[]", "'purposes' must name"),
        ('["theft"]', '"theft"', "'purposes' must be a list"),
        ('["theft"]', '[""]', "name is empty"),
        ("data =", "date =", "unknown key 'date'"),
        ("data =", "data", "not valid TOML"),
    ],
)
def test_W8_a_notice_that_lacks_something_is_refused_in_one_line(was: str, then: str, why: str) -> None:
    assert was in TEXT
    with pytest.raises(BadInput, match=why) as caught:
        parse_notice(TEXT.replace(was, then, 1).encode(), "notice.toml")
    assert str(caught.value).startswith("notice.toml")
    assert "\n" not in str(caught.value)


def test_W8_a_notice_of_another_kind_of_file_is_refused() -> None:
    for data in (b"\xff\xfe", b"\x00", b" " * (MAX_BYTES + 1)):
        with pytest.raises(BadInput):
            parse_notice(data, "notice.toml")
    with pytest.raises(IntegrityError):
        NoticeRecord.from_json({"data": "x"})


# ---- Addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("rtsp://10.0.0.5/ch1", "rtsp://10.0.0.5/ch1"),
        ("rtsp://admin:se%40cret@10.0.0.5:554/ch1", "rtsp://10.0.0.5:554/ch1"),
        ("RTSP://admin@cam.example/1", "rtsp://cam.example/1"),
        ("rtsps://[fe80::1]:322/x", "rtsps://[fe80::1]:322/x"),
        ("http://cam/video.mjpg?user=a&pwd=secret", "http://cam/video.mjpg?…"),
        ("rtsp://cam:554/user=admin_password=secret_channel=1", "rtsp://cam:554/…"),
        ("https://u:secret@cam/live.m3u8", "https://cam/live.m3u8"),
        ("/dev/video0", "/dev/video0"),
        ("/srv/clips/door.mp4", "/srv/clips/door.mp4"),
        ("/srv/clips/%05d.png", "/srv/clips/%05d.png"),
    ],
)
def test_P5_sources_are_kept_as_typed_and_shown_without_their_passwords(source: str, seen: str) -> None:
    assert check_source(f" {source} ", HOME) == source
    assert shown(source) == seen
    assert "secret" not in shown(source)


def test_P5_a_file_is_kept_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_source("clip.mp4", HOME) == str(tmp_path / "clip.mp4")
    assert not is_stream("clip.mp4")
    assert is_device("/dev/video12")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x" * 2049,
        "rtsp://",
        "rtsp://:554/secret",
        "rtsp://cam:port/secret",
        "rtsp://u:p/secret@cam/1",
        "rtsp://u:1/secret@cam/1",
        "rtsp://u:1#secret@cam/1",
        "rtsp://u:1?secret@cam/1",
        "rtsp://u:secret@x@cam/1",
        "rtsp://u:sec ret@cam/1",
        "rtsp://[::1/secret",
        "rtsp://cam/1\nsecret",
        "rtsp://cam\u202e/secret",
        "ftp://u:secret@cam/1",
        "file:///etc/secret",
        "concat:/a|/secret",
        "subfile,,start,0,end,9,,:/secret",
        "pipe:0",
        "data:video/mp4;base64,secret",
        "tcp://cam/secret",
    ],
)
def test_P5_other_sources_are_refused_and_never_repeated(source: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_source(source, HOME)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_P5_no_source_lies_in_the_home_by_whatever_name(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    link = tmp_path / "link"
    link.symlink_to(home)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for inside in (
        home,
        home / "gallery.db",
        link / "x.mp4",
        tmp_path / "other" / ".." / "home" / "x",
        home / "%d.png",
    ):
        with pytest.raises(UsageError, match="lies in"):
            check_source(str(inside), home)
    assert check_source(str(tmp_path / "homes.mp4"), home)
